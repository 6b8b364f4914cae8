;; RUN: % -o - --verbose | print
;; RUN[debug]: % -o - --strip debug --verbose | print
;; RUN[names]: % -o - --strip names -v | print
;; RUN[all]: % -o - --strip all -v | print
;; RUN[O0]: % -o - --strip all -O0 -v | print

;; Nothing is dropped that was not asked for, and so equal functions stay apart: merging them would make the debug information wrong. What
;; loaders and tools need stays in any case.
(module $named
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func $one (result i32)
    i32.const 1)
  (func $another (result i32)
    i32.const 1)
  (func $main (export "main") (result i32)
    call $one
    call $another
    i32.add)
  (@custom ".debug_info" "where the code is")
  (@custom "external_debug_info" "\09main.wasm")
  (@custom "sourceMappingURL" "\08main.map")
  (@custom "producers" "\00")
  (@custom "build_id" "\0212")
  (@custom "target_features" "\01+\0bmultivalues"))
