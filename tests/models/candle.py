"""Makes small models of the two kinds that fastembed runs by candle, with random weights under the catalogue's names.

    python tests/models/candle.py HUB [--seed N]

Widths are those of the real models, since the catalogue says them; all else is as small as it can be. Names and shapes
of weights, and the keys of config.json, are what fastembed 7.5 reads (models/qwen3.rs, models/nomic_v2_moe.rs).
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import vocabulary
from safetensors.numpy import save

EXPERTS = 4


def qwen3_tokenizer():
    """Byte BPE with an end token behind every text."""
    words = [("Ġ", *word) for word in vocabulary.WORDS if len(word) > 1]
    ids, model = vocabulary.byte_bpe([], ["<|endoftext|>"], words)
    end = {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}
    a, b = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    special = {"id": "<|endoftext|>", "ids": [ids["<|endoftext|>"]], "tokens": ["<|endoftext|>"]}
    processor = {"type": "TemplateProcessing", "single": [a, end], "pair": [a, end, b, end],
                 "special_tokens": {"<|endoftext|>": special}}
    pre = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    made = vocabulary.document(model, {"<|endoftext|>": ids["<|endoftext|>"]}, processor, {"type": "NFC"}, pre, pre)
    return made, len(ids)


def qwen3(random, hidden):
    tokenizer, size = qwen3_tokenizer()
    inner, heads, groups, head = 96, 4, 2, 16
    config = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False,
              "attention_dropout": 0.0, "head_dim": head, "hidden_act": "silu", "hidden_size": hidden,
              "intermediate_size": inner, "max_position_embeddings": 32768, "num_attention_heads": heads,
              "num_hidden_layers": 2, "num_key_value_heads": groups, "rms_norm_eps": 1e-06, "rope_scaling": None,
              "rope_theta": 1000000, "sliding_window": None, "tie_word_embeddings": True, "vocab_size": size}
    weights = {"embed_tokens.weight": random(size, hidden), "norm.weight": 1 + random(hidden)}
    for layer in range(config["num_hidden_layers"]):
        own = f"layers.{layer}."
        for name, shape in {"q_proj": (heads * head, hidden), "k_proj": (groups * head, hidden),
                            "v_proj": (groups * head, hidden), "o_proj": (hidden, heads * head)}.items():
            weights[f"{own}self_attn.{name}.weight"] = random(*shape)
        for name in ("q_norm", "k_norm"):
            weights[f"{own}self_attn.{name}.weight"] = 1 + random(head)
        for name, shape in {"gate_proj": (inner, hidden), "up_proj": (inner, hidden),
                            "down_proj": (hidden, inner)}.items():
            weights[f"{own}mlp.{name}.weight"] = random(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{own}{name}.weight"] = 1 + random(hidden)
    return config, tokenizer, weights


def nomic(random, hidden):
    made = vocabulary.xlmr()
    inner = 48
    config = {"model_type": "nomic_bert", "n_embd": hidden, "n_head": 12, "n_inner": inner, "n_layer": 2,
              "n_positions": 2048, "vocab_size": made.size, "type_vocab_size": 1, "num_experts": EXPERTS,
              "moe_top_k": 2, "moe_every_n_layers": 2, "rotary_emb_base": 10000, "rotary_emb_fraction": 1.0,
              "layer_norm_epsilon": 1e-05, "qkv_proj_bias": True, "mlp_fc1_bias": True, "mlp_fc2_bias": True,
              "pad_token_id": 1}
    weights = {"embeddings.word_embeddings.weight": random(made.size, hidden),
               # The same for every token, so it must not be much.
               "embeddings.token_type_embeddings.weight": random(1, hidden) / 20,
               "emb_ln.weight": 1 + random(hidden), "emb_ln.bias": random(hidden)}
    for layer in range(config["n_layer"]):
        own = f"encoder.layers.{layer}."
        linear = {"attn.Wqkv": (3 * hidden, hidden), "attn.out_proj": (hidden, hidden)}
        if layer % config["moe_every_n_layers"] == 1:
            weights[f"{own}mlp.router.layer.weight"] = random(EXPERTS, hidden)
            for name in ("w1", "w2"):
                weights[f"{own}mlp.experts.mlp.{name}"] = random(EXPERTS * inner, hidden)
            weights[f"{own}mlp.experts.bias"] = random(hidden)
        else:
            linear |= {"mlp.fc1": (inner, hidden), "mlp.fc2": (hidden, inner)}
        for name, shape in linear.items():
            weights[f"{own}{name}.weight"], weights[f"{own}{name}.bias"] = random(*shape), random(shape[0])
        for name in ("norm1", "norm2"):
            weights[f"{own}{name}.weight"], weights[f"{own}{name}.bias"] = 1 + random(hidden), random(hidden)
    return config, made.tokenizer, weights


def files_of(weights, shards):
    """model.safetensors, or as many files and the index that names them, as transformers writes both."""
    if shards == 1:
        return {"model.safetensors": save(weights)}
    names = [f"model-{at + 1:05}-of-{shards:05}.safetensors" for at in range(shards)]
    # In turn, so that what is left out or taken twice shows.
    where = {tensor: names[at % shards] for at, tensor in enumerate(sorted(weights))}
    files = {name: save({tensor: weights[tensor] for tensor in weights if where[tensor] == name}) for name in names}
    index = {"metadata": {"total_size": sum(tensor.nbytes for tensor in weights.values())}, "weight_map": where}
    return {**files, "model.safetensors.index.json": json.dumps(index).encode()}


# What is made, the values in a vector, and the files of weights: how many there are does not matter to who reads them.
MODELS = {"Qwen/Qwen3-Embedding-0.6B": (qwen3, 1024, 1), "Qwen/Qwen3-Embedding-4B": (qwen3, 2560, 2),
          "Qwen/Qwen3-Embedding-8B": (qwen3, 4096, 3), "nomic-ai/nomic-embed-text-v2-moe": (nomic, 768, 1)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("hub", type=Path)
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    for repository, (make, hidden, shards) in MODELS.items():
        generator = np.random.default_rng([asked.seed, *repository.encode()])

        def random(*shape):
            # Wide enough that attention and experts are not all alike, which would hide what is wrong with them.
            scale = 1.5 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.05
            return (generator.standard_normal(shape) * scale).astype(np.float32)

        config, tokenizer, weights = make(random, hidden)
        files = {"config.json": json.dumps(config).encode(),
                 "tokenizer.json": json.dumps(tokenizer, ensure_ascii=False).encode(),
                 **files_of(weights, shards)}
        digest = hashlib.sha256(b"".join(hashlib.sha256(files[name]).digest() for name in sorted(files))).hexdigest()
        folder = asked.hub / f"models--{repository.replace('/', '--')}"
        snapshot = folder / "snapshots" / f"generated-{asked.seed}-{digest[:16]}"
        for path, content in {folder / "refs/main": snapshot.name.encode(),
                              **{snapshot / name: content for name, content in files.items()}}.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


if __name__ == "__main__":
    main()
