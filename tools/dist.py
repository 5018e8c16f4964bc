"""Packs the worker with its ONNX Runtime, to target/dist.

  fastembed-worker-VERSION-PLATFORM.tar.gz          one folder of that name
  fastembed-worker-VERSION-PLATFORM.tar.gz.sha256   its sum, for `sha256sum --check`

Inside, SHA256SUMS names every other file. The archive is a function of its files: names sorted, one time for all,
no owners. The time is SOURCE_DATE_EPOCH, or that of the commit.
"""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import notices
import setup as tools_setup

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / ".setup/onnxruntime"
# What Rust calls the platforms of tools/pins.json.
TRIPLES = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-aarch64": "aarch64-unknown-linux-gnu",
    "macos-arm64": "aarch64-apple-darwin",
}


def contents(library):
    """Name in the archive → file. Programs and libraries can be run, the rest is read."""
    return {
        "bin/fastembed-worker": ROOT / "target/shipped/fastembed-worker",
        f"lib/{library}": RUNTIME / "lib" / library,
        "LICENSE": ROOT / "LICENSE",
        "licenses/onnxruntime/LICENSE": RUNTIME / "LICENSE",
        "licenses/onnxruntime/ThirdPartyNotices.txt": RUNTIME / "ThirdPartyNotices.txt",
        "config/worker.toml": ROOT / "config/worker.toml",
        "config/models.lock": ROOT / "config/models.lock",
        "config/nats.conf": ROOT / "config/nats.conf",
        "README.md": ROOT / "README.md",
        "CHANGELOG.md": ROOT / "CHANGELOG.md",
    }


def sums(files):
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))


def pack(folder, files, when):
    """The archive's bytes."""
    files = {**files, "SHA256SUMS": sums(files).encode()}
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime = len(data), when
            entry.mode = 0o755 if name.startswith(("bin/", "lib/")) else 0o644
            archive.addfile(entry, io.BytesIO(data))
    # The time in gzip's own header is a second place for one.
    return gzip.compress(tarred.getvalue(), mtime=0)


def paths_of_this_machine(program):
    """The folders of the build that the program's bytes name."""
    cargo_home = os.environ.get("CARGO_HOME", Path.home() / ".cargo")
    return [str(folder) for folder in (ROOT, cargo_home, Path.home()) if f"{folder}/".encode() in program]


def try_out(packed, name):
    """Unpacks the archive into an empty folder and runs its program with no environment. Returns what it answered."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        root = Path(folder) / name
        for line in (root / "SHA256SUMS").read_text().splitlines():
            digest, _, file = line.partition("  ")
            if hashlib.sha256((root / file).read_bytes()).hexdigest() != digest:
                sys.exit(f"dist: {file} is not what SHA256SUMS says")
        program = root / "bin/fastembed-worker"
        subprocess.run([program, "check"], cwd=root, env={}, check=True, stdout=subprocess.DEVNULL)
        return subprocess.check_output([program, "--version"], cwd=root, env={}, text=True).strip()


def commit_time():
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def main():
    platform = tools_setup.this_platform()
    pins = json.loads((ROOT / "tools/pins.json").read_text())
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    files = contents(pins["onnxruntime"]["wheels"][platform]["library"])
    if missing := [str(path.relative_to(ROOT)) for path in files.values() if not path.is_file()]:
        sys.exit(f"dist: {', '.join(missing)} is missing; `make dist` builds it")
    name = f"fastembed-worker-{version}-{platform}"
    files = {inside: path.read_bytes() for inside, path in files.items()}
    if named := paths_of_this_machine(files["bin/fastembed-worker"]):
        sys.exit(f"dist: the program names {', '.join(named)}, of the machine that built it")
    crates = notices.linked(notices.metadata(TRIPLES[platform]))
    files["licenses/crates.txt"] = notices.document(crates).encode()
    packed = pack(name, files, commit_time())
    answer = try_out(packed, name)
    out = ROOT / "target/dist"
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.tar.gz").write_bytes(packed)
    digest = hashlib.sha256(packed).hexdigest()
    (out / f"{name}.tar.gz.sha256").write_text(f"{digest}  {name}.tar.gz\n")
    print(f"target/dist/{name}.tar.gz: {answer}, {len(packed) / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
