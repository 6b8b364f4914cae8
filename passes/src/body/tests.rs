//! Small bodies, read, changed and written.

use super::code::{Changes, Code, Op};
use super::relocated;
use crate::module::{Body, FunctionId, Module};
use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

/// The only import is `$see`, number 0; the function with the body is `$f`, number 1. It has the parameter `$p` and the locals `$a` and
/// `$b`.
pub fn with_function<T>(body: &str, look: impl Fn(&Module<'_>, FunctionId, &Body<'_>) -> T) -> T {
    let text = format!(
        r#"(module (@custom "dylink.0" (before first) "\01\04\00\00\00\00")
             (import "env" "see" (func $see (param i32)))
             (import "env" "memory" (memory 1))
             (import "env" "table" (table 1 funcref))
             (import "env" "tag" (tag $tag (param i32)))
             (func $f (param $p i32) (result i32) (local $a i32) (local $b i32) {body}))"#
    );
    let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let module = Module::read(&bytes).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (id, body) = module.bodies().next().expect("there is a function");
    look(&module, id, body)
}

#[test]
fn relocated_addresses_are_what_linkers_write() {
    assert_eq!(relocated(3, 2), [0x23, 3, 0x41, 0x82, 0x80, 0x80, 0x80, 0, 0x6a]);
    for offset in [0, 5, 0x7f, 0x1234_5678, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let bytes = relocated(0, offset);
        let operators: Vec<_> = OperatorsReader::new(BinaryReader::new(&bytes, 0)).into_iter().skip(1).collect();
        assert!(matches!(operators[0], Ok(Operator::I32Const { value }) if value as u32 == offset), "{offset}: {operators:?}");
    }
}

/// What comes out of a list is what went in, to the byte.
#[test]
fn lists_are_written_as_they_were_read() {
    for body in [
        "(i32.const 1)",
        "(block $out (result i32) (loop (br_if 0 (local.get $p)) (br $out (i32.const 2))) (unreachable))",
        "(if (result i32) (local.get $p) (then (f64.const 2) (drop) (i32.const -5)) (else (local.tee $a (i32.const 3))))",
        "(block (block (block (br_table 0 2 1 (local.get $p))) (call $see (i32.load offset=8 (local.get $b))))) (i32.const 1)",
        "(return_call_indirect (result i32) (i32.const 0))",
    ] {
        with_function(body, |module, id, original| {
            let mut code = Code::new(module, id, original).unwrap();
            code.read(module, Changes::default()).unwrap();
            let unused = code.encode().unwrap();
            // Locals behind the last one that is used are not declared any more.
            let instructions = |bytes: &[u8]| {
                let body = FunctionBody::new(BinaryReader::new(bytes, 0));
                let begin = body.get_operators_reader().unwrap().original_position() as usize;
                bytes[begin..].to_vec()
            };
            assert_eq!(instructions(&unused), instructions(&original.bytes), "{body}");
        });
    }
}

#[test]
fn changes_take_the_place_of_spans() {
    let changed = |changes: &[(std::ops::Range<usize>, &[Op])]| {
        with_function("(call $see (i32.const 1)) (i32.const 2)", |module, id, body| {
            let mut list = Changes::default();
            list.prologue.extend([Op::Get(0), Op::Drop]);
            changes.iter().for_each(|(span, with)| list.replace(span, with.to_vec()));
            let mut code = Code::new(module, id, body).unwrap();
            code.read(module, list).map(|()| code.list.iter().map(|instruction| instruction.op.clone()).collect::<Vec<_>>())
        })
    };
    let (get, set, end) = (Op::Get(0), Op::Call(0), Op::End(0));
    // One group of locals takes three bytes, each of the instructions two.
    let all = [get.clone(), Op::Drop, Op::Const(1), set.clone(), Op::Const(2), end.clone()];
    assert_eq!(changed(&[]).unwrap(), all);
    assert_eq!(changed(&[(3..5, &[Op::Const(7), Op::Eqz])]).unwrap()[2..5], [Op::Const(7), Op::Eqz, set.clone()]);
    assert_eq!(changed(&[(3..7, &[])]).unwrap()[2..], [Op::Const(2), end]);
    for overlapping in [[(3..7, &[][..]), (5..7, &[])], [(3..5, &[]), (4..5, &[])]] {
        assert!(changed(&overlapping).is_err());
    }
    assert!(changed(&[(90..91, &[])]).is_err(), "behind the end");
}
