//! A function, instruction by instruction. What is written always validates: the writer knows the labels and what each takes.

use std::fmt::Write;
use std::ops::Range;

use super::Family;
use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    I32,
    I64,
    Exn,
}

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::Exn => "exnref",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Signature {
    pub parameters: &'static [Type],
    pub results: &'static [Type],
}

/// A tag and what it carries.
pub(super) const TAGS: [(&str, &[Type]); 3] = [("$a", &[]), ("$b", &[Type::I32]), ("$c", &[Type::I64, Type::I32])];

/// What a label is to the instructions that name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Block,
    Loop,
    /// The code of a `try` or `try_table`.
    Try,
    /// The code of a `catch` or `catch_all`, which may `rethrow`.
    Handler,
}

/// What code is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Plain,
    /// Around it is something that catches.
    Tried,
    Handler,
}

#[derive(Debug, Clone)]
pub(super) struct Label {
    pub takes: Vec<Type>,
    pub role: Role,
}

/// Locals of each type that is no reference.
const LOCALS: usize = 3;
/// Locals for references, and one more that they are copied through.
pub(super) const REFERENCES: usize = 6;
/// Labels around code, at most.
const DEEPEST: usize = 12;

pub(super) struct Writer<'a> {
    pub(super) random: &'a mut Random,
    pub(super) family: Family,
    functions: &'a [Signature],
    signature: Signature,
    text: String,
    pub(super) labels: Vec<Label>,
    /// How many references the code may throw, those of handlers around it: `$e0`, `$e1`, …. Of each, the label that nothing of its
    /// handler is behind.
    pub(super) references: usize,
    pub(super) outs: [usize; REFERENCES],
    /// Labels that the code may not branch to.
    pub(super) closed: Vec<Range<usize>>,
    /// How many more instructions with code in them.
    budget: usize,
    numbers: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(random: &'a mut Random, family: Family, functions: &'a [Signature], signature: Signature) -> Self {
        let most = if random.chance(10) { 50 } else { 14 };
        let budget = 3 + random.below(most);
        Writer {
            random,
            family,
            functions,
            signature,
            text: String::new(),
            labels: Vec::new(),
            references: 0,
            outs: [0; REFERENCES],
            closed: Vec::new(),
            budget,
            numbers: 0,
        }
    }

    /// All of it behind the name.
    pub(super) fn function(mut self) -> String {
        self.labels.push(Label { takes: self.signature.results.to_vec(), role: Role::Block });
        self.line("call $tick");
        self.sequence(&[], self.signature.results);
        let mut head = String::new();
        for (number, parameter) in self.signature.parameters.iter().enumerate() {
            let _ = write!(head, " (param $p{number} {})", parameter.name());
        }
        head += &signature_of("result", self.signature.results);
        for number in 0..LOCALS {
            let _ = write!(head, " (local $x{number} i32) (local $u{number} i64)");
        }
        for local in (0..=REFERENCES).map(|number| format!("$e{number}")).filter(|local| self.text.contains(local)) {
            let _ = write!(head, " (local {local} exnref)");
        }
        head + "\n" + &self.text
    }

    pub(super) fn line(&mut self, instruction: &str) {
        let indentation = 4 + 2 * self.labels.len().saturating_sub(1);
        let _ = writeln!(self.text, "{:indentation$}{instruction}", "");
    }

    /// The number that instructions in here have for the label at `index`.
    pub(super) fn depth(&self, index: usize) -> usize {
        self.labels.len() - 1 - index
    }

    /// Code that finds `start` on the stack and leaves `results`, or never ends.
    pub(super) fn sequence(&mut self, start: &[Type], results: &[Type]) {
        self.code(start, results, Code::Plain);
    }

    /// As [`Writer::sequence`], for code of this kind.
    pub(super) fn code(&mut self, start: &[Type], results: &[Type], code: Code) {
        if code == Code::Handler && self.random.chance(60) {
            self.log();
        }
        if start == results && !start.is_empty() && self.random.chance(25) {
            return self.statements(code);
        }
        let beneath = self.take(start);
        self.statements(code);
        let ends = if code == Code::Handler { 40 } else { 8 };
        if self.random.chance(ends) {
            if code == Code::Handler && self.random.chance(60) {
                self.throw_on()
            } else {
                self.terminator()
            }
            match self.random.below(8) {
                0 => {
                    self.statements(Code::Plain);
                    self.push(results);
                }
                1 => self.taking(),
                _ => {}
            }
            return;
        }
        for left in start[..beneath].iter().rev() {
            self.consume(*left);
        }
        self.push(results);
    }

    /// Code that nothing reaches takes values that nothing puts on the stack.
    fn taking(&mut self) {
        let mut takes = vec!["drop", "call $log", "local.set $u1"];
        if self.family != Family::Legacy {
            takes.push("throw_ref");
        }
        let take = *self.random.pick(&takes);
        self.line(take);
    }

    /// Takes values from the stack, and tells how many it leaves there.
    fn take(&mut self, values: &[Type]) -> usize {
        for index in (0..values.len()).rev() {
            if self.random.chance(20) {
                return index + 1;
            }
            self.consume(values[index]);
        }
        0
    }

    pub(super) fn push(&mut self, types: &[Type]) {
        types.iter().for_each(|value| self.expression(*value));
    }

    pub(super) fn consume(&mut self, value: Type) {
        let local = self.random.below(LOCALS);
        match (value, self.random.below(4)) {
            (Type::I32, 0) | (Type::I64, 0) => self.line("drop"),
            (Type::I32, 1) => self.line(&format!("local.set $x{local}")),
            (Type::I64, 1) => self.line(&format!("local.set $u{local}")),
            (Type::I32, _) => self.line("call $log"),
            (Type::I64, _) => {
                self.line("i32.wrap_i64");
                self.line("call $log");
            }
            (Type::Exn, _) => self.consume_reference(),
        }
    }

    pub(super) fn expression(&mut self, value: Type) {
        if self.room() && self.random.chance(20) {
            return self.structured(&[value]);
        }
        let local = self.random.below(LOCALS);
        let number = self.number();
        match (value, self.random.below(6)) {
            (Type::I32, 0 | 1) => self.line(&format!("i32.const {number}")),
            (Type::I32, 2 | 3) => self.line(&format!("local.get $x{local}")),
            (Type::I32, 4) => self.dice(100),
            (Type::I32, _) => {
                self.line(&format!("local.get $x{local}"));
                self.expression(Type::I32);
                self.line("i32.add");
            }
            (Type::I64, 0 | 1) => self.line(&format!("i64.const {number}")),
            (Type::I64, 2 | 3) => self.line(&format!("local.get $u{local}")),
            (Type::I64, _) => {
                self.expression(Type::I32);
                self.line("i64.extend_i32_s");
            }
            (Type::Exn, _) => self.reference(),
        }
    }

    /// Records that the program came here.
    fn log(&mut self) {
        let number = self.number();
        self.line(&format!("i32.const {number}"));
        self.line("call $log");
    }

    /// A number that no other place of the function has.
    fn number(&mut self) -> usize {
        self.numbers += 1;
        1000 * (self.functions.len() + 1) + self.numbers
    }

    fn dice(&mut self, sides: usize) {
        self.line(&format!("i32.const {sides}"));
        self.line("call $dice");
    }

    fn room(&mut self) -> bool {
        self.budget > 0 && self.labels.len() < DEEPEST
    }

    pub(super) fn statements(&mut self, code: Code) {
        for _ in 0..self.random.below(4) {
            self.statement();
        }
        if code == Code::Tried && self.random.chance(75) {
            self.thrower();
            if self.random.chance(30) {
                self.thrower();
            }
        }
    }

    /// Something that throws sometimes.
    pub(super) fn thrower(&mut self) {
        match self.random.below(3) {
            0 => self.call(),
            1 => self.foreign(),
            _ => self.maybe(|writer| writer.throw()),
        }
    }

    fn foreign(&mut self) {
        self.dice(12);
        self.line("call $foreign");
        self.consume(Type::I32);
    }

    fn statement(&mut self) {
        let room = self.room();
        match self.random.below(14) {
            0 => self.log(),
            1 => {
                self.expression(Type::I32);
                self.line(&format!("local.set $x{}", self.numbers % LOCALS));
            }
            2 if room => {
                self.expression(Type::I64);
                self.statement();
                self.consume(Type::I64);
            }
            3 => self.branch_if(),
            4 => self.maybe(|writer| writer.terminator()),
            5..8 => self.call(),
            8 => self.foreign(),
            9.. if room => {
                let results = self.block_results();
                self.structured(&results);
                results.iter().rev().for_each(|result| self.consume(*result));
            }
            _ if self.labels.iter().any(|label| label.role == Role::Try) => self.thrower(),
            _ => self.log(),
        }
    }

    /// Code that runs sometimes.
    pub(super) fn maybe(&mut self, code: impl FnOnce(&mut Self)) {
        self.line("call $again");
        self.line("if");
        self.labels.push(Label { takes: Vec::new(), role: Role::Block });
        code(self);
        self.labels.pop();
        self.line("end");
    }

    pub(super) fn block_results(&mut self) -> Vec<Type> {
        match self.random.below(7) {
            0..3 => Vec::new(),
            3 => vec![Type::I32],
            4 => vec![Type::I64],
            5 => vec![Type::I64, Type::I32],
            _ if self.family == Family::Free => vec![Type::I32, Type::Exn],
            _ => vec![Type::I32, Type::I32],
        }
    }

    fn block_parameters(&mut self) -> Vec<Type> {
        if self.random.chance(70) { Vec::new() } else { self.block_results() }
    }

    /// An instruction with code in it that leaves `results`.
    fn structured(&mut self, results: &[Type]) {
        self.budget = self.budget.saturating_sub(1);
        let parameters = self.block_parameters();
        let kind = self.random.below(10);
        if kind > 2 {
            match self.family {
                Family::Legacy => self.legacy_try(&parameters, results),
                _ => self.try_table(&parameters, results),
            }
            return;
        }
        self.push(&parameters);
        let (takes, role) = if kind == 1 { (parameters.clone(), Role::Loop) } else { (results.to_vec(), Role::Block) };
        if kind == 2 {
            self.line("call $again");
        }
        let head = ["block", "loop", "if"][kind];
        self.line(&format!("{head}{}", block_type(&parameters, results)));
        self.labels.push(Label { takes, role });
        if role == Role::Loop {
            self.line("call $tick");
        }
        self.sequence(&parameters, results);
        if kind == 2 && (parameters != results || self.random.chance(50)) {
            self.line("else");
            self.sequence(&parameters, results);
        }
        self.labels.pop();
        self.line("end");
    }

    fn call(&mut self) {
        if self.functions.is_empty() {
            return self.maybe(|writer| writer.throw());
        }
        let callee = self.random.below(self.functions.len());
        let Signature { parameters, results } = self.functions[callee];
        self.push(parameters);
        self.line(&format!("call $f{callee}"));
        results.iter().rev().for_each(|result| self.consume(*result));
    }

    /// A label to branch to. That which a clause brings a reference gets it in no other way, as long as references do not go anywhere.
    fn target(&mut self) -> usize {
        let anywhere = self.family == Family::Free;
        let fits = |label: &Label| anywhere || !label.takes.contains(&Type::Exn);
        let targets: Vec<usize> = self.open().into_iter().filter(|index| fits(&self.labels[*index])).collect();
        *self.random.pick(&targets)
    }

    /// The labels that the code may branch to.
    pub(super) fn open(&self) -> Vec<usize> {
        (0..self.labels.len()).filter(|index| !self.closed.iter().any(|closed| closed.contains(index))).collect()
    }

    fn branch_if(&mut self) {
        let index = self.target();
        let takes = self.labels[index].takes.clone();
        self.push(&takes);
        self.line("call $again");
        self.line(&format!("br_if {}", self.depth(index)));
        takes.iter().rev().for_each(|value| self.consume(*value));
    }

    /// Something that never goes on.
    pub(super) fn terminator(&mut self) {
        match self.random.below(12) {
            0 | 1 => {
                self.push(self.signature.results);
                self.line("return");
            }
            2..5 => {
                let index = self.target();
                let takes = self.labels[index].takes.clone();
                self.push(&takes);
                self.line(&format!("br {}", self.depth(index)));
            }
            5 => self.branch_table(),
            6..8 => self.throw(),
            8 if self.random.chance(10) => self.line("unreachable"),
            _ => self.throw_on(),
        }
    }

    fn branch_table(&mut self) {
        let index = self.target();
        let takes = self.labels[index].takes.clone();
        let same: Vec<usize> = self.open().into_iter().filter(|index| self.labels[*index].takes == takes).collect();
        let count = 2 + self.random.below(3);
        let targets: Vec<usize> = (0..count).map(|_| *self.random.pick(&same)).collect();
        let depths: Vec<String> = targets.into_iter().map(|index| self.depth(index).to_string()).collect();
        self.push(&takes);
        self.dice(count);
        self.line(&format!("br_table {}", depths.join(" ")));
    }

    pub(super) fn throw(&mut self) {
        let (tag, payload) = *self.random.pick(&TAGS);
        self.push(payload);
        self.line(&format!("throw {tag}"));
    }

    /// What was caught is thrown on, if anything was.
    fn throw_on(&mut self) {
        match self.family {
            Family::Legacy => self.rethrow(),
            _ => self.throw_reference(),
        }
    }
}

pub(super) fn block_type(parameters: &[Type], results: &[Type]) -> String {
    signature_of("param", parameters) + &signature_of("result", results)
}

fn signature_of(what: &str, types: &[Type]) -> String {
    if types.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = types.iter().map(|value| value.name()).collect();
    format!(" ({what} {})", names.join(" "))
}
