"""The references: that they follow the formulas, and that what an implementation can get wrong changes them."""

import io
import json
import tempfile
import unittest
from pathlib import Path

import families
import fixture
import image
import images
import numpy as np
import preprocess
import reference
import references
import vocabulary
import words
from PIL import Image
from reference import Model
from tokenizers import Tokenizer

TEXT = "the old bridge over the river"
OTHER = "a queue of messages"


def model(name):
    return Model(fixture.hub(), fixture.ENTRIES[name])


def distance(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


class Mechanisms(unittest.TestCase):
    """Each of these is a mistake that some implementation has made; a small model has to show it."""

    def batch(self, tried, texts, mask=None, types=None, padding=None):
        """Outputs for texts padded to one length, with the mask or the types forced where asked."""
        encodings = [tried.tokenizer.encode(*(each if isinstance(each, tuple) else (each,))) for each in texts]
        length = max(len(e.ids) for e in encodings) + 3
        padding = padding if padding is not None else 0
        feed = {"input_ids": [], "attention_mask": [], "token_type_ids": []}
        for e in encodings:
            rest = length - len(e.ids)
            feed["input_ids"].append(e.ids + [padding] * rest)
            feed["attention_mask"].append([1] * len(e.ids) + [mask or 0] * rest)
            feed["token_type_ids"].append([t if types is None else types for t in e.type_ids] + [0] * rest)
        feed = {name: np.array(feed[name], np.int64) for name in tried.inputs}
        return dict(zip(tried.outputs, tried.session.run(None, feed)))

    def test_padding_counts_only_if_the_mask_is_wrong(self):
        for name in ("bert", "mpnet", "nomic", "bert-cross-encoder", "xlmr-cross-encoder", "bge-m3-joint"):
            tried = model(name)
            # What quantises by the whole run moves with the padding, too.
            tolerance = 0.1 if "quantized" in tried.entry["graph"] else 1e-5
            padding = json.loads((tried.folder / "config.json").read_text())["pad_token_id"]
            inputs = [(TEXT, OTHER)] if tried.entry["op"] == "rerank" else [TEXT]
            encoding = tried.tokenizer.encode(*(inputs[0] if isinstance(inputs[0], tuple) else inputs))
            alone = tried.run(encoding)[tried.outputs[0]].ravel()
            with self.subTest(name):
                masked = self.batch(tried, inputs, padding=padding)[tried.outputs[0]].ravel()[: alone.size]
                seen = self.batch(tried, inputs, padding=padding, mask=1)[tried.outputs[0]].ravel()[: alone.size]
                self.assertLess(distance(alone, masked), tolerance)
                self.assertGreater(distance(alone, seen), 0.01)

    def test_clip_reads_the_first_end_whatever_it_is_padded_with(self):
        tried = model("clip-text")
        end = tried.tokenizer.token_to_id("<|endoftext|>")
        alone = tried.run(tried.tokenizer.encode(TEXT))["text_embeds"]
        for padding in (1, end):
            for mask in (0, 1):
                padded = self.batch(tried, [TEXT], padding=padding, mask=mask)["text_embeds"]
                self.assertLess(distance(alone, padded), 1e-5)

    def test_types_and_order_of_a_pair_matter(self):
        tried = model("bert-cross-encoder")
        right, turned = tried.rerank([(TEXT, OTHER), (OTHER, TEXT)])
        untyped = self.batch(tried, [(TEXT, OTHER)], types=0)["logits"][0, 0]
        self.assertGreater(abs(right - turned), 0.01)
        self.assertGreater(abs(right - untyped), 0.01)

    def test_pooling_and_truncation_matter(self):
        tried = model("bert")
        hidden = tried.run(tried.tokenizer.encode(TEXT))["last_hidden_state"][0]
        self.assertGreater(distance(reference.unit(hidden[0]), reference.unit(hidden.mean(axis=0))), 0.01)
        vectors = []
        for length in (512, 64):
            tried.tokenizer.enable_truncation(length)
            vectors.append(tried.text([words.LONG])[0])
        self.assertGreater(distance(*vectors), 0.01)

    def test_channels_mean_and_deviation_matter(self):
        picture = Image.fromarray(images.paint(0, "mechanisms", 260, 240))
        about = {"clip": image.clip_preprocessor(), "resnet": image.resnet_preprocessor()}
        for name in ("clip-image", "resnet", "unicom-32", "unicom-16", "nomic-image"):
            tried = model(name)
            kind = about["resnet" if name == "resnet" else "clip"]
            content = images.encoded(picture, "PNG")
            right = preprocess.pixels(content, kind)

            def vector(pixels):
                value = tried.session.run(None, {tried.inputs[0]: np.ascontiguousarray(pixels)[None]})[0][0]
                return reference.unit(value if value.ndim == 1 else value[0])

            wrong = {
                "channels": right[::-1],
                "rows and columns": right.transpose(0, 2, 1),
                "mean": preprocess.pixels(content, {**kind, "image_mean": [0.0] * 3}),
                "deviation": preprocess.pixels(content, {**kind, "image_std": [0.5] * 3}),
            }
            for mistake, pixels in wrong.items():
                with self.subTest(name, mistake=mistake):
                    self.assertGreater(distance(vector(right), vector(pixels)), 1e-3)


class Preprocessing(unittest.TestCase):
    # Compared by hand with the slow processors of transformers 4.57.6 over images.fixtures: within 2.4e-7.

    def picture(self, width, height, colour=(255, 128, 0)):
        return images.encoded(Image.new("RGB", (width, height), colour), "PNG")

    def test_the_centre_of_what_is_larger_and_black_around_what_is_smaller(self):
        about = {**image.clip_preprocessor(), "do_resize": False, "do_normalize": False}
        out = preprocess.pixels(self.picture(201, 301), about)
        self.assertEqual(out.shape, (3, 224, 224))
        # 23 columns are missing: 12 to the left, 11 to the right.
        self.assertEqual([int(np.flatnonzero(out[0, 100])[i]) for i in (0, -1)], [12, 212])
        self.assertAlmostEqual(float(out[1, 100, 100]), 128 / 255, places=6)

    def test_the_longer_side_is_cut_down_to_a_whole_number(self):
        self.assertEqual(preprocess.shortest_edge(Image.new("RGB", (447, 225)), 224, 3).size, (445, 224))
        self.assertEqual(preprocess.shortest_edge(Image.new("RGB", (225, 447)), 224, 3).size, (224, 445))

    def test_the_files_own_resampling_is_followed(self):
        about = image.clip_preprocessor()
        content = images.fixtures(0)["small.png"]
        away = distance(preprocess.pixels(content, about), preprocess.pixels(content, {**about, "resample": 2}))
        self.assertGreater(away, 0.01)

    def test_every_format_is_one_that_its_name_says(self):
        for name, content in images.fixtures(0).items():
            with self.subTest(name), Image.open(io.BytesIO(content)) as picture:
                self.assertEqual(picture.format.lower(), name.rpartition(".")[2])
                self.assertEqual(preprocess.pixels(content, image.clip_preprocessor()).shape, (3, 224, 224))


class Tokenizers(unittest.TestCase):
    def test_pairs_have_the_shape_and_types_of_their_kind(self):
        wanted = {
            "bert": (["[CLS]", "dog", "[SEP]", "cat", "[SEP]"], [0, 0, 0, 1, 1]),
            "xlmr": (["<s>", "▁dog", "</s>", "</s>", "▁cat", "</s>"], [0] * 6),
            "roberta": (["<s>", "d", "og", "</s>", "</s>", "c", "at", "</s>"], [0] * 8),
        }
        for style, (tokens, types) in wanted.items():
            with self.subTest(style):
                made = vocabulary.STYLES[style]().files(512, {})
                encoding = Tokenizer.from_str(made["tokenizer.json"].decode()).encode("dog", "cat")
                if style == "roberta":
                    # Its first word has no blank before it, so it is spelled.
                    self.assertEqual([encoding.tokens[0], *encoding.tokens[-1:]], ["<s>", "</s>"])
                    self.assertEqual(encoding.tokens.count("</s>"), 3)
                    self.assertEqual(set(encoding.type_ids), {0})
                else:
                    self.assertEqual((encoding.tokens, encoding.type_ids), (tokens, types))

    def test_a_pair_too_long_is_cut_to_the_models_length_on_its_longer_side(self):
        tried = model("bert-cross-encoder")
        encoding = tried.tokenizer.encode(TEXT, words.LONG)
        self.assertEqual(len(encoding.ids), families.max_length_of(tried.entry))
        self.assertEqual(encoding.sequence_ids.count(0), len(tried.tokenizer.encode(TEXT, "").ids) - 3)


class Formulas(unittest.TestCase):
    """The numbers by hand, from outputs that are given and not computed."""

    def answering(self, name, **outputs):
        tried = model(name)
        tried.outputs = list(outputs)
        tried.run = lambda encoding: {each: np.array([value], np.float32) for each, value in outputs.items()}
        return tried

    def test_splade_is_the_logarithm_of_the_largest_logit_above_zero(self):
        tried = self.answering("splade", last_hidden_state=[[1, -1, 0, 0.5], [0.5, 2, -3, 0]])
        (row,) = tried.sparse([TEXT])
        self.assertEqual(sorted(row), [0, 1, 3])
        self.assertLess(distance([row[i] for i in sorted(row)], np.log([2, 3, 1.5])), 1e-6)

    def test_the_inference_free_document_takes_a_second_logarithm_and_no_special_tokens(self):
        logits = np.zeros((2, 200))
        logits[:, 101] = 9
        logits[1, 150] = 1.5
        (row,) = self.answering("inference-free", logits=logits).sparse([TEXT])
        self.assertEqual(list(row), [150])
        self.assertAlmostEqual(row[150], float(np.log1p(np.log1p(1.5))), places=6)

    def test_a_word_has_its_largest_weight_and_special_tokens_have_none(self):
        self.assertEqual(reference.largest([0, 7, 9, 7, 2], [5, 0.25, -1, 0.5, 5]), {7: 0.5})

    def test_a_models_own_sentence_comes_before_its_tokens(self):
        tried = self.answering("gemma", last_hidden_state=[[1, 0], [1, 0]], sentence_embedding=[0, 2])
        self.assertLess(distance(tried.text([TEXT]), [[0, 1]]), 1e-6)

    def test_pooling_is_the_entrys(self):
        for pooling, wanted in (("cls", [1, 0]), ("mean", [0.8, 0.6]), ("last_token", [0, 1])):
            tried = self.answering("bert", last_hidden_state=[[4, 0], [4, 3], [0, 3]])
            tried.entry = {**tried.entry, "pooling": pooling}
            self.assertLess(distance(tried.text([TEXT]), [wanted]), 1e-6, pooling)


class Written(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name):
        entry = fixture.ENTRIES[name]
        references.write(fixture.hub(), entry, self.folder, images.fixtures(0))
        return references.read(self.folder, f"{entry['op']}_{entry['name']}")

    def test_vectors_have_length_one(self):
        for name in ("bert", "gemma", "bge-m3", "clip-text", "clip-image", "resnet"):
            with self.subTest(name):
                _, arrays = self.write(name)
                self.assertLess(distance(np.linalg.norm(arrays["vectors"], axis=1), 1), 1e-5)

    def test_sparse_rows_rise_and_weigh_something(self):
        for name in ("splade", "bge-m3-sparse", "inference-free"):
            about, arrays = self.write(name)
            for part in ("", "query_")[: 1 + (name == "inference-free")]:
                with self.subTest(name, part=part):
                    indices, offsets = about[f"{part}indices"], about[f"{part}offsets"]
                    self.assertEqual(len(offsets), len(about["texts"]) + 1)
                    self.assertEqual(offsets[-1], len(indices))
                    self.assertTrue((arrays[f"{part}values"] > 0).all())
                    rows = [indices[a:b] for a, b in zip(offsets, offsets[1:])]
                    self.assertTrue(all(row == sorted(set(row)) for row in rows))
                    self.assertGreater(len(indices), len(about["texts"]))

    def test_the_inference_free_side_counts_a_word_once_and_no_special_tokens(self):
        tried = model("inference-free")
        once, thrice = tried.sparse_queries(["apple", "apple apple [SEP] apple"])
        self.assertEqual(once, thrice)
        self.assertEqual(len(once), 1)
        self.assertEqual(set(tried.sparse([TEXT])[0]) & tried.special, set())

    def test_reranking_is_ordered_best_first(self):
        about, arrays = self.write("xlmr-cross-encoder")
        for order, scores in zip(about["order"], arrays["scores"]):
            self.assertTrue((np.diff(scores[order]) <= 0).all())
        self.assertLess(distance(arrays["scores"], 1 / (1 + np.exp(-arrays["logits"]))), 1e-6)

    def test_joint_blocks_have_a_row_for_each_token_but_the_first(self):
        about, arrays = self.write("bge-m3-joint")
        self.assertEqual(list(np.diff(about["colbert_offsets"])), [n - 1 for n in about["tokens"]])
        self.assertEqual(arrays["colbert"].shape, (about["colbert_offsets"][-1], 1024))
        self.assertFalse(set(about["sparse_indices"]) & reference.NOT_WORDS)


if __name__ == "__main__":
    unittest.main()
