#!/usr/bin/env bash
# Builds the modules of `built/` from `src/`: tests/linked/build.sh OUTPUT_DIRECTORY
#
# Needs clang-19 and wasm-ld-19 in PATH (Debian's packages clang-19 and lld-19), and no headers: what the sources use of Python and of
# the C++ library they declare. The modules export everything, as -sSIDE_MODULE=1 makes them.
set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/src" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# module NAME OUTPUT LIBRARY...: one side module that needs the libraries, in this order.
module() {
  local name=$1 output=$2
  shift 2
  clang-19 -target wasm32-unknown-emscripten -nostdinc -std=c++17 -O2 -fPIC -fwasm-exceptions -fvisibility=default \
    -mbulk-memory -msign-ext -mmutable-globals -Wall -Wextra -Wno-missing-field-initializers -c "$src/$name.cpp" -o "$work/$name.o"
  wasm-ld-19 -shared --experimental-pic --no-entry --unresolved-symbols=import-dynamic --export-dynamic --no-gc-sections --stack-first \
    --export=__wasm_call_ctors --export-if-defined=__wasm_apply_data_relocs --strip-debug "$work/$name.o" "$@" -o "$output"
}

module libshapes "$out/libshapes.so"
module liboverride "$out/liboverride.so"
# The library that overrides comes first, so that it is loaded first and wins.
module user "$out/user.abi3.so" "$out/liboverride.so" "$out/libshapes.so"
