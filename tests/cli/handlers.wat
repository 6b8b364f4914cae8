;; Native handlers of the legacy kind become `try_table`, each in a way of its own.
;; RUN: upgrade -O0 % -o - | print
;; RUN[exnref]: upgrade -O0 % -o - --exceptions exnref -v | print
;; FAIL[both] 2: upgrade -O0 % -o - --exceptions legacy --exnref
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__cpp_exception" (tag $cpp (param i32)))
  (func $f (export "f") (param i32) (throw $cpp (local.get 0)))
  ;; The reference stays on the stack until it is thrown on, and no branch leads around the handler.
  (func (export "cleanup") (param i32)
    try
      local.get 0
      call $f
    catch_all
      i32.const 1
      call $f
      rethrow 0
    end
    i32.const 2
    call $f)
  ;; A handler with a payload has the reference in a local.
  (func (export "catch") (param i32) (result i32)
    try (result i32)
      local.get 0
      call $f
      i32.const 3
    catch $cpp
      local.tee 0
      if
        rethrow 1
      end
      i32.const 4
    end)
  ;; Equal handlers are one.
  (func (export "equal")
    try
      i32.const 5
      call $f
    catch_all
      i32.const 6
      call $f
      rethrow 0
    end
    try
      i32.const 7
      call $f
    catch_all
      i32.const 6
      call $f
      rethrow 0
    end)
  ;; What is thrown in the inner handler goes to the outer one.
  (func (export "nested")
    try
      try
        i32.const 8
        call $f
      catch_all
        i32.const 9
        call $f
        rethrow 0
      end
      i32.const 10
      call $f
    catch_all
      i32.const 11
      call $f
      unreachable
    end)
  ;; An exception passes the handler in between: out of the function, or to a handler of another `try`.
  (func (export "delegates")
    try $outer
      try
        i32.const 12
        call $f
        try
          i32.const 13
          call $f
        delegate 2
        try
          i32.const 14
          call $f
        delegate $outer
      catch $cpp
        call $f
      end
    catch_all
    end)
  ;; A call that the `try` begins with and that is taken out of it again stands before it.
  (func (export "early")
    try
      try
        i32.const 15
        call $f
      delegate 1
      i32.const 16
      call $f
    catch_all
      i32.const 17
      call $f
      rethrow 0
    end)
  ;; But not where another hands its exceptions to the outer `try`, or to the one that would go.
  (func (export "named")
    try $guard
      try $outer
        try $inner
          try
            i32.const 24
            call $f
          delegate $inner
          try
            i32.const 25
            call $f
          delegate $outer
        delegate $guard
        i32.const 26
        call $f
      catch_all
        i32.const 27
        call $f
        rethrow 0
      end
    catch_all
      i32.const 28
      call $f
      rethrow 0
    end)
  ;; What is in a loop stays there where the handler goes on with the loop.
  (func (export "loop") (param i32)
    loop $again
      try
        local.get 0
        call $f
      catch_all
        br $again
      end
      i32.const 18
      call $f
    end)
  ;; A `try` takes values, and one handler of several goes on.
  (func (export "values") (param i32) (result i32)
    i32.const 19
    try (param i32) (result i32)
      call $f
      i32.const 20
    catch $cpp
    catch_all
      i32.const 21
    end
    local.get 0
    i32.add)
  ;; What throws nothing needs no handler.
  (func (export "idle") (param i32) (result i32)
    try (result i32)
      local.get 0
      call $harmless
    catch_all
      i32.const 22
      call $f
      rethrow 0
    end
    i32.const 23
    call $f)
  (func $harmless (param i32) (result i32)
    local.get 0)
  ;; Without handlers nothing changes.
  (func (export "none") (param i32)
    i32.const 22
    call $f))
