"""Breaks a model: a copy of a folder whose graph gives what no caller can use.

usage: python tests/models/broken.py <folder> <graph> <target> <fault> [--word WORD]

fault       what the graph does
shape       its output has one axis more
wide        its output has two columns where there was one
flat        its output lacks its last axis: a number for each token where there were values
few         its output has 48 columns where there was a vocabulary
empty       its output has no columns
nan         its output is NaN
nan-on      the rows of texts with WORD are NaN, and no others
shape-on    where a text has WORD, every row loses its last value
input       it wants an input that nobody knows
half        its output is float16
location    its weights lie in a file outside of the folder
winding     nothing wrong, but its files of weights are named with "./" and "../"
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data
from tokenizers import Tokenizer

INNER = "broken/inner"


class Breaker:
    """A graph whose first output bears another name, so that nodes behind it can give what is read."""

    def __init__(self, model, word):
        self.graph, self.word = model.graph, word
        self.output = self.graph.output[0]
        self.name = self.output.name
        for node in self.graph.node:
            for names in (node.input, node.output):
                names[:] = [INNER if name == self.name else name for name in names]

    def constant(self, name, value, dtype):
        self.graph.initializer.append(numpy_helper.from_array(np.array(value, dtype), f"broken/{name}"))
        return f"broken/{name}"

    def add(self, op, inputs, output, **attributes):
        self.graph.node.append(helper.make_node(op, inputs, [output], name=f"broken/{output}", **attributes))
        return output

    def axes(self):
        return len(self.output.type.tensor_type.shape.dim)

    def shaped(self, kind=TensorProto.FLOAT):
        """The output may be of any shape now."""
        self.output.CopyFrom(helper.make_tensor_value_info(self.name, kind, None))

    def is_said(self):
        """int64 [batch]: 1 where a text has the word."""
        here = self.add("Equal", ["input_ids", self.constant("word", self.word, np.int64)], "broken/here")
        here = self.add("Cast", [here], "broken/places", to=TensorProto.INT64)
        return self.add("ReduceMax", [here], "broken/said", axes=[1], keepdims=0)

    def shape(self):
        self.add("Unsqueeze", [INNER, self.constant("axis", [0], np.int64)], self.name)
        self.shaped()

    def wide(self):
        self.add("Concat", [INNER, INNER], self.name, axis=-1)
        self.shaped()

    def flat(self):
        self.add("ReduceMean", [INNER], self.name, axes=[self.axes() - 1], keepdims=0)
        self.shaped()

    def columns(self, count):
        start, axis = self.constant("start", [0], np.int64), self.constant("last", [-1], np.int64)
        self.add("Slice", [INNER, start, self.constant("end", [count], np.int64), axis], self.name)
        self.shaped()

    def few(self):
        self.columns(48)

    def empty(self):
        self.columns(0)

    def nan(self):
        self.add("Mul", [INNER, self.constant("nan", np.nan, np.float32)], self.name)

    def nan_on(self):
        here = self.add("Cast", [self.is_said()], "broken/bad", to=TensorProto.BOOL)
        nothing, nan = (self.constant(f"value{i}", value, np.float32) for i, value in enumerate((0, np.nan)))
        more = self.add("Where", [here, nan, nothing], "broken/more")
        axes = self.constant("axes", list(range(1, self.axes())), np.int64)
        more = self.add("Unsqueeze", [more, axes], "broken/rows")
        self.add("Add", [INNER, more], self.name)

    def shape_on(self):
        any_said = self.add("ReduceMax", [self.is_said()], "broken/any", axes=[0], keepdims=1)
        sides = self.add("Shape", [INNER], "broken/sides", start=self.axes() - 1)
        end = self.add("Sub", [sides, any_said], "broken/end")
        start, axis = self.constant("start", [0], np.int64), self.constant("last", [-1], np.int64)
        self.add("Slice", [INNER, start, end, axis], self.name)
        self.shaped()

    def half(self):
        self.add("Cast", [INNER], self.name, to=TensorProto.FLOAT16)
        self.shaped(TensorProto.FLOAT16)

    def input(self):
        self.graph.input.append(helper.make_tensor_value_info("past_key_values", TensorProto.FLOAT, [1]))
        first = self.add("Identity", ["past_key_values"], "broken/past")
        self.add("Add", [INNER, first], self.name)

    def location(self):
        self.add("Identity", [INNER], self.name)
        weight = max(self.graph.initializer, key=lambda each: len(each.raw_data))
        set_external_data(weight, "../elsewhere.bin", 0, len(weight.raw_data))
        weight.ClearField("raw_data")

    def winding(self):
        self.add("Identity", [INNER], self.name)
        told = [each for weight in self.graph.initializer for each in weight.external_data if each.key == "location"]
        for at, each in enumerate(told):
            each.value = f"{('./', '../onnx/')[at % 2]}{each.value}"


FAULTS = ("shape", "wide", "flat", "few", "empty", "nan", "nan-on", "shape-on", "input", "half", "location", "winding")


def main():
    parser = argparse.ArgumentParser(prog="tests/models/broken.py", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("graph")
    parser.add_argument("target", type=Path)
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--word", default="")
    arguments = parser.parse_args()
    shutil.copytree(arguments.folder, arguments.target)
    path = arguments.target / arguments.graph
    model = onnx.load(path, load_external_data=False)
    word = None
    if arguments.word:
        tokenizer = Tokenizer.from_file(str(arguments.target / "tokenizer.json"))
        (word,) = tokenizer.encode(arguments.word, add_special_tokens=False).ids
    getattr(Breaker(model, word), arguments.fault.replace("-", "_"))()
    path.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
