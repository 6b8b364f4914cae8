//! The tables by which an extension module tells Python about its functions, as data: where each pointer is, and under which type it is called.
//!
//! Sources, of CPython 3.12 to 3.15: `Include/moduleobject.h` (`PyModuleDef`), `Include/methodobject.h` (`PyMethodDef`), `Include/descrobject.h`
//! (`PyGetSetDef`), `Include/object.h` (`PyType_Spec`, `PyType_Slot`), `Include/typeslots.h` (numbers of slots), `Include/cpython/object.h`
//! (`PyTypeObject` and its suites), `Include/slots.h` and `Include/slots_generated.h` (`PySlot`, and numbers of slots since 3.15).
//! Pointers, `Py_ssize_t`, `Py_hash_t`, `int` and enumerations are `i32` there. `tests/pointers.rs` has
//! each of the runtimes call a function in all of them.
//!
//! Types are letters: the result first, `v` for none.

/// Bytes of a pointer.
pub const POINTER: u32 = 4;

/// What is at one place of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function that is called under this type.
    Call(&'static str),
    /// One that the trampoline calls at times (`_PyObject_MakeTpCall` in `Objects/call.c`).
    Either(&'static str),
    /// One that is called for objects that are garbage collected only.
    Collected(&'static str),
    /// An array of `PyMethodDef`.
    Methods,
    /// An array of `PyGetSetDef`.
    Getsets,
    /// An array of `PyModuleDef_Slot`.
    ModuleSlots,
    /// A table of functions that has a layout of its own.
    Suite(&'static [Field]),
}

/// One place of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Bytes from the beginning.
    pub at: u32,
    /// What is there.
    pub kind: Kind,
}

const fn field(name: &'static str, at: u32, kind: Kind) -> Field {
    Field { name, at, kind }
}

const fn call(name: &'static str, at: u32, letters: &'static str) -> Field {
    Field { name, at, kind: Kind::Call(letters) }
}

// The names of CPython for types of functions.
const UNARY: &str = "ii";
const BINARY: &str = "iii";
const TERNARY: &str = "iiii";
const INQUIRY: &str = "ii";
const LENGTH: &str = "ii";
const INDEXED: &str = "iii";
const SET_INDEXED: &str = "iiii";
const SET_ITEM: &str = "iiii";
const CONTAINS: &str = "iii";
const DESTRUCTOR: &str = "vi";
const GET_ATTRIBUTE: &str = "iii";
const SET_ATTRIBUTE: &str = "iiii";
const HASH: &str = "ii";
const TRAVERSE: &str = "iiii";
const COMPARE: &str = "iiii";
const GET_DESCRIPTOR: &str = "iiii";
const SET_DESCRIPTOR: &str = "iiii";
const INIT: &str = "iiii";
const NEW: &str = "iiii";
const ALLOCATE: &str = "iii";
const FREE: &str = "vi";
const VECTORCALL: &str = "iiiii";
const GET_BUFFER: &str = "iiii";
const RELEASE_BUFFER: &str = "vii";
const SEND: &str = "iiii";

/// Behind the head of an object, `m_init`, `m_index` and `m_copy`.
pub static MODULE_DEF: [Field; 5] = [
    field("m_methods", 32, Kind::Methods),
    field("m_slots", 36, Kind::ModuleSlots),
    call("m_traverse", 40, TRAVERSE),
    call("m_clear", 44, INQUIRY),
    call("m_free", 48, FREE),
];
/// Where the name of a module is.
pub const MODULE_NAME: u32 = 20;

/// Bytes of a `PyModuleDef_Slot`, a number and a value.
pub const MODULE_SLOT: u32 = 8;
/// Slots of modules with functions: number, name and type.
pub static MODULE_SLOTS: [(i32, &str, &str); 2] = [(1, "Py_mod_create", "iii"), (2, "Py_mod_exec", "ii")];

/// Bytes of a `PySlot` of CPython 3.15: a number of 16 bits, flags, a reserved word and a value of 64 bits.
pub const SLOT: u32 = 16;
pub const SLOT_NUMBER: i32 = 0xffff;
pub const SLOT_VALUE: u32 = 8;
/// More `PySlot`s.
pub const SUBSLOTS: i32 = 92;
/// What `PySlot`s of modules hold. The first two have numbers of old, too.
pub static EXPORTED_SLOTS: [(i32, &str, Kind); 9] = [
    (1, "Py_mod_create", Kind::Call("iii")),
    (2, "Py_mod_exec", Kind::Call("ii")),
    (84, "Py_mod_create", Kind::Call("iii")),
    (85, "Py_mod_exec", Kind::Call("ii")),
    (94, "Py_mod_slots", Kind::ModuleSlots),
    (103, "Py_mod_methods", Kind::Methods),
    (104, "Py_mod_state_traverse", Kind::Call(TRAVERSE)),
    (105, "Py_mod_state_clear", Kind::Call(INQUIRY)),
    (106, "Py_mod_state_free", Kind::Call(FREE)),
];

/// Bytes of a `PyMethodDef`: name, function, flags and documentation.
pub const METHOD: u32 = 16;
/// The flags that decide how a method is called; others only say what it belongs to.
pub const CALLING: i32 = 0x28f;
/// All flags that there are.
pub const METHOD_FLAGS: i32 = 0x2ff;

/// How methods with these of the flags [`CALLING`] are called: their names, the type, and whether the trampoline calls them.
pub static METHODS: [(i32, &str, &str, bool); 7] = [
    (0x1, "METH_VARARGS", "iii", true),
    (0x3, "METH_VARARGS | METH_KEYWORDS", "iiii", true),
    (0x4, "METH_NOARGS", "iii", true),
    (0x8, "METH_O", "iii", true),
    (0x80, "METH_FASTCALL", "iiii", false),
    (0x82, "METH_FASTCALL | METH_KEYWORDS", "iiiii", false),
    (0x282, "METH_METHOD | METH_FASTCALL | METH_KEYWORDS", "iiiiii", false),
];

/// Bytes of a `PyGetSetDef`: name, getter, setter, documentation and closure.
pub const GETSET: u32 = 20;
/// Both are called by the trampoline.
pub static GETSETS: [Field; 2] = [call("get", 4, "iii"), call("set", 8, "iiii")];

/// Where a `PyType_Spec` has the flags and slots of the type. Its name comes first.
pub const SPEC_FLAGS: u32 = 12;
pub const SPEC_SLOTS: u32 = 16;
/// Bytes of a `PyType_Slot`, a number and a value.
pub const TYPE_SLOT: u32 = 8;

/// Where a `PyTypeObject` has the name and flags of the type.
pub const TYPE_NAME: u32 = 12;
pub const TYPE_FLAGS: u32 = 84;
/// And `tp_del`, which is called only for objects of types that were made at run time.
const TYPE_DEL: u32 = 188;
/// `Py_TPFLAGS_HAVE_GC`
pub const HAVE_GC: i32 = 1 << 14;

static ASYNC: [Field; 4] =
    [call("am_await", 0, UNARY), call("am_aiter", 4, UNARY), call("am_anext", 8, UNARY), call("am_send", 12, SEND)];

static NUMBER: [Field; 35] = [
    call("nb_add", 0, BINARY),
    call("nb_subtract", 4, BINARY),
    call("nb_multiply", 8, BINARY),
    call("nb_remainder", 12, BINARY),
    call("nb_divmod", 16, BINARY),
    call("nb_power", 20, TERNARY),
    call("nb_negative", 24, UNARY),
    call("nb_positive", 28, UNARY),
    call("nb_absolute", 32, UNARY),
    call("nb_bool", 36, INQUIRY),
    call("nb_invert", 40, UNARY),
    call("nb_lshift", 44, BINARY),
    call("nb_rshift", 48, BINARY),
    call("nb_and", 52, BINARY),
    call("nb_xor", 56, BINARY),
    call("nb_or", 60, BINARY),
    call("nb_int", 64, UNARY),
    // Reserved at 68.
    call("nb_float", 72, UNARY),
    call("nb_inplace_add", 76, BINARY),
    call("nb_inplace_subtract", 80, BINARY),
    call("nb_inplace_multiply", 84, BINARY),
    call("nb_inplace_remainder", 88, BINARY),
    call("nb_inplace_power", 92, TERNARY),
    call("nb_inplace_lshift", 96, BINARY),
    call("nb_inplace_rshift", 100, BINARY),
    call("nb_inplace_and", 104, BINARY),
    call("nb_inplace_xor", 108, BINARY),
    call("nb_inplace_or", 112, BINARY),
    call("nb_floor_divide", 116, BINARY),
    call("nb_true_divide", 120, BINARY),
    call("nb_inplace_floor_divide", 124, BINARY),
    call("nb_inplace_true_divide", 128, BINARY),
    call("nb_index", 132, UNARY),
    call("nb_matrix_multiply", 136, BINARY),
    call("nb_inplace_matrix_multiply", 140, BINARY),
];

static SEQUENCE: [Field; 8] = [
    call("sq_length", 0, LENGTH),
    call("sq_concat", 4, BINARY),
    call("sq_repeat", 8, INDEXED),
    call("sq_item", 12, INDEXED),
    // Unused at 16 and 24.
    call("sq_ass_item", 20, SET_INDEXED),
    call("sq_contains", 28, CONTAINS),
    call("sq_inplace_concat", 32, BINARY),
    call("sq_inplace_repeat", 36, INDEXED),
];

static MAPPING: [Field; 3] = [call("mp_length", 0, LENGTH), call("mp_subscript", 4, BINARY), call("mp_ass_subscript", 8, SET_ITEM)];

static BUFFER: [Field; 2] = [call("bf_getbuffer", 0, GET_BUFFER), call("bf_releasebuffer", 4, RELEASE_BUFFER)];

/// The same in CPython 3.12 to 3.15.
pub static TYPE_OBJECT: [Field; 30] = [
    call("tp_dealloc", 24, DESTRUCTOR),
    call("tp_getattr", 32, GET_ATTRIBUTE),
    call("tp_setattr", 36, SET_ATTRIBUTE),
    field("tp_as_async", 40, Kind::Suite(&ASYNC)),
    call("tp_repr", 44, UNARY),
    field("tp_as_number", 48, Kind::Suite(&NUMBER)),
    field("tp_as_sequence", 52, Kind::Suite(&SEQUENCE)),
    field("tp_as_mapping", 56, Kind::Suite(&MAPPING)),
    call("tp_hash", 60, HASH),
    field("tp_call", 64, Kind::Either(TERNARY)),
    call("tp_str", 68, UNARY),
    call("tp_getattro", 72, GET_ATTRIBUTE),
    call("tp_setattro", 76, SET_ATTRIBUTE),
    field("tp_as_buffer", 80, Kind::Suite(&BUFFER)),
    field("tp_traverse", 92, Kind::Collected(TRAVERSE)),
    field("tp_clear", 96, Kind::Collected(INQUIRY)),
    call("tp_richcompare", 100, COMPARE),
    call("tp_iter", 108, UNARY),
    call("tp_iternext", 112, UNARY),
    field("tp_methods", 116, Kind::Methods),
    field("tp_getset", 124, Kind::Getsets),
    call("tp_descr_get", 136, GET_DESCRIPTOR),
    call("tp_descr_set", 140, SET_DESCRIPTOR),
    call("tp_init", 148, INIT),
    call("tp_alloc", 152, ALLOCATE),
    call("tp_new", 156, NEW),
    call("tp_free", 160, FREE),
    field("tp_is_gc", 164, Kind::Collected(INQUIRY)),
    call("tp_finalize", 196, DESTRUCTOR),
    call("tp_vectorcall", 200, VECTORCALL),
];

/// A slot of a `PyType_Spec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub number: i32,
    pub name: &'static str,
    pub kind: Kind,
    /// The first minor version of Python 3 that knows it.
    pub since: u32,
}

const fn slot(number: i32, name: &'static str, letters: &'static str) -> Slot {
    Slot { number, name, kind: Kind::Call(letters), since: 0 }
}

const fn special(number: i32, name: &'static str, kind: Kind) -> Slot {
    Slot { number, name, kind, since: 0 }
}

/// Slots with functions or tables of them. Numbers are part of the stable ABI.
pub static TYPE_SLOTS: [Slot; 82] = [
    slot(1, "Py_bf_getbuffer", GET_BUFFER),
    slot(2, "Py_bf_releasebuffer", RELEASE_BUFFER),
    slot(3, "Py_mp_ass_subscript", SET_ITEM),
    slot(4, "Py_mp_length", LENGTH),
    slot(5, "Py_mp_subscript", BINARY),
    slot(6, "Py_nb_absolute", UNARY),
    slot(7, "Py_nb_add", BINARY),
    slot(8, "Py_nb_and", BINARY),
    slot(9, "Py_nb_bool", INQUIRY),
    slot(10, "Py_nb_divmod", BINARY),
    slot(11, "Py_nb_float", UNARY),
    slot(12, "Py_nb_floor_divide", BINARY),
    slot(13, "Py_nb_index", UNARY),
    slot(14, "Py_nb_inplace_add", BINARY),
    slot(15, "Py_nb_inplace_and", BINARY),
    slot(16, "Py_nb_inplace_floor_divide", BINARY),
    slot(17, "Py_nb_inplace_lshift", BINARY),
    slot(18, "Py_nb_inplace_multiply", BINARY),
    slot(19, "Py_nb_inplace_or", BINARY),
    slot(20, "Py_nb_inplace_power", TERNARY),
    slot(21, "Py_nb_inplace_remainder", BINARY),
    slot(22, "Py_nb_inplace_rshift", BINARY),
    slot(23, "Py_nb_inplace_subtract", BINARY),
    slot(24, "Py_nb_inplace_true_divide", BINARY),
    slot(25, "Py_nb_inplace_xor", BINARY),
    slot(26, "Py_nb_int", UNARY),
    slot(27, "Py_nb_invert", UNARY),
    slot(28, "Py_nb_lshift", BINARY),
    slot(29, "Py_nb_multiply", BINARY),
    slot(30, "Py_nb_negative", UNARY),
    slot(31, "Py_nb_or", BINARY),
    slot(32, "Py_nb_positive", UNARY),
    slot(33, "Py_nb_power", TERNARY),
    slot(34, "Py_nb_remainder", BINARY),
    slot(35, "Py_nb_rshift", BINARY),
    slot(36, "Py_nb_subtract", BINARY),
    slot(37, "Py_nb_true_divide", BINARY),
    slot(38, "Py_nb_xor", BINARY),
    slot(39, "Py_sq_ass_item", SET_INDEXED),
    slot(40, "Py_sq_concat", BINARY),
    slot(41, "Py_sq_contains", CONTAINS),
    slot(42, "Py_sq_inplace_concat", BINARY),
    slot(43, "Py_sq_inplace_repeat", INDEXED),
    slot(44, "Py_sq_item", INDEXED),
    slot(45, "Py_sq_length", LENGTH),
    slot(46, "Py_sq_repeat", INDEXED),
    slot(47, "Py_tp_alloc", ALLOCATE),
    special(50, "Py_tp_call", Kind::Either(TERNARY)),
    special(51, "Py_tp_clear", Kind::Collected(INQUIRY)),
    slot(52, "Py_tp_dealloc", DESTRUCTOR),
    slot(53, "Py_tp_del", DESTRUCTOR),
    slot(54, "Py_tp_descr_get", GET_DESCRIPTOR),
    slot(55, "Py_tp_descr_set", SET_DESCRIPTOR),
    slot(57, "Py_tp_getattr", GET_ATTRIBUTE),
    slot(58, "Py_tp_getattro", GET_ATTRIBUTE),
    slot(59, "Py_tp_hash", HASH),
    slot(60, "Py_tp_init", INIT),
    special(61, "Py_tp_is_gc", Kind::Collected(INQUIRY)),
    slot(62, "Py_tp_iter", UNARY),
    slot(63, "Py_tp_iternext", UNARY),
    special(64, "Py_tp_methods", Kind::Methods),
    slot(65, "Py_tp_new", NEW),
    slot(66, "Py_tp_repr", UNARY),
    slot(67, "Py_tp_richcompare", COMPARE),
    slot(68, "Py_tp_setattr", SET_ATTRIBUTE),
    slot(69, "Py_tp_setattro", SET_ATTRIBUTE),
    slot(70, "Py_tp_str", UNARY),
    special(71, "Py_tp_traverse", Kind::Collected(TRAVERSE)),
    special(73, "Py_tp_getset", Kind::Getsets),
    slot(74, "Py_tp_free", FREE),
    slot(75, "Py_nb_matrix_multiply", BINARY),
    slot(76, "Py_nb_inplace_matrix_multiply", BINARY),
    slot(77, "Py_am_await", UNARY),
    slot(78, "Py_am_aiter", UNARY),
    slot(79, "Py_am_anext", UNARY),
    slot(80, "Py_tp_finalize", DESTRUCTOR),
    slot(81, "Py_am_send", SEND),
    Slot { number: 82, name: "Py_tp_vectorcall", kind: Kind::Call(VECTORCALL), since: 14 },
    Slot { number: 88, name: "Py_bf_getbuffer", kind: Kind::Call(GET_BUFFER), since: 15 },
    Slot { number: 89, name: "Py_bf_releasebuffer", kind: Kind::Call(RELEASE_BUFFER), since: 15 },
    Slot { number: 90, name: "Py_mp_ass_subscript", kind: Kind::Call(SET_ITEM), since: 15 },
    Slot { number: 91, name: "Py_mp_length", kind: Kind::Call(LENGTH), since: 15 },
];

/// Where code of the module finds a pointer in what Python made of a table: so many bytes from the beginning of a `PyTypeObject`, a suite of
/// it or a `PyModuleDef`.
pub fn in_struct(table: &str, field: &str) -> Option<u32> {
    let field = if table == "PyType_Slot" { field.strip_prefix("Py_")? } else { field };
    let fields = TYPE_OBJECT.iter().flat_map(|field| match field.kind {
        Kind::Suite(suite) => suite,
        _ => std::slice::from_ref(field),
    });
    let del = call("tp_del", TYPE_DEL, DESTRUCTOR);
    fields.chain(&MODULE_DEF).chain([&del]).find(|known| known.name == field).map(|known| known.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::signature;

    fn all(fields: &[Field]) -> Vec<Field> {
        let suites = fields.iter().flat_map(|field| match field.kind {
            Kind::Suite(suite) => suite.to_vec(),
            _ => Vec::new(),
        });
        fields.iter().copied().chain(suites).collect()
    }

    #[test]
    fn all_types_are_spelled() {
        let letters = |kind: Kind| match kind {
            Kind::Call(letters) | Kind::Either(letters) | Kind::Collected(letters) => Some(letters),
            _ => None,
        };
        let fields = [all(&TYPE_OBJECT), all(&MODULE_DEF), all(&GETSETS)].concat();
        let kinds = fields.iter().map(|field| field.kind).chain(TYPE_SLOTS.iter().map(|slot| slot.kind));
        let spelled = kinds.filter_map(letters).chain(METHODS.iter().map(|method| method.2));
        for letters in spelled.chain(MODULE_SLOTS.iter().map(|slot| slot.2)) {
            assert!(signature::spelled(letters).is_some(), "{letters}");
        }
    }

    /// What a slot and a field of the same name say is the same.
    #[test]
    fn slots_and_fields_agree() {
        let fields = all(&TYPE_OBJECT);
        for slot in TYPE_SLOTS.iter().filter(|slot| slot.name != "Py_tp_del") {
            let field = fields.iter().find(|field| Some(field.name) == slot.name.strip_prefix("Py_")).expect(slot.name);
            assert_eq!(field.kind, slot.kind, "{}", slot.name);
        }
        assert!(TYPE_SLOTS.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
