;; A reference that goes elsewhere has no legacy instruction: the module keeps `try_table`, and its `try` becomes one, too.
;; RUN: upgrade -O0 % -o - -v | print
;; RUN[check]: check %
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__cpp_exception" (tag $cpp (param i32)))
  (func $f (export "f") (param i32) (throw $cpp (local.get 0)))
  ;; It is one of two.
  (func (export "either") (param i32) (local $e exnref)
    block $done
      block $thrown
        block $h (result exnref)
          try_table (catch_all_ref $h)
            i32.const 1
            call $f
          end
          block $i (result exnref)
            try_table (catch_all_ref $i)
              i32.const 2
              call $f
            end
            br $done
          end
          local.set $e
          br $thrown
        end
        local.set $e
      end
      local.get $e
      throw_ref
    end)
  (func (export "legacy")
    try
      i32.const 3
      call $f
    catch_all
      rethrow 0
    end))
