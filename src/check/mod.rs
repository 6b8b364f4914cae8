//! `check`: what keeps a module, a wheel or an archive from loading and running on a target, told before anyone loads it.
//!
//! Nothing is changed here and nothing is run. Every [`Finding`] has a code ([`crate::codes`]), which says what it means, what the runtime
//! would say or do, and the remedy; the files beside it each look for one family of them. Symbols are looked up as the loader does it:
//! in the runtime first, then in the other modules at hand.

pub mod abi3;
mod ahead;
mod clashes;
mod exceptions;
pub mod explain;
pub mod features;
mod gather;
mod input;
pub mod libraries;
pub mod linking;
pub mod output;
mod own;
mod pointers;
pub mod python;
pub mod reading;
pub mod record;
pub mod report;
pub mod run;
pub mod symbols;
mod thrown;
mod wheel;
mod whole;

pub use crate::codes::finding::{Finding, Place};
use crate::target::Target;
use input::File;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use wasm_pyfix_passes::linking::siblings::{Exporters, SiblingExports};
use wasm_pyfix_passes::module::{Item, Module};
use wasm_pyfix_passes::{Environment, Result, legalize, symbols as engine};
use wasmparser::FuncType;

/// What modules are checked against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    pub target: &'static Target,
    /// What the runtime offers.
    pub environment: &'c Environment,
    /// The platform that a module was built for, where that is known.
    pub source: Option<&'static Target>,
    /// The platforms that names say it was built for.
    pub sources: &'c [&'static Target],
    /// Whether all that the runtime offers is known. Of half a runtime nobody knows what it lacks.
    pub complete: bool,
    /// Whether several modules may be loaded at the same time, as by a main module of the user's. Pyodide loads one after the other.
    pub side_by_side: bool,
    /// Whether what comes after this platform is to be told, too.
    pub ahead: bool,
}

/// What the other modules at hand export.
#[derive(Debug)]
pub struct Siblings<'s> {
    /// Functions, globals and tags of other modules.
    pub exports: SiblingExports,
    /// Exported functions of all modules that some module imports, by name.
    pub functions: &'s HashMap<&'s str, Types>,
    /// The types with 64-bit integers of functions of all modules, as [`legalize::wide_exports`] tells them.
    pub wide: &'s HashMap<String, FuncType>,
}

/// The types that functions of one name have in several modules.
#[derive(Debug)]
pub struct Types {
    pub first: FuncType,
    pub all: HashSet<FuncType>,
}

/// What all modules at hand export.
pub struct Exports<'m> {
    exporters: Arc<Exporters>,
    functions: HashMap<&'m str, Types>,
    wide: HashMap<String, FuncType>,
}

/// A decoded module that is to be checked, with its bytes.
pub struct Subject<'m> {
    pub place: Place,
    pub bytes: &'m [u8],
    pub module: Module<'m>,
}

/// Reads a module. What keeps it from being read is in the findings.
pub fn read<'m>(place: Place, file: &'m File<'_>, target: &Target, findings: &mut Vec<Finding>) -> Option<Subject<'m>> {
    if !linking::position(&file.bytes, target, &place, findings) {
        return None;
    }
    match reading::read(file, &place) {
        Ok(module) => Some(Subject { place, bytes: &file.bytes, module }),
        Err(finding) => {
            findings.push(finding);
            None
        }
    }
}

/// Checks everything that can be told from one module and what its siblings export.
///
/// # Errors
/// For code that cannot be decoded although it has been validated.
pub fn module(
    subject: &Subject<'_>,
    context: &Context<'_>,
    siblings: &Siblings<'_>,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let Subject { place, bytes, module } = subject;
    linking::sizes(module, place, findings);
    if !features::supported(module, place, findings) {
        // What else is wrong with it comes of that.
        return Ok(());
    }
    findings.extend(features::computed_constants(module, place));
    findings.extend(features::time_of_32_bits(module, context, place));
    let mut legalized = features::legalized(module, context, siblings, place);
    if !context.complete {
        let mut unbound = exceptions::unbound_native(module, context);
        exceptions::check(module, context, siblings, &mut unbound, place, findings)?;
    } else {
        let mut unbound = engine::unbound(module, context.environment, &siblings.exports);
        if let Some(finding) = &mut legalized {
            let differ: Vec<_> = unbound.extract_if(.., |unbound| unbound.problem == engine::Problem::Type).collect();
            finding.prevents = differ.first().map(|first| symbols::runtime_says(context.target, first.import, first.problem));
        }
        own::clashes(module, context, &mut unbound, place, findings);
        exceptions::check(module, context, siblings, &mut unbound, place, findings)?;
        symbols::check(module, context, &unbound, place, findings);
    }
    own::races(module, context, place, findings);
    pointers::check(module, context, place, findings)?;
    if legalized.is_none() {
        symbols::check_libraries(module, context, siblings, place, findings);
    }
    findings.extend(legalized);
    ahead::check(module, context, place, findings)?;
    features::structs(bytes, context, place, findings)
}

impl<'m> Exports<'m> {
    /// Looks through the exports of all modules.
    ///
    /// # Errors
    /// For a module whose exports cannot be decoded.
    pub fn new(subjects: &'m [(usize, Subject<'_>)]) -> Result<Self> {
        let modules = || subjects.iter().map(|(_, subject)| subject);
        let shared = |item: &Item| matches!(item, Item::Function(_) | Item::Global(_) | Item::Tag(_));
        let exports = modules().enumerate().flat_map(|(index, subject)| {
            let exports = subject.module.exports().iter().filter(|export| shared(&export.item));
            exports.map(move |export| (index, &*export.name))
        });
        let exporters = Arc::new(Exporters::new(exports));
        let (mut functions, mut wide) = (HashMap::<&str, Types>::new(), HashMap::new());
        let imported: HashSet<&str> = modules().flat_map(|subject| subject.module.imports()).map(|import| &*import.field).collect();
        for subject in modules() {
            for export in subject.module.exports().iter().filter(|export| imported.contains(&*export.name)) {
                let Item::Function(id) = export.item else { continue };
                let ty = subject.module.signature(id);
                let types = functions.entry(&export.name);
                let types = types.or_insert_with(|| Types { first: ty.clone(), all: HashSet::new() });
                types.all.insert(ty.clone());
            }
            wide.extend(legalize::wide_exports(subject.bytes)?);
        }
        Ok(Exports { exporters, functions, wide })
    }

    /// What the modules other than the one with this number export.
    pub fn of_others(&self, number: usize) -> Siblings<'_> {
        let exports = SiblingExports::of_others(&self.exporters, number);
        Siblings { exports, functions: &self.functions, wide: &self.wide }
    }
}
