//! `--target auto`: each input is upgraded for what it is for already.
//!
//! A wheel names its platforms in its tags, and keeps all of them: for several, the result is one that is the same for each, as with
//! `--one-wheel`. A module may name the Python that imports it, which only one platform has. A wheel for `any` platform, an archive of
//! libraries and a module of another name say nothing, and are upgraded for the default target.
//!
//! Refused: a wheel for platforms of Emscripten none of which is known here. It cannot keep its platform, and is not moved to another one
//! unasked.

use super::Run;
use crate::codes::python::other_platform;
use crate::input::Kind;
use crate::name::{WheelName, is_of_emscripten};
use crate::one_wheel;
use crate::origin;
use crate::target::{self, Target};
use anyhow::{Result, bail};
use std::sync::Arc;

impl Run<'_> {
    /// Has what follows be done for what the input called `name` is for.
    pub(super) fn aim_at_own(&mut self, kind: Kind, name: Option<&str>) -> Result<()> {
        let own = of_input(kind, name.unwrap_or_default())?;
        let new = own.iter().filter(|target| self.used.iter().all(|used| used.name != target.name)).copied();
        self.used.extend(new.collect::<Vec<_>>());
        let same = own.iter().map(|target| target.name).eq(self.targets.iter().map(|target| target.name));
        if same {
            return Ok(());
        }
        self.one_wheel = own.len() > 1;
        self.common = if self.one_wheel { one_wheel::common(&own)?.map(Arc::new) } else { None };
        self.targets = own;
        self.aim_at(self.targets[0])
    }
}

/// What an input called `name` is for: one target or, for a wheel with the tags of several, these, oldest first.
fn of_input(kind: Kind, name: &str) -> Result<Vec<&'static Target>> {
    let named = origin::of_file_name(name);
    if let (Kind::Wheel, [], Ok(wheel)) = (kind, &named[..], WheelName::parse(name)) {
        refuse_unknown(&wheel)?;
    }
    let own: Vec<_> = Target::all().iter().filter(|target| named.iter().any(|named| named.name == target.name)).collect();
    if own.is_empty() { Ok(vec![Target::find(target::DEFAULT)?]) } else { Ok(own) }
}

/// Fails for a wheel of Emscripten, the platforms of which are not known. What is for other systems is refused where all such wheels are.
fn refuse_unknown(wheel: &WheelName) -> Result<()> {
    if wheel.platform.iter().any(|tag| tag == "any" || !is_of_emscripten(tag)) {
        return Ok(());
    }
    let finding = other_platform(&wheel.platform.join("."), None);
    let sentence =
        format!("{}; `--target auto` keeps platforms, and knows none of these: name one with `--target`", finding.sentence(0));
    bail!(finding.code.refuses(sentence))
}
