"""The archive of the worker."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

import dist
import notices

FILES = {"bin/program": b"#!/bin/sh\necho works\n", "lib/library.so": b"\x7fELF", "README.md": "größer\n".encode()}


def unpacked(data, folder):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        archive.extractall(folder)
    return Path(folder)


class Pack(unittest.TestCase):
    def test_the_bytes_depend_on_the_files_alone(self):
        backwards = dict(reversed(FILES.items()))
        self.assertEqual(dist.pack("name", FILES, 1), dist.pack("name", backwards, 1))
        self.assertNotEqual(dist.pack("name", FILES, 1), dist.pack("name", {**FILES, "LICENSE": b""}, 1))

    def test_nothing_of_the_packing_machine_is_in_it(self):
        with tarfile.open(fileobj=io.BytesIO(dist.pack("name", FILES, 1_700_000_000))) as archive:
            for entry in archive:
                self.assertEqual((entry.uid, entry.gid, entry.uname, entry.gname), (0, 0, "", ""))
                self.assertEqual(entry.mtime, 1_700_000_000)

    def test_the_sums_name_every_other_file(self):
        with tempfile.TemporaryDirectory() as folder:
            root = unpacked(dist.pack("name", FILES, 1), folder) / "name"
            listed = dict(reversed(line.split("  ")) for line in (root / "SHA256SUMS").read_text().splitlines())
            self.assertEqual(set(listed), set(FILES))
            for name, digest in listed.items():
                self.assertEqual(hashlib.sha256((root / name).read_bytes()).hexdigest(), digest)

    def test_programs_can_be_run(self):
        with tempfile.TemporaryDirectory() as folder:
            root = unpacked(dist.pack("name", FILES, 1), folder) / "name"
            self.assertEqual(subprocess.check_output([root / "bin/program"], text=True), "works\n")
            self.assertFalse(os.access(root / "README.md", os.X_OK))


class Shipped(unittest.TestCase):
    def test_a_program_that_names_a_folder_of_its_builder_is_noticed(self):
        named = f"panicked at {dist.ROOT}/worker/src/main.rs".encode()
        self.assertIn(str(dist.ROOT), dist.paths_of_this_machine(named))
        self.assertEqual(dist.paths_of_this_machine(b"panicked at /source/worker/src/main.rs"), [])

    def test_the_archive_is_tried_out_with_no_environment(self):
        program = b'#!/bin/sh\n[ -z "$HOME" ] && echo "asked for $1"\n'
        packed = dist.pack("name", {"bin/fastembed-worker": program}, 1)
        self.assertEqual(dist.try_out(packed, "name"), "asked for --version")
        failing = dist.pack("name", {"bin/fastembed-worker": b"#!/bin/sh\nexit 1\n"}, 1)
        with self.assertRaises(subprocess.CalledProcessError):
            dist.try_out(failing, "name")


class Platforms(unittest.TestCase):
    def test_every_platform_that_is_set_up_can_be_packed(self):
        pins = json.loads((dist.ROOT / "tools/pins.json").read_text())
        self.assertEqual(set(dist.TRIPLES), set(pins["onnxruntime"]["wheels"]))


class Notices(unittest.TestCase):
    def package(self, name, **files):
        folder = Path(self.folder.name) / name
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text)
        manifest = str(folder / "Cargo.toml")
        about = {"license": "MIT", "license_file": None, "repository": "https://example.org"}
        return {"id": name, "name": name, "version": "1.0", "manifest_path": manifest, **about}

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_a_text_stands_once_with_all_that_come_with_it(self):
        document = notices.document(
            [
                self.package("a", LICENSE="do what you like"),
                self.package("b", COPYING="do what you like", README="not a licence"),
                self.package("c"),
            ]
        )
        self.assertIn("a 1.0 (MIT)\nb 1.0 (MIT)\n\ndo what you like\n", document)
        self.assertIn("c 1.0 (MIT)\n\nSee https://example.org.\n", document)
        self.assertNotIn("not a licence", document)

    def test_only_what_is_linked_counts(self):
        packages = [self.package(name) for name in (notices.WORKER, "used", "below", "for-tests", "for-the-build")]
        edges = {
            notices.WORKER: [("used", None), ("for-tests", "dev"), ("for-the-build", "build")],
            "used": [("below", None)],
        }
        nodes = [
            {"id": p["id"], "deps": [{"pkg": to, "dep_kinds": [{"kind": kind}]} for to, kind in edges.get(p["id"], [])]}
            for p in packages
        ]
        graph = {"packages": packages, "resolve": {"nodes": nodes}}
        self.assertEqual([package["name"] for package in notices.linked(graph)], ["below", "used"])


if __name__ == "__main__":
    unittest.main()
