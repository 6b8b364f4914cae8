;; What kept a module from becoming a legacy one goes with a function that nobody needs, and then it becomes one in the same run.
;; RUN: upgrade % -o - --exceptions legacy -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (global $kept (mut exnref) (ref.null exn))
  (func $keep (param exnref)
    local.get 0
    global.set $kept)
  (func $f (export "f") (param i32)
    local.get 0
    i32.load
    drop)
  (func (export "g") (param i32)
    block $caught (result exnref)
      try_table (catch_all_ref $caught)
        local.get 0
        call $f
      end
      return
    end
    throw_ref))
