;; Emscripten's side modules have no garbage-collected types.
;; FAIL 1: upgrade -O0 % -o out/

(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (type (struct (field i32))))
