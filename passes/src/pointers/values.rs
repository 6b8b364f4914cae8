//! What is known of a value that may be the address of a table, or a pointer that was read from one.

use super::addresses::Meaning;

/// What an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Bytes behind `__memory_base`.
    Data(u32),
    /// What a parameter holds.
    Parameter(u32),
}

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    pub origin: Origin,
    /// So many bytes behind it; `None` when it is not known how many, nor in which direction. Never any behind data, which counts them.
    pub more: Option<i32>,
}

impl Spot {
    pub fn at(origin: Origin) -> Self {
        Spot { origin, more: Some(0) }
    }

    /// Somewhere in the object that is at `origin`.
    pub fn around(origin: Origin) -> Self {
        Spot { origin, more: None }
    }

    /// So many bytes further on.
    pub fn plus(self, bytes: i64) -> Self {
        let moved = match (self.origin, self.more) {
            (Origin::Data(at), Some(_)) => u32::try_from(i64::from(at) + bytes).ok().map(|at| Spot::at(Origin::Data(at))),
            (origin, Some(more)) => i32::try_from(i64::from(more) + bytes).ok().map(|more| Spot { origin, more: Some(more) }),
            (_, None) => None,
        };
        moved.unwrap_or(Spot::around(self.origin))
    }
}

/// Where a pointer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Spot(Spot),
    /// So many bytes behind an address that is not known.
    Behind(u32),
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Value {
    /// Not the address of a table, as far as code tells.
    #[default]
    Unknown,
    Number(i32),
    Address(Meaning),
    Parameter(u32),
    /// Behind a parameter, or somewhere around an address.
    Beyond(Spot),
    /// What is read from memory.
    Loaded(Source),
    /// Made from an address that is read from memory, and others.
    Past(Source),
}

impl Value {
    /// Whether it is not known although no caller could tell it.
    pub fn is_made_at_run_time(self) -> bool {
        matches!(self, Value::Unknown | Value::Loaded(_) | Value::Past(_) | Value::Beyond(_))
    }

    /// Where it leads, if it is an address.
    pub fn spot(self) -> Option<Spot> {
        match self {
            Value::Address(Meaning::Data(at)) => Some(Spot::at(Origin::Data(at))),
            Value::Parameter(number) => Some(Spot::at(Origin::Parameter(number))),
            Value::Beyond(spot) => Some(spot),
            _ => None,
        }
    }

    /// The address that leads to `spot`.
    pub fn leading_to(spot: Spot) -> Self {
        match spot {
            Spot { origin: Origin::Data(at), more: Some(_) } => Value::Address(Meaning::Data(at)),
            Spot { origin: Origin::Parameter(number), more: Some(0) } => Value::Parameter(number),
            _ => Value::Beyond(spot),
        }
    }

    /// An address that is worked out from this one and others.
    fn around(self) -> Self {
        match self {
            Value::Loaded(source) | Value::Past(source) => Value::Past(source),
            _ => self.spot().map_or(Value::Unknown, |spot| Value::Beyond(Spot::around(spot.origin))),
        }
    }

    /// One that is worked out from this one and `other`.
    pub fn around_either(self, other: Value) -> Self {
        match (self.around(), other.around()) {
            (made @ Value::Beyond(_), _) | (_, made @ Value::Beyond(_)) | (made @ Value::Past(_), _) | (_, made) => made,
        }
    }

    /// The sum with `right`, or the difference.
    pub fn combined(self, right: Value, subtract: bool) -> Self {
        match (self, right) {
            (Value::Number(left), Value::Number(right)) if subtract => Value::Number(left.wrapping_sub(right)),
            (Value::Number(left), Value::Number(right)) => Value::Number(left.wrapping_add(right)),
            (address, Value::Number(number)) => address.moved(if subtract { -i64::from(number) } else { i64::from(number) }),
            (Value::Number(number), address) if !subtract => address.moved(i64::from(number)),
            // The distance between two addresses leads nowhere.
            (_, right) if subtract && right.spot().is_some() => Value::Unknown,
            (left, right) => left.around_either(right),
        }
    }

    fn moved(self, bytes: i64) -> Self {
        match self {
            Value::Address(address @ (Meaning::Slot(_) | Meaning::Entry(_))) => {
                i32::try_from(bytes).ok().and_then(|bytes| address.plus(bytes)).map_or(Value::Unknown, Value::Address)
            }
            _ => self.spot().map_or(self.around(), |spot| Value::leading_to(spot.plus(bytes))),
        }
    }
}
