//! Assignments to globals that nobody reads.

use super::reach::Reached;
use crate::Result;
use crate::body::edit::Edits;
use crate::body::pushed;
use crate::module::{Body, FunctionId, Module};
use crate::parallel::prelude::*;
use std::collections::HashSet;
use std::ops::Range;
use wasmparser::Operator;

/// Takes out of the functions that stay every assignment to a global that does not.
pub fn forget_writes(module: &mut Module<'_>, reached: &Reached) -> Result<()> {
    let doomed: HashSet<u32> = (0..module.globals().len() as u32).filter(|id| !reached.globals.contains(id)).collect();
    if doomed.is_empty() {
        return Ok(());
    }
    let shared = &*module;
    let writers = shared.bodies_that(|facts| facts.writes().any(|global| doomed.contains(&global)))?;
    let changed: Vec<(FunctionId, Vec<u8>)> = (writers.into_par_iter())
        .map(|(id, body)| {
            let writes = writes(body, &doomed)?;
            let mut edits = Edits::new(body);
            for (span, with) in writes {
                edits.replace(span, with);
            }
            Ok((id, edits.apply()?))
        })
        .collect::<Result<_>>()?;
    for (id, body) in changed {
        module.define_function(id, body);
    }
    Ok(())
}

/// What stands in the place of each assignment.
fn writes(body: &Body<'_>, doomed: &HashSet<u32>) -> Result<Vec<(Range<usize>, Vec<u8>)>> {
    let mut writes = Vec::new();
    pushed::each(body, |operator, span, recent| {
        if let Operator::GlobalSet { global_index } = operator
            && doomed.contains(global_index)
        {
            writes.push(match recent.pushed() {
                Some((begin, _)) => (begin..span.end, Vec::new()),
                None => (span, crate::body::code(|code| code.drop())),
            });
        }
    })?;
    Ok(writes)
}
