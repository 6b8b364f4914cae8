;; A relocatable object has symbols where a side module has addresses: it must be linked first.
;; FAIL 1: upgrade -O0 % -o out/

(module
  (func)
  (@custom "linking" (after code) "\02")
  (@custom "reloc.CODE" (after code) "\03\00"))
