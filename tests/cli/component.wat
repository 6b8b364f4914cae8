;; What is not a core module is an error, and nothing is written.
;; FAIL 1: upgrade % -o out/
;; FAIL[quiet] 1: upgrade % -o out/ -q
;; FAIL[json] 1: upgrade % -o out/ -q --json

(component)
