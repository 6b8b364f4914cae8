//! Which locals some later instruction may read, before each instruction of a body.

use super::backward::{self, Sets};
use crate::body::code::{Code, Op};

/// The answers about one body.
#[derive(Debug)]
pub struct Live {
    sets: Sets,
    /// So many locals there were.
    locals: u32,
}

impl Live {
    /// `None` for bodies that are too large.
    pub fn analyse(code: &Code<'_>) -> Option<Self> {
        let transfer = |op: &Op, live: &mut [u64]| match op {
            Op::Get(local) => backward::insert(live, *local),
            Op::Set(local) | Op::Tee(local) => backward::remove(live, *local),
            Op::Site(site) => {
                let effect = &code.sites[*site as usize];
                effect.writes.iter().for_each(|local| backward::remove(live, *local));
                effect.reads.iter().for_each(|local| backward::insert(live, *local));
            }
            _ => {}
        };
        Some(Live { sets: backward::solve(code, code.locals, transfer)?, locals: code.locals })
    }

    /// Whether `local` may be read at or behind the instruction that had the number `id`, which may be the end of the function. Of new
    /// instructions and new locals nothing is known.
    pub fn reads(&self, local: u32, id: Option<u32>) -> bool {
        id.is_none_or(|id| local >= self.locals || self.sets.contains(id as usize, local))
    }
}
