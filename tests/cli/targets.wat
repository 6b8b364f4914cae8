;; RUN: --list-targets

(module)
