//! The order in which functions are written: that of their ids, unless a pass chose another one.

use super::*;

impl Module<'_> {
    /// The functions that this module defines, in the order in which they are written. What was added after a pass chose an order comes
    /// last.
    pub fn defined_functions(&self) -> Vec<FunctionId> {
        let mut chosen = vec![false; self.functions.len()];
        self.function_order.iter().for_each(|id| chosen[id.0 as usize] = true);
        let others = (0..self.functions.len() as u32).map(FunctionId).filter(|id| !chosen[id.0 as usize]);
        let all = self.function_order.iter().copied().chain(others);
        all.filter(|id| self.function(*id).origin.defined().is_some()).collect()
    }

    /// Has the functions that this module defines come in the order of `functions`.
    pub fn order_functions(&mut self, functions: Vec<FunctionId>) {
        if self.defined_functions() != functions {
            self.touched.insert(section::FUNCTION);
            self.touched.insert(section::CODE);
            self.function_order = functions;
        }
    }
}
