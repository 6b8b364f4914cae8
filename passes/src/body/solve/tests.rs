//! Small bodies, and what the solvers say of them.

use super::forward::{self, Analysis, Budget, Place};
use super::live::Live;
use super::reach::Reach;
use crate::body::arity;
use crate::body::code::{Changes, Code, Effect, Op};
use crate::body::list::List;
use crate::body::tests::with_function;
use crate::module::Module;
use wasmparser::{BlockType, Operator};

fn list<T>(body: &str, look: impl Fn(&Module<'_>, &Code<'_>) -> T) -> T {
    with_function(body, |module, id, body| {
        let mut code = Code::new(module, id, body).unwrap();
        code.read(module, Changes::default()).unwrap();
        look(module, &code)
    })
}

/// Which values are constant, and what `$see` is given.
#[derive(Default)]
struct Constants {
    seen: Vec<Option<i32>>,
    results: Vec<Option<i32>>,
    left: usize,
}

/// A value is a constant, or anything.
#[derive(Clone, Copy, PartialEq)]
struct Known(Option<i32>);

impl Analysis for Constants {
    type Value = Known;
    type Operand = Known;
    /// How many calls there were, if that is the same on all ways.
    type Rest = Option<u32>;

    const HANDLERS: bool = true;
    const UNKNOWN: Known = Known(None);

    fn value(operand: &Known) -> Known {
        *operand
    }
    fn begin(&mut self) -> Option<u32> {
        *self = Constants::default();
        Some(0)
    }
    fn parameter(&self, _: u32) -> Known {
        Known(None)
    }
    fn zero(&self) -> Known {
        Known(Some(0))
    }
    fn either(&mut self, one: Known, other: Known, _: &mut Budget) -> Known {
        if one == other { one } else { Known(None) }
    }
    fn either_rest(&mut self, one: &mut Option<u32>, other: &Option<u32>) {
        if one != other {
            *one = None;
        }
    }
    fn instruction(&mut self, place: &mut Place<Self>, operator: &Operator<'_>) {
        match *operator {
            Operator::LocalGet { local_index } => place.push(place.local(local_index)),
            Operator::LocalSet { local_index } => {
                let value = place.pop();
                place.set_local(self, local_index, value);
            }
            Operator::I32Const { value } => place.push(Known(Some(value))),
            Operator::Call { .. } => {
                self.seen.push(place.pop().0);
                place.rest = place.rest.map(|calls| calls + 1);
            }
            // The only ones of these in the bodies below.
            Operator::Return | Operator::Unreachable | Operator::Throw { .. } => {}
            _ => {
                let (takes, gives) = arity::of_plain(operator).expect("an instruction without control flow");
                place.pop_all(takes as usize);
                place.push_unknown(gives as usize);
            }
        }
    }
    fn leave(&mut self, calls: &mut Option<u32>, operands: &[Known]) {
        self.results.extend(operands.iter().map(|value| value.0));
        self.seen.push(calls.map(|calls| -(calls as i32)));
    }
    fn end(&mut self, left: &[Known]) {
        self.left += left.len();
    }
    fn gave_up(&self) -> bool {
        false
    }
}

/// What the calls in `body` are given, in order; `None` when there is no answer.
fn seen(body: &str) -> Option<Constants> {
    with_function(body, |module, id, body| {
        let mut constants = Constants::default();
        forward::solve(&mut constants, module, id, body).unwrap().then_some(constants)
    })
}

