;; FAIL 1: upgrade -O0 % -o out/

(module binary "\00asm\01\00")
