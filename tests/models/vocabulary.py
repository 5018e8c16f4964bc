"""Small tokenizers of the real kinds, with the real special tokens: tokenizer.json and what stands beside it.

style       model       a text becomes                       a pair becomes
bert        WordPiece   [CLS] a [SEP]                        [CLS] a [SEP] b [SEP], types 0 and 1
mpnet       WordPiece   <s> a </s>                           <s> a </s></s> b </s>
xlmr        Unigram     <s> a </s>                           <s> a </s></s> b </s>, all of type 0
roberta     byte BPE    <s> a </s>                           <s> a </s></s> b </s>
modernbert  byte BPE    [CLS] a [SEP]                        [CLS] a [SEP] b [SEP]
clip        byte BPE    <|startoftext|> a <|endoftext|>      (not used)
gemma       BPE         <bos> a <eos>                        (not used)
"""

import json
from dataclasses import dataclass

from words import ENDINGS, FOREIGN, KNOWN, LETTERS, MARKS

WORDS = list(dict.fromkeys(KNOWN))
CHARACTERS = LETTERS + MARKS + FOREIGN


@dataclass(frozen=True)
class Tokenizer:
    tokenizer: dict
    special: dict
    padding: str
    padding_id: int
    # What config.json states as pad_token_id, where that is not the token's own id.
    config_padding_id: int
    size: int

    def files(self, max_length, config):
        """The four files that fastembed reads, as bytes."""
        about = {**self.special, "pad_token": self.padding, "model_max_length": max_length}
        config = {**config, "pad_token_id": self.config_padding_id, "vocab_size": self.size}
        documents = {
            "tokenizer.json": self.tokenizer,
            "tokenizer_config.json": about,
            "special_tokens_map.json": {**self.special, "pad_token": self.padding},
            "config.json": config,
        }
        return {name: json.dumps(each, ensure_ascii=False, indent=1).encode() for name, each in documents.items()}


def added(tokens):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return [{"id": i, "content": token, **plain, "lstrip": "mask" in token.lower()} for token, i in tokens.items()]


def template(first, last, ids, doubled=False, second_type=0):
    """`first` a `last`, and for a pair `last` b `last` behind it, with `last` doubled as RoBERTa does."""

    def special(token, kind):
        return {"SpecialToken": {"id": token, "type_id": kind}}

    a, b = ({"Sequence": {"id": name, "type_id": kind}} for name, kind in (("A", 0), ("B", second_type)))
    between = [special(last, 0)] * (2 if doubled else 1)
    return {
        "type": "TemplateProcessing",
        "single": [special(first, 0), a, special(last, 0)],
        "pair": [special(first, 0), a, *between, b, special(last, second_type)],
        "special_tokens": {t: {"id": t, "ids": [ids[t]], "tokens": [t]} for t in (first, last)},
    }


def document(model, specials, processor, normalizer, pre_tokenizer, decoder=None):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added(specials),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": processor,
        "decoder": decoder,
        "model": model,
    }


def numbered(tokens):
    return {token: i for i, token in enumerate(tokens)}


def word_pieces(reserved):
    pieces = [*CHARACTERS, *(f"##{c}" for c in CHARACTERS), *WORDS, *(f"##{end}" for end in ENDINGS)]
    return numbered(dict.fromkeys([*reserved, *pieces]))


def word_piece(vocabulary, names, processor):
    unknown = names["unk_token"]
    model = {"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##",
             "max_input_chars_per_word": 100, "vocab": vocabulary}
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                  "lowercase": True}
    specials = {name: vocabulary[name] for name in [names["pad_token"], *names.values()]}
    made = document(model, specials, processor, normalizer, {"type": "BertPreTokenizer"})
    padding = vocabulary[names["pad_token"]]
    return Tokenizer(made, names, names["pad_token"], padding, padding, len(vocabulary))


def bert():
    # The ids of bert-base-uncased: 0, 100, 101, 102, 103.
    reserved = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = word_pieces(reserved)
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
             "pad_token": "[PAD]"}
    return word_piece(vocabulary, names, template("[CLS]", "[SEP]", vocabulary, second_type=1))


