;; --rpath, --add-needed and --remove-needed, and that what is already so is not changed.
;; RUN[rpath]: upgrade -O0 % -o - --rpath $ORIGIN/../demo.libs --rpath $ORIGIN -v | print
;; RUN[needed]: upgrade -O0 % -o - --add-needed libnew.so --add-needed liba.so --remove-needed libb.so --remove-needed absent.so -v | print
;; RUN[nothing]: upgrade -O0 % -o same.wasm --rpath $ORIGIN/old --add-needed liba.so --remove-needed absent.so
;; RUN[none-left]: upgrade -O0 % -o - --remove-needed liba.so --remove-needed libb.so -v | print

(module
  (@dylink.0
    (mem-info (memory 0 0) (table 0 0))
    (needed "liba.so" "libb.so")
    (runtime-path "$ORIGIN/old" "$ORIGIN"))
  (func (export "answer") (result i32) i32.const 42))
