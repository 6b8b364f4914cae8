;; Null references of other things have nothing to do with exceptions.
;; RUN: upgrade -O0 % -o - -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__cpp_exception" (tag $cpp (param i32)))
  (func $f (export "f") (param i32) (throw $cpp (local.get 0)))
  (func (export "new") (param i32)
    (drop (ref.is_null (ref.null extern)))
    block $h
      try_table (catch_all $h)
        local.get 0
        call $f
      end
    end))
