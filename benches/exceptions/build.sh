#!/usr/bin/env bash
# Builds the modules of `built/` from `src/`: benches/exceptions/build.sh OUTPUT_DIRECTORY
#
# `js/` is made with JavaScript exception handling, `wasm/` natively (legacy instructions), both at -O2. Needs `emcc` of
# Emscripten 3.1.69 in PATH, like tests/fixtures/build.sh, which says how to have one.
#
# rust.so is not built here, for it takes Rust's standard library compiled the same way. What is checked in was made with Debian sid's
# rustc, cargo and rust-src 1.97.1: src/rust.rs as a `staticlib` at opt-level 2, with RUSTC_BOOTSTRAP=1,
#   RUSTFLAGS='-Crelocation-model=pic -Zemscripten-wasm-eh=no' (`=yes` for wasm/)
#   cargo build --release --target wasm32-unknown-emscripten -Zbuild-std=std,panic_unwind
# then linked by `emcc` with the flags below. Its last step, wasm-opt, does not know LLVM 22's names of features: it was run by hand,
# with the arguments that `emcc` names but --enable-bulk-memory-opt and --enable-call-indirect-overlong.
set -euo pipefail

src=$(cd "$(dirname "${BASH_SOURCE[0]}")/src" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)

# exported CASE...: the argument that exports `run_CASE` of each.
exported() {
  local names
  printf -v names '_run_%s,' "$@"
  echo "-sEXPORTED_FUNCTIONS=${names%,}"
}

# variant DIRECTORY FLAG...: both modules in one way of handling exceptions.
variant() {
  local dir=$out/$1
  shift
  mkdir -p "$dir"
  local flags=(-O2 -fPIC -sSIDE_MODULE=2 -sWASM_BIGINT "$@")
  em++ -std=c++17 "${flags[@]}" "$(exported plain catch_all catch_class indirect destructor destructors throw_int throw_class throw_cleanup)" \
    "$src/cpp.cpp" -o "$dir/cpp.so"
  emcc "${flags[@]}" "$(exported calls setjmp longjmp)" "$src/c.c" -o "$dir/c.so"
}

variant js -fexceptions
variant wasm -fwasm-exceptions -sSUPPORT_LONGJMP=wasm
