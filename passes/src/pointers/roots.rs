//! Functions of the runtime that call pointers which a module gives them: which argument, and as what.
//!
//! Sources: CPython's headers of the same names; the C standard and POSIX; `libcxxabi/include/cxxabi.h`, where a destructor returns its
//! argument on WebAssembly (`cxa_exception.h`).
//!
//! Pyodide has no threads: nobody calls what `pthread_create`, `pthread_key_create` and `pthread_atfork` are given.
//!
//! Only what the main module offers counts: functions in JavaScript call through JavaScript, which takes any number of arguments.

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A function of this type.
    Function(&'static str),
    /// A `PyModuleDef`.
    ModuleDef,
    /// An array of `PySlot` that describes a module.
    ExportedSlots,
    /// A `PyTypeObject`.
    Type,
    /// A `PyType_Spec`.
    Spec,
    /// One `PyMethodDef`.
    Method,
    /// An array of them.
    Methods,
    /// One `PyGetSetDef`.
    Getset,
    /// An array of them.
    Getsets,
}

impl Role {
    /// Whether it is a struct with a name and much else, which nothing else looks like.
    pub fn is_description(self) -> bool {
        matches!(self, Role::ModuleDef | Role::Type | Role::Spec)
    }
}

/// Name, number of the argument, and what it is.
pub static ROOTS: [(&str, u32, Role); 37] = [
    ("PyModule_Create2", 0, Role::ModuleDef),
    ("PyModule_FromDefAndSpec2", 0, Role::ModuleDef),
    ("PyModule_ExecDef", 1, Role::ModuleDef),
    ("PyModuleDef_Init", 0, Role::ModuleDef),
    ("PyModule_AddFunctions", 1, Role::Methods),
    ("PyModule_AddType", 1, Role::Type),
    ("PyType_Ready", 0, Role::Type),
    ("PyType_FromSpec", 0, Role::Spec),
    ("PyType_FromSpecWithBases", 0, Role::Spec),
    ("PyType_FromModuleAndSpec", 1, Role::Spec),
    ("PyType_FromMetaclass", 2, Role::Spec),
    ("PyCFunction_New", 0, Role::Method),
    ("PyCFunction_NewEx", 0, Role::Method),
    ("PyCMethod_New", 0, Role::Method),
    ("PyDescr_NewMethod", 1, Role::Method),
    ("PyDescr_NewClassMethod", 1, Role::Method),
    ("PyDescr_NewGetSet", 1, Role::Getset),
    ("PyCapsule_New", 2, Role::Function("vi")),
    ("PyCapsule_SetDestructor", 1, Role::Function("vi")),
    ("PyImport_AppendInittab", 1, Role::Function("i")),
    ("PyEval_SetProfile", 0, Role::Function("iiiii")),
    ("PyEval_SetTrace", 0, Role::Function("iiiii")),
    ("Py_AddPendingCall", 0, Role::Function("ii")),
    ("Py_AtExit", 0, Role::Function("v")),
    ("atexit", 0, Role::Function("v")),
    ("__cxa_atexit", 0, Role::Function("vi")),
    ("__cxa_throw", 2, Role::Function("ii")),
    ("bsearch", 4, Role::Function("iii")),
    ("lfind", 4, Role::Function("iii")),
    ("lsearch", 4, Role::Function("iii")),
    ("pthread_once", 1, Role::Function("v")),
    ("qsort", 3, Role::Function("iii")),
    ("qsort_r", 3, Role::Function("iiii")),
    ("signal", 1, Role::Function("vi")),
    ("tdelete", 2, Role::Function("iii")),
    ("tfind", 2, Role::Function("iii")),
    ("tsearch", 2, Role::Function("iii")),
];
