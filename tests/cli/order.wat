;; RUN: % -o - --no-prune --verbose | print
;; RUN[no-encode]: % -o - --no-prune --no-encode | print

;; Each of six functions has a twin, which differs in one number, behind all the others, as copies of a template in several object files do.
;; Twins come together, which deflates better; calls, exports and the table follow.
(module
  (@dylink.0 (mem-info (memory 0 0) (table 2 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 2 funcref))
  (import "env" "__table_base" (global $table_base i32))
  (func $of0 (param i32) (result i32)
    local.get 0
    i32.const 1913382118
    i32.shr_u
    i32.const 927307999
    i32.and
    i32.const 1727694678
    i32.mul
    i32.const 1003170602
    i32.sub
    i32.const 186939546
    i32.rotl
    i32.const 656019485
    i32.or
    i32.const 1197954097
    i32.add
    i32.const 1143521778
    i32.xor)
  (func $of1 (param i32) (result i32)
    local.get 0
    i32.const 388545018
    i32.and
    i32.const 1322356005
    i32.shr_u
    i32.const 1919850095
    i32.sub
    i32.const 1822851096
    i32.rotl
    i32.const 1740193506
    i32.or
    i32.const 235520872
    i32.add
    i32.const 647756574
    i32.mul
    i32.const 353228484
    i32.xor)
  (func $of2 (param i32) (result i32)
    local.get 0
    i32.const 1953513164
    i32.or
    i32.const 1923332324
    i32.mul
    i32.const 221443151
    i32.and
    i32.const 296676841
    i32.xor
    i32.const 282261230
    i32.add
    i32.const 875365019
    i32.shr_u
    i32.const 1894220178
    i32.sub
    i32.const 463104290
    i32.rotl)
  (func $of3 (param i32) (result i32)
    local.get 0
    i32.const 611025150
    i32.xor
    i32.const 1372686665
    i32.or
    i32.const 1268723365
    i32.add
    i32.const 380080820
    i32.sub
    i32.const 894472658
    i32.mul
    i32.const 1396908414
    i32.shr_u
    i32.const 1118022223
    i32.rotl
    i32.const 1443724115
    i32.and)
  (func $of4 (param i32) (result i32)
    local.get 0
    i32.const 606909419
    i32.xor
    i32.const 751328766
    i32.add
    i32.const 321547363
    i32.sub
    i32.const 1648801510
    i32.or
    i32.const 950528596
    i32.mul
    i32.const 1128383521
    i32.shr_u
    i32.const 432800429
    i32.rotl
    i32.const 293488809
    i32.and)
  (func $of5 (param i32) (result i32)
    local.get 0
    i32.const 1437671202
    i32.add
    i32.const 648563996
    i32.shr_u
    i32.const 1692975436
    i32.sub
    i32.const 869949150
    i32.xor
    i32.const 1807665179
    i32.and
    i32.const 1582723311
    i32.rotl
    i32.const 1907131032
    i32.mul
    i32.const 1688920084
    i32.or)
  (func $twin0 (param i32) (result i32)
    local.get 0
    i32.const 1913382118
    i32.shr_u
    i32.const 927307999
    i32.and
    i32.const 1727694678
    i32.mul
    i32.const 1003170602
    i32.sub
    i32.const 186939546
    i32.rotl
    i32.const 656015913
    i32.or
    i32.const 1197954097
    i32.add
    i32.const 1143521778
    i32.xor)
  (func $twin1 (param i32) (result i32)
    local.get 0
    i32.const 388545018
    i32.and
    i32.const 1322356005
    i32.shr_u
    i32.const 1919850095
    i32.sub
    i32.const 1822851096
    i32.rotl
    i32.const 1740193506
    i32.or
    i32.const 235524444
    i32.add
    i32.const 647756574
    i32.mul
    i32.const 353228484
    i32.xor)
  (func $twin2 (param i32) (result i32)
    local.get 0
    i32.const 1953513164
    i32.or
    i32.const 1923332324
    i32.mul
    i32.const 221443151
    i32.and
    i32.const 296676841
    i32.xor
    i32.const 282261230
    i32.add
    i32.const 875368623
    i32.shr_u
    i32.const 1894220178
    i32.sub
    i32.const 463104290
    i32.rotl)
  (func $twin3 (param i32) (result i32)
    local.get 0
    i32.const 611025150
    i32.xor
    i32.const 1372686665
    i32.or
    i32.const 1268723365
    i32.add
    i32.const 380080820
    i32.sub
    i32.const 894472658
    i32.mul
    i32.const 1396912970
    i32.shr_u
    i32.const 1118022223
    i32.rotl
    i32.const 1443724115
    i32.and)
  (func $twin4 (param i32) (result i32)
    local.get 0
    i32.const 606909419
    i32.xor
    i32.const 751328766
    i32.add
    i32.const 321547363
    i32.sub
    i32.const 1648801510
    i32.or
    i32.const 950528596
    i32.mul
    i32.const 1128388117
    i32.shr_u
    i32.const 432800429
    i32.rotl
    i32.const 293488809
    i32.and)
  (func $twin5 (param i32) (result i32)
    local.get 0
    i32.const 1437671202
    i32.add
    i32.const 648563996
    i32.shr_u
    i32.const 1692975436
    i32.sub
    i32.const 869949150
    i32.xor
    i32.const 1807665179
    i32.and
    i32.const 1582719707
    i32.rotl
    i32.const 1907131032
    i32.mul
    i32.const 1688920084
    i32.or)
  (func $main (export "main") (param i32) (result i32)
    local.get 0
    call $of0
    call $of1
    call $of2
    call $of3
    call $of4
    call $of5
    call $twin0
    call $twin1
    call $twin2
    call $twin3
    call $twin4
    call $twin5)
  (elem (global.get $table_base) func $twin0 $of1))
