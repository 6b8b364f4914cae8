;; Sections that point into the code go, with a notice; names and target features follow the change; all else stays in its place.
;; RUN: upgrade -O0 % -o - -v | print

(module $named
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (@custom "unknown" (before type) "kept")
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table $table 0 funcref))
  (import "env" "__stack_pointer" (global $stack_pointer (mut i32)))
  (import "env" "invoke_v" (func $wrapper (param i32)))
  (import "env" "other" (func $other))
  (import "env" "__cxa_find_matching_catch_2" (func $landing_pad (result i32)))
  (func $run (export "run") (param $pointer i32) (result i32) (local $unused i64)
    (block $label
      (call $wrapper (local.get $pointer)))
    (call $other)
    (call $landing_pad))
  (@custom "metadata.code.branch_hint" (before code) "\00")
  (@custom ".debug_info" (after data) "\01\02")
  (@custom ".debug_line" (after data) "\01\02")
  (@custom "reloc.CODE" (after data) "\00\00")
  (@custom "linking" (after data) "\02")
  (@custom "sourceMappingURL" (after data) "\05a.map")
  (@producers (language "C++" ""))
  (@custom "target_features" (after data) "\02+\0bbulk-memory+\08sign-ext"))
