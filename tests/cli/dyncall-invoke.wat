;; Signatures of invoke_* imports, legalized or not, in a module without a table.
;; RUN: -O0 % -o - --target emscripten-legacy -v | print
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (import "env" "invoke_vj" (func (param i32 i32 i32)))
  (import "env" "invoke_fj" (func (param i32 i64) (result f32)))
  (import "env" "invoke_vi" (func (param i32 i32)))
  ;; No invoke, for its type says something else.
  (import "env" "invoke_ij" (func (param f64))))
