;; What is not a core module is an error, and nothing is written.
;; FAIL 1: upgrade -O0 % -o out/
;; FAIL[quiet] 1: upgrade -O0 % -o out/ -q
;; FAIL[json] 1: upgrade -O0 % -o out/ -q --json

(component)
