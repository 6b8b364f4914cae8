;; A module that has what it needs on every platform.
;; RUN: check %
;; RUN[2026]: check % --target pyemscripten_2026_0
;; RUN[2024]: check % --target pyodide_2024_0
;; RUN[quiet]: check -q % %
;; RUN[legacy]: check % --target emscripten-legacy
;; RUN[json]: check % --json
;; RUN[stdin]: check - --strict < %
;; FAIL[twice] 2: check - -
;; FAIL[unknown] 2: check % --target pyodide_1
;; FAIL[main] 2: check % --main %
(module
  (@dylink.0
    (mem-info (memory 4 2) (table 1 0))
    (import-info "env" "weak_function" 1)
    (import-info "GOT.mem" "weak_data" 1))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__stack_pointer" (global (mut i32)))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "malloc" (func $malloc (param i32) (result i32)))
  (import "env" "weak_function" (func))
  ;; Functions in JavaScript take any type.
  (import "env" "stackSave" (func (param f32)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (import "GOT.mem" "weak_data" (global (mut i32)))
  (import "GOT.func" "free" (global (mut i32)))
  ;; What it imports from itself.
  (import "env" "own" (func (param i32)))
  (import "GOT.func" "own" (global (mut i32)))
  (func $own (export "own") (param i32))
  (elem (global.get $table_base) func $own)
  (data (global.get $memory_base) "four"))
