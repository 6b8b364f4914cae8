;; Strong imports that the runtime lacks are listed by what comes of it, and those that another library may offer apart from them.
;; FAIL 3: upgrade -O0 % -o -
;; FAIL[json] 3: upgrade -O0 % -n --json
;; RUN[allowed]: upgrade -O0 % -o out.wasm --allow-missing -v
;; FAIL[2026] 3: upgrade -O0 % -n --target pyemscripten_2026_0
;; FAIL[main] 1: upgrade -O0 % -n --main %

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (import-info "env" "emscripten_weak" 1))
  (import "env" "emscripten_weak" (func (param i32)))
  (import "env" "_ZNKSt3__221__basic_string_commonILb1EE20__throw_length_errorEv" (func (param i32)))
  (import "env" "_ZNSt3__26vectorI3FooNS_9allocatorIS1_EEE5clearEv" (func (param i32)))
  (import "GOT.func" "emscripten_gone" (global (mut i32)))
  (import "GOT.mem" "__cxa_gone" (global (mut i32)))
  (import "GOT.mem" "of_another_library" (global (mut i32)))
  (import "env" "_PyLong_FormatWriter" (func (param i32)))
  (import "env" "emscripten_tag" (tag (param i32)))
  (import "env" "malloc" (func (param i64) (result i32)))
  (import "env" "script" (func (param i32)))
  (import "env" "free" (func (param i32)))
  (import "env" "__gettimeofday" (func (param i32 i32) (result i32)))
  (global i32 (i32.const 0))
  (export "__em_js__script" (global 2)))
