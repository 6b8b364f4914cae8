//! What the instructions in front of another one push, where that is as plain as linkers write addresses: `base + constant`.

use std::ops::Range;
use wasmparser::{BinaryReader, FunctionBody, Operator};

use crate::Result;
use crate::module::Body;

/// A value that depends on nothing but a global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// `global.get`
    Global(u32),
    /// `i32.const`
    Constant(i32),
    /// `global.get`, `i32.const`, `i32.add`
    Sum { global: u32, constant: i32 },
}

/// The last three instructions of a walk over a body, with where each begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recent([(usize, Step); 3]);

/// One instruction of a [`Pushed`] value.
#[derive(Debug, Clone, Copy, Default)]
enum Step {
    Global(u32),
    Constant(i32),
    Add,
    #[default]
    Other,
}

impl Recent {
    /// The value that the instructions push last, and where the first of them begins.
    pub fn pushed(&self) -> Option<(usize, Pushed)> {
        match self.0 {
            [(begin, Step::Global(global)), (_, Step::Constant(constant)), (_, Step::Add)] => {
                Some((begin, Pushed::Sum { global, constant }))
            }
            [_, _, (begin, Step::Global(global))] => Some((begin, Pushed::Global(global))),
            [_, _, (begin, Step::Constant(constant))] => Some((begin, Pushed::Constant(constant))),
            _ => None,
        }
    }

    fn follow(&mut self, operator: &Operator<'_>, begin: usize) {
        let step = match *operator {
            Operator::GlobalGet { global_index } => Step::Global(global_index),
            Operator::I32Const { value } => Step::Constant(value),
            Operator::I32Add => Step::Add,
            _ => Step::Other,
        };
        self.0 = [self.0[1], self.0[2], (begin, step)];
    }
}

/// Shows every operator of `body` with its place in it and the instructions in front of it.
pub fn each<'b>(body: &'b Body<'b>, mut visit: impl FnMut(&Operator<'b>, Range<usize>, &Recent)) -> Result<()> {
    let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
    let mut recent = Recent::default();
    while !operators.eof() {
        let begin = (operators.original_position() - body.offset) as usize;
        let operator = operators.read()?;
        visit(&operator, begin..(operators.original_position() - body.offset) as usize, &recent);
        recent.follow(&operator, begin);
    }
    Ok(())
}
