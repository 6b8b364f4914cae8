//! What is wrong by the audit of a module for the stable ABI.

use super::{Finding, Place};
use crate::abi3::{Audit, MovedFrom};
use crate::codes::abi3::{NEWER_ABI3_SYMBOL, NON_ABI3_SYMBOL, unportable};
use crate::target::Target;

/// What is wrong by the audit of a module, which was built for another Python if `moved_from` is given.
pub fn findings(audit: &Audit, moved_from: Option<MovedFrom>, target: &Target, place: &Place) -> Vec<Finding> {
    let unportable =
        moved_from.zip(audit.outside()).map(|(source, outside)| unportable(place, &outside, &source.to_string(), target.python));
    let outside = audit.non_abi3_symbols.iter().map(|name| {
        Finding::new(&NON_ABI3_SYMBOL, place, format!("uses `{name}`, which the stable ABI does not have")).about(name)
    });
    let younger = audit.future_abi3_objects.iter().map(|(name, version)| {
        let message =
            format!("uses `{name}`, which the stable ABI has since {version}; the wheel is tagged for {}", audit.baseline);
        Finding::new(&NEWER_ABI3_SYMBOL, place, message).about(name)
    });
    unportable.into_iter().chain(outside).chain(younger).collect()
}
