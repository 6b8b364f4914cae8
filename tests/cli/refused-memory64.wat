;; Pyodide runtimes are 32-bit.
;; FAIL 3: upgrade -O0 % -o out/

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory i64 0)))
