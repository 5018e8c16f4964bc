"""The licence texts of the crates that are linked into the worker, as one document.

Permissive licences ask for their text beside the program. It is taken from the very sources that were built.
"""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKER = "fastembed-worker"
TEXTS = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def metadata(triple):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", triple]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def linked(graph):
    """The packages that the worker's program is made of: not those that only build or test it."""
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    packages = {package["id"]: package for package in graph["packages"]}
    (start,) = (id for id, package in packages.items() if package["name"] == WORKER)
    found, waiting = set(), [start]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return sorted((packages[id] for id in found), key=lambda package: (package["name"], package["version"]))


def texts(package):
    folder = Path(package["manifest_path"]).parent
    named = {path for path in folder.iterdir() if path.is_file() and path.name.upper().startswith(TEXTS)}
    if package["license_file"]:
        named.add(folder / package["license_file"])
    return [path.read_text(errors="replace").strip() for path in sorted(named)]


def document(packages):
    """Each text once, below the names of those that come with it."""
    users = {}
    for package in packages:
        name = f"{package['name']} {package['version']} ({package['license']})"
        # Where the sources carry no text, the expression is all that its authors say.
        for text in texts(package) or [f"See {package['repository'] or 'its sources'}."]:
            users.setdefault(text, []).append(name)
    parts = [f"{chr(10).join(names)}\n\n{text}\n" for text, names in users.items()]
    return f"\n{'=' * 80}\n\n".join(parts)
