;; RUN: % -o - --no-prune --no-encode -v | print

;; What only some runtimes of the target define is left to the loader: there, their definition wins.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (type $void (func))
  (import "env" "compat_dict_to_literalmap" (func $import (type $void)))
  (import "env" "nobody_else" (func $bound (type $void)))
  (func (export "compat_dict_to_literalmap"))
  (func (export "nobody_else"))
  (func (export "PyInit_m") (result i32)
    call $import
    call $bound
    i32.const 0))
