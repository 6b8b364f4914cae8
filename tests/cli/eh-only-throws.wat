;; A module that throws and jumps but catches nothing: only what is missing changes, no state and no tags are added.
;; RUN: upgrade -O0 % -o - -v | print

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (import-info "env" "emscripten_longjmp" 0x10))
  (import "env" "emscripten_longjmp" (func $emscripten_longjmp (param i32 i32)))
  (import "env" "__cxa_throw" (func $__cxa_throw (param i32 i32 i32)))
  (import "env" "__gxx_personality_v0" (func $__gxx_personality_v0 (param i32)))
  (import "env" "llvm_eh_typeid_for" (func $llvm_eh_typeid_for (param i32) (result i32)))
  (func (export "run") (param i32)
    (call $emscripten_longjmp (local.get 0) (i32.const 1))
    (call $__cxa_throw (local.get 0) (call $llvm_eh_typeid_for (i32.const 8)) (i32.const 0))
    (call $__gxx_personality_v0 (i32.const 0))))
