//! Assignments to globals that nobody reads.

use super::reach::Reached;
use crate::Result;
use crate::body::edit::Edits;
use crate::module::{Body, FunctionId, Module};
use rayon::prelude::*;
use std::collections::HashSet;
use std::ops::Range;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// Takes out of the functions that stay every assignment to a global that does not.
pub fn forget_writes(module: &mut Module<'_>, reached: &Reached) -> Result<()> {
    let doomed: HashSet<u32> = (0..module.globals().len() as u32).filter(|id| !reached.globals.contains(id)).collect();
    if doomed.is_empty() {
        return Ok(());
    }
    let shared = &*module;
    let bodies: Vec<_> = shared.bodies().collect();
    let changed: Vec<(FunctionId, Vec<u8>)> = (bodies.into_par_iter())
        .map(|(id, body)| {
            let writes = writes(body, &doomed)?;
            if writes.is_empty() {
                return Ok(None);
            }
            let mut edits = Edits::new(body, shared.signature(id).params().len() as u32)?;
            for (span, with) in writes {
                edits.replace(span, with);
            }
            Ok(Some((id, edits.apply()?)))
        })
        .filter_map(Result::transpose)
        .collect::<Result<_>>()?;
    for (id, body) in changed {
        module.define_function(id, body);
    }
    Ok(())
}

/// What stands in the place of each assignment.
fn writes(body: &Body<'_>, doomed: &HashSet<u32>) -> Result<Vec<(Range<usize>, Vec<u8>)>> {
    let mut writes = Vec::new();
    // The instructions in front: where each begins, and what of an address it is.
    let mut last = [(0, Step::Other); 3];
    let mut operators = FunctionBody::new(BinaryReader::new(&body.bytes, body.offset)).get_operators_reader()?;
    while !operators.eof() {
        let at = (operators.original_position() - body.offset) as usize;
        let step = match operators.read()? {
            Operator::GlobalSet { global_index } if doomed.contains(&global_index) => {
                let end = (operators.original_position() - body.offset) as usize;
                writes.push(match last {
                    [(begin, Step::Global), (_, Step::Const), (_, Step::Add)] => (begin..end, Vec::new()),
                    [_, _, (begin, Step::Global | Step::Const)] => (begin..end, Vec::new()),
                    _ => (at..end, crate::body::code(|code| code.drop())),
                });
                Step::Other
            }
            Operator::GlobalGet { .. } => Step::Global,
            Operator::I32Const { .. } => Step::Const,
            Operator::I32Add => Step::Add,
            _ => Step::Other,
        };
        last = [last[1], last[2], (at, step)];
    }
    Ok(writes)
}

/// One instruction of an address.
#[derive(Debug, Clone, Copy)]
enum Step {
    Global,
    Const,
    Add,
    Other,
}
