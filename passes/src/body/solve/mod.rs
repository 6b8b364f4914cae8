//! What holds at each place of a body: dataflow, of which an analysis is no more than what it knows of a value or a place, and what an
//! instruction does to that.
//!
//! [`forward`] goes over the operators of a body with values of the locals and of the operand stack; [`backward`] over a list of
//! instructions with sets of bits; [`reach`] goes forward over a list and tells what is reached. They follow the control stack, so that an
//! analysis never sees a branch, and bound what hostile bodies can cost: those then have no answer.

pub mod backward;
pub mod forward;
pub mod live;
pub mod reach;

#[cfg(test)]
mod tests;
