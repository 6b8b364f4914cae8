;; A section `name` that cannot be read cannot be written with new numbers: it goes, with a notice. Where nothing is renumbered it stays.
;; A tag that nobody throws goes, and is counted.
;; RUN: % -o - --no-encode -v | print
;; RUN[O0]: % -o again.wasm -O0 -v
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (type (func))
  (type (func (param i32)))
  (import "env" "Py_IncRef" (func (type 1)))
  (tag (type 1))
  (func (export "_Z4goneiv") (type 0))
  (func (export "PyInit_m") (result i32)
    i32.const 0
    call 0
    i32.const 0)
  (@custom "name" (after last) "\01\05\02\00\09x"))