#[test]
fn values_are_followed_on_all_ways() {
    const ANY: Option<i32> = None;
    let is = Some;
    // Behind what the calls were given comes, for each way out, how many calls there were: negative.
    let cases: [(&str, &[Option<i32>]); 18] = [
        ("(call $see (local.get $a)) (i32.const 1)", &[is(0), is(-1)]),
        ("(call $see (local.get $p)) (i32.const 1)", &[ANY, is(-1)]),
        ("(local.set $a (i32.const 5)) (block (br 0)) (call $see (local.get $a)) (i32.const 1)", &[is(5), is(-1)]),
        // Where ways meet.
        ("(if (local.get $p) (then (local.set $a (i32.const 5)))) (call $see (local.get $a)) (i32.const 1)", &[ANY, is(-1)]),
        (
            "(if (local.get $p) (then (local.set $a (i32.const 5))) (else (local.set $a (i32.const 5))))
             (call $see (local.get $a)) (i32.const 1)",
            &[is(5), is(-1)],
        ),
        ("(call $see (if (result i32) (local.get $p) (then (i32.const 2)) (else (i32.const 2)))) (i32.const 1)", &[is(2), is(-1)]),
        (
            "(call $see (block (result i32) (br_if 0 (i32.const 2) (local.get $p)) (drop) (i32.const 3))) (i32.const 1)",
            &[ANY, is(-1)],
        ),
        (
            "(block (block (br_table 0 1 0 (local.get $p))) (local.set $a (i32.const 2))) (call $see (local.get $a)) (i32.const 1)",
            &[ANY, is(-1)],
        ),
        // Values pass through an `if` without `else`, and go to its arms.
        ("(call $see (i32.const 4) (if (param i32) (result i32) (local.get $p) (then))) (i32.const 1)", &[is(4), is(-1)]),
        (
            "(i32.const 4) (if (param i32) (local.get $p) (then (call $see)) (else (call $see))) (i32.const 1)",
            &[is(4), is(4), is(-1)],
        ),
        // What comes around a loop, as a local and as its parameter.
        ("(loop (call $see (local.get $a)) (local.set $a (i32.const 1)) (br_if 0 (local.get $p))) (i32.const 1)", &[ANY, ANY]),
        ("(loop (call $see (local.get $a)) (local.set $b (i32.const 1)) (br_if 0 (local.get $p))) (i32.const 1)", &[is(0), ANY]),
        ("(i32.const 7) (loop (param i32) (call $see) (i32.const 8) (br_if 0 (local.get $p)) (drop)) (i32.const 1)", &[ANY, ANY]),
        // One that a loop around it tells something new.
        (
            "(loop (loop (call $see (local.get $a)) (br_if 0 (local.get $p))) (local.set $a (local.get $b))
               (local.set $b (i32.const 3)) (br_if 0 (local.get $p))) (i32.const 1)",
            &[ANY, ANY],
        ),
        // Code that no way leads to says nothing.
        (
            "(block (br 0) (local.set $a (i32.const 5)) (loop (call $see (i32.const 9))) (if (i32.const 1) (then) (else)))
             (call $see (local.get $a)) (i32.const 1)",
            &[is(0), is(-1)],
        ),
        // Handlers take what was when the `try` began, and all that was put into locals since.
        (
            "(local.set $b (i32.const 6))
             try (local.set $a (i32.const 5)) (call $see (i32.const 2)) catch $tag drop
               (call $see (local.get $a)) (call $see (local.get $b)) catch_all (call $see (local.get $a)) end (i32.const 1)",
            &[is(2), ANY, is(6), ANY, ANY],
        ),
        (
            "(block $out (result i32)
               (try_table (catch $tag $out) (local.set $a (i32.const 5)) (call $see (i32.const 2)) (local.set $a (i32.const 0)))
               (return (i32.const 1)))
             (drop) (call $see (local.get $a)) (i32.const 1)",
            &[is(2), ANY, is(-1)],
        ),
        ("(call $see (i32.const 3)) (unreachable)", &[is(3)]),
    ];
    for (body, expected) in cases {
        assert_eq!(seen(body).expect("it can be followed").seen, expected, "{body}");
    }
}

#[test]
fn results_are_told_and_what_is_left() {
    for (body, results, left) in [
        ("(br_if 0 (i32.const 2) (local.get $p))", vec![2, 2], 0),
        ("(i32.const 3) (br 0 (i32.const 2))", vec![2], 2),
        ("(i32.const 3) (unreachable)", vec![], 1),
        // Below a block that is open nothing is left.
        ("(i32.const 3) (block (unreachable))", vec![], 0),
    ] {
        let found = seen(body).expect("it can be followed");
        assert_eq!(found.results, results.into_iter().map(Some).collect::<Vec<_>>(), "{body}");
        assert_eq!(found.left, left, "{body}");
    }
}

#[test]
fn what_takes_too_long_has_no_answer() {
    // Each round takes the constant one local further.
    let shifts = |rounds: usize| {
        let shifts: String = (3..rounds + 2).map(|local| format!("(local.set {local} (local.get {}))", local + 1)).collect();
        format!(
            "(local {}) (loop {shifts} (local.set {} (i32.const 1)) (br_if 0 (local.get $p))) (i32.const 1)",
            "i32 ".repeat(rounds),
            rounds + 2
        )
    };
    assert!(seen(&shifts(10)).is_some());
    assert!(seen(&shifts(30)).is_none());
    // Each block keeps what it knows of all locals.
    let blocks = |depth: usize| {
        format!("(local {}) {} {} (i32.const 1)", "i32 ".repeat(9_000), "block ".repeat(depth), "end ".repeat(depth))
    };
    assert!(seen(&blocks(10)).is_some());
    assert!(seen(&blocks(4_000)).is_none());
}

/// The locals that are live at each `nop` of `body`.
fn live(body: &str) -> Vec<Vec<u32>> {
    list(body, |_, code| {
        let live = Live::analyse(code).expect("it is small");
        let is_nop = |op: &Op| matches!(op, Op::Plain(span, 0, 0) if code.bytes(span) == [1]);
        let nops = code.list.iter().filter(|instruction| is_nop(&instruction.op));
        nops.map(|nop| (0..code.locals).filter(|local| live.reads(*local, nop.id)).collect()).collect()
    })
}

