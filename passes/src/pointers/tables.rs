//! The pointers in tables that the runtime is given.

use super::addresses::{Addresses, Meaning};
use super::follow::{Follow, Pointer};
use super::image::Image;
use super::layouts;
use super::roots::Role;
use super::uses::Uses;
use super::values::Value;
use super::{Found, Keeps, Mismatch, Place};
use crate::Result;
use crate::linking::python::SLOTS;
use crate::module::Module;
use std::collections::{HashMap, HashSet};
use wasmparser::FuncType;

/// Adds to `candidates` the pointers that are called under another type than their functions have, of the tables `given` to a runtime with this
/// minor version of Python 3.
pub fn look(
    module: &Module<'_>,
    python: u32,
    addresses: &Addresses,
    given: &[(Role, Value)],
    found: &mut Found,
    candidates: &mut Vec<Mismatch>,
) -> Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    let Some(mut image) = Image::new(module, addresses) else {
        found.left += given.len();
        return Ok(());
    };
    let Follow { found: read, left, regions, .. } = follow(module, &image, python, given);
    found.left += left;
    found.looked_at += read.len();
    let wrong = mismatches(module, addresses, &read);
    if wrong.is_empty() {
        return Ok(());
    }
    // What code writes is looked for only now that it matters.
    let types: HashSet<FuncType> = wrong.iter().map(|mismatch| mismatch.actual.clone()).collect();
    let uses = Uses::of(module, addresses, &regions, &types)?;
    image.forget(uses.written.clone());
    let sure = follow(module, &image, python, given).found;
    let mut still = mismatches(module, addresses, &sure);
    found.left += wrong.len().saturating_sub(still.len());
    // What is not sure counts where it is a reason to leave a pointer.
    let mut called: HashMap<u32, Vec<&FuncType>> = HashMap::new();
    for pointer in read.iter().chain(&sure) {
        let types = called.entry(pointer.at).or_default();
        if !types.contains(&&pointer.expected) {
            types.push(&pointer.expected);
        }
    }
    for mismatch in &mut still {
        let Place::Data { at, table, field, .. } = mismatch.place else { continue };
        let types = called.get(&at).map_or(&[][..], Vec::as_slice);
        mismatch.keeps = match types {
            _ if types.contains(&&mismatch.actual) => Some(Keeps::Rightly),
            [_, _, ..] => Some(Keeps::Several),
            _ => uses.of_word(at, layouts::in_struct(table, field), &mismatch.actual),
        };
    }
    candidates.extend(still);
    Ok(())
}

fn follow<'f>(module: &Module<'_>, image: &'f Image<'f>, python: u32, given: &[(Role, Value)]) -> Follow<'f> {
    let exported = module.exports().iter().find_map(|export| export.name.strip_prefix(SLOTS)).unwrap_or_default();
    let mut follow = Follow::new(image, python, exported.to_string());
    for &(role, value) in given {
        match value {
            Value::Address(Meaning::Data(at)) => follow.table(role, at),
            _ => follow.left += usize::from(value.is_made_at_run_time()),
        }
    }
    follow
}

/// Those of the pointers whose functions have another type, each once: several types may have a table in common.
fn mismatches(module: &Module<'_>, addresses: &Addresses, pointers: &[Pointer]) -> Vec<Mismatch> {
    let mut known = HashSet::new();
    let wrong = pointers.iter().filter_map(|pointer| {
        let (function, actual) = addresses.function(module, pointer.address)?;
        let Pointer { at, address, table, field, ref owner, ref expected, called } = *pointer;
        if actual == *expected || !known.insert((at, expected, called)) {
            return None;
        }
        let place = Place::Data { at, table, field, owner: owner.clone() };
        Some(Mismatch { place, function, address, expected: expected.clone(), actual, called, keeps: None })
    });
    wrong.collect()
}
