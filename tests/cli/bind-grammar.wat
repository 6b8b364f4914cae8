;; RUN: % -o - --no-encode -v | print
;; RUN[check]: check %

;; A grammar of tree-sitter is loaded for one function, so its references to itself become local: nobody else defines what they mean. Pyodide
;; loads one module after the other, so it takes the original, too.
(module
  (@dylink.0 (mem-info (memory 16 2) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "__indirect_function_table" (table 0 funcref))
  (import "GOT.func" "tree_sitter_x_external_scanner_create" (global $create (mut i32)))
  (import "GOT.mem" "symbols" (global $symbols (mut i32)))
  (global (export "symbols") i32 (i32.const 8))
  (func (export "tree_sitter_x_external_scanner_create") (result i32)
    i32.const 0)
  (func (export "tree_sitter_x") (result i32)
    (i32.store (global.get $memory_base) (global.get $create))
    (i32.store offset=4 (global.get $memory_base) (global.get $symbols))
    global.get $memory_base))
