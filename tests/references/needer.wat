;; Needs `helper.so`, and may do without a function, data and the initialiser of a thread-local variable that nobody has.
(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (needed "helper.so")
    (import-info "env" "maybe_there" binding-weak undefined)
    (import-info "env" "maybe_data" binding-weak undefined)
    (import-info "env" "_ZTH1x" binding-weak undefined)
    (runtime-path "$ORIGIN"))
  (import "GOT.func" "maybe_there" (global $maybe_there_address (mut i32)))
  (import "GOT.func" "_ZTH1x" (global $init_address (mut i32)))
  (import "GOT.mem" "maybe_data" (global $maybe_data (mut i32)))
  (import "env" "maybe_there" (func $maybe_there (param i32) (result i32)))
  (import "env" "_ZTH1x" (func $init))
  (import "env" "helper" (func $helper (result i32)))
  (func (export "value") (result i32)
    (if (global.get $init_address)
      (then (call $init)))
    (i32.add
      (call $helper)
      (i32.add
        (if (result i32) (global.get $maybe_there_address)
          (then (call $maybe_there (i32.const 1)))
          (else (i32.const 0)))
        (global.get $maybe_data)))))
