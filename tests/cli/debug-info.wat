;; RUN: % -o - -v | print
;; RUN[strip]: % -o - -v --strip debug | print

;; Debug information points into the code by offset, so nothing of the code moves unless it goes first, which has to be asked for.
(module
  (@dylink.0 (mem-info (memory 0 0)))
  (import "env" "unused" (func $unused))
  (func $gone (export "_Z4gonev") (result i32)
    i32.const 1)
  (func (export "PyInit_m") (result i32)
    i32.const 0)
  (@custom ".debug_info" "..."))
