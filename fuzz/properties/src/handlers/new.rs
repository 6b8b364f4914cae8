//! `try_table` with blocks for its handlers, and `throw_ref`.

use super::Family;
use super::writer::{Code, Label, REFERENCES, Role, TAGS, Type, Writer, block_type};

/// A block around a `try_table` whose end the code of a handler follows.
struct Handler {
    /// What a clause brings, without the reference.
    payload: Vec<Type>,
    reference: bool,
    /// A clause for it: a tag, or any.
    clauses: Vec<Option<&'static str>>,
}

impl Handler {
    fn takes(&self) -> Vec<Type> {
        let reference = self.reference.then_some(Type::Exn);
        self.payload.iter().copied().chain(reference).collect()
    }
}

impl Writer<'_> {
    pub(super) fn try_table(&mut self, parameters: &[Type], results: &[Type]) {
        let handlers: Vec<Handler> = (0..*self.random.pick(&[0, 1, 1, 2, 3])).map(|_| self.handler()).collect();
        self.line(&format!("block{}", block_type(&[], results)));
        self.labels.push(Label { takes: results.to_vec(), role: Role::Block });
        let out = self.labels.len() - 1;
        for handler in handlers.iter().rev() {
            let takes = handler.takes();
            self.line(&format!("block{}", block_type(&[], &takes)));
            self.labels.push(Label { takes, role: Role::Block });
        }
        // What the code ends with: it goes on behind everything, or with the first handler.
        let falls = handlers.first().is_some_and(|first| !first.reference && self.random.chance(10));
        let after = if falls { handlers[0].takes() } else { results.to_vec() };
        self.push(parameters);
        let clauses = self.clauses(&handlers);
        self.line(&format!("try_table{}{clauses}", block_type(parameters, &after)));
        self.labels.push(Label { takes: after.clone(), role: Role::Try });
        self.code(parameters, &after, Code::Tried);
        self.labels.pop();
        self.line("end");
        if !falls && !handlers.is_empty() {
            self.line(&format!("br {}", self.depth(out)));
        }
        for (number, handler) in handlers.iter().enumerate() {
            self.labels.pop();
            self.line("end");
            let next = handlers.get(number + 1);
            match next {
                Some(next) if !next.reference && self.random.chance(15) => {
                    let takes = next.takes();
                    self.handle(handler, &takes, out);
                }
                Some(_) => {
                    self.handle(handler, results, out);
                    self.line(&format!("br {}", self.depth(out)));
                }
                None => self.handle(handler, results, out),
            }
        }
        self.labels.pop();
        self.line("end");
    }

    fn handler(&mut self) -> Handler {
        let reference = self.random.chance(65);
        let (tag, payload) = *self.random.pick(&TAGS);
        if self.random.chance(40) {
            // Some for which a tag brings nothing either.
            let clauses = if self.random.chance(30) { vec![Some("$a"), None] } else { vec![None] };
            return Handler { payload: Vec::new(), reference, clauses };
        }
        Handler { payload: payload.to_vec(), reference, clauses: vec![Some(tag)] }
    }

    /// The clauses for `handlers`, whose blocks the last labels are, and for labels that are there anyway, in any order.
    fn clauses(&mut self, handlers: &[Handler]) -> String {
        let mut clauses = Vec::new();
        for (depth, handler) in handlers.iter().enumerate() {
            for tag in &handler.clauses {
                clauses.push(clause(*tag, handler.reference, depth));
            }
        }
        for _ in 0..self.random.below(3) {
            let (tag, payload) = *self.random.pick(&TAGS);
            let tag = (!payload.is_empty() || self.random.chance(50)).then_some(tag);
            let reference = self.random.chance(50);
            let mut takes = payload.to_vec();
            takes.extend(reference.then_some(Type::Exn));
            let fits: Vec<usize> = self.open().into_iter().filter(|index| self.labels[*index].takes == takes).collect();
            if !fits.is_empty() {
                let index = *self.random.pick(&fits);
                clauses.push(clause(tag, reference, self.depth(index)));
            }
        }
        let shift = if clauses.is_empty() { 0 } else { self.random.below(clauses.len()) };
        clauses.rotate_left(shift);
        clauses.concat()
    }

    /// The code of `handler`, which leaves `results`.
    fn handle(&mut self, handler: &Handler, results: &[Type], out: usize) {
        if !handler.reference {
            return self.code(&handler.payload, results, Code::Handler);
        }
        match self.random.below(10) {
            0 => self.line("throw_ref"),
            1 => {
                self.statements(Code::Handler);
                self.line("throw_ref");
            }
            number if number < 3 || self.references == REFERENCES => {
                self.line("drop");
                self.code(&handler.payload, results, Code::Handler);
            }
            3 | 4 if self.family == Family::Free => self.code(&handler.takes(), results, Code::Handler),
            3 | 4 if self.coalesced().is_some() => self.handle_coalesced(),
            _ => {
                if self.random.chance(20) {
                    // As Binaryen copies them.
                    self.line(&format!("local.set $e{REFERENCES}"));
                    self.line(&format!("local.get $e{REFERENCES}"));
                }
                self.line(&format!("local.set $e{}", self.references));
                self.outs[self.references] = out;
                self.references += 1;
                self.code(&handler.payload, results, Code::Handler);
                self.references -= 1;
            }
        }
    }

    /// A reference of a handler around the code in whose place another one may be put, as long as nothing leads from there to the code of
    /// that handler.
    fn coalesced(&self) -> Option<usize> {
        let guarded = |reference: usize| self.labels[self.outs[reference]..].iter().any(|label| label.role == Role::Try);
        (0..self.references).rev().find(|reference| !guarded(*reference))
    }

    /// The code of a handler that has the local of another one around it. It never goes on.
    fn handle_coalesced(&mut self) {
        let Some(reference) = self.coalesced() else { return };
        self.line(&format!("local.set $e{reference}"));
        let before = std::mem::replace(&mut self.references, reference + 1);
        let out = self.outs[reference];
        self.closed.push(out + 1..self.labels.len());
        self.statements(Code::Handler);
        self.terminator();
        self.closed.pop();
        self.references = before;
        self.outs[reference] = out;
    }

    /// Throws a reference that a handler around the code was given; programs of the free family also one that some other was.
    pub(super) fn throw_reference(&mut self) {
        if self.family == Family::Free && self.random.chance(40) {
            self.throw_any();
        }
        if self.references == 0 {
            return self.throw();
        }
        let reference = self.random.below(self.references);
        self.line(&format!("local.get $e{reference}"));
        self.line("throw_ref");
    }

    /// Throws a reference if it is none to nothing.
    fn throw_any(&mut self) {
        let reference = if self.random.chance(30) {
            "global.get $kept".to_string()
        } else {
            format!("local.get $e{}", self.random.below(REFERENCES))
        };
        self.line(&reference);
        self.line("ref.is_null");
        self.line("i32.eqz");
        self.line("if");
        self.line(&reference);
        self.line("throw_ref");
        self.line("end");
    }

    pub(super) fn consume_reference(&mut self) {
        let local = self.random.below(REFERENCES);
        match self.random.below(5) {
            0 => self.line("drop"),
            1 => self.line("call $keep"),
            _ => self.line(&format!("local.set $e{local}")),
        }
    }

    pub(super) fn reference(&mut self) {
        let local = self.random.below(REFERENCES);
        match self.random.below(6) {
            0 => self.line("ref.null exn"),
            1 => self.line("global.get $kept"),
            _ => self.line(&format!("local.get $e{local}")),
        }
    }
}

fn clause(tag: Option<&str>, reference: bool, depth: usize) -> String {
    let suffix = if reference { "_ref" } else { "" };
    match tag {
        Some(tag) => format!(" (catch{suffix} {tag} {depth})"),
        None => format!(" (catch_all{suffix} {depth})"),
    }
}
