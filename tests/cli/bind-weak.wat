;; RUN: % -o - --no-encode -v | print
;; RUN[bsymbolic]: % -o - --bsymbolic --no-encode -v | print

;; A library with weak functions, which another one may override. Calls of what is inline by its name become local: an instance of a
;; template and a member of a local class. A C function, a plain C++ function and a member of a plain class stay with the loader, and so do
;; all addresses, which are the same in all modules. `--bsymbolic` binds all.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "hook" (func $hook (param i32) (result i32)))
  (import "env" "_Z4hooki" (func $plain (param i32) (result i32)))
  (import "env" "_Z4hook3FooIiE" (func $parameter (param i32) (result i32)))
  (import "env" "_ZN3Foo3barEv" (func $member (param i32) (result i32)))
  (import "env" "_ZN3FooIiE3barEv" (func $instance (param i32) (result i32)))
  (import "env" "_ZZ3foovEN1A3barEv" (func $local (param i32) (result i32)))
  (import "GOT.func" "_Z4hooki" (global $plain_address (mut i32)))
  (import "GOT.func" "_ZN3FooIiE3barEv" (global $instance_address (mut i32)))
  (func $own (export "hook") (export "_Z4hooki") (export "_Z4hook3FooIiE") (export "_ZN3Foo3barEv") (export "_ZN3FooIiE3barEv")
      (export "_ZZ3foovEN1A3barEv") (param i32) (result i32)
    i32.const 1)
  (func (export "calls") (param i32) (result i32)
    local.get 0
    call $hook
    call $plain
    call $parameter
    call $member
    call $instance
    call $local)
  (func (export "addresses") (result i32 i32)
    global.get $plain_address
    global.get $instance_address))
