;; `try_table` becomes `try`, as compilers and this tool write it.
;; RUN: upgrade -O0 % -o - -v | print
;; RUN[exnref]: upgrade -O0 % -o - --exnref | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__cpp_exception" (tag $cpp (param i32)))
  (func $f (export "f") (param i32) (throw $cpp (local.get 0)))
  (func (export "stack") (param i32)
    block $h (result exnref)
      try_table (catch_all_ref $h)
        local.get 0
        call $f
      end
      return
    end
    i32.const 1
    call $f
    throw_ref)
  ;; A copy of a reference means the same exception, and a handler inside the first uses the first's local for its own.
  (func (export "local") (param i32) (local $e exnref) (local $copy exnref)
    block $done
      block $h (result i32 exnref)
        try_table (catch_ref $cpp $h)
          local.get 0
          call $f
        end
        br $done
      end
      local.set $e
      local.set 0
      local.get $e
      local.set $copy
      block $other
        local.get 0
        br_if $other
        block $i (result exnref)
          try_table (catch_all_ref $i)
            i32.const 2
            call $f
          end
          br $done
        end
        local.set $e
        i32.const 3
        call $f
        local.get $e
        throw_ref
      end
      local.get $copy
      throw_ref
    end)
  ;; Two lead to one handler: each has its own copy.
  (func (export "shared")
    block $h (result i32)
      try_table (catch $cpp $h)
        i32.const 4
        call $f
      end
      try_table (catch $cpp $h)
        i32.const 5
        call $f
      end
      return
    end
    call $f
    unreachable)
  ;; The inner one's exceptions pass the outer handler, and so does what is thrown behind them.
  (func (export "past")
    block $all (result exnref)
      block $h (result i32)
        try_table (catch $cpp $h)
          try_table (catch_all_ref $all)
            i32.const 6
            call $f
          end
          i32.const 7
          call $f
        end
        return
      end
      call $f
      return
    end
    i32.const 8
    call $f
    throw_ref)
  ;; Exceptions that leave the function are handed on.
  (func (export "out")
    block $all (result exnref)
      block $h (result i32)
        try_table (catch $cpp $h)
          try_table (catch_all_ref $all)
            i32.const 9
            call $f
          end
        end
        return
      end
      call $f
      return
    end
    throw_ref)
  ;; The block is also branched to, so it stays.
  (func (export "entered") (param i32) (result i32)
    block $h (result i32)
      i32.const 10
      local.get 0
      br_if $h
      drop
      try_table (catch $cpp $h)
        i32.const 11
        call $f
      end
      i32.const 12
      return
    end))
