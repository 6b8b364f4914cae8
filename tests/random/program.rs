//! Random programs with JavaScript exception handling, in the text format.
//!
//! A program is a side module of a few functions that call one another in one direction, through invokes or directly. They throw,
//! catch, clean up, `setjmp` and `longjmp` in the forms that LLVM's `WebAssemblyLowerEmscriptenEHSjLj.cpp` and optimisers leave behind,
//! and record what happens in a trace.
//!
//! Where JavaScript swallowed something, originals are no measure. So no `longjmp` meets a site that asks only for exceptions, and no
//! exception one that asks only for `longjmp`: what a callee may do decides which checks its site may have.

use std::fmt::Write;

use properties::random::Random;

/// Letters of the invoke, parameters, result.
pub type Signature = (&'static str, &'static [&'static str], Option<&'static str>);

pub const SIGNATURES: [Signature; 8] = [
    ("v", &[], None),
    ("i", &[], Some("i32")),
    ("vi", &["i32"], None),
    ("ii", &["i32"], Some("i32")),
    ("iii", &["i32", "i32"], Some("i32")),
    ("jji", &["i64", "i32"], Some("i64")),
    ("dd", &["f64"], Some("f64")),
    ("vidf", &["i32", "f64", "f32"], None),
];

/// Events that are recorded one by one; the hash covers all.
pub const RECORDED: usize = 250;

// Offsets from `__memory_base`.
pub const COUNT: usize = 0;
pub const HASH: usize = 4;
pub const BUFFERS: usize = 16;
pub const POINTERS: usize = 128;
pub const EVENTS: usize = 256;

pub const PRELUDE: &str = r#"
  (import "env" "memory" (memory 0))
  (import "env" "__indirect_function_table" (table $table 0 funcref))
  (import "env" "__memory_base" (global $memory_base i32))
  (import "env" "__table_base" (global $table_base i32))
  (import "env" "__stack_pointer" (global $stack_pointer (mut i32)))
  (import "GOT.mem" "__THREW__" (global $THREW (mut i32)))
  (import "GOT.mem" "__threwValue" (global $threwValue (mut i32)))
  (import "GOT.mem" "_ZTIi" (global $int (mut i32)))
  (import "GOT.mem" "_ZTId" (global $double (mut i32)))
  (import "GOT.func" "__cxa_rethrow" (global $rethrow_address (mut i32)))
  (import "env" "__cxa_allocate_exception" (func $allocate (param i32) (result i32)))
  (import "env" "__cxa_throw" (func $throw (param i32 i32 i32)))
  (import "env" "__cxa_rethrow" (func $rethrow))
  (import "env" "__cxa_begin_catch" (func $begin_catch (param i32) (result i32)))
  (import "env" "__cxa_end_catch" (func $end_catch))
  (import "env" "getTempRet0" (func $getTempRet0 (result i32)))
  (import "env" "setTempRet0" (func $setTempRet0 (param i32)))
  (import "env" "llvm_eh_typeid_for" (func $typeid (param i32) (result i32)))
  (import "env" "__resumeException" (func $resume (param i32)))
  (import "env" "emscripten_longjmp" (func $longjmp (param i32 i32)))
  (import "env" "__wasm_setjmp" (func $setjmp (param i32 i32 i32)))
  (import "env" "__wasm_setjmp_test" (func $setjmp_test (param i32 i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_2" (func $cleanup (result i32)))
  (import "env" "__cxa_find_matching_catch_3" (func $match (param i32) (result i32)))
  (import "env" "__cxa_find_matching_catch_4" (func $match_two (param i32 i32) (result i32)))
"#;

/// What every program can do; `$fuel` ends it, `$depth` is how many jump buffers are live.
pub const ROUTINES: &str = r#"
  (global $fuel (mut i32) (i32.const 0))
  (global $depth (mut i32) (i32.const 0))
  (func $event (param $code i32) (local $count i32)
    (i32.store (i32.add (global.get $memory_base) (i32.const HASH))
      (i32.add (local.get $code) (i32.mul (i32.const 31) (i32.load (i32.add (global.get $memory_base) (i32.const HASH))))))
    (local.set $count (i32.load (global.get $memory_base)))
    (if (i32.lt_u (local.get $count) (i32.const RECORDED)) (then
      (i32.store offset=EVENTS (i32.add (global.get $memory_base) (i32.shl (local.get $count) (i32.const 2))) (local.get $code))
      (i32.store (global.get $memory_base) (i32.add (local.get $count) (i32.const 1))))))
  (func $events (result i32) (i32.add (global.get $memory_base) (i32.const EVENTS)))
  (func $count (result i32) (i32.load (global.get $memory_base)))
  (func $tired (result i32)
    (if (i32.le_s (global.get $fuel) (i32.const 0)) (then (return (i32.const 1))))
    (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))
    (i32.const 0))
  ;; Unwinding leaves the stack pointer where it was when something was thrown.
  (func $throw_int (param $value i32) (local $object i32)
    (global.set $stack_pointer (i32.sub (global.get $stack_pointer) (i32.const 32)))
    (i32.store (local.tee $object (call $allocate (i32.const 4))) (local.get $value))
    (call $throw (local.get $object) (global.get $int) (i32.const 0))
    unreachable)
  (func $throw_double (param $value i32) (local $object i32)
    (f64.store (local.tee $object (call $allocate (i32.const 8))) (f64.convert_i32_s (local.get $value)))
    (call $throw (local.get $object) (global.get $double) (i32.const 0))
    unreachable)
  ;; To one of the live buffers, if there is one.
  (func $jump (param $value i32)
    (if (i32.eqz (global.get $depth)) (then (return)))
    (global.set $stack_pointer (i32.sub (global.get $stack_pointer) (i32.const 16)))
    (call $longjmp
      (i32.load offset=BUFFERS (i32.add (global.get $memory_base)
        (i32.shl (i32.rem_u (local.get $value) (global.get $depth)) (i32.const 2))))
      (local.get $value))
    unreachable)
"#;

/// `__THREW__` read on behalf of other functions.
pub const OUTLINED: &str = r#"
  (func $outlined_threw (result i32) (local $t i32)
    (local.set $t (i32.load (global.get $THREW)))
    (i32.store (global.get $THREW) (i32.const 0))
    (local.get $t))
"#;

const LOCALS: &str = "(local $t i32) (local $t2 i32) (local $v i32) (local $label i32) (local $maybe i32) (local $ret i32)
    (local $tries i32) (local $depth i32) (local $fp i32) (local $ta i32) (local $va i32) (local $zero i32) (local $one i32)
    (local $x i32) (local $p i32) (local $n i32) (local $e i32) (local $sel i32)
    (local $r_i32 i32) (local $r_i64 i64) (local $r_f64 f64) (local $c0 i32) (local $c1 i32) (local $c2 i32)";

/// What may come out of a function other than its result.
#[derive(Clone, Copy, Default)]
struct Effects {
    throws: bool,
    jumps: bool,
}

struct Function {
    signature: Signature,
    effects: Effects,
}

/// What the modules of a program are made of.
pub struct Parts {
    /// Functions `$f0`, `$f1`, …; each calls only those before it.
    pub functions: Vec<String>,
    pub signatures: Vec<Signature>,
    /// Whether some checks go through a function of their own.
    pub outlined: bool,
}

/// The parts of the program of `seed`.
pub fn parts(seed: u64) -> Parts {
    let mut random = Random::new(seed);
    let count = 4 + random.below(7);
    let outlined = random.chance(8);
    let mut program = Program { random, functions: Vec::new(), outlined, number: 0 };
    // The last function first, so that what callees may do is known.
    let functions = (0..count).map(|_| program.function()).collect();
    let signatures = program.functions.iter().map(|function| function.signature).collect();
    Parts { functions, signatures, outlined }
}

struct Program {
    random: Random,
    /// In the order they are made; each calls those before it. `$f0` is the first.
    functions: Vec<Function>,
    /// Whether some checks go through a function of their own, as outliners make them; no site is inlined then.
    outlined: bool,
    /// For labels.
    number: usize,
}

/// The function being made.
struct Frame {
    setjmp: bool,
    pads: bool,
    effects: Effects,
    /// How the addresses of the words are had: 0 from the globals, 1 from locals, 2 from a local set at each site.
    addresses: usize,
    /// Zero and one come from locals, as they do without optimisation.
    constants_in_locals: bool,
}

/// What the code behind a call asks.
#[derive(Clone, Copy, PartialEq)]
enum Check {
    Exception,
    /// Goes on with a longjmp, then asks for an exception.
    ExceptionAfterJump,
    Jump,
    /// Goes on with an exception, and asks for a longjmp.
    JumpAndException,
}

impl Program {
    fn label(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    fn code(&mut self) -> usize {
        1 + self.random.below(999)
    }

    fn function(&mut self) -> String {
        let index = self.functions.len();
        let signature = *self.random.pick(&SIGNATURES);
        let kind = if index == 0 { 0 } else { self.random.below(10) };
        let mut frame = Frame {
            setjmp: matches!(kind, 5..=8),
            pads: matches!(kind, 2..=4 | 7..=9),
            effects: Effects::default(),
            addresses: self.random.below(3),
            constants_in_locals: self.random.chance(20),
        };
        let (_, parameters, result) = signature;
        let mut text = format!("(func $f{index}");
        for ty in parameters {
            let _ = write!(text, " (param {ty})");
        }
        let result_type = result.map(|ty| format!("(result {ty})")).unwrap_or_default();
        let _ = writeln!(text, " {result_type} {LOCALS}");
        let zero = result.map(|ty| format!("({ty}.const 0)")).unwrap_or_default();
        let _ = writeln!(text, "(if (call $tired) (then (return {zero})))\n(call $event (i32.const {}))", 1000 + index);
        let selector = match parameters.first() {
            None => "(global.get $fuel)".to_string(),
            Some(&ty) => convert_to_i32("(local.get 0)", ty),
        };
        let _ = writeln!(text, "(local.set $n {selector}) (local.set $depth (global.get $depth)) (local.set $one (i32.const 1))");
        let has_frame = frame.setjmp || self.random.chance(50);
        if has_frame {
            text.push_str("(global.set $stack_pointer (local.tee $fp (i32.sub (global.get $stack_pointer) (i32.const 64))))\n");
        } else {
            text.push_str("(local.set $fp (global.get $stack_pointer))\n");
        }
        let (before, after) = if frame.setjmp { self.setjmp_frame() } else { (String::new(), String::new()) };
        let statements = 2 + self.random.below(4);
        let body = self.statements(&mut frame, statements, 0);
        if frame.addresses == 1 && body.contains("$invoke_") {
            text.push_str("(local.set $ta (global.get $THREW)) (local.set $va (global.get $threwValue))\n");
        }
        text.push_str(&before);
        text.push_str(&body);
        text.push_str(&after);
        if has_frame {
            text.push_str("(global.set $stack_pointer (i32.add (local.get $fp) (i32.const 64)))\n");
        }
        if let Some(ty) = result {
            text.push_str(&convert("(local.get $n)", ty));
        }
        text.push_str(")\n");
        self.functions.push(Function { signature, effects: frame.effects });
        text
    }

    /// Code around the body of a function with setjmp: a jump comes back to `$again`, at most twice.
    fn setjmp_frame(&mut self) -> (String, String) {
        let two = if self.random.chance(30) {
            "(call $setjmp (local.get $fp) (i32.const 2) (i32.add (local.get $fp) (i32.const 48)))"
        } else {
            ""
        };
        let before = format!(
            r#"(call $setjmp (local.get $fp) (i32.const 1) (i32.add (local.get $fp) (i32.const 48))) {two}
            (i32.store offset={BUFFERS} (i32.add (global.get $memory_base) (i32.shl (local.get $depth) (i32.const 2))) (local.get $fp))
            (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
            (block $leave (loop $again
              (global.set $depth (local.get $depth))
              (call $event (i32.add (i32.const 2000) (local.get $ret)))
              (call $event (i32.sub (local.get $fp) (global.get $stack_pointer)))
              (local.set $n (i32.add (local.get $n) (local.get $ret)))
              (br_if $leave (i32.gt_u (local.get $tries) (i32.const 2)))
              (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
            "#
        );
        (before, "))\n(global.set $depth (i32.sub (local.get $depth) (i32.const 1)))\n".to_string())
    }

    fn statements(&mut self, frame: &mut Frame, count: usize, nesting: usize) -> String {
        (0..count).map(|_| self.statement(frame, nesting)).collect()
    }

    fn condition(&mut self) -> String {
        let mask = *self.random.pick(&[1, 3, 3, 7]);
        let value = self.random.below(mask + 1);
        format!("(i32.eq (i32.and (local.get $n) (i32.const {mask})) (i32.const {value}))")
    }

    fn statement(&mut self, frame: &mut Frame, nesting: usize) -> String {
        let code = self.code();
        let sites = frame.setjmp || frame.pads;
        match self.random.below(20) {
            0 => format!("(call $event (i32.const {code}))\n"),
            1 => format!("(call $event (local.get $n)) (local.set $n (i32.mul (local.get $n) (i32.const {code})))\n"),
            2 | 3 if !frame.setjmp || frame.pads => {
                frame.effects.throws = true;
                let what = *self.random.pick(&["int", "int", "double"]);
                format!("(if {} (then (call $throw_{what} (i32.const {code}))))\n", self.condition())
            }
            4 | 5 if !sites => {
                frame.effects.jumps = true;
                format!("(if {} (then (call $jump (i32.const {code}))))\n", self.condition())
            }
            6..=8 if !sites || self.random.chance(25) => self.direct_call(frame),
            9 | 10 if nesting < 3 => {
                let condition = self.condition();
                let (then, other) = (self.statements(frame, 2, nesting + 1), self.statements(frame, 1, nesting + 1));
                format!("(if {condition} (then {then}) (else {other}))\n")
            }
            11 | 12 if nesting < 3 => {
                let label = self.label();
                let times = 2 + self.random.below(2);
                let body = self.statements(frame, 2, nesting + 1);
                format!(
                    "(local.set $c{nesting} (i32.const 0)) (loop $l{label} {body}
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (local.set $c{nesting} (i32.add (local.get $c{nesting}) (i32.const 1)))
                    (br_if $l{label} (i32.lt_u (local.get $c{nesting}) (i32.const {times}))))\n"
                )
            }
            _ if sites => self.site(frame),
            _ => format!("(local.set $n (i32.add (local.get $n) (i32.const {code})))\n"),
        }
    }

    /// A function to call; `None` when none fits.
    fn callee(&mut self, fits: impl Fn(&Function) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.functions.len()).filter(|&index| fits(&self.functions[index])).collect();
        if fitting.is_empty() { None } else { Some(*self.random.pick(&fitting)) }
    }

    fn direct_call(&mut self, frame: &mut Frame) -> String {
        // What jumps past a site would miss its check, and what has only jump checks must not be met by exceptions in its own frame.
        let setjmp = frame.setjmp;
        let Some(callee) = self.callee(|function| !setjmp || !function.effects.jumps) else { return String::new() };
        let effects = self.functions[callee].effects;
        frame.effects.throws |= effects.throws;
        frame.effects.jumps |= effects.jumps;
        let (_, parameters, result) = self.functions[callee].signature;
        let arguments: String = parameters.iter().map(|ty| self.argument(ty)).collect();
        let drop = if result.is_some() { "drop" } else { "" };
        format!("(call $f{callee} {arguments}) {drop}\n")
    }

    fn argument(&mut self, ty: &str) -> String {
        let code = self.code();
        let value = match self.random.below(5) {
            0 => format!("(i32.const {code})"),
            1 => format!("(i32.add (local.get $n) (i32.const {code}))"),
            2 => format!("(local.tee $n (i32.xor (local.get $n) (i32.const {code})))"),
            3 => format!("(block (result i32) (call $event (i32.const {code})) (local.get $n))"),
            _ => "(local.get $n)".to_string(),
        };
        convert(&value, ty)
    }

    /// Code that pushes a pointer to `callee`, or at random to another function of the same type; with what those may do.
    fn pointer(&mut self, callee: usize) -> (String, String, Effects) {
        let function = &self.functions[callee];
        let (letters, effects) = (function.signature.0, function.effects);
        let base = format!("(i32.add (global.get $table_base) (i32.const {callee}))");
        let slot = format!("(global.get $slot{callee})");
        let load = format!("(i32.load offset={} (global.get $memory_base))", POINTERS + 4 * callee);
        let none = String::new();
        match self.random.below(9) {
            0..=2 => (none, if callee == 0 { "(global.get $table_base)".to_string() } else { base }, effects),
            3 => (none, slot, effects),
            4 => (none, load, effects),
            5 => (format!("(local.set $p {base})"), "(local.get $p)".to_string(), effects),
            6 => (format!("(local.set $p {load})"), "(local.get $p)".to_string(), effects),
            7 => (none, format!("(local.tee $p {slot})"), effects),
            _ => {
                let other = self.callee(|function| function.signature.0 == letters).unwrap_or(callee);
                let more = self.functions[other].effects;
                let both = Effects { throws: effects.throws || more.throws, jumps: effects.jumps || more.jumps };
                let condition = self.condition();
                (none, format!("(select {base} (global.get $slot{other}) {condition})"), both)
            }
        }
    }

    /// A call through an invoke with what follows it.
    fn site(&mut self, frame: &mut Frame) -> String {
        let Some(callee) = self.callee(|_| true) else { return String::new() };
        let (before, pointer, effects) = self.pointer(callee);
        let Some(check) = self.check(frame, effects) else { return String::new() };
        let (letters, parameters, result) = self.functions[callee].signature;
        let arguments: String = parameters.iter().map(|ty| self.argument(ty)).collect();
        let (keep, shown) = match result {
            None => (String::new(), String::new()),
            // The result stays on the stack, under the test.
            Some(ty) if self.random.chance(15) => (String::new(), format!("{} call $event", convert_to_i32("", ty))),
            Some(ty) if self.random.chance(70) => {
                let shown = format!("(call $event {})", convert_to_i32(&format!("(local.get $r_{ty})"), ty));
                (format!("local.set $r_{ty}"), shown)
            }
            Some(_) => ("drop".to_string(), String::new()),
        };
        let (threw, value) = match frame.addresses {
            0 => ("(global.get $THREW)", "(global.get $threwValue)"),
            1 => ("(local.get $ta)", "(local.get $va)"),
            _ => ("(local.get $ta)", "(global.get $threwValue)"),
        };
        let first = if frame.addresses == 2 { "(local.tee $ta (global.get $THREW))" } else { threw };
        let zero = if frame.constants_in_locals { "(local.get $zero)" } else { "(i32.const 0)" };
        let t = if self.random.chance(60) { "$t" } else { "$t2" };
        let ask = match self.random.below(4) {
            _ if self.outlined && self.random.chance(30) => format!("(local.set {t} (call $outlined_threw))"),
            0 => format!("{threw} i32.load {threw} {zero} i32.store local.set {t}"),
            _ => format!("(local.set {t} (i32.load {threw})) (i32.store {threw} {zero})"),
        };
        // Optimisers move what others compute between the call and its test.
        let (computed, used) = match self.random.below(6) {
            0 => ("(local.set $x (i32.add (local.get $x) (i32.const 3)))", "(call $event (local.get $x))"),
            1 => (
                "(i32.store offset=56 (local.get $fp) (local.tee $x (i32.shl (local.get $n) (i32.const 2))))",
                "(call $event (local.get $x))",
            ),
            _ => ("", ""),
        };
        let shown = format!("{shown} {used}");
        let join = self.label();
        let checks = self.checks(frame, check, effects, t, value, join);
        format!(
            "(block $join{join}
            {before} (i32.store {first} {zero}) (call $invoke_{letters} {pointer} {arguments}) {keep}
            {ask} {computed}
            {checks} {shown})\n"
        )
    }

    /// Which check a call with `effects` may have in `frame`, and what becomes of the effects.
    fn check(&mut self, frame: &mut Frame, effects: Effects) -> Option<Check> {
        let mut fitting = Vec::new();
        if frame.pads {
            fitting.push(Check::ExceptionAfterJump);
            if !effects.jumps {
                fitting.push(Check::Exception);
                fitting.push(Check::Exception);
            }
            if effects.jumps && frame.setjmp {
                // A jump to this very function must be asked for.
                fitting.clear();
            }
        }
        if frame.setjmp {
            fitting.push(Check::JumpAndException);
            if !effects.throws {
                fitting.push(Check::Jump);
                fitting.push(Check::Jump);
            }
        }
        // A function without landing pads has no code for exceptions.
        if !frame.pads {
            fitting.retain(|check| *check == Check::Jump || effects.throws);
        }
        if fitting.is_empty() {
            return None;
        }
        frame.effects.jumps |= effects.jumps;
        Some(*self.random.pick(&fitting))
    }

    fn checks(&mut self, frame: &mut Frame, check: Check, effects: Effects, t: &str, value: &str, join: usize) -> String {
        let ask_value = format!("(local.set $v (i32.load {value}))");
        let jumped = match self.random.below(3) {
            0 => format!("(i32.and (i32.ne (local.get {t}) (i32.const 0)) (i32.ne (local.get $v) (i32.const 0)))"),
            1 => format!("(select (local.get $v) (i32.const 0) (local.get {t}))"),
            _ => format!("(i32.eqz (i32.or (i32.eqz (local.get {t})) (i32.eqz (local.get $v))))"),
        };
        let go_on = format!("(call $longjmp (local.get {t}) (local.get $v)) unreachable");
        let pass_on = "(call $resume (call $cleanup)) unreachable";
        match check {
            Check::Exception => self.exception(frame, effects, t, join),
            Check::ExceptionAfterJump => {
                let exception = self.exception(frame, effects, t, join);
                let label = self.label();
                if self.random.chance(40) {
                    format!("{ask_value} (if {jumped} (then {go_on})) {exception}")
                } else if self.random.chance(50) {
                    // One value tells a longjmp from an exception and from nothing.
                    let jump = format!("(select (local.get {t}) (i32.const 0) (i32.ne (local.get {t}) (i32.const 1)))");
                    format!(
                        "(block $on{label} (block $jumped{label} (br_if $jumped{label} {jump}) {exception} (br $on{label}))
                        {ask_value} {go_on})"
                    )
                } else {
                    // The value is asked for only when something was thrown.
                    format!("(if (local.get {t}) (then (if (local.tee $v (i32.load {value})) (then {go_on})))) {exception}")
                }
            }
            Check::Jump | Check::JumpAndException => {
                let label = self.label();
                let test =
                    format!("(local.tee $label (call $setjmp_test (local.get {t}) (i32.add (local.get $fp) (i32.const 48))))");
                let back = "(local.set $ret (local.get $maybe)) (br $again)";
                let dispatch = match self.random.below(3) {
                    0 => format!(
                        "(if (i32.eq (local.get $label) (i32.const 1)) (then {back})) (if (i32.eq (local.get $label) (i32.const 2)) (then (call $event (i32.const 3)) {back}))"
                    ),
                    1 => format!(
                        "(block $none{label} (br_if $none{label} (i32.lt_s (local.get $label) (i32.const 1))) (call $event (local.get $label)) {back})"
                    ),
                    _ => format!(
                        "(block $none{label} (block $back{label} (br_table $none{label} $back{label} $back{label} $none{label} (local.get $label))) {back})"
                    ),
                };
                let jump = format!(
                    "{ask_value} (local.set $label (i32.const -1))
                    (if {jumped} (then (if (i32.eqz {test}) (then {go_on})) (call $setTempRet0 (local.get $v))))
                    (local.set $maybe (call $getTempRet0)) {dispatch}"
                );
                if check == Check::Jump {
                    return jump;
                }
                frame.effects.throws |= effects.throws;
                let exception = format!("(if (i32.eq (local.get {t}) (i32.const 1)) (then {pass_on}))");
                if self.random.chance(50) { format!("{exception} {jump}") } else { format!("{jump} {exception}") }
            }
        }
    }

    /// The test for an exception in one of its forms, with the landing pad.
    fn exception(&mut self, frame: &mut Frame, effects: Effects, t: &str, join: usize) -> String {
        let pad = self.landing_pad(frame, effects, join);
        let label = self.label();
        let t = format!("(local.get {t})");
        let one = if frame.constants_in_locals { "(local.get $one)" } else { "(i32.const 1)" };
        let skip = format!("$pad{label}");
        match self.random.below(9) {
            0 | 1 => format!("(if (i32.eq {t} {one}) (then {pad}))"),
            2 => format!("(block {skip} (br_if {skip} (i32.ne {t} {one})) {pad})"),
            3 => format!("(block {skip} (br_if {skip} (i32.eqz (i32.eq {one} {t}))) {pad})"),
            4 => format!("(if (select (i32.const 1) (i32.const 0) (i32.eq {t} {one})) (then {pad}))"),
            5 => format!("(if (i32.and (i32.eq {t} {one}) (i32.const 1)) (then {pad}))"),
            6 => format!("(if (i32.ne {t} {one}) (then) (else {pad}))"),
            7 => format!("(block {skip} (block $caught{label} (br_table {skip} $caught{label} {skip} {t})) {pad})"),
            _ => format!("(block {skip} (br_if {skip} (i32.eqz {t})) {pad})"),
        }
    }

    fn landing_pad(&mut self, frame: &mut Frame, effects: Effects, join: usize) -> String {
        let code = self.code();
        let start = "(global.set $depth (local.get $depth)) (call $event (i32.sub (local.get $fp) (global.get $stack_pointer)))";
        let resume = "(call $resume (local.get $e)) unreachable";
        let kind = self.random.below(6);
        frame.effects.throws |= effects.throws && kind != 4;
        let typeid = if self.random.chance(50) { "(call $typeid (global.get $int))" } else { "(global.get $int)" };
        let ask = |call: &str| format!("(local.set $e {call}) (local.set $sel (call $getTempRet0)) {start}");
        match kind {
            0..=2 => {
                let caught = self.catch(frame, "(i32.load (call $begin_catch (local.get $e)))");
                let ask = ask("(call $match (global.get $int))");
                format!("{ask} (if (i32.eq (local.get $sel) {typeid}) (then {caught} (br $join{join}))) {resume}")
            }
            3 => {
                let int = self.catch(frame, "(i32.load (call $begin_catch (local.get $e)))");
                let double = self.catch(frame, "(i32.trunc_f64_s (f64.load (call $begin_catch (local.get $e))))");
                let ask = ask("(call $match_two (global.get $int) (global.get $double))");
                format!(
                    "{ask} (if (i32.eq (local.get $sel) {typeid}) (then {int} (br $join{join})))
                    (if (i32.ne (local.get $sel) (global.get $double)) (then {resume})) {double} (br $join{join})"
                )
            }
            4 => {
                let caught = self.catch(frame, "(i32.load (call $begin_catch (local.get $e)))");
                format!("{} {caught} (br $join{join})", ask("(call $match (i32.const 0))"))
            }
            _ => format!("(local.set $e (call $cleanup)) {start} (call $event (i32.const {code})) {resume}"),
        }
    }

    /// A catch clause; at times it calls something that may throw, or throws again, and ends the catch while that unwinds.
    fn catch(&mut self, frame: &mut Frame, value: &str) -> String {
        let begin = format!("(call $event {value})");
        let guarded = |call: String| {
            format!(
                "(i32.store (global.get $THREW) (i32.const 0)) {call} (local.set $t (i32.load (global.get $THREW)))
                (i32.store (global.get $THREW) (i32.const 0))
                (if (i32.eq (local.get $t) (i32.const 1)) (then
                  (local.set $e (call $cleanup)) (call $end_catch) (call $resume (local.get $e)) unreachable))"
            )
        };
        let inside = match self.random.below(5) {
            0 => {
                frame.effects.throws = true;
                let condition = self.condition();
                format!("(if {condition} (then {}))", guarded("(call $invoke_v (global.get $rethrow_address))".to_string()))
            }
            1 => match self.callee(|function| !function.effects.jumps) {
                None => String::new(),
                Some(callee) => {
                    let function = &self.functions[callee];
                    frame.effects.throws |= function.effects.throws;
                    let (letters, parameters, result) = function.signature;
                    let arguments: String = parameters.iter().map(|ty| self.argument(ty)).collect();
                    let drop = if result.is_some() { "drop" } else { "" };
                    guarded(format!("(call $invoke_{letters} (global.get $slot{callee}) {arguments}) {drop}"))
                }
            },
            _ => String::new(),
        };
        format!("{begin} {inside} (call $end_catch)")
    }
}

/// An i32 as a value of the type `ty`.
pub fn convert(value: &str, ty: &str) -> String {
    match ty {
        "i32" => value.to_string(),
        "i64" => format!("(i64.extend_i32_s {value})"),
        _ => format!("({ty}.convert_i32_s {value})"),
    }
}

/// A value of the type `ty` as an i32.
fn convert_to_i32(value: &str, ty: &str) -> String {
    match ty {
        "i32" => value.to_string(),
        "i64" => format!("(i32.wrap_i64 {value})"),
        _ => format!("(i32.trunc_sat_{ty}_s {value})"),
    }
}
