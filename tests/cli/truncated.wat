;; FAIL 1: upgrade % -o out/

(module binary "\00asm\01\00")
