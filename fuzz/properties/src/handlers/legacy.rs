//! `try` with its handlers, `delegate` and `rethrow`.

use super::writer::{Code, Label, Role, TAGS, Type, Writer, block_type};

impl Writer<'_> {
    pub(super) fn legacy_try(&mut self, parameters: &[Type], results: &[Type]) {
        self.push(parameters);
        self.line(&format!("try{}", block_type(parameters, results)));
        self.labels.push(Label { takes: results.to_vec(), role: Role::Try });
        if self.random.chance(20) {
            self.taken_out(2);
        }
        self.code(parameters, results, Code::Tried);
        if self.random.chance(25) {
            self.labels.pop();
            let depth = self.random.below(self.labels.len());
            return self.line(&format!("delegate {depth}"));
        }
        let index = self.labels.len() - 1;
        self.labels[index].role = Role::Handler;
        for _ in 0..*self.random.pick(&[0, 1, 1, 2, 3]) {
            let (tag, payload) = *self.random.pick(&TAGS);
            self.line(&format!("catch {tag}"));
            self.code(payload, results, Code::Handler);
        }
        if self.random.chance(50) {
            self.line("catch_all");
            self.code(&[], results, Code::Handler);
        }
        self.labels.pop();
        self.line("end");
    }

    /// What LLVM puts at the beginning of a `try` that it began too early: calls whose exceptions go somewhere else.
    fn taken_out(&mut self, deep: u32) {
        self.line("try");
        self.labels.push(Label { takes: Vec::new(), role: Role::Try });
        if deep > 0 && self.random.chance(60) {
            self.taken_out(deep - 1);
        }
        self.thrower();
        self.labels.pop();
        let depth = self.random.below(self.labels.len());
        self.line(&format!("delegate {depth}"));
    }

    /// From one of the handlers around the code, if there are any.
    pub(super) fn rethrow(&mut self) {
        let handlers: Vec<usize> = (0..self.labels.len()).filter(|index| self.labels[*index].role == Role::Handler).collect();
        if handlers.is_empty() {
            return self.throw();
        }
        let index = *self.random.pick(&handlers);
        self.line(&format!("rethrow {}", self.depth(index)));
    }
}
