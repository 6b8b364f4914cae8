;; One line for each input and what there may be to act on; everything else under -v; a line on several inputs, and tables of sizes.
;; RUN: upgrade % -n
;; RUN[verbose]: upgrade % -n -v
;; RUN[quiet]: upgrade % -n -q
;; RUN[written]: upgrade % -o other.wasm
;; RUN[several]: upgrade % other.wasm -n
;; FAIL[failing] 1: upgrade % other.wasm nothing.wasm -n
;; RUN[summary]: upgrade % other.wasm -n -q --summary
;; FAIL[markdown] 1: upgrade % other.wasm nothing.wasm -n -q --summary=markdown
;; RUN[json]: upgrade % other.wasm -n -q --summary=json
;; FAIL[both] 2: upgrade % -n --json --summary
;; FAIL[stdout] 2: upgrade % -o - --summary
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0))
  (import "env" "_emscripten_get_now" (func $now (result f64)))
  (import "env" "another_library_has_it" (func $elsewhere))
  (func (export "f") (result f64) call $elsewhere call $now)
  (func (export "g") (result f64) call $elsewhere call $now))
