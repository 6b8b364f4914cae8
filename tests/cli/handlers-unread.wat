;; Behind a block to whose end nothing comes, a reference is used in a way that nobody follows: the module keeps `try_table`.
;; RUN: upgrade -O0 % -o - --exceptions legacy -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (func $f (export "f") (param i32))
  (func (export "g") (result i32) (local exnref)
    block
      i32.const 1
      call $f
      unreachable
    end
    block $caught (result exnref)
      try_table (catch_all_ref $caught)
        i32.const 2
        call $f
      end
      i32.const 3
      return
    end
    local.set 0
    local.get 0
    ref.is_null))
