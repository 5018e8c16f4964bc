"""Makes models of real size for `make bench`, and photographs for it to read.

usage: python tests/models/full_size.py <hub> <folder>

Weights are random, which no product of matrices minds: a model takes as long as a trained one of its shape. The hub
cache has all-MiniLM-L6-v2, whose tokenizer knows the whole vocabulary of BERT. The folder then holds `hub`, a cache with
four models under the catalogue's names; `images`, JPEG files of 640 × 480 pixels; and `bad`, images in folders by the
code that they are refused with, 200 for what is large and not refused.

rerank  JINARerankerV1TurboEn  6 layers of 384, as the real one and as MiniLM
sparse  SPLADEPPV1             6 layers of 384 and 30,522 words; the real one has 12 of 768
image   ClipVitB32             12 layers of 768, as the real one
joint   BGEM3Q                 a small one: nothing is measured of it but how soon it refuses
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import image
import images
import joint
import layout
import numpy as np
import odd_images
import rerank
import sparse
from encoder import Encoder
from graph import Size, uniform
from PIL import Image

SEED = 0
MINILM = Size(384, 12, 6, 1536)
VIT_BASE = Size(768, 12, 12, 3072)
VOCABULARY = 30_522
IMAGES = 64
TEXT_FILES = ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"]


def repositories(snapshot):
    """repository → path → bytes."""
    encoder = Encoder(VOCABULARY, size=MINILM)
    words = {name: (snapshot / name).read_bytes() for name in TEXT_FILES}
    pixels = {"preprocessor_config.json": json.dumps(image.clip_preprocessor()).encode()}
    reranker, splade, clip = "jinaai/jina-reranker-v1-turbo-en", "Qdrant/Splade_PP_en_v1", "Qdrant/clip-ViT-B-32-vision"
    three = "gpahal/bge-m3-onnx-int8"
    made = {
        reranker: ("onnx/model.onnx", rerank.cross_encoder(SEED, reranker, encoder), words),
        splade: (
            "model.onnx",
            sparse.masked_language_model(SEED, splade, encoder, "last_hidden_state", MINILM.hidden),
            words,
        ),
        clip: ("model.onnx", image.clip(SEED, clip, 512, 32, VIT_BASE), pixels),
        three: ("model_quantized.onnx", joint.bge_m3(SEED, three, Encoder(VOCABULARY, positions=0), 1024), words),
    }
    return {name: {**files, graph: model.SerializeToString()} for name, (graph, model, files) in made.items()}


def photographs():
    """name → bytes."""
    made = {}
    for i in range(IMAGES):
        # Noise, as a sensor has it: files become as large as a camera's.
        noise = uniform(SEED, f"photograph/{i}/noise", (480, 640, 1), 6.0)
        picture = np.clip(images.paint(SEED, f"photograph/{i}", 640, 480) + noise, 0, 255).astype(np.uint8)
        made[f"{i:02}.jpeg"] = images.encoded(Image.fromarray(picture), "JPEG", quality=90)
    return made


def bad():
    """Folder and name → bytes."""
    made = {f"{code}/{name}": content for name, (content, code) in odd_images.refused(SEED).items()}
    return made | {f"200/{name}": content for name, (content, _) in odd_images.bombs().items()}


def main():
    parser = argparse.ArgumentParser(prog="tests/models/full_size.py", description=__doc__.split("\n")[0])
    parser.add_argument("hub", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    for repository, files in repositories(layout.snapshot(arguments.hub, "Qdrant/all-MiniLM-L6-v2-onnx")).items():
        layout.write_repository(SEED, repository, files, arguments.folder / "hub")
    for folder, made in (("images", photographs()), ("bad", bad())):
        shutil.rmtree(arguments.folder / folder, ignore_errors=True)
        for name, content in made.items():
            file = arguments.folder / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    print(f"full-size models: {arguments.folder}")


if __name__ == "__main__":
    sys.exit(main())
