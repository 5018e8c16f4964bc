#!/usr/bin/env bash
# Builds the worker that is shipped, target/shipped/fastembed-worker: Cargo.toml's profile of that name, with no path of
# the building machine in the program. Compilers write them into what a panic or an assertion says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo_home=${CARGO_HOME:-$HOME/.cargo}
standard_library=$(rustc --print sysroot)/lib/rustlib/src/rust
rust=() c=()
for rename in "$PWD=/source" "$cargo_home=/cargo" "$standard_library=/rustc"; do
    rust+=("--remap-path-prefix=$rename")
    c+=("$(printf %q "-ffile-prefix-map=$rename")")
done
# Both forms let a path hold spaces.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${rust[*]}")
export CARGO_ENCODED_RUSTFLAGS CC_SHELL_ESCAPED_FLAGS=1
export CFLAGS="${CFLAGS:-} ${c[*]}" CXXFLAGS="${CXXFLAGS:-} ${c[*]}"
cargo build --profile shipped --locked --bin fastembed-worker
