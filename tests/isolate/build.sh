#!/usr/bin/env bash
# Builds the modules of `built/` from `src/`: tests/isolate/build.sh OUTPUT_DIRECTORY
#
# Needs clang-19 and wasm-ld-19 in PATH (Debian's packages clang-19 and lld-19), and no headers. The modules export everything, as
# -sSIDE_MODULE=1 makes them. The library is there twice, for two wheels.
set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/src" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# module NAME OUTPUT FLAG LIBRARY...: one side module that needs the libraries, in this order.
module() {
  local name=$1 output=$2 flag=$3
  shift 3
  clang-19 -target wasm32-unknown-emscripten -nostdinc -std=c++17 -O2 -fPIC -fwasm-exceptions -mllvm -wasm-enable-sjlj \
    -fvisibility=default -fno-threadsafe-statics -mbulk-memory -msign-ext -mmutable-globals -Wall -Wextra "$flag" -c "$src/$name.cpp" \
    -o "$work/$name.o"
  wasm-ld-19 -shared --experimental-pic --no-entry --unresolved-symbols=import-dynamic --export-dynamic --no-gc-sections --stack-first \
    --export=__wasm_call_ctors --export-if-defined=__wasm_apply_data_relocs --strip-debug "$work/$name.o" "$@" -o "$output"
}

mkdir -p "$out/1" "$out/2"
for which in 1 2; do
  module libstate "$out/$which/libstate.so" "-DWHICH=$which"
done
module libmiddle "$out/libmiddle.so" -DUSED "$out/1/libstate.so"
module user "$out/user.abi3.so" -DUSED "$out/libmiddle.so" "$out/1/libstate.so"
