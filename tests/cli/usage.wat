;; Command lines that make no sense end with exit code 2, before anything is read or written.
;; FAIL[no-input] 2: upgrade -o out
;; FAIL[no-output] 2: upgrade %
;; FAIL[subcommand] 2: check -o out
;; FAIL[target] 2: upgrade % -o out --target pyodide_2019_0
;; FAIL[source-only] 2: upgrade % -o out --target pyodide_2024_0
;; FAIL[stdin-twice] 2: upgrade - - -o out/ < %
;; FAIL[stdin-in-place] 2: upgrade - --in-place < %
;; FAIL[stdin-directory] 2: upgrade - -o out/ < %
;; FAIL[stdout-several] 2: upgrade % % -o -
;; FAIL[stdout-json] 2: upgrade % -o - --json
;; FAIL[file-for-several] 2: upgrade % % -o usage.wasm

(module)
