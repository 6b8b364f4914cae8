;; Functions that only sound like the ABI are the user's: the type decides, or that the module defines and exports them itself.
;; RUN: upgrade -O0 % -o - --allow-missing -v | print

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "invoke_if" (func $invoke_if (param f64) (result i32)))
  (import "GOT.func" "invoke_if" (global $invoke_if_address (mut i32)))
  (import "env" "invoke_callback" (func $invoke_callback (param i32)))
  (import "env" "setThrew" (func $setThrew (param i32)))
  (import "env" "__cxa_find_matching_catch_9" (func $__cxa_find_matching_catch_9))
  (import "GOT.func" "invoke_id" (global $invoke_id_address (mut i32)))
  (func $invoke_id (export "invoke_id") (param i32) (result i32)
    (call $invoke_callback (global.get $invoke_id_address))
    (call $setThrew (call $invoke_if (f64.const 1)))
    (call $__cxa_find_matching_catch_9)
    (global.get $invoke_if_address)))
