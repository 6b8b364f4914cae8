//! Both ways behind a call site written out: the handler continues where the code behind the call would take what was thrown, and the
//! path of calls that return goes on without a test.

use super::decision::{Decision, Place, after_exception};
use super::path::{self, Path, Step};
use super::site::Site;
use super::{Context, Reports};
use crate::body::code::{Code, Instruction, Label, Op};
use crate::body::solve::live::Live;
use std::collections::VecDeque;
use wasmparser::BlockType;

/// Threads `site` at `at`, and returns the label of its `try`; `None` when it stays as it is.
pub fn thread(context: &Context<'_>, code: &mut Code<'_>, site: &Site, live: &Live, at: usize, reports: Reports) -> Option<Label> {
    let place = Place::new(code, site, at)?;
    let decision = place.decide(context, code, reports)?;
    let label = code.new_label(place.site.arity);
    let rewrite = Rewrite { context, code, live, place: &place, label, reports };
    let (end, new) = rewrite.rewrite(&decision)?;
    let id = code.list[at].id;
    let mut new: Vec<Instruction> = new.into();
    new.first_mut()?.id = id;
    code.list.replace(at..end, new);
    Some(label)
}

struct Rewrite<'r, 'b> {
    context: &'r Context<'r>,
    code: &'r mut Code<'b>,
    live: &'r Live,
    place: &'r Place<'r>,
    /// That of the `try`.
    label: Label,
    reports: Reports,
}

/// The end of what is replaced, and what takes its place.
type Replacement = (usize, VecDeque<Instruction>);

impl Rewrite<'_, '_> {
    /// Blocks that begin behind the call begin before it, but for one that ends where both ways meet again.
    fn rewrite(mut self, decision: &Decision) -> Option<Replacement> {
        let meets = matches!((&self.code.list[decision.at].op, decision.opened.last()),
            (Op::BrIf(label), Some(inner)) if label == inner && !decision.taken_when_thrown);
        let outer = decision.opened.len() - usize::from(meets);
        if self.place.rigid && outer > 0 {
            return None;
        }
        let (ty, takes) = if outer > 0 { self.type_without_result()? } else { (BlockType::Empty, 0) };
        let (end, mut out) = self.inner(decision, meets)?;
        for &label in decision.opened[..outer].iter().rev() {
            self.code.blocks[label as usize].shape = (takes, 0);
            out.push_front(Op::Block(label, ty).into());
        }
        Some((end, out))
    }

    fn inner(&mut self, decision: &Decision, meets: bool) -> Option<Replacement> {
        let at = decision.at;
        match (&self.code.list[at].op, decision.taken_when_thrown) {
            (&Op::BrIf(label), _) if meets => {
                let end = self.code.end_of(label, at)?;
                self.rejoining(decision, label, end)
            }
            (&Op::BrIf(label), true) => self.branching(decision, label),
            (&Op::BrIf(label), false) => self.falling(decision, label),
            (&Op::If(label, BlockType::Empty), thrown) => {
                let end = self.code.end_of(label, at)?;
                let other = (at..end).find(|index| self.code.list[*index].op == Op::Else(label));
                match (thrown, other) {
                    (true, None) => self.rejoining(decision, label, end),
                    (true, Some(other)) => self.two_arms(decision, label, at + 1..other, other + 1..end, end),
                    (false, Some(other)) => self.two_arms(decision, label, other + 1..end, at + 1..other, end),
                    (false, None) => self.guarding(decision, label, end),
                }
            }
            _ => None,
        }
    }

    /// The number of the instruction at `at`, for what is known about it.
    fn id(&self, at: usize) -> Option<u32> {
        self.code.list.get(at).and_then(|instruction| instruction.id)
    }

    /// That of the instruction to which a branch leads.
    fn target(&self, label: Label) -> Option<u32> {
        self.code.blocks[label as usize].target
    }

