(module
  (@dylink.0
    (mem-info (memory 1274 2) (table 4 0))
  )
  (type (;0;) (func))
  (type (;1;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 1))
  (import "env" "__memory_base" (global $mb (;0;) i32))
  (import "env" "__table_base" (global $tb (;1;) i32))
  (import "GOT.mem" "symbol" (global $symbol (;2;) (mut i32)))
  (import "env" "imported" (func $imported (;0;) (type 0)))
  (global $internal (;3;) (mut i32) i32.const 0)
  (global $wide (;4;) (mut i64) i64.const 0)
  (export "__wasm_apply_data_relocs" (func 1))
  (func (;1;) (type 0)
    global.get $mb
    i32.load offset=1200
    i32.eqz
    if ;; label = @1
      global.get $mb
      i32.const 1204
      i32.add
      i32.const 0
      i32.const 70
      memory.init 1
      global.get $mb
      global.get $mb
      i32.store offset=1200
      global.get $mb
      i32.const 1204
      i32.add
      global.get $symbol
      call $__wasm_pyfix_relocate
      global.get $mb
      call $__wasm_pyfix_relocate
      global.get $tb
      call $__wasm_pyfix_relocate
      drop
    end
  )
  (func $__wasm_pyfix_relocate (;2;) (type 1) (param i32 i32) (result i32)
    (local i32 i32 i32 i32)
    global.get $mb
    i32.load offset=1200
    local.set 2
    loop ;; label = @1
      i32.const 0
      local.set 4
      loop ;; label = @2
        local.get 4
        i32.const 7
        i32.shl
        local.get 0
        i32.load8_s
        local.tee 5
        i32.const 127
        i32.and
        i32.or
        local.set 4
        local.get 0
        i32.const 1
        i32.add
        local.set 0
        local.get 5
        i32.const 0
        i32.lt_s
        br_if 0 (;@2;)
      end
      local.get 4
      i32.const -2
      i32.and
      i32.const 1
      i32.shl
      local.get 2
      i32.add
      local.tee 2
      local.get 2
      i32.load
      local.get 1
      i32.add
      i32.store
      local.get 3
      local.get 2
      local.get 3
      select
      local.set 3
      local.get 4
      i32.const 1
      i32.and
      i32.eqz
      br_if 0 (;@1;)
    end
    global.get $mb
    local.get 3
    i32.store offset=1200
    local.get 0
  )
  (data (;0;) (global.get $mb) "\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\08\00\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\e8\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07\07")
  (data (;1;) "\08\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\03P\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\02\03(\02\02\02\02\02\02\02\02\03")
)
