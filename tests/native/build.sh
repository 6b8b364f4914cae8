#!/usr/bin/env bash
# Builds the modules of `built/` from ../fixtures/src: tests/native/build.sh OUTPUT_DIRECTORY
#
# The modules carry parts of libc++ under its licence. Needs
#   SYSROOT         the `sysroot` of Emscripten 3.1.69: Debian trixie's package `emscripten` has it below its `cache` directory
#   ZIG             the `zig` of the PyPI package ziglang 0.17.1, whose clang is LLVM 22
#   wasm-ld-19      in PATH: Debian bookworm's package lld-19
#   WASM_OPT        `bin/wasm-opt` of the npm package binaryen 132.0.0, which Node runs
#   PYTHON_INCLUDE  CPython's headers for a 32-bit platform: those of Debian's libpython3.13-dev for i386, with the pyconfig.h that is
#                   below `i386-linux-gnu` in the place of the other
set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures/src" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIRECTORY" >&2; exit 2; }
: "${SYSROOT:?is not set}" "${ZIG:?is not set}" "${WASM_OPT:?is not set}" "${PYTHON_INCLUDE:?is not set}"
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# The trace buffer lies in the module as zeros.
common=(-target wasm32-unknown-emscripten "--sysroot=$SYSROOT" -DEMSCRIPTEN -DTRACE_SIZE=4096 -fPIC -fvisibility=default -w
  -fwasm-exceptions -mllvm -wasm-enable-sjlj)
cpp=(-x c++ -std=c++14 -nostdinc++ -isystem "$SYSROOT/include/c++/v1" -isystem "$SYSROOT/include/compat" "-I$PYTHON_INCLUDE")
linker=(-shared --experimental-pic --no-entry --unresolved-symbols=import-dynamic --export-dynamic --stack-first
  --export=__wasm_call_ctors --export-if-defined=__wasm_apply_data_relocs --strip-all)
# What the compilers use, so that wasm-opt brings in nothing else.
features=(--mvp-features --enable-mutable-globals --enable-sign-ext --enable-bulk-memory --enable-nontrapping-float-to-int
  --enable-multivalue --enable-reference-types --enable-exception-handling)

# compile KIND LEVEL NAME LIBRARY...: one side module that needs the libraries.
compile() {
  local kind=$1 level=$2 name=$3 source language=() legacy=true
  shift 3
  [ "$kind" = legacy ] || legacy=false
  source=$(echo "$src/$name".c*)
  case $source in *.cpp) language=("${cpp[@]}") ;; esac
  mkdir -p "$out/$kind/$level"
  "$ZIG" clang "${common[@]}" -mllvm "-wasm-use-legacy-eh=$legacy" "${language[@]}" "-$level" -c "$source" -o "$work/$name.o"
  (cd "$out/$kind/$level" && wasm-ld-19 "${linker[@]}" "$work/$name.o" "$@" -o "$name.so")
}

# optimise FROM TO NAME ARGUMENT...: what wasm-opt makes of a module.
optimise() {
  local from=$1 to=$2 name=$3
  shift 3
  mkdir -p "$out/$to"
  node "$WASM_OPT" "${features[@]}" "$@" "$out/$from/$name.so" -o "$out/$to/$name.so"
}

for kind in legacy exnref; do
  for level in O0 O1 O2 O3 Os Oz; do
    compile "$kind" "$level" a_eh
    compile "$kind" "$level" b_sjcpp
  done
  for level in O0 O2 Oz; do compile "$kind" "$level" b_sj; done
  for level in O1 Oz; do compile "$kind" "$level" d_user a_eh.so; done
  for level in O0 O2; do compile "$kind" "$level" e_ext; done
  compile "$kind" O2 d_vt
done
for name in a_eh b_sjcpp; do
  optimise legacy/O0 legacy/O0+opt-O2 "$name" -O2
  optimise legacy/O2 legacy/O2+opt-Oz "$name" -Oz
  optimise legacy/O1 exnref/O1+translated "$name" --translate-to-exnref
  optimise legacy/O2 exnref/O2+translated-O2 "$name" --translate-to-exnref -O2
done
for name in b_sj b_sjcpp; do
  optimise exnref/O0 exnref/O0+opt-O2 "$name" -O2
  optimise exnref/O2 exnref/O2+opt-Oz "$name" -Oz
done
