;; What is to be known about codes.
;; RUN: explain missing-function legacy-dylink
;; RUN[list]: explain
;; FAIL[unknown] 2: explain missing-functions
(module)
