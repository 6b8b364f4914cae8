;; Names that others chose cannot steer a terminal or invent lines: what does not show is written as an escape. JSON has them as they are.
;; FAIL 1: check %
;; FAIL[json] 1: check % --json
;; RUN[show]: show % --imports --exports
;; FAIL[upgrade] 3: % -o upgraded.wasm
;; RUN[allowed]: % -o upgraded.wasm -v --allow-missing
(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (needed "lib\1b[2J.so"))
  (@producers (processed-by "clang\1b]0;title\07" "1\0a  error: invented"))
  (import "env" "emscripten_\1b[31mred\0a  error[x]: invented" (func))
  (import "env" "\e2\80\aeeman\e2\80\8b" (func))
  (import "GOT.mem" "emscripten_\7f" (global (mut i32)))
  (func (export "tab\09end")))
