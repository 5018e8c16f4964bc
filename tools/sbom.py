"""Writes the bills of materials (CycloneDX, JSON) of what is shipped, to target/sbom.

  fastembed-worker.cdx.json   the worker's crates, and what its own tools do not see: ONNX Runtime and the model
  client-go.cdx.json          the Go client's modules
  nats-server.cdx.json        what is in the server's program, as the image carries it

Two runs on one commit write the same bytes: no clock, no random serial numbers, no folder of this machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".setup/bin"
OUT = ROOT / "target/sbom"
WORKER = "fastembed-worker.cdx"


def run(*command, **options):
    subprocess.run([str(c) for c in command], check=True, cwd=ROOT, **options)


def beside_the_crates(pins):
    """What the worker loads at run time, as components."""
    runtime, model = pins["onnxruntime"], pins["model"]
    wheels = [wheel["sha256"] for wheel in runtime["wheels"].values()]
    wheel = model["wheel"]
    library = {
        "type": "library",
        "bom-ref": f"pkg:pypi/onnxruntime@{runtime['version']}",
        "name": "onnxruntime",
        "version": runtime["version"],
        "description": "Shared library out of the official wheel; one wheel for each platform",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in wheels],
        "licenses": [{"license": {"id": "MIT"}}],
        "purl": f"pkg:pypi/onnxruntime@{runtime['version']}",
    }
    hub = graph(model["repo"], model["revision"], model["files"]["model.onnx"], "The model, as the hub has it")
    exported = graph(
        wheel["source_repo"],
        wheel["source_revision"],
        wheel["export_sha256"],
        "The same weights as tools/export_minilm.py writes them, where the hub did not answer when an image was built",
    )
    return [library, hub, exported]


def graph(repository, revision, digest, description):
    purl = f"pkg:huggingface/{repository}@{revision}"
    return {
        "type": "machine-learning-model",
        "bom-ref": purl,
        "name": repository,
        "version": revision,
        "description": description,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": purl,
    }


def complete(bom, pins):
    """Adds those components to the worker's bill, as dependencies of the worker."""
    extra = beside_the_crates(pins)
    bom["components"] = bom.get("components", []) + extra
    worker = bom["metadata"]["component"]["bom-ref"]
    (direct,) = (d for d in bom["dependencies"] if d["ref"] == worker)
    references = [component["bom-ref"] for component in extra]
    direct["dependsOn"] = direct.get("dependsOn", []) + references
    bom["dependencies"] += [{"ref": reference} for reference in references]
    return bom


def worker(pins):
    written = ROOT / f"worker/{WORKER}.json"
    options = ["--manifest-path", "worker/Cargo.toml", "--format", "json", "--spec-version", "1.5"]
    try:
        # The tool writes beside the manifest and nowhere else.
        run("cargo", "cyclonedx", "--quiet", *options, "--target", "all", "--override-filename", WORKER)
        # The tool refers to what it describes by its folder on this machine.
        text = written.read_text().replace(f"path+{ROOT.as_uri()}/worker#", "")
        bom = complete(json.loads(text), pins)
    finally:
        written.unlink(missing_ok=True)
    (OUT / written.name).write_text(json.dumps(bom, indent=2) + "\n")


def main():
    # The tool for Rust dates its bill by this instead of the clock.
    when = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    os.environ.setdefault("SOURCE_DATE_EPOCH", when.stdout.strip())
    OUT.mkdir(parents=True, exist_ok=True)
    worker(json.loads((ROOT / "tools/pins.json").read_text()))
    gomod = BIN / "cyclonedx-gomod"
    shared = ["-json", "-licenses", "-std", "-noserial", "-notimestamp", "-output-version", "1.5"]
    run(gomod, "mod", "-type", "library", *shared, "-output", OUT / "client-go.cdx.json", "clients/go")
    run(gomod, "bin", *shared, "-output", OUT / "nats-server.cdx.json", BIN / "nats-server")
    for path in sorted(OUT.glob("*.json")):
        bom = json.loads(path.read_text())
        print(f"{path.relative_to(ROOT)}: CycloneDX {bom['specVersion']}, {len(bom['components'])} components")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"sbom: `{' '.join(failed.cmd[:3])} …` failed with {failed.returncode}")
