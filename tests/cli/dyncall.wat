;; A module whose dynCall exports are missing but for one.
;; RUN: -O0 % -o - --target emscripten-legacy -v | print
;; RUN[all]: -O0 % -o - --target emscripten-legacy --dyncalls all -v | print
;; RUN[listed]: -O0 % -o - --target emscripten-legacy --dyncalls vi,jfj -v | print
;; RUN[whole]: -O0 % -o - --target emscripten-legacy --bigint --dyncalls jfj -v | print
;; RUN[pyodide]: -O0 % -o - --dyncalls jfj -v | print
;; FAIL[signature] 2: -O0 % -o - --dyncalls iv
;; FAIL[vector] 2: -O0 % -o - --dyncalls vV
(module
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "__indirect_function_table" (table $table 2 funcref))
  (func $dynCall_ji (export "dynCall_ji") (param i32 i32) (result i32) unreachable)
  (func $in_table (param f64 i64) (result i64) (local.get 1))
  (func $also_in_table (param i32))
  (func $same_as_exported (param i32) (result i64) (i64.const 1))
  (func $calls (param $pointer i32) (result i32)
    (call_indirect $table (param f32) (result i32) (f32.const 1) (local.get $pointer)))
  (elem (global.get $table_base) func $in_table $also_in_table $same_as_exported))
