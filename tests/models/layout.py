"""Lays models out as a hub cache: models--OWNER--NAME/refs/main, snapshots/<revision>/<files>.

A repository's revision says that it is generated, by which seed, and what its files hold; so the same seed and entries
give the same folders. A file that several entries share is made once.
"""

import copy
import hashlib

import families
import quantise
from onnx.external_data_helper import set_external_data

# Smaller weights stay in the graph, as exporters leave them there.
EXTERNAL_BYTES = 1024


class Missing(Exception):
    """A catalogue entry asks for a file that its family does not make."""


def model_files(entry, model):
    """The graph's file and its files of weights: path → bytes."""
    model = quantise.form_of(entry["graph"])(copy.deepcopy(model))
    folder = entry["graph"].rpartition("/")[0]
    data = [path for path in (entry.get("additional") or []) if not path.endswith(".json")]
    files = {}
    if data:
        large = [w for w in model.graph.initializer if len(w.raw_data) >= EXTERNAL_BYTES]
        # A file beyond the first holds one tensor, as exporters write attributes of constants.
        parts = {data[0]: large[: len(large) - len(data) + 1]}
        parts |= {path: [w] for path, w in zip(data[1:], large[len(large) - len(data) + 1 :])}
        for path, weights in parts.items():
            files[path] = b""
            for weight in weights:
                location = path.removeprefix(f"{folder}/") if folder else path
                content = weight.raw_data
                set_external_data(weight, location, len(files[path]), len(content))
                weight.ClearField("raw_data")
                files[path] += content
    files[entry["graph"]] = model.SerializeToString(deterministic=True)
    return files


def files_of(seed, entry):
    """All files that the entry names: path → bytes."""
    model, files = families.make(seed, entry)
    files = {**files, **model_files(entry, model)}
    wanted = set(entry.get("files") or files)
    if missing := wanted - set(files):
        raise Missing(f"{entry['op']} {entry['name']}: nothing makes {', '.join(sorted(missing))}")
    return {path: files[path] for path in sorted(wanted | {entry["graph"], *(entry.get("additional") or [])})}


def repositories(seed, entries):
    """repository → path → bytes. Entries that disagree about a file are an error, as the hub has it only once."""
    made = {}
    for entry in entries:
        files = made.setdefault(entry["repository"], {})
        for path, content in files_of(seed, entry).items():
            if files.setdefault(path, content) != content:
                raise Missing(f"{entry['repository']}: entries disagree about {path}")
    return made


def revision(seed, files):
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{hashlib.sha256(files[path]).hexdigest()}\n".encode())
    return f"generated-{seed}-{digest.hexdigest()[:8]}"


def cache_folder(repository):
    return f"models--{repository.replace('/', '--')}"


def write(seed, entries, hub):
    """Writes every entry's files under the folder `hub`. Gives back repository → revision.

    refs/main is written last: until then a repository is not there.
    """
    made = repositories(seed, entries)
    return {repository: write_repository(seed, repository, files, hub) for repository, files in made.items()}


def write_repository(seed, repository, files, hub):
    """Writes one repository's files, path → bytes, and gives back its revision."""
    base = hub / cache_folder(repository)
    name = revision(seed, files)
    for path, content in files.items():
        target = base / "snapshots" / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (base / "refs").mkdir(exist_ok=True)
    (base / "refs/main").write_text(name)
    return name


def snapshot(hub, repository):
    base = hub / cache_folder(repository)
    return base / "snapshots" / (base / "refs/main").read_text()