#[test]
fn locals_are_live_where_something_may_read_them() {
    let (p, a, b) = (0, 1, 2);
    let cases: [(&str, Vec<Vec<u32>>); 12] = [
        ("nop (local.get $a)", vec![vec![a]]),
        ("nop (local.set $a (local.get $b)) (local.get $a)", vec![vec![b]]),
        ("nop (local.get $a) nop", vec![vec![a], vec![]]),
        ("nop (if (result i32) (local.get $p) (then (local.get $a)) (else (local.get $b)))", vec![vec![p, a, b]]),
        ("nop (if (local.get $p) (then (local.set $a (i32.const 1)))) (local.get $a)", vec![vec![p, a]]),
        (
            "nop (if (local.get $p) (then (local.set $a (i32.const 1))) (else (local.set $a (i32.const 2)))) (local.get $a)",
            vec![vec![p]],
        ),
        ("(block nop (br_if 0 (local.get $p)) (local.set $a (i32.const 1))) (local.get $a)", vec![vec![p, a]]),
        ("(block nop (br 0) (call $see (local.get $b))) (local.get $a)", vec![vec![a]]),
        // Around a loop.
        ("(loop (call $see (local.get $b)) nop (br_if 0 (local.get $p))) (i32.const 1)", vec![vec![p, b]]),
        // What is written before the loop is left is not read from its beginning on, whatever stands behind it.
        (
            "(loop nop (if (local.get $p) (then (local.set $a (i32.const 1)) (return (local.get $a)))) (br 0)) (local.get $a)",
            vec![vec![p]],
        ),
        ("nop (block (block (br_table 0 1 (local.get $p))) (call $see (local.get $b))) (local.get $a)", vec![vec![p, a, b]]),
        ("nop (unreachable)", vec![vec![]]),
    ];
    for (body, expected) in cases {
        assert_eq!(live(body), expected, "{body}");
    }
}

/// What holds for code that no text can say: a `try`, and a site.
#[test]
fn handlers_and_sites_are_live_as_they_say() {
    with_function("(i32.const 0)", |module, id, body| {
        let mut code = Code::new(module, id, body).unwrap();
        code.new_site(Effect { arity: (0, 0), reads: vec![2], writes: vec![1] });
        let label = code.new_label((0, 0));
        let handled = [
            Op::Try(label, BlockType::Empty),
            Op::Call(0),
            Op::Catch(label, 0),
            Op::Set(1),
            Op::Get(2),
            Op::Drop,
            Op::End(label),
            Op::Site(0),
            Op::Get(1),
            Op::End(0),
        ];
        code.list = List::from(handled.map(Into::into).to_vec());
        let live = Live::analyse(&code).expect("it is small");
        let at = |place: u32| (0..code.locals).filter(|local| live.reads(*local, Some(place))).collect::<Vec<_>>();
        assert_eq!(at(0), [2], "the handler reads it, and so does the site");
        assert_eq!(at(2), [2], "the handler");
        assert_eq!(at(7), [2], "the site writes what is read behind it");
        assert_eq!(at(8), [1]);
    });
}

/// Whether each `nop` of `body` is reached.
fn reached(body: &str) -> Vec<bool> {
    list(body, |_, code| {
        let mut reach = Reach::new();
        let mut reached = Vec::new();
        for instruction in code.list.iter() {
            if matches!(&instruction.op, Op::Plain(span, 0, 0) if code.bytes(span) == [1]) {
                reached.push(reach.reached);
            }
            reach.step(&instruction.op);
        }
        reached
    })
}

#[test]
fn code_is_reached_that_a_way_leads_to() {
    let cases: [(&str, &[bool]); 10] = [
        ("nop (return (i32.const 1)) nop", &[true, false]),
        ("(block nop (br 0) nop) nop (i32.const 1)", &[true, false, true]),
        ("(block (unreachable)) nop (i32.const 1)", &[false]),
        ("(block (br_if 0 (local.get $p)) (unreachable)) nop (i32.const 1)", &[true]),
        ("(if (local.get $p) (then (unreachable))) nop (i32.const 1)", &[true]),
        ("(if (local.get $p) (then (unreachable)) (else nop (unreachable))) nop (i32.const 1)", &[true, false]),
        // A branch to a loop does not lead behind it.
        ("(loop (br 0)) nop (i32.const 1)", &[false]),
        ("(loop (br_if 0 (local.get $p))) nop (i32.const 1)", &[true]),
        ("(block (block (br_table 0 1 (local.get $p))) nop (unreachable)) nop (i32.const 1)", &[true, true]),
        ("(unreachable) (block nop (br 0)) nop (i32.const 1)", &[false, false]),
    ];
    for (body, expected) in cases {
        assert_eq!(reached(body), expected, "{body}");
    }
}
