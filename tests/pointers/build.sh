#!/usr/bin/env bash
# Builds the modules of `built/` from `src/`: tests/pointers/build.sh OUTPUT_DIRECTORY
#
# Needs clang-19 and wasm-ld-19 in PATH (Debian's packages clang-19 and lld-19), and no headers. Only what Python looks for is exported, as
# -sSIDE_MODULE=2 makes it. With PYTHON, a CPython 3.13 for this machine that has its headers, it also writes down what the modules say when
# they are native: that is what they must say on WebAssembly.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
warnings=(-Wall -Wextra -Wno-missing-field-initializers -Wno-initializer-overrides -Wno-cast-function-type)

# module NAME DEFINE...
module() {
  local name=$1
  shift
  clang-19 -target wasm32-unknown-emscripten -nostdinc -isystem "$(clang-19 -print-resource-dir)/include" -O2 -fPIC -fvisibility=hidden \
    -mbulk-memory -msign-ext -mmutable-globals "${warnings[@]}" "$@" -c "$here/src/slots.c" -o "$work/$name.o"
  wasm-ld-19 -shared --experimental-pic --no-entry --unresolved-symbols=import-dynamic --stack-first \
    --export-if-defined=__wasm_call_ctors --export-if-defined=__wasm_apply_data_relocs --strip-debug "$work/$name.o" -o "$out/$name.so"
  if [ -n "${PYTHON:-}" ]; then
    mkdir -p "$work/native-$name"
    gcc -shared -fPIC -O1 -w "$@" -I"$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')" "$here/src/slots.c" \
      -o "$work/native-$name/slots.so"
    "$PYTHON" "$here/run.py" "$work/native-$name/slots.so" > "$here/$name.expected"
  fi
}

module limited
module static -DSTATIC
