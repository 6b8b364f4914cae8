#!/usr/bin/env bash
# Builds the variants of `built/` from ../fixtures/src: tests/shapes/build.sh OUTPUT_DIRECTORY
#
# `built/` holds a part of them; they carry parts of libc++ under its licence. One source, as different compilers and optimisers leave it. Needs
#   SYSROOT     the `sysroot` of Emscripten 3.1.69: Debian trixie's package `emscripten` has it below its `cache` directory
#   clang-14, clang-19, wasm-ld-19, wasm-opt  in PATH: Debian bookworm's packages clang-14, clang-19, lld-19 and binaryen (108)
#   LIBCXX_14   the headers of libc++ 14, which is what clang 14 understands: `usr/lib/llvm-14/include/c++/v1` of Debian bookworm's
#               package libc++-14-dev, unpacked. They are made to name the same functions as Emscripten's
#   ZIG         the `zig` of the PyPI package ziglang 0.17.0, whose clang is LLVM 22
# A compiler that is absent is skipped with a notice.
set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures/src" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIRECTORY" >&2; exit 2; }
: "${SYSROOT:?is not set}"
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

common=(-target wasm32-unknown-emscripten "--sysroot=$SYSROOT" -DEMSCRIPTEN -fPIC -fvisibility=default -w
  -fexceptions -mllvm -enable-emscripten-cxx-exceptions -mllvm -enable-emscripten-sjlj -mllvm -disable-lsr)
cpp=(-x c++ -std=c++14 -nostdinc++)
libcxx=(-isystem "$SYSROOT/include/c++/v1" -isystem "$SYSROOT/include/compat")
libcxx_14=(-D_LIBCPP_ABI_VERSION=2 -D_LIBCPP_ABI_NAMESPACE=__2 -D_LIBCPP_HAS_MUSL_LIBC -D_LIBCPP_HAS_NO_THREADS
  -isystem "${LIBCXX_14:-}" -isystem "$SYSROOT/include/compat")
linker=(-shared --experimental-pic --no-entry --unresolved-symbols=import-dynamic --export-dynamic --stack-first
  --export=__wasm_call_ctors --export-if-defined=__wasm_apply_data_relocs --strip-debug)
# What the compilers use, so that wasm-opt brings in nothing else.
features=(--mvp-features --enable-mutable-globals --enable-sign-ext --enable-bulk-memory --enable-nontrapping-float-to-int)

# compile DIRECTORY NAME OPTIMISATION COMPILER...: one side module.
compile() {
  local directory=$1 name=$2 optimisation=$3
  shift 3
  local source language=()
  source=$(echo "$src/$name".c*)
  case $source in *.cpp) language=("${cpp[@]}" "${headers[@]}") ;; esac
  mkdir -p "$directory"
  "$@" "${common[@]}" "${language[@]}" "-$optimisation" -c "$source" -o "$work/$name.o"
  wasm-ld-19 "${linker[@]}" "$work/$name.o" -o "$directory/$name.so"
}

# suite NAME MODULES COMPILER...: all levels of optimisation by one compiler.
suite() {
  local compiler=$1 modules=$2
  shift 2
  if ! command -v "$1" >/dev/null; then
    echo "notice: $compiler is skipped: ${1:-it} cannot be found" >&2
    return
  fi
  local level module
  for level in O0 O1 O2 Os Oz; do
    for module in $modules; do
      compile "$out/$compiler-$level" "$module" "$level" "$@"
    done
  done
}

# optimise DIRECTORY LEVEL...: what wasm-opt makes of the modules of a directory.
optimise() {
  local directory=$1
  shift
  local level file
  for level in "$@"; do
    mkdir -p "$directory+opt-$level"
    for file in "$directory"/*.so; do
      wasm-opt "${features[@]}" "-$level" "$file" -o "$directory+opt-$level/$(basename "$file")"
    done
  done
}

all="a_eh b_sj b_sjcpp c_i64 d_vt"
headers=("${libcxx[@]}")
suite clang-19 "$all" clang-19
suite clang-22 "$all" "${ZIG:-}" clang
# Its setjmp has another interface, which only Emscripten's own driver of that time completes.
headers=("${libcxx_14[@]}")
suite clang-14 "a_eh d_vt" clang-14
for base in "$out"/clang-{14,19,22}-{O0,O2}; do
  [ ! -d "$base" ] || optimise "$base" O1 O2 O3 O4 Oz
done
