"""Prints a models.lock that pins the model as `make setup` has put it in place, by whichever road it came.

config/models.lock pins the hub's revision. An image carries what its build got, and its workers load nothing else.
setup.py has checked each file just before.
"""

import json

import setup
import setup_model

# fastembed's name of the model in tools/pins.json.
NAME = "AllMiniLML6V2"


def document(repository, revision, sums):
    files = "".join(f'"{file}" = "{digest}"\n' for file, digest in sorted(sums.items()))
    pin = f'name = "{NAME}"\nrepository = "{repository}"\nrevision = "{revision}"\n'
    return f"[[models]]\n{pin}\n[models.files]\n{files}"


def main():
    pins = json.loads((setup.TOOLS / "pins.json").read_text())["model"]
    base = setup.SETUP / "hub" / setup_model.cache_folder(pins)
    revision = (base / "refs/main").read_text()
    snapshot = base / "snapshots" / revision
    sums = {path.name: setup_model.sha256(path) for path in snapshot.iterdir()}
    print(document(pins["repo"], revision, sums), end="")


if __name__ == "__main__":
    main()
