#!/usr/bin/env bash
# fill_models.sh FROM TO: copies the revisions of a hub cache that another one lacks.
#
# A revision appears whole or not at all, and only then does refs/main name it: workers that start, or that were
# already there, never see half a model. Revisions that the target has are left alone.
set -euo pipefail

from=$1 to=$2

# What a copy that was cut off left behind.
rm -rf "$to"/.filling.*
scratch=$(mktemp -d "$to/.filling.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

for model in "$from"/models--*; do
    name=$(basename "$model")
    mkdir -p "$to/$name/refs" "$to/$name/snapshots"
    for revision in "$model"/snapshots/*; do
        target=$to/$name/snapshots/$(basename "$revision")
        if [[ ! -e $target ]]; then
            cp -R "$revision" "$scratch/revision"
            sync -f "$scratch"
            mv "$scratch/revision" "$target"
        fi
    done
    cp "$model/refs/main" "$scratch/main"
    mv "$scratch/main" "$to/$name/refs/main"
    echo "$name: $(<"$to/$name/refs/main")"
done
