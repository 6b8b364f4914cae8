;; Symbols that are known under another name are renamed where the runtime lacks the old name and has the new one with the same type;
;; `--alias` renames in any case.
;; RUN[known]: upgrade -O0 % -o - --allow-missing -v | print
;; RUN[asked]: upgrade -O0 % -o - --alias cosine=cos --alias puts=fputs --allow-missing -v | print
;; FAIL[wrong-type] 3: upgrade -O0 % -n --alias puts=fputs --alias cosine=abs
;; FAIL[no-name] 2: upgrade -O0 % -n --alias cosine=

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (import-info "env" "cosine" binding-weak undefined))
  (import "env" "_emscripten_get_now" (func (result f64)))
  (import "GOT.func" "_emscripten_get_now" (global (mut i32)))
  (import "env" "_PyThreadState_UncheckedGet" (func (result i32)))
  ;; Of this type, it is none of ours.
  (import "env" "_Py_IsFinalizing" (func (param i32) (result i32)))
  ;; The module has its own.
  (import "env" "_PyLong_AsInt" (func (param i32) (result i32)))
  (import "env" "cosine" (func (param f64) (result f64)))
  (import "env" "puts" (func (param i32) (result i32)))
  (func (export "_PyLong_AsInt") (param i32) (result i32) (local.get 0)))
