;; Asyncify saves and restores frames in code that it wrote itself: no pass knows its shape.
;; FAIL 3: upgrade -O0 % -o out/

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "asyncify_start_unwind") (param i32)))
