//! What is known of a value.

use std::collections::HashMap;

/// What a value may be, from less to more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Value {
    /// On all paths this constant, written as linkers write a relocation.
    Relocated(i32),
    /// On all paths this constant.
    Constant(i32),
    /// On all paths what the function was given as this parameter.
    Parameter(u32),
    /// One of the terms with this place in [`Choices::terms`].
    OneOf(u32),
    /// Nothing that has to do with the table.
    #[default]
    Other,
    /// The address of the function in this slot, which is not in use yet.
    Slot(u32),
    /// `__table_base` and a number, not in use yet: the address in this slot, or one in a slot below it and a mark on it.
    Sum(u32),
    /// `__table_base`, which is not in use yet.
    Base,
    /// An address whose slot is noted.
    Noted,
}

impl Value {
    pub fn is_address(self) -> bool {
        matches!(self, Value::Slot(_) | Value::Sum(_) | Value::Base | Value::Noted)
    }

    /// The slot at this address.
    pub fn slot(self) -> Option<u32> {
        match self {
            Value::Base => Some(0),
            Value::Slot(slot) | Value::Sum(slot) => Some(slot),
            _ => None,
        }
    }

    /// What it is if it is a constant.
    pub fn constant(self) -> Option<i32> {
        match self {
            Value::Relocated(constant) | Value::Constant(constant) => Some(constant),
            _ => None,
        }
    }
}

/// What may be added to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    Constant(i32),
    Parameter(u32),
}

/// Of so many terms a value may be one. Compilers choose between two addresses with one `select`; counters are not followed.
pub const MOST_TERMS: usize = 8;

/// Lists of terms, in ascending order, of which a value is one.
#[derive(Debug, Default)]
pub struct Choices {
    pub terms: Vec<Vec<Term>>,
    /// The place of each list.
    places: HashMap<Vec<Term>, u32>,
}

impl Choices {
    pub fn place(&mut self, terms: Vec<Term>) -> u32 {
        if let Some(place) = self.places.get(&terms) {
            return *place;
        }
        let place = self.terms.len() as u32;
        self.terms.push(terms.clone());
        self.places.insert(terms, place);
        place
    }
}
