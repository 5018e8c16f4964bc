#!/usr/bin/env python3
"""Breaks the worker in one place after the other, and demands that a named test turns red each time.

usage: mutants.py [NAME …]

tools/mutants.json is the list; words of a mutant's name choose from it. It works on a copy of the tree below
target/mutants, with a build folder of its own. First every named test has to pass on the copy as it is. Then each
mutant is built, which has to succeed, and its test run, which has to fail; one that passes is a survivor: a test is
missing. The exit status is 1 where there are any.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target/mutants"
TREE = WORK / "tree"
# What is compiled again for each mutant, compiled fast; not what others wrote.
PROFILE = ["--release", "--locked", "--config", "profile.release.package.fastembed-worker.opt-level=0"]
# A test that hangs has not shown anything.
PATIENCE_SECONDS = 300


class Broken(Exception):
    """A mutant that says nothing, such as one that does not compile."""


def mutants():
    return json.loads((ROOT / "tools/mutants.json").read_text())["mutants"]


def mutated(mutant, text):
    """The file's text with the mutant in it."""
    if (times := text.count(mutant["old"])) != 1:
        raise Broken(f"{mutant['name']}: {mutant['old']!r} occurs {times} times in {mutant['file']}")
    return text.replace(mutant["old"], mutant["new"])


def write(file, content):
    """Only where it differs, so that cargo builds no more than it has to."""
    if not file.exists() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def copy_tree():
    """What git knows or would add, and the link to what `make setup` fetched."""
    listed = subprocess.check_output(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, text=True)
    wanted = {path for path in listed.split("\0") if path and (ROOT / path).is_file()}
    for path in wanted:
        write(TREE / path, (ROOT / path).read_bytes())
        shutil.copymode(ROOT / path, TREE / path)
    for file in [file for file in TREE.rglob("*") if file.is_file() and not file.is_relative_to(TREE / ".setup")]:
        if str(file.relative_to(TREE)) not in wanted:
            file.unlink()
    if not (TREE / ".setup").exists():
        (TREE / ".setup").symlink_to((ROOT / ".setup").resolve())


def take_dependencies():
    """What the tree's own build has compiled of others need not be compiled again."""
    built, build = ROOT / "target/release", WORK / "build/release"
    if build.exists() or not built.exists():
        return
    for part in ("build", "deps", ".fingerprint"):
        shutil.copytree(built / part, build / part)


def take_rival():
    """fastembed, which some tests compare with; nothing of it is broken."""
    (WORK / "build/release").mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / "target/release/fastembed-rival", WORK / "build/release")


def cargo(*arguments):
    """Exit status and output of cargo in the copy; 124 where it took too long."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(WORK / "build"), "CARGO_INCREMENTAL": "1"}
    command = ["cargo", *arguments]
    options = {"cwd": TREE, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    try:
        done = subprocess.run(command, **options, timeout=PATIENCE_SECONDS if "--" in arguments else None)
    except subprocess.TimeoutExpired:
        return 124, "it took too long"
    return done.returncode, done.stdout


def target(name):
    return ["--lib"] if name == "lib" else ["--test", name]


def build(names):
    """Compiles these test programs."""
    programs = [flag for name in sorted(names) for flag in target(name)]
    status, output = cargo("test", *PROFILE, "-p", "fastembed-worker", "--no-run", *programs)
    if status:
        raise Broken(f"it does not compile:\n{output[-3000:]}")


def passes(test):
    """Whether the test passes. One that did not run is neither."""
    name, path = test.split()
    status, output = cargo("test", *PROFILE, "-p", "fastembed-worker", *target(name), "--", "--exact", path)
    if not re.search(r"^running 1 test$", output, re.M):
        raise Broken(f"{test} does not run:\n{output[-3000:]}")
    return status == 0


def try_out(mutant):
    """Whether the mutant's test turned red."""
    file = TREE / mutant["file"]
    before = file.read_text()
    try:
        file.write_text(mutated(mutant, before))
        build({mutant["test"].split()[0]})
        return not passes(mutant["test"])
    finally:
        file.write_text(before)


def main():
    wanted = [each for each in mutants() if not sys.argv[1:] or any(word in each["name"] for word in sys.argv[1:])]
    start = time.monotonic()
    copy_tree()
    take_dependencies()
    take_rival()
    tests = sorted({each["test"] for each in wanted})
    build({test.split()[0] for test in tests})
    print(f"mutants: built in {time.monotonic() - start:.0f} s", flush=True)
    if red := [test for test in tests if not passes(test)]:
        sys.exit(f"mutants: red before anything is broken: {', '.join(red)}")
    print(f"mutants: {len(tests)} tests are green", flush=True)
    survivors = 0
    for each in wanted:
        begin = time.monotonic()
        killed = try_out(each)
        survivors += not killed
        verdict = "red" if killed else "SURVIVED"
        print(f"{verdict:9} {time.monotonic() - begin:4.0f} s  {each['name']}  ({each['test'].split()[1]})", flush=True)
    minutes = (time.monotonic() - start) / 60
    print(f"mutants: {len(wanted) - survivors} of {len(wanted)} turned their test red, in {minutes:.0f} minutes")
    sys.exit(survivors > 0)


if __name__ == "__main__":
    try:
        main()
    except Broken as fault:
        sys.exit(f"mutants: {fault}")
