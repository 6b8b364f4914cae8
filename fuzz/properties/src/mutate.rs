//! Other modules made of given ones. Most changed bytes break the format and test the reader alone, so most changes are made to what the
//! bytes mean: instructions, names, exports, table slots, linking metadata. Sizes and counts are then written anew.

use crate::random::Random;
use wasmparser::{BinaryReader, FunctionBody};

/// Bytes that mean much in the binary format: counts, LEB continuations, opcodes, value types.
const TELLING: [u8; 16] = [0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x0b, 0x10, 0x11, 0x40, 0x7b, 0x7e, 0x7f, 0x80, 0xff];

/// Names that passes treat in a way of their own.
const NAMES: &[&str] = &[
    "__THREW__",
    "__threwValue",
    "__cpp_exception",
    "__c_longjmp",
    "__cxa_find_matching_catch_2",
    "__cxa_find_matching_catch_3",
    "__cxa_throw",
    "__resumeException",
    "__stack_pointer",
    "__memory_base",
    "__table_base",
    "__indirect_function_table",
    "__wasm_apply_data_relocs",
    "__wasm_call_ctors",
    "_initialize",
    "PyInit_x",
    "dynCall_ji",
    "emscripten_longjmp",
    "getTempRet0",
    "setTempRet0",
    "invoke_v",
    "invoke_ii",
    "invoke_jj",
    "llvm_eh_typeid_for",
    "memory",
    "_ZN1a1bEv",
    "_ZTIi",
    "malloc",
    "memcpy",
    "orig$malloc",
];

const MODULES: [&str; 5] = ["env", "GOT.mem", "GOT.func", "wasi_snapshot_preview1", ""];

/// Changes a few bytes, whatever they mean.
pub fn bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = *random.pick(&TELLING),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => bytes[at] = bytes[random.below(bytes.len())],
            4 => drop(bytes.remove(at)),
            _ => bytes.insert(at, random.number() as u8),
        }
    }
}

/// Changes what a module means, in a few places; what is no module becomes other bytes.
pub fn module(input: &[u8], random: &mut Random) -> Vec<u8> {
    let Some(mut sections) = split(input) else {
        let mut changed = input.to_vec();
        bytes(&mut changed, random);
        return changed;
    };
    for _ in 0..=random.below(3) {
        if sections.is_empty() {
            break;
        }
        let _ = change(&mut sections, random);
    }
    let mut out = join(&sections);
    if random.chance(3) {
        bytes(&mut out, random);
    }
    out
}

struct Section {
    id: u8,
    contents: Vec<u8>,
}

const TYPES: u8 = 1;
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const ELEMENTS: u8 = 9;
const CODE: u8 = 10;
const DATA: u8 = 11;

fn split(bytes: &[u8]) -> Option<Vec<Section>> {
    let mut reader = BinaryReader::new(bytes.get(8..)?, 8);
    let mut sections = Vec::new();
    while !reader.eof() {
        let id = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()? as usize;
        sections.push(Section { id, contents: reader.read_bytes(size).ok()?.to_vec() });
    }
    Some(sections)
}

fn join(sections: &[Section]) -> Vec<u8> {
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    for section in sections {
        out.push(section.id);
        sized(&section.contents, &mut out);
    }
    out
}

