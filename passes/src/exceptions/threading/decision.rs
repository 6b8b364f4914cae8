//! Where the ways behind a call site part: the test that the compiler put there.

use super::path::{self, Known, Path, Step};
use super::site::{Below, Site};
use super::{Context, Reports};
use crate::body::code::{Code, Label, Op};
use wasmparser::BlockType;

/// A call site, and what stands behind it.
pub struct Place<'s> {
    pub site: &'s Site,
    pub stack_pointer: u32,
    /// What takes the result: `local.set` or `drop`.
    pub taken: Option<Op>,
    /// What else comes before anything that has to do with the test: the function pointer is dropped that lies below.
    pub dropped: Vec<Op>,
    /// The result stays on the stack, or something is taken from below it: then no block may come between the call and what follows.
    pub rigid: bool,
    /// The first instruction behind that.
    pub behind: usize,
}

/// The branch at which both ways part.
pub struct Decision {
    pub at: usize,
    /// What is known when nothing was thrown, and when something was.
    pub returns: Path,
    pub thrown: Path,
    /// Whether it branches, or enters the block, when something was thrown.
    pub taken_when_thrown: bool,
    /// The blocks that begin between the call and it.
    pub opened: Vec<Label>,
}

impl<'s> Place<'s> {
    /// `None` for a site that catches nothing.
    pub fn new(code: &Code<'_>, site: &'s Site, at: usize) -> Option<Self> {
        let stack_pointer = site.stack_pointer.filter(|_| site.catches())?;
        let has_result = site.zero.is_some();
        let (behind, taken, dropped) = match site.below.map(Below::code) {
            Some((taken, dropped)) => (at + 1, taken, dropped),
            None => {
                let next = code.list.get(at + 1).map(|next| &next.op);
                let taken = next.filter(|next| has_result && matches!(next, Op::Set(_) | Op::Drop)).cloned();
                (at + 1 + usize::from(taken.is_some()), taken, Vec::new())
            }
        };
        let rigid = !dropped.is_empty() || (has_result && taken.is_none());
        Some(Place { site, stack_pointer, taken, dropped, rigid, behind })
    }

    /// Takes the statement at `at` over to both ways, and returns its length. It may have nothing to do with the result of the call,
    /// which has another place on each.
    fn statement(&self, context: &Context<'_>, code: &Code<'_>, at: usize, a: &mut Path, b: &mut Path) -> Option<usize> {
        let statement = path::statement(code, context.module, at)?;
        let uses_result = |op: &Op| matches!((op, &self.taken), (Op::Get(a) | Op::Set(a) | Op::Tee(a), Some(Op::Set(b))) if a == b);
        if statement.iter().any(uses_result) {
            return None;
        }
        // Neither way or both.
        let mut both = (a.clone(), b.clone());
        both.0.take_statement(&statement)?;
        both.1.take_statement(&statement)?;
        (*a, *b) = both;
        Some(statement.len())
    }

    /// Follows both ways to the branch where they part.
    pub fn decide(&self, context: &Context<'_>, code: &Code<'_>, reports: Reports) -> Option<Decision> {
        let mut returns = Path::new([(reports.threw, Known::Const(0))]);
        let mut thrown = if self.site.longjmp.is_some() { after_longjmp(reports) } else { after_exception(reports) };
        let mut opened = Vec::new();
        let mut next = self.behind;
        for at in self.behind..code.list.len() {
            match &code.list[at].op {
                Op::Block(label, BlockType::Empty) if returns.is_level() && thrown.is_level() => opened.push(*label),
                _ if at < next => {}
                _ if let Some(length) = self.statement(context, code, at, &mut returns, &mut thrown) => next = at + length,
                op => match (returns.step(op, &context.get_temp_ret)?, thrown.step(op, &context.get_temp_ret)?) {
                    (Step::Decides(a), Step::Decides(taken_when_thrown)) if a != taken_when_thrown => {
                        let level = returns.is_level() && thrown.is_level();
                        return level.then_some(Decision { at, returns, thrown, taken_when_thrown, opened });
                    }
                    (Step::Next, Step::Next) => {}
                    // Neither goes that way.
                    (Step::Decides(false), Step::Decides(false)) if matches!(op, Op::BrIf(_)) => {}
                    _ => return None,
                },
            }
        }
        None
    }
}

/// What is known behind a call that an exception has ended.
pub fn after_exception(reports: Reports) -> Path {
    let value = reports.value.map(|value| (value, Known::Const(0)));
    Path::new([(reports.threw, Known::Const(1))].into_iter().chain(value))
}

/// What is known behind a call that a longjmp has ended.
pub fn after_longjmp(reports: Reports) -> Path {
    let value = reports.value.map(|value| (value, Known::NotZero(value)));
    Path::new([(reports.threw, Known::Buffer(reports.threw))].into_iter().chain(value))
}
