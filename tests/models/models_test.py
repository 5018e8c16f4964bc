"""The small models: names, sizes, layout, repeatability, and that a degenerate one is refused."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import accept
import families
import fixture
import layout
import numpy as np
import onnx
from onnx import numpy_helper
from reference import Model

HERE = Path(__file__).resolve().parent
IDS = ["input_ids", "attention_mask"]
TYPED = [*IDS, "token_type_ids"]
PLACED = [*IDS, "position_ids"]
LAST = {"last_hidden_state": 3}
# family → inputs, outputs in their order with their number of axes.
SIGNATURES = {
    "bert": (TYPED, LAST),
    "mpnet": (IDS, LAST),
    "bert-multilingual": (TYPED, LAST),
    "xlmr": (IDS, LAST),
    "nomic": (TYPED, LAST),
    "gte": (IDS, LAST),
    "jina": (TYPED, LAST),
    "jina-code": (TYPED, LAST),
    "modernbert": (IDS, LAST),
    "gemma": (IDS, {"last_hidden_state": 3, "sentence_embedding": 2}),
    "decoder": (PLACED, LAST),
    "clip-text": (IDS, {"text_embeds": 2, "last_hidden_state": 3}),
    "bge-m3": (IDS, {"token_embeddings": 3, "sentence_embedding": 2}),
    "splade": (TYPED, LAST),
    "inference-free": (IDS, {"logits": 3}),
    "bert-cross-encoder": (TYPED, {"logits": 2}),
    "xlmr-cross-encoder": (IDS, {"logits": 2}),
    "jina-cross-encoder": (TYPED, {"logits": 2}),
    "bge-m3-joint": (IDS, {"dense_vecs": 2, "sparse_vecs": 3, "colbert_vecs": 3}),
    "clip-image": (["pixel_values"], {"image_embeds": 2, "last_hidden_state": 3}),
    "unicom-16": (["input"], {"output": 2}),
    "unicom-32": (["input"], {"output": 2}),
    "nomic-image": (["pixel_values"], LAST),
    "resnet": (["pixel_values"], {"image_embeds": 2}),
}


def files_under(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Families(unittest.TestCase):
    def test_every_family_is_tried_here(self):
        self.assertEqual({families.name_of(each) for each in fixture.ENTRIES.values()}, set(families.FAMILIES))
        self.assertEqual(set(SIGNATURES), set(families.FAMILIES))

    def test_every_family_has_its_names(self):
        for name, entry in fixture.ENTRIES.items():
            with self.subTest(name):
                model = Model(fixture.hub(), entry)
                inputs, outputs = SIGNATURES[families.name_of(entry)]
                self.assertEqual(sorted(model.inputs), sorted(inputs))
                axes = {each.name: len(each.shape) for each in model.session.get_outputs()}
                self.assertEqual(list(axes.items()), list(outputs.items()))

    def test_batch_and_sequence_are_free_and_the_size_is_the_entrys(self):
        for name, entry in fixture.ENTRIES.items():
            model = Model(fixture.hub(), entry)
            for batch, tokens in ((1, 3), (3, 9)):
                with self.subTest(name, batch=batch, tokens=tokens):
                    ids = np.full((batch, tokens), 5, np.int64)
                    feed = {"input_ids": ids, "attention_mask": ids * 0 + 1, "token_type_ids": ids * 0,
                            "position_ids": ids * 0 + np.arange(tokens)}
                    pixels = np.zeros((batch, 3, 224, 224), np.float32)
                    for each, array in zip(model.outputs, model.session.run(
                        None, {each: feed.get(each, pixels) for each in model.inputs}
                    )):
                        self.assertEqual(array.shape[0], batch)
                        if entry["op"] != "image" and array.ndim == 3:
                            self.assertEqual(array.shape[1], tokens - (each == "colbert_vecs"))
                        if "dimensions" in entry and each not in ("sparse_vecs", "last_hidden_state"):
                            self.assertEqual(array.shape[-1], entry["dimensions"])

    def test_an_entry_without_a_family_is_an_error(self):
        with self.assertRaisesRegex(families.Unknown, "audio Whisper"):
            families.name_of(fixture.entry("audio", "Whisper", "example/whisper", "model.onnx"))


class Acceptance(unittest.TestCase):
    def test_every_model_tells_its_inputs_apart(self):
        for name, entry in fixture.ENTRIES.items():
            with self.subTest(name):
                accept.check(fixture.hub(), entry)

    def blinded(self, entry, weight):
        """A hub whose model has zeros for one weight: it no longer sees its input."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        hub = Path(folder.name)
        layout.write(fixture.SEED, [entry], hub)
        path = layout.snapshot(hub, entry["repository"]) / entry["graph"]
        model = onnx.load(path)
        (found,) = (each for each in model.graph.initializer if each.name == weight)
        found.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(found)), weight))
        onnx.save(model, path)
        return hub

    def test_a_model_that_gives_the_same_for_all_is_refused(self):
        for name, weight in (
            ("bert", "embeddings.word"),
            ("splade", "head.narrow.weight"),
            ("bge-m3-joint", "tokens.project.weight/quantized"),
            ("bert-cross-encoder", "classifier.out.weight"),
            ("resnet", "stem.weight"),
        ):
            with self.subTest(name), self.assertRaises(accept.Degenerate):
                accept.check(self.blinded(fixture.ENTRIES[name], weight), fixture.ENTRIES[name])

    def test_the_rule_is_a_median_below_nine_tenths_and_a_spread_above_one_tenth(self):
        turned = np.eye(2)[[0] * 10 + [1] * 10]
        self.assertAlmostEqual(accept.median_cosine(np.ones((20, 4))), 1)
        self.assertAlmostEqual(accept.median_cosine(turned), 0)
        self.assertAlmostEqual(accept.spread(np.linspace(0, 1, 21)), 0.5)
        # One that stands out is no spread.
        self.assertEqual(accept.spread(np.array([0.5] * 19 + [1.0])), 0)


