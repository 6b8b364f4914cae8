;; Command lines that make no sense end with exit code 2, before anything is read or written.
;; FAIL[no-input] 2: upgrade -O0 -o out
;; FAIL[no-output] 2: upgrade -O0 %
;; FAIL[subcommand] 2: check -o out
;; FAIL[target] 2: upgrade -O0 % -o out --target pyodide_2019_0
;; FAIL[stdin-twice] 2: upgrade -O0 - - -o out/ < %
;; FAIL[stdin-in-place] 2: upgrade -O0 - --in-place < %
;; FAIL[stdin-directory] 2: upgrade -O0 - -o out/ < %
;; FAIL[stdout-several] 2: upgrade -O0 % % -o -
;; FAIL[stdout-json] 2: upgrade -O0 % -o - --json
;; FAIL[file-for-several] 2: upgrade -O0 % % -o usage.wasm

(module)