    /// The writes of `path` that count at `target`, as code.
    fn remaining(&self, path: &Path, target: Option<u32>) -> Option<Vec<Op>> {
        path.remaining(|local| self.live.reads(local, target))
    }

    fn copy(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = Instruction> {
        self.code.list.range(range).cloned()
    }

    /// The instructions of `range`, whose end is not reached, up to where that is so. Validation takes the end of a block for reached in
    /// any case, and what stands behind a `br` may leave values that only the block had a place for in which it stood.
    fn copy_closed(&self, range: std::ops::Range<usize>) -> Vec<Instruction> {
        let mut out: Vec<Instruction> = Vec::new();
        let mut depth = 0;
        for instruction in self.copy(range) {
            match instruction.op {
                Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => depth += 1,
                Op::End(_) => depth -= 1,
                _ => {}
            }
            let stops = matches!(instruction.op, Op::Stop(..) | Op::Unreachable | Op::Br(_) | Op::BrTable(..) | Op::Rethrow(_));
            out.push(instruction);
            if stops && depth == 0 {
                return out;
            }
        }
        out.push(Op::Unreachable.into());
        out
    }

    /// The beginning of the only handler: restores the stack pointer, notes what came, and does for the code at `target` what is
    /// skipped.
    fn handler(&self, decision: &Decision, target: Option<u32>) -> Option<Vec<Instruction>> {
        let site = self.place.site;
        match (site.cpp, site.longjmp) {
            (Some(tag), None) => {
                let mut out = self.exception_handler(tag)?;
                out.extend(self.on_the_way(&decision.thrown, target)?);
                Some(out)
            }
            (None, Some(tag)) => self.longjmp_handler(tag, decision, target),
            _ => None,
        }
    }

    fn exception_handler(&self, tag: u32) -> Option<Vec<Instruction>> {
        let note = self.place.site.note_exception(self.context.helpers)?;
        Some([Op::Catch(self.label, tag)].into_iter().chain(note).map(Instruction::from).collect())
    }

    fn longjmp_handler(&self, tag: u32, decision: &Decision, target: Option<u32>) -> Option<Vec<Instruction>> {
        let report = self.place.site.report_longjmp(self.context.helpers, self.reports)?;
        let mut out: Vec<Instruction> = [Op::Catch(self.label, tag)].into_iter().chain(report).map(Instruction::from).collect();
        let mut rest = self.on_the_way(&decision.thrown, target)?;
        // A copy of what was thrown is best taken on its way.
        let copies =
            |pair: &[Instruction]| matches!((&pair[0].op, &pair[1].op), (Op::Get(from), Op::Set(_)) if *from == self.reports.threw);
        if decision.thrown.statements.is_empty()
            && let Some(at) = rest.windows(2).position(copies)
            && let Op::Set(copy) = rest[at + 1].op
        {
            rest.drain(at..at + 2);
            out.insert(out.len() - 1, Op::Tee(copy).into());
        }
        out.extend(rest);
        Some(out)
    }

    /// What the skipped code would have written and the code at `target` reads; also the zero in place of a result.
    fn on_the_way(&self, path: &Path, target: Option<u32>) -> Option<Vec<Instruction>> {
        let mut out: Vec<Op> = Vec::new();
        if let (Some(Op::Set(local)), Some(zero)) = (&self.place.taken, &self.place.site.zero)
            && !path.writes.contains_key(local)
            && self.live.reads(*local, target)
        {
            out.extend([zero.clone(), Op::Set(*local)]);
        }
        out.extend(self.remaining(path, target)?);
        Some(out.into_iter().map(Instruction::from).collect())
    }

    fn returns_on_the_way(&self, path: &Path, target: Option<u32>) -> Option<Vec<Instruction>> {
        Some(self.remaining(path, target)?.into_iter().map(Instruction::from).collect())
    }

    /// The type of the `try` if its result is taken inside.
    fn type_without_result(&self) -> Option<(BlockType, u32)> {
        if self.place.rigid {
            return None;
        }
        match self.place.site.ty {
            BlockType::FuncType(ty) => {
                let (takes, gives) = self.code.blocks[self.label as usize].shape;
                let ty = match (takes, gives) {
                    (0, _) => BlockType::Empty,
                    (_, 0) => self.place.site.ty,
                    _ => BlockType::FuncType(*self.context.without_result.get(&ty)?),
                };
                Some((ty, takes))
            }
            _ => Some((BlockType::Empty, 0)),
        }
    }

    fn begin(&self, ty: BlockType) -> VecDeque<Instruction> {
        let mut out = VecDeque::from([Instruction::from(Op::Try(self.label, ty))]);
        out.extend(self.place.site.called());
        out
    }

    /// The result is taken by nobody but the instruction behind the call.
    fn take(&self) -> impl Iterator<Item = Instruction> {
        self.place.taken.iter().chain(&self.place.dropped).cloned().map(Instruction::from)
    }

    /// `br_if` to the landing pad: the handler branches there.
    fn branching(&mut self, decision: &Decision, label: Label) -> Option<Replacement> {
        if self.code.arity(label) != 0 {
            return None;
        }
        let handler = self.handler(decision, self.target(label))?;
        let end = decision.at + 1;
        let returns = self.returns_on_the_way(&decision.returns, self.id(end))?;
        let mut out = self.begin(self.place.site.ty);
        out.extend(handler);
        out.extend([Op::Br(label), Op::End(self.label)].map(Instruction::from));
        out.extend(self.take());
        out.extend(returns);
        Some((end, out))
    }

    /// `br_if` around the landing pad: the call branches there, and the landing pad stands in the handler if it can.
    fn falling(&mut self, decision: &Decision, label: Label) -> Option<Replacement> {
        if self.code.arity(label) != 0 {
            return None;
        }
        let end = decision.at + 1;
        let handler = match (self.place.site.cpp, self.place.site.longjmp) {
            (Some(cpp), Some(longjmp)) => {
                let mut handlers = self.exception_that_branches(cpp, label)?;
                handlers.extend(self.longjmp_handler(longjmp, decision, self.id(end))?);
                handlers
            }
            _ => self.handler(decision, self.id(end))?,
        };
        let returns = self.returns_on_the_way(&decision.returns, self.target(label))?;
        if self.place.rigid {
            return None;
        }
        let behind = self.movable(end);
        if let Some(behind) = behind.filter(|behind| self.is_closed(*behind, end)) {
            let mut out = self.begin(self.place.site.ty);
            out.extend(handler);
            out.extend(self.copy_closed(end..behind));
            out.push_back(Op::End(self.label).into());
            out.extend(self.take());
            out.extend(returns);
            out.push_back(Op::Br(label).into());
            return Some((behind, out));
        }
        let (ty, takes) = self.type_without_result()?;
        let mut out = self.begin(ty);
        out.extend(self.take());
        out.extend(returns);
        out.push_back(Op::Br(label).into());
        out.extend(handler);
        out.extend(self.copy(end..behind.unwrap_or(end)));
        out.push_back(Op::End(self.label).into());
        self.code.blocks[self.label as usize].shape = (takes, 0);
        Some((behind.unwrap_or(end), out))
    }

    /// The end of the block around the site, if what stands between `from` and there can stand in a handler.
    fn movable(&self, from: usize) -> Option<usize> {
        let end = self.end_of_block(from)?;
        let stretch = path::stretch(self.code, self.context.module, from, end)?;
        let gives = match self.code.list[end].op {
            Op::End(label) | Op::Else(label) | Op::Catch(label, _) => self.code.blocks[label as usize].shape.1,
            _ => return None,
        };
        (!stretch.ends || gives == 0).then_some(end)
    }

    /// The end of the innermost block, or of its arm, around `from`.
    fn end_of_block(&self, from: usize) -> Option<usize> {
        let mut depth = 0;
        for index in from..self.code.list.len() {
            match self.code.list[index].op {
                Op::Block(..) | Op::Loop(..) | Op::If(..) | Op::Try(..) => depth += 1,
                Op::Else(_) | Op::Catch(..) | Op::End(_) if depth == 0 => return Some(index),
                Op::End(_) => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// Code for what was thrown, up to the end of the block `label` at `end`, where both ways meet again: it stands in the handler,
    /// with what follows as long as that does nothing when the call returned.
    fn rejoining(&mut self, decision: &Decision, label: Label, end: usize) -> Option<Replacement> {
        let begin = decision.at + 1;
        let pad = path::stretch(self.code, self.context.module, begin, end)?;
        let leads_out = pad.ends || self.branches_to(label, begin..end);
        let (last, returns) = match self.place.site.longjmp {
            Some(_) => self.extend(decision, end + 1)?,
            None => (end + 1, self.returns_on_the_way(&decision.returns, self.id(end + 1))?),
        };
        if self.place.rigid && !self.pad_leaves(label, begin, end, leads_out) {
            return None;
        }
        // A result that the code for what was thrown writes anew is taken right behind the call.
        let inside = self.result_is_written(last);
        let (ty, takes) = if inside { self.type_without_result()? } else { (self.place.site.ty, 0) };
        let zero = || self.place.site.zero.clone().filter(|_| !inside).map(Instruction::from);
        let exception = match (self.place.site.cpp, self.place.site.longjmp) {
            (Some(_), Some(_)) if inside => return None,
            (Some(cpp), Some(_)) => Some(self.exception_that_returns(cpp, last)?),
            _ => None,
        };
        let mut thrown = match self.place.site.longjmp {
            Some(tag) => self.longjmp_handler(tag, decision, self.id(begin))?,
            None => self.handler(decision, self.id(begin))?,
        };
        // What is written in any case is best written before the call.
        let early =
            self.may_precede_call(&returns, decision, begin) && exception.as_ref().is_none_or(|(_, writes)| same(writes, &returns));
        let mut out = self.begin(ty);
        if inside {
            out.extend(self.take());
        }
        if early {
            thrown = without(thrown, &returns);
            returns.iter().rev().for_each(|instruction| out.push_front(instruction.clone()));
        } else {
            out.extend(returns);
        }
        if let Some((handler, writes)) = exception {
            out.extend(handler);
            if !early {
                out.extend(writes);
            }
            out.extend(zero());
        }
        out.extend(thrown);
        if self.branches_to(label, begin..end) {
            out.push_back(Op::Block(label, BlockType::Empty).into());
            out.extend(self.copy(begin..end));
            out.push_back(Op::End(label).into());
        } else if leads_out {
            out.extend(self.copy(begin..end));
        } else {
            out.extend(self.copy_closed(begin..end));
        }
        if leads_out {
            out.extend(self.copy(end + 1..last));
            out.extend(zero());
        }
        out.push_back(Op::End(self.label).into());
        if inside {
            self.code.blocks[self.label as usize].shape = (takes, 0);
        } else {
            out.extend(self.take());
        }
        Some((last, out))
    }

    /// Whether code for what was thrown does not go on behind the call, where values lie on the stack.
    fn pad_leaves(&self, label: Label, begin: usize, end: usize, leads_out: bool) -> bool {
        self.place.site.longjmp.is_none() && !leads_out && !self.branches_to(label, begin..end)
    }

    /// An exception in such a frame where the code behind the call branches to `label`.
    fn exception_that_branches(&self, tag: u32, label: Label) -> Option<Vec<Instruction>> {
        let mut path = after_exception(self.reports);
        for instruction in self.code.list.range(self.place.behind..self.code.list.len()) {
            let op = &instruction.op;
            match (op, path.step(op, &self.context.get_temp_ret)) {
                (Op::Block(_, BlockType::Empty), _) | (_, Some(Step::Next)) | (Op::BrIf(_), Some(Step::Decides(false))) => {}
                (Op::BrIf(to), Some(Step::Decides(true))) if *to == label => {
                    let mut out = self.exception_handler(tag)?;
                    out.extend(self.on_the_way(&path, self.target(label))?);
                    out.push(Op::Br(label).into());
                    return Some(out);
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether the code up to `end` writes the local that takes the result, which would come too early.
    fn result_is_written(&self, end: usize) -> bool {
        let Some(Op::Set(result)) = self.place.taken else { return false };
        let mut code = self.code.list.range(self.place.behind..end);
        code.any(|instruction| matches!(instruction.op, Op::Set(local) | Op::Tee(local) if local == result))
    }

    /// An exception in a frame that handles longjmp alone: reported as none, as the code behind the call has it.
    fn exception_that_returns(&self, tag: u32, to: usize) -> Option<(Vec<Instruction>, Vec<Instruction>)> {
        let mut path = after_exception(self.reports);
        path::arrives(self.code, &mut path, self.place.behind, to, &self.context.get_temp_ret)?;
        let writes = self.remaining(&path, self.id(to))?.into_iter().map(Instruction::from).collect();
        Some((self.exception_handler(tag)?, writes))
    }

    /// Whether `writes`, of constants, may come before the call: neither it nor its handlers read what was there before, nor does the
    /// code at `pad`, for what was thrown.
    fn may_precede_call(&self, writes: &[Instruction], decision: &Decision, pad: usize) -> bool {
        let read = |local: u32| {
            local == self.place.stack_pointer
                // The result of the call comes later, and stays.
                || self.place.taken == Some(Op::Set(local))
                || self.place.site.pushes.contains(&Op::Get(local))
                || (!decision.thrown.writes.contains_key(&local) && self.live.reads(local, self.id(pad)))
        };
        writes.iter().all(|instruction| match instruction.op {
            Op::Set(local) => !read(local),
            Op::Const(_) => true,
            _ => false,
        })
    }

    fn branches_to(&self, label: Label, range: std::ops::Range<usize>) -> bool {
        self.code.list.range(range).any(|instruction| match &instruction.op {
            Op::Br(to) | Op::BrIf(to) => *to == label,
            Op::BrTable(labels, default) => labels.iter().chain([default]).any(|to| *to == label),
            _ => false,
        })
    }

    /// How far the code from `from` on does nothing when the call returned but to write constants, and which of these are read.
    fn extend(&self, decision: &Decision, from: usize) -> Option<(usize, Vec<Instruction>)> {
        let mut path = decision.returns.clone();
        let mut best = None;
        let mut at = from;
        while at < self.code.list.len() {
            if path.is_level()
                && let Some(code) = self.returns_on_the_way(&path, self.id(at))
                && self.exception_arrives(at)
                && path::stretch(self.code, self.context.module, from, at).is_some()
            {
                best = Some((at, code));
            }
            let op = &self.code.list[at].op;
            match (path.step(op, &self.context.get_temp_ret), op) {
                (Some(Step::Next), _) | (Some(Step::Decides(false)), Op::BrIf(_)) => at += 1,
                (Some(Step::Decides(false)), Op::If(label, BlockType::Empty)) => {
                    let end = self.code.end_of(*label, at)?;
                    if self.code.list.range(at..end).any(|instruction| instruction.op == Op::Else(*label)) {
                        break;
                    }
                    at = end + 1;
                }
                _ => break,
            }
        }
        best
    }

    /// Whether an exception, if the site catches both, leads to `to` as well.
    fn exception_arrives(&self, to: usize) -> bool {
        let mut path = after_exception(self.reports);
        self.place.site.cpp.is_none()
            || (path::arrives(self.code, &mut path, self.place.behind, to, &self.context.get_temp_ret).is_some()
                && self.remaining(&path, self.id(to)).is_some())
    }

    /// `if` with the landing pad in one arm.
    fn two_arms(
        &mut self,
        decision: &Decision,
        label: Label,
        pad: std::ops::Range<usize>,
        returning: std::ops::Range<usize>,
        end: usize,
    ) -> Option<Replacement> {
        let (ty, takes) = self.type_without_result()?;
        let pad_ends = path::stretch(self.code, self.context.module, pad.start, pad.end)?.ends;
        path::stretch(self.code, self.context.module, returning.start, returning.end)?;
        let handler = self.handler(decision, self.id(pad.start))?;
        let returns = self.returns_on_the_way(&decision.returns, self.id(returning.start))?;
        let mut out = VecDeque::from([Instruction::from(Op::Block(label, ty))]);
        out.extend(self.begin(self.place.site.ty));
        out.extend(handler);
        if pad_ends {
            out.extend(self.copy(pad));
            out.push_back(Op::Br(label).into());
        } else {
            out.extend(self.copy_closed(pad));
        }
        out.push_back(Op::End(self.label).into());
        out.extend(self.take());
        out.extend(returns);
        out.extend(self.copy(returning));
        out.push_back(Op::End(label).into());
        self.code.blocks[label as usize].shape = (takes, 0);
        Some((end + 1, out))
    }

    /// `if` around the code for calls that return: the landing pad stands behind it.
    fn guarding(&mut self, decision: &Decision, label: Label, end: usize) -> Option<Replacement> {
        let (ty, takes) = self.type_without_result()?;
        let returning = decision.at + 1..end;
        let pad = end + 1;
        let stretch = path::stretch(self.code, self.context.module, returning.start, returning.end)?;
        let handler = self.handler(decision, self.id(pad))?;
        let returns = self.returns_on_the_way(&decision.returns, self.id(returning.start))?;
        let alone = !stretch.ends && !self.branches_to(label, returning.clone());
        let movable = if alone { self.movable(pad).filter(|end| self.is_closed(*end, pad)) } else { None };
        let mut out = VecDeque::new();
        if movable.is_none() {
            out.push_back(Instruction::from(Op::Block(label, ty)));
        }
        out.extend(self.begin(self.place.site.ty));
        out.extend(handler);
        match movable {
            Some(behind) => out.extend(self.copy_closed(pad..behind)),
            None => out.push_back(Op::Br(label).into()),
        }
        out.push_back(Op::End(self.label).into());
        out.extend(self.take());
        out.extend(returns);
        if let Some(behind) = movable {
            out.extend(self.copy_closed(returning));
            return Some((behind, out));
        }
        out.extend(self.copy(returning));
        out.push_back(Op::End(label).into());
        self.code.blocks[label as usize].shape = (takes, 0);
        Some((end + 1, out))
    }

    /// Whether the end of the stretch from `from` to `end` is not reached.
    fn is_closed(&self, end: usize, from: usize) -> bool {
        path::stretch(self.code, self.context.module, from, end).is_some_and(|stretch| !stretch.ends)
    }
}

/// Whether both do the same.
fn same(a: &[Instruction], b: &[Instruction]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.op == b.op)
}

/// `code` without the constants that `writes` has put into the same locals.
fn without(code: Vec<Instruction>, writes: &[Instruction]) -> Vec<Instruction> {
    let mut out: Vec<Instruction> = Vec::with_capacity(code.len());
    for instruction in code {
        let pair = out.last().is_some_and(|last| {
            let is_const = matches!(last.op, Op::Const(_));
            is_const && writes.windows(2).any(|pair| pair[0].op == last.op && pair[1].op == instruction.op)
        });
        if pair && matches!(instruction.op, Op::Set(_)) {
            out.pop();
        } else {
            out.push(instruction);
        }
    }
    out
}
