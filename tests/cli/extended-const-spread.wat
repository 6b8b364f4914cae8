;; What no linker writes is refused, with the words for it.
;; FAIL 3: upgrade -O0 % -n --no-extended-const
(module
  (@dylink.0 (mem-info (memory 2000000 2) (table 2 0)))
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__memory_base" (global $base i32))
  (import "env" "__table_base" (global $table_base i32))
  (data (offset (i32.add (global.get $base) (i32.const 1000000))) "a")
  (func $f))
