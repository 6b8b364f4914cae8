;; Function addresses in the GOT: of replaced functions they become table slots of the module, of `emscripten_longjmp` they follow it.
;; RUN: upgrade -O0 % -o - --no-adapters -v | print

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 2 0))
    (import-info "GOT.func" "emscripten_longjmp" 0x10)
    (import-info "env" "invoke_v" 0x10)
    (import-info "env" "abort" 0x11))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "__table_base" (global $__table_base i32))
  (import "GOT.func" "invoke_v" (global $invoke_v_address (mut i32)))
  (import "GOT.func" "invoke_i" (global $invoke_i_address (mut i32)))
  (import "GOT.func" "emscripten_longjmp" (global $longjmp_address (mut i32)))
  (import "GOT.func" "__gxx_personality_v0" (global $personality_address (mut i32)))
  (import "GOT.func" "getTempRet0" (global $getTempRet0_address (mut i32)))
  (import "env" "invoke_v" (func $invoke_v (param i32)))
  (import "env" "abort" (func $abort))
  (func (export "run") (result i32)
    (call $invoke_v (global.get $invoke_v_address))
    (call $abort)
    (i32.add (global.get $invoke_i_address)
      (i32.add (global.get $longjmp_address) (i32.add (global.get $personality_address) (global.get $getTempRet0_address)))))
  (elem (global.get $__table_base) func $run_twice)
  (func $run_twice))
