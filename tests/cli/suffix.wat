;; A module named for another Python is upgraded; its name is the caller's business.
;; RUN: upgrade -O0 % -o ext.cpython-312-wasm32-emscripten.so -v
;; RUN[renamed]: upgrade -O0 ext.cpython-312-wasm32-emscripten.so -o ext.abi3.so
;; RUN[in-place]: upgrade -O0 ext.cpython-312-wasm32-emscripten.so --in-place -v
;; RUN[stdout]: upgrade -O0 ext.cpython-312-wasm32-emscripten.so -o - -v | print
;; RUN[313]: upgrade -O0 ext.abi3.so -o ext.cpython-313-wasm32-emscripten.so
;; RUN[314]: upgrade -O0 ext.abi3.so -o ext.cpython-313-wasm32-emscripten.so --target pyemscripten_2026_0 -v

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0)))
