;; Symbols that nobody offers, or that are something else, each kind with its own code.
;; FAIL 1: check %
;; FAIL[verbose] 1: check % -v
;; FAIL[2026] 1: check % --target pyemscripten_2026_0
;; FAIL[json] 1: check % --json
(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (import-info "env" "emscripten_weak" 1))
  (import "env" "emscripten_weak" (func (param i32)))
  (import "env" "emscripten_gone" (func (param i32)))
  (import "env" "__syscall_umask" (func (param i32) (result i32)))
  (import "env" "of_another_library" (func))
  (import "env" "of_a_third_library" (func))
  (import "GOT.mem" "data_of_another_library" (global (mut i32)))
  (import "GOT.mem" "__cxa_gone" (global (mut i32)))
  (import "GOT.func" "stackSave" (global (mut i32)))
  (import "env" "a_global" (global i32))
  (import "env" "emscripten_global" (global (mut i32)))
  (import "env" "emscripten_tag" (tag (param i32)))
  (import "env" "malloc" (func (param i64) (result i32)))
  (import "env" "free" (func (param i32)))
  (import "env" "__stack_pointer" (global (mut i64)))
  (import "env" "__cpp_exception" (tag (param i64)))
  (import "env" "__c_longjmp" (func))
  (import "env" "PyExc_ValueError" (func)))