fn leb(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    leb(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Makes one change; `None` where this one cannot be made here.
fn change(sections: &mut Vec<Section>, random: &mut Random) -> Option<()> {
    match random.below(20) {
        0..=9 => code(contents(sections, CODE)?, random),
        10 | 11 => imports(contents(sections, IMPORTS)?, random),
        12 | 13 => exports(contents(sections, EXPORTS)?, random),
        14 => linking(sections, random),
        15 => {
            let elements = contents(sections, ELEMENTS)?;
            swap_bytes(elements, random)
        }
        16 => {
            let data = contents(sections, DATA)?;
            let at = random.below(data.len());
            data[at] = random.number() as u8;
            Some(())
        }
        17 => {
            let types = contents(sections, TYPES)?;
            let at = random.below(types.len());
            types[at] = *random.pick(&[0x7f, 0x7e, 0x7d, 0x7c]);
            Some(())
        }
        _ => {
            let at = random.below(sections.len());
            if sections[at].id == 0 {
                drop(sections.remove(at))
            } else {
                sections.push(custom(random))
            }
            Some(())
        }
    }
}

fn contents(sections: &mut [Section], id: u8) -> Option<&mut Vec<u8>> {
    let section = sections.iter_mut().find(|section| section.id == id)?;
    (!section.contents.is_empty()).then_some(&mut section.contents)
}

fn custom(random: &mut Random) -> Section {
    let mut contents = Vec::new();
    sized(random.pick(&["name", "producers", "target_features", ".debug_info", "other", "dylink"]).as_bytes(), &mut contents);
    let count = random.below(12);
    contents.extend(random.bytes(count));
    Section { id: 0, contents }
}

fn swap_bytes(bytes: &mut [u8], random: &mut Random) -> Option<()> {
    let (a, b) = (random.below(bytes.len()), random.below(bytes.len()));
    bytes.swap(a, b);
    Some(())
}

/// A body as its locals and its instructions, each in its bytes.
struct Body {
    locals: Vec<u8>,
    instructions: Vec<Vec<u8>>,
}

fn bodies(contents: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = BinaryReader::new(contents, 0);
    let count = reader.read_var_u32().ok()?;
    (0..count).map(|_| reader.read_var_u32().and_then(|size| reader.read_bytes(size as usize)).ok().map(<[u8]>::to_vec)).collect()
}

fn body(bytes: &[u8]) -> Option<Body> {
    let reader = FunctionBody::new(BinaryReader::new(bytes, 0)).get_operators_reader().ok()?;
    let mut offsets = Vec::new();
    for operator in reader.into_iter_with_offsets() {
        let (_, offset) = operator.ok()?;
        offsets.push(offset as usize);
    }
    let ends = offsets.iter().skip(1).copied().chain([bytes.len()]);
    let instructions = offsets.iter().zip(ends).map(|(start, end)| bytes[*start..end].to_vec()).collect();
    Some(Body { locals: bytes[..*offsets.first()?].to_vec(), instructions })
}

fn code(contents: &mut Vec<u8>, random: &mut Random) -> Option<()> {
    let mut all = bodies(contents)?;
    if all.is_empty() {
        return None;
    }
    // Large functions have more places.
    let (first, second) = (random.below(all.len()), random.below(all.len()));
    let number = if all[first].len() >= all[second].len() { first } else { second };
    let mut changed = body(&all[number])?;
    let donor = random.below(all.len());
    let donor = body(&all[donor])?;
    for _ in 0..=random.below(2) {
        instruction(&mut changed.instructions, &donor.instructions, random)?;
    }
    let mut bytes = changed.locals;
    bytes.extend(changed.instructions.concat());
    all[number] = bytes;
    contents.clear();
    leb(all.len(), contents);
    all.iter().for_each(|body| sized(body, contents));
    Some(())
}

fn instruction(instructions: &mut Vec<Vec<u8>>, donor: &[Vec<u8>], random: &mut Random) -> Option<()> {
    if instructions.is_empty() || donor.is_empty() {
        return None;
    }
    // The last one ends the function.
    let at = random.below(instructions.len().max(2) - 1);
    match random.below(10) {
        0..=3 => change_immediate(&mut instructions[at], random),
        4 => replace_alike(&mut instructions[at], random),
        5 => {
            let other = random.below(instructions.len());
            instructions.swap(at, other);
        }
        6 => drop(instructions.remove(at)),
        7 => instructions.insert(at, instructions[at].clone()),
        8 => {
            // A constant, and what takes it off again.
            let value = random.below(128) as u8;
            instructions.splice(at..at, [vec![0x41, value & 0x3f], vec![0x1a]]);
        }
        _ => {
            // A stretch of another function.
            let start = random.below(donor.len());
            let count = random.below(8).min(donor.len() - start);
            let stretch: Vec<Vec<u8>> = donor[start..start + count].iter().filter(|code| code[0] != 0x0b).cloned().collect();
            instructions.splice(at..at, stretch);
        }
    }
    Some(())
}

/// Another local, function, global, label, offset or number.
fn change_immediate(code: &mut [u8], random: &mut Random) {
    /// `br`, `br_if`, `call`, `call_indirect`, of locals and globals, `i32.load`, `i32.store`, constants.
    const WITH_NUMBER: [u8; 13] = [0x0c, 0x0d, 0x10, 0x11, 0x20, 0x21, 0x22, 0x23, 0x24, 0x28, 0x36, 0x41, 0x42];
    if code.len() < 2 || !WITH_NUMBER.contains(&code[0]) {
        return;
    }
    let at = 1 + random.below(code.len() - 1);
    let limit = if random.chance(70) { 8 } else { 64 };
    let low = random.below(limit) as u8;
    code[at] = code[at] & 0x80 | low;
}

/// Another instruction of the same type.
fn replace_alike(code: &mut [u8], random: &mut Random) {
    /// Opcodes with operands and results of the same types.
    const ALIKE: [&[u8]; 8] = [
        &[0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f],
        &[0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77],
        &[0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1],
        &[0x28, 0x2c, 0x2d, 0x2e, 0x2f],
        &[0x36, 0x3a, 0x3b],
        &[0x7c, 0x7d, 0x7e, 0x83, 0x84, 0x85],
        &[0x20, 0x23],
        &[0x02, 0x03],
    ];
    if let Some(alike) = ALIKE.iter().find(|alike| alike.contains(&code[0])) {
        code[0] = *random.pick(alike);
    }
}

fn imports(contents: &mut Vec<u8>, random: &mut Random) -> Option<()> {
    let mut places = Vec::new();
    let section = wasmparser::ImportSectionReader::new(BinaryReader::new(contents, 0)).ok()?;
    for import in section.into_imports_with_offsets() {
        let (offset, import) = import.ok()?;
        places.push((offset as usize, import.module.to_string(), import.name.to_string()));
    }
    if places.is_empty() {
        return None;
    }
    let (offset, mut module, mut name) = random.pick(&places).clone();
    let mut names = BinaryReader::new(&contents[offset..], 0);
    names.read_string().and_then(|_| names.read_string()).ok()?;
    let old = names.current_position();
    if random.chance(30) {
        module = random.pick(&MODULES).to_string();
    } else if random.chance(70) {
        name = random.pick(NAMES).to_string();
    } else {
        name.clone_from(&random.pick(&places).2);
    }
    let mut new = Vec::new();
    sized(module.as_bytes(), &mut new);
    sized(name.as_bytes(), &mut new);
    contents.splice(offset..offset + old, new);
    Some(())
}

fn exports(contents: &mut Vec<u8>, random: &mut Random) -> Option<()> {
    let section = wasmparser::ExportSectionReader::new(BinaryReader::new(contents, 0)).ok()?;
    let mut all: Vec<(String, u8, u32)> = Vec::new();
    for export in section {
        let export = export.ok()?;
        all.push((export.name.to_string(), kind_of(export.kind), export.index));
    }
    if all.is_empty() {
        return None;
    }
    let at = random.below(all.len());
    match random.below(4) {
        0 => drop(all.remove(at)),
        1 => all[at].0 = random.pick(NAMES).to_string(),
        2 => all[at].2 = random.below(16) as u32,
        _ => {
            let (_, kind, index) = all[at];
            all.push((format!("{}_{}", random.pick(NAMES), all.len()), kind, index));
        }
    }
    contents.clear();
    leb(all.len(), contents);
    for (name, kind, index) in all {
        sized(name.as_bytes(), contents);
        contents.push(kind);
        leb(index as usize, contents);
    }
    Some(())
}

fn kind_of(kind: wasmparser::ExternalKind) -> u8 {
    use wasmparser::ExternalKind::{Func, FuncExact, Global, Memory, Table, Tag};
    match kind {
        Func | FuncExact => 0,
        Table => 1,
        Memory => 2,
        Global => 3,
        Tag => 4,
    }
}

/// Bytes of the linking metadata, which is small and mostly numbers.
fn linking(sections: &mut [Section], random: &mut Random) -> Option<()> {
    const NAME: &[u8] = b"\x08dylink.0";
    let section = sections.iter_mut().find(|section| section.id == 0 && section.contents.starts_with(NAME))?;
    let length = section.contents.len() - NAME.len();
    if length == 0 {
        return None;
    }
    let at = NAME.len() + random.below(length);
    section.contents[at] = random.below(16) as u8;
    Some(())
}