def mpnet():
    vocabulary = word_pieces(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    names = {"unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>",
             "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    return word_piece(vocabulary, names, template("<s>", "</s>", vocabulary, doubled=True))


ROBERTA = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
           "mask_token": "<mask>"}


def xlmr():
    # fastembed's BGE-M3 takes 0 to 3 for special by their numbers: <s>, <pad>, </s>, <unk>.
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    inner = [*(word for word in WORDS if len(word) > 2), *ENDINGS]
    whole = dict.fromkeys([*(f"▁{word}" for word in [*WORDS, *LETTERS]), *inner])
    pieces += [(piece, -4.0 - 0.01 * i) for i, piece in enumerate(whole) if piece not in CHARACTERS]
    capitals = [c.upper() for c in LETTERS if c.isalpha()]
    pieces += [(c, -12.0 - 0.01 * i) for i, c in enumerate(["▁", *CHARACTERS, *capitals])]
    pieces.append(("<mask>", 0.0))
    ids = {piece: i for i, (piece, _) in enumerate(pieces)}
    model = {"type": "Unigram", "unk_id": 3, "vocab": [list(piece) for piece in pieces], "byte_fallback": False}
    specials = {token: ids[token] for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    processor = template("<s>", "</s>", ids, doubled=True)
    split = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}
    made = document(model, specials, processor, {"type": "NFKC"}, split, metaspace)
    return Tokenizer(made, ROBERTA, "<pad>", 1, 1, len(pieces))


def byte_letters():
    """The 256 letters that stand for bytes, by value (the table of GPT-2)."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (chr(256 + n) for n in range(256))
    return [chr(b) if b in kept else next(others) for b in range(256)]


def merges_of(words):
    """Merges that put each word together from its left, in the order of the words; and all that arises."""
    merges, made = [], {}
    for symbols in words:
        left = symbols[0]
        for right in symbols[1:]:
            if (left, right) not in made:
                made[left, right] = left + right
                merges.append([left, right])
            left += right
    return merges, list(dict.fromkeys(made.values()))


def byte_bpe(reserved, last, words, **more):
    """A vocabulary and a BPE model over bytes: reserved tokens, letters, merged words, then `last`."""
    merges, merged = merges_of(words)
    letters = byte_letters()
    suffix = more.get("end_of_word_suffix")
    ended = [letter + suffix for letter in letters] if suffix else []
    vocabulary = numbered(dict.fromkeys([*reserved, *letters, *ended, *merged, *last]))
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, **more,
             "vocab": vocabulary, "merges": merges}
    return vocabulary, model


SPACED = [("Ġ", *word) for word in WORDS if len(word) > 1]


def roberta():
    reserved = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary, model = byte_bpe(reserved, ["<mask>"], SPACED)
    specials = {token: vocabulary[token] for token in [*reserved, "<mask>"]}
    # Its own post-processor and not a template: all tokens have type 0, in pairs too.
    processor = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                 "add_prefix_space": False}
    pre = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    made = document(model, specials, processor, None, pre, pre)
    return Tokenizer(made, ROBERTA, "<pad>", 1, 1, len(vocabulary))


def modernbert():
    last = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    vocabulary, model = byte_bpe(["|||IP_ADDRESS|||", "<|padding|>"], last, SPACED)
    specials = {token: vocabulary[token] for token in ["|||IP_ADDRESS|||", "<|padding|>", *last]}
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    pre = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    made = document(model, specials, template("[CLS]", "[SEP]", vocabulary), {"type": "NFC"}, pre, pre)
    padding = vocabulary["[PAD]"]
    return Tokenizer(made, names, "[PAD]", padding, padding, len(vocabulary))


CLIP_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip():
    words = [(*word[:-1], word[-1] + "</w>") for word in WORDS if len(word) > 1]
    last = ["<|startoftext|>", "<|endoftext|>"]
    vocabulary, model = byte_bpe([], last, words, unk_token="<|endoftext|>", end_of_word_suffix="</w>")
    specials = {token: vocabulary[token] for token in last}
    start, end = ([token, vocabulary[token]] for token in last)
    processor = {"type": "RobertaProcessing", "sep": end, "cls": start, "trim_offsets": False,
                 "add_prefix_space": False}
    spaces = {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}
    normalizer = {"type": "Sequence", "normalizers": [{"type": "NFC"}, spaces, {"type": "Lowercase"}]}
    split = {"type": "Split", "pattern": {"Regex": CLIP_SPLIT}, "behavior": "Removed", "invert": True}
    pre = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    made = document(model, specials, processor, normalizer,
                    {"type": "Sequence", "pretokenizers": [split, pre]}, pre)
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    # CLIP's text configuration states 1, which is a letter; fastembed pads with what is stated.
    return Tokenizer(made, names, "<|endoftext|>", vocabulary["<|endoftext|>"], 1, len(vocabulary))


def gemma():
    reserved = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    merges, merged = merges_of([("▁", *word) for word in WORDS if len(word) > 1])
    capitals = [c.upper() for c in LETTERS if c.isalpha()]
    letters = ["▁", *CHARACTERS, *capitals]
    vocabulary = numbered(dict.fromkeys([*reserved, *byte_tokens, *letters, *merged]))
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": vocabulary,
             "merges": merges}
    specials = {token: vocabulary[token] for token in reserved}
    normalizer = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    made = document(model, specials, template("<bos>", "<eos>", vocabulary), normalizer, split)
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return Tokenizer(made, names, "<pad>", 0, 0, len(vocabulary))


STYLES = {each.__name__: each for each in (bert, mpnet, xlmr, roberta, modernbert, clip, gemma)}
