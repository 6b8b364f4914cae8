//! What there is to say about the names of results.

use super::{Run, Upgraded};
use crate::codes::noted::{INSTALLERS, WHEEL_NAME};
use crate::codes::python::IGNORED_SUFFIX;
use crate::input::Kind;
use crate::name::{WheelName, python_suffix};
use crate::target::Target;
use wasm_pyfix_passes::Notice;

impl Run<'_> {
    /// What there is to say about the name of a result: `result_name`, unless it goes to no file.
    pub(super) fn name_notice(&self, kind: Kind, upgraded: &Upgraded, result_name: Option<&String>) -> Option<Notice> {
        match (kind, &upgraded.file_name, result_name) {
            (Kind::Module, own, result) => result.or(own.as_ref()).and_then(|name| suffix_notice(name, self.target)),
            (Kind::Wheel, Some(own), Some(result)) if own != result => {
                Some(WHEEL_NAME.warns(format!("installers read a wheel's tags from its file name, which should be {own}")))
            }
            _ => None,
        }
    }

    /// Which installers take the name `new` of a wheel that was called `old`, told once: when it got both spellings of a platform.
    pub(super) fn installers_notice(&mut self, old: Option<&str>, new: Option<&str>) -> Option<Notice> {
        if self.told_names || self.args.wheel.tag_style.is_some() || old == new {
            return None;
        }
        let notice = WheelName::parse(new?).ok()?.installers()?;
        self.told_names = true;
        Some(INSTALLERS.notes(notice))
    }
}

/// Notes that a module is named for another Python than the target's, which then does not see it.
fn suffix_notice(file_name: &str, target: &Target) -> Option<Notice> {
    let version = python_suffix(file_name)?.version;
    let wanted = target.python.replace('.', "");
    if !target.has_wheels() {
        return None;
    }
    (version != wanted).then(|| {
        IGNORED_SUFFIX.warns(format!(
            "Python {} does not import files named .cpython-{version}: rename the result if it uses only the limited API, or none; \
             otherwise build it for cp{wanted}",
            target.python
        ))
    })
}