class Program(unittest.TestCase):
    def make(self, entries, *options):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        listed = Path(folder.name) / "entries.json"
        listed.write_text(json.dumps(entries))
        hub = Path(folder.name) / "hub"
        # The order of sets differs from one hash seed to the next; the files must not.
        environment = {**os.environ, "PYTHONHASHSEED": "random"}
        command = [sys.executable, HERE, listed, hub, *options]
        return subprocess.run(command, capture_output=True, text=True, env=environment), hub

    def test_the_same_seed_gives_the_same_bytes(self):
        names = ("bert-static", "nomic-dynamic", "xlmr", "inference-free", "clip-text", "bge-m3-joint", "unicom-32")
        entries = [fixture.ENTRIES[name] for name in names]
        (one, first), (_, second) = self.make(entries), self.make(list(reversed(entries)))
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertEqual(files_under(first), files_under(second))
        _, other = self.make(entries[:1], "--seed", "1")
        (revision,) = (text for path, text in files_under(other).items() if path.endswith("refs/main"))
        self.assertRegex(revision, rb"^generated-1-[0-9a-f]{8}$")
        of_seed = {path for path in files_under(first) if "generated-0-" in path}
        self.assertFalse(of_seed & set(files_under(other)))

    def test_a_file_that_nothing_makes_is_named(self):
        entry = {**fixture.ENTRIES["bert"], "files": ["model.onnx", "vocab.txt"]}
        done, _ = self.make([entry])
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing makes model.onnx, vocab.txt", done.stderr)


class Layout(unittest.TestCase):
    def test_every_entry_has_its_files_in_a_small_snapshot(self):
        for name, entry in fixture.ENTRIES.items():
            with self.subTest(name):
                folder = layout.snapshot(fixture.hub(), entry["repository"])
                self.assertRegex(folder.name, r"^generated-0-[0-9a-f]{8}$")
                self.assertLessEqual(set(entry["files"]), set(files_under(folder)))
                for path in entry["files"]:
                    self.assertLess((folder / path).stat().st_size, 3_000_000, path)

    def test_models_with_files_of_weights_have_their_weights_there(self):
        for name in ("xlmr", "gemma", "bge-m3", "xlmr-cross-encoder"):
            with self.subTest(name):
                entry = fixture.ENTRIES[name]
                folder = layout.snapshot(fixture.hub(), entry["repository"])
                data = sum((folder / path).stat().st_size for path in entry["additional"])
                self.assertGreater(data, 4 * (folder / entry["graph"]).stat().st_size)
                bare = onnx.load(folder / entry["graph"], load_external_data=False)
                places = {e.value for w in bare.graph.initializer for e in w.external_data if e.key == "location"}
                self.assertEqual(places, {Path(path).name for path in entry["additional"]})

    def test_one_repository_has_one_revision_for_all_its_graphs(self):
        plain, dynamic = (fixture.ENTRIES[name] for name in ("nomic", "nomic-dynamic"))
        folder = layout.snapshot(fixture.hub(), plain["repository"])
        self.assertTrue((folder / plain["graph"]).is_file() and (folder / dynamic["graph"]).is_file())
        operators = {node.op_type for node in onnx.load(folder / dynamic["graph"]).graph.node}
        self.assertIn("DynamicQuantizeLinear", operators)

    def test_quantised_models_are_close_to_the_plain_one_but_not_it(self):
        texts = ["the old bridge over the river", "a queue of messages"]
        plain, dynamic = (Model(fixture.hub(), fixture.ENTRIES[n]).text(texts) for n in ("nomic", "nomic-dynamic"))
        cosines = (plain * dynamic).sum(axis=1)
        self.assertTrue((cosines > 0.95).all() and (cosines < 0.999999).all(), cosines)


if __name__ == "__main__":
    unittest.main()
