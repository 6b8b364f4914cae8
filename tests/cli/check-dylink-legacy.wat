;; The section `dylink` of old is read by the oldest loaders only.
;; FAIL 1: check %
;; RUN[2024]: check % --target pyodide_2024_0
;; RUN[legacy]: check % --target emscripten-legacy
;; RUN[upgraded]: upgrade % -o upgraded.wasm -q
;; RUN[after]: check upgraded.wasm
(module
  (@custom "dylink" (before first) "\00\00\00\00\00")
  (func (export "answer") (result i32) i32.const 42))
