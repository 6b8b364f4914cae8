//! The entries of import tables.
//!
//! An object that is copied into a table by `...` several times matters where it comes last: the properties behind it win, and those of an
//! earlier copy lose against it. So tables are read from the end, each object once, and the first value that is met for a name counts.
//!
//! Where the text takes more than its budget, or has too many tables, nothing is known but the names: any of them may be anything.

use super::budget::{Budget, ENTRY};
use super::index::{Index, Place, Table};
use super::value::{Evaluation, letters};
use super::{Library, Value};
use anyhow::{Context, Result, anyhow, bail};
use oxc_ast::ast::{ObjectExpression, ObjectProperty, ObjectPropertyKind, PropertyKind};
use std::collections::{HashMap, HashSet};

/// Most tables of one text. Bundles have one for each main module.
const TABLES: usize = 64;

/// Why a table cannot be read, and where.
const TABLE: &str = "in the import table";
const COPIED: &str = "another object that is not in the text is copied into it";
const NAME: &str = "a name is not in the text";

/// Reads all tables.
pub fn libraries<'a>(index: &Index<'a>, budget: &mut Budget) -> Result<Vec<Library>> {
    if index.tables.len() <= TABLES {
        let mut evaluation = Evaluation::new(index, budget);
        let mut libraries = Vec::new();
        for table in &index.tables {
            libraries.push(library(index, table, &mut evaluation)?);
            if evaluation.budget().is_exceeded() {
                break;
            }
        }
        if !budget.is_exceeded() {
            return Ok(libraries);
        }
    }
    Ok(vec![names(index)?])
}

fn library<'a>(index: &Index<'a>, table: &Table<'a>, evaluation: &mut Evaluation<'_, 'a>) -> Result<Library> {
    let mut library = Library::default();
    if index.is_filled(table) {
        return Err(anyhow!(NAME).context(TABLE));
    }
    add_entries(index, table.object, &mut library, evaluation).context(TABLE)?;
    for (name, value) in index.added(table) {
        if !evaluation.budget().spend(ENTRY) {
            break;
        }
        match value.as_member_expression() {
            Some(old) if table.variable.is_some() && index.variable_of(old.object()) == table.variable => {
                library.aliases.extend(old.static_property_name().map(|old| (name.to_string(), old.to_string())));
            }
            _ => {
                let value = evaluation.expression(value);
                let known = library.values.entry(name.to_string()).or_insert_with(|| value.clone());
                if *known != value {
                    *known = Value::Unknown;
                }
            }
        }
    }
    if let Some(variable) = table.variable {
        let changed = library.values.iter_mut().filter(|(name, _)| index.is_changed(variable, name));
        changed.for_each(|(_, value)| *value = Value::Unknown);
    }
    library.families = index.families(table).map(str::to_string).collect();
    Ok(library)
}

fn add_entries<'a>(
    index: &Index<'a>,
    object: &'a ObjectExpression<'a>,
    library: &mut Library,
    evaluation: &mut Evaluation<'_, 'a>,
) -> Result<()> {
    let mut walk = Walk::new(index);
    walk.begin(object);
    while let Some(step) = walk.next() {
        if !evaluation.budget().spend(1) {
            break;
        }
        let property = match step {
            Step::Property(property) => property,
            Step::Copied => continue,
            Step::Unknown => bail!(COPIED),
        };
        let name = property.key.static_name().context(NAME)?;
        if library.values.contains_key(name.as_ref()) {
            continue;
        }
        let value = match property.kind {
            PropertyKind::Init => evaluation.expression(&property.value),
            PropertyKind::Get | PropertyKind::Set => Value::Unknown,
        };
        evaluation.budget().spend(ENTRY + letters(&value));
        library.values.insert(name.into_owned(), value);
    }
    Ok(())
}

/// The names of all tables.
fn names(index: &Index<'_>) -> Result<Library> {
    let mut library = Library::default();
    let mut walk = Walk::new(index);
    let mut variables = HashSet::new();
    for table in &index.tables {
        walk.begin(table.object);
        while let Some(step) = walk.next() {
            match step {
                Step::Property(property) => {
                    let name = property.key.static_name().context(NAME)?;
                    library.values.insert(name.into_owned(), Value::Unknown);
                }
                Step::Copied => {}
                Step::Unknown => bail!(COPIED),
            }
        }
        if table.variable.is_some_and(|variable| variables.insert(variable)) {
            library.values.extend(index.added(table).iter().map(|(name, _)| (name.to_string(), Value::Unknown)));
        }
        library.families.extend(index.families(table).map(str::to_string));
    }
    Ok(library)
}

/// A way through objects and those that are copied into them, from the end, once through each.
struct Walk<'i, 'a> {
    index: &'i Index<'a>,
    /// The objects around the place, each with the number of properties that are left.
    stack: Vec<(&'a ObjectExpression<'a>, usize)>,
    /// The objects that were met, and whether they are done.
    met: HashMap<Place, bool>,
}

enum Step<'a> {
    Property(&'a ObjectProperty<'a>),
    /// An object is copied, whose properties come next if they were not there already.
    Copied,
    /// Nothing is known of what is copied, or it is the object into which it is copied.
    Unknown,
}

impl<'i, 'a> Walk<'i, 'a> {
    fn new(index: &'i Index<'a>) -> Self {
        Walk { index, stack: Vec::new(), met: HashMap::new() }
    }

    fn begin(&mut self, object: &'a ObjectExpression<'a>) -> Step<'a> {
        match self.met.get(&object.span.start) {
            Some(false) => Step::Unknown,
            Some(true) => Step::Copied,
            None => {
                self.met.insert(object.span.start, false);
                self.stack.push((object, object.properties.len()));
                Step::Copied
            }
        }
    }

    fn next(&mut self) -> Option<Step<'a>> {
        while let Some((object, left)) = self.stack.last_mut() {
            if *left > 0 {
                *left -= 1;
                return Some(match &object.properties[*left] {
                    ObjectPropertyKind::ObjectProperty(property) => Step::Property(property),
                    ObjectPropertyKind::SpreadProperty(other) => {
                        self.index.object(&other.argument).map_or(Step::Unknown, |object| self.begin(object))
                    }
                });
            }
            self.met.insert(object.span.start, true);
            self.stack.pop();
        }
        None
    }
}
