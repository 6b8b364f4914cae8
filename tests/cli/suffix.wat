;; A module named for another Python is upgraded; its name is the caller's business.
;; RUN: upgrade % -o ext.cpython-312-wasm32-emscripten.so
;; RUN[renamed]: upgrade ext.cpython-312-wasm32-emscripten.so -o ext.abi3.so
;; RUN[in-place]: upgrade ext.cpython-312-wasm32-emscripten.so --in-place
;; RUN[stdout]: upgrade ext.cpython-312-wasm32-emscripten.so -o - | print
;; RUN[313]: upgrade ext.abi3.so -o ext.cpython-313-wasm32-emscripten.so
;; RUN[314]: upgrade ext.abi3.so -o ext.cpython-313-wasm32-emscripten.so --target pyemscripten_2026_0

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0)))
