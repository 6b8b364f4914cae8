;; Leaf functions that a module can have of its own where the runtime has none. None of them calls anything, or refers to anything but the
;; memory, so that a body fits any module. `substitutes.wasm` is this text, assembled; a test compares the two.
(module
  ;; The section of a side module, so that it is read as one.
  (@custom "dylink.0" (before first) "\01\04\00\00\00\00")
  (memory 0)

  ;; The program stops, as with the real ones; what they print does not appear.
  (func (export "abort") unreachable)
  (func (export "__assert_fail") (param i32 i32 i32 i32) unreachable)

  ;; What the runtime's own `memcpy` calls for long blocks.
  (func (export "_emscripten_memcpy_js") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "emscripten_memcpy_js") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "emscripten_memcpy_big") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))

  ;; ctype.h in the locale "C", the only one that musl has for bytes. Other numbers than those of characters are in no class.
  (func (export "isalpha") (param i32) (result i32)
    (i32.lt_u (i32.sub (i32.or (local.get 0) (i32.const 32)) (i32.const 97)) (i32.const 26)))
  (func (export "isdigit") (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10)))
  (func (export "isalnum") (param i32) (result i32)
    (i32.or
      (i32.lt_u (i32.sub (i32.or (local.get 0) (i32.const 32)) (i32.const 97)) (i32.const 26))
      (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10))))
  (func (export "isblank") (param i32) (result i32)
    (i32.or (i32.eq (local.get 0) (i32.const 32)) (i32.eq (local.get 0) (i32.const 9))))
  (func (export "iscntrl") (param i32) (result i32)
    (i32.or (i32.lt_u (local.get 0) (i32.const 32)) (i32.eq (local.get 0) (i32.const 127))))
  (func (export "isgraph") (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 33)) (i32.const 94)))
  (func (export "islower") (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 97)) (i32.const 26)))
  (func (export "isprint") (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 32)) (i32.const 95)))
  (func (export "ispunct") (param i32) (result i32)
    (i32.and
      (i32.lt_u (i32.sub (local.get 0) (i32.const 33)) (i32.const 94))
      (i32.eqz (i32.or
        (i32.lt_u (i32.sub (i32.or (local.get 0) (i32.const 32)) (i32.const 97)) (i32.const 26))
        (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10))))))
  (func (export "isspace") (param i32) (result i32)
    (i32.or
      (i32.eq (local.get 0) (i32.const 32))
      (i32.lt_u (i32.sub (local.get 0) (i32.const 9)) (i32.const 5))))
  (func (export "isupper") (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 65)) (i32.const 26)))
  (func (export "isxdigit") (param i32) (result i32)
    (i32.or
      (i32.lt_u (i32.sub (i32.or (local.get 0) (i32.const 32)) (i32.const 97)) (i32.const 6))
      (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10))))
  (func (export "isascii") (param i32) (result i32)
    (i32.lt_u (local.get 0) (i32.const 128)))
  (func (export "toascii") (param i32) (result i32)
    (i32.and (local.get 0) (i32.const 127)))
  (func (export "tolower") (param i32) (result i32)
    (select
      (i32.or (local.get 0) (i32.const 32))
      (local.get 0)
      (i32.lt_u (i32.sub (local.get 0) (i32.const 65)) (i32.const 26))))
  (func (export "toupper") (param i32) (result i32)
    (select
      (i32.and (local.get 0) (i32.const 95))
      (local.get 0)
      (i32.lt_u (i32.sub (local.get 0) (i32.const 97)) (i32.const 26))))

  ;; Those of wctype.h that mean the same for all of Unicode.
  (func (export "iswdigit") (param i32) (result i32)
    (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10)))
  (func (export "iswxdigit") (param i32) (result i32)
    (i32.or
      (i32.lt_u (i32.sub (i32.or (local.get 0) (i32.const 32)) (i32.const 97)) (i32.const 6))
      (i32.lt_u (i32.sub (local.get 0) (i32.const 48)) (i32.const 10)))))
