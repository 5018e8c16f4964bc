"""tools/mutants.json: what is to be broken is there, once, and so is the test that notices."""

import re
import unittest
from pathlib import Path

import mutants

ROOT = Path(__file__).resolve().parent.parent
# Where a test program's modules lie; `lib` is the worker itself.
FOLDERS = {"lib": ROOT / "worker/src", "suite": ROOT / "tests", "images": ROOT / "tests/images"}


def source(folder, path):
    """The text of a test's module: `a::b::tests::name` lies in a/b.rs or a/b/mod.rs."""
    *modules, name = path.split("::")
    modules = [module for module in modules if module != "tests"]
    stem = folder.joinpath(*modules)
    files = [file for file in (stem.with_suffix(".rs"), stem / "mod.rs") if file.is_file()]
    return name, "".join(file.read_text() for file in files)


class Mutants(unittest.TestCase):
    def test_what_is_broken_is_there_once(self):
        for mutant in mutants.mutants():
            with self.subTest(mutant["name"]):
                text = (ROOT / mutant["file"]).read_text()
                self.assertNotEqual(mutants.mutated(mutant, text), text)

    def test_what_is_not_there_or_twice_is_an_error(self):
        mutant = {"name": "x", "file": "y", "old": "a", "new": "b"}
        for text in ("", "a a"):
            self.assertRaises(mutants.Broken, mutants.mutated, mutant, text)
        self.assertEqual(mutants.mutated(mutant, "a c"), "b c")

    def test_the_test_that_turns_red_is_there(self):
        for mutant in mutants.mutants():
            with self.subTest(mutant["name"]):
                program, path = mutant["test"].split()
                name, text = source(FOLDERS[program], path)
                self.assertEqual(len(re.findall(rf"\bfn {name}\(", text)), 1)

    def test_names_are_distinct(self):
        names = [mutant["name"] for mutant in mutants.mutants()]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
