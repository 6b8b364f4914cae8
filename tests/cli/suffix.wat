;; A module named for another Python is upgraded; its name is the caller's business.
;; RUN: upgrade % -o ext.cpython-312-wasm32-emscripten.so
;; RUN[other]: upgrade ext.cpython-312-wasm32-emscripten.so -o ext.abi3.so
;; RUN[same]: upgrade ext.abi3.so -o ext.cpython-313-wasm32-emscripten.so
;; RUN[target]: upgrade ext.cpython-313-wasm32-emscripten.so -o ext.so
;; RUN[target-2026]: upgrade ext.cpython-313-wasm32-emscripten.so -o ext.so --target pyemscripten_2026_0

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0)))
  (import "env" "memory" (memory 0)))
