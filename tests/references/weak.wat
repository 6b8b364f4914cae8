;; Defines `hook(int)`, a C function `c_hook` and an instance of a template as weak symbols, as lld links them, and calls each directly and
;; by its address.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (type $unary (func (param i32) (result i32)))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "env" "_Z4hooki" (func $hook (type $unary)))
  (import "env" "c_hook" (func $c_hook (type $unary)))
  (import "env" "_Z8instanceIiEiT_" (func $instance (type $unary)))
  (import "GOT.func" "_Z4hooki" (global $hook_address (mut i32)))
  (import "GOT.func" "c_hook" (global $c_hook_address (mut i32)))
  (import "GOT.func" "_Z8instanceIiEiT_" (global $instance_address (mut i32)))
  (func (export "_Z4hooki") (export "c_hook") (type $unary)
    i32.const 1)
  (func (export "_Z8instanceIiEiT_") (type $unary)
    local.get 0)
  (func (export "called") (result i32)
    (i32.add
      (i32.mul (call $hook (i32.const 0)) (i32.const 100))
      (i32.add (i32.mul (call $c_hook (i32.const 0)) (i32.const 10)) (call $instance (i32.const 7)))))
  (func (export "pointed") (result i32)
    (i32.add
      (i32.mul (call_indirect (type $unary) (i32.const 0) (global.get $hook_address)) (i32.const 100))
      (i32.add
        (i32.mul (call_indirect (type $unary) (i32.const 0) (global.get $c_hook_address)) (i32.const 10))
        (call_indirect (type $unary) (i32.const 7) (global.get $instance_address))))))
