// A module with two types for every slot: in `fewer_SLOT` the function has one parameter less than the slot passes, in `more_SLOT` one more. So
// have methods, functions of the module itself and callbacks. STATIC makes the types static, otherwise they come from specs.
#ifndef STATIC
#define Py_LIMITED_API 0x030c0000
#endif
#define PY_SSIZE_T_CLEAN
#include "python.h"

// An argument or result of any kind: all are passed in the same way.
typedef intptr_t W;

static char said[4096];
static size_t length;

static void add(const char *text) {
  while (*text && length + 1 < sizeof said) said[length++] = *text++;
  said[length] = 0;
}

static void add_number(long number) {
  char text[16];
  snprintf(text, sizeof text, " %ld", number);
  add(text);
}

// Notes a call, with as many arguments as are known.
static void say(const char *name, int known, const char *letters, W a, W b, W c) {
  W arguments[] = {a, b, c};
  add(name);
  for (int i = 0; i < known && letters[i]; i++) {
    switch (letters[i]) {
    case 'n': add_number((long)arguments[i]); break;
    case 'i': add_number((int)arguments[i]); break;
    case 'o': {
      PyObject *object = (PyObject *)arguments[i];
      if (!object) { add(" null"); break; }
      if (object == Py_None) { add(" None"); break; }
      // Only of numbers more is told: others may be about to go.
      if (Py_TYPE(object) != &PyLong_Type) { add(" object"); break; }
      add_number(PyLong_AsLong(object));
    }
    }
  }
  add("\n");
}

static PyObject *none(void) {
  Py_IncRef(Py_None);
  return Py_None;
}

static PyObject *iterator(void) {
  PyObject *empty = PyTuple_New(0), *result = PyObject_GetIter(empty);
  Py_DecRef(empty);
  return result;
}

static W allocated(W type) { return (W)PyType_GenericAlloc((PyTypeObject *)type, 0); }

// Nothing that is not known can be freed.
static W freed_last(W object) {
  if (object) PyObject_Free((void *)object);
  return 0;
}

static W freed(W object) {
#ifndef STATIC
  PyObject *type = object ? (PyObject *)Py_TYPE((PyObject *)object) : 0;
#endif
  freed_last(object);
#ifndef STATIC
  if (type) Py_DecRef(type);
#endif
  return 0;
}

static W fill(W object, W view) { return PyBuffer_FillInfo((void *)view, (PyObject *)object, "ab", 2, 1, 0); }

static W sent(W result) {
  if (!result) {
    PyErr_SetString(PyExc_ValueError, "nowhere to put the result");
    return -1;
  }
  *(PyObject **)result = none();
  return 0;
}

static W right_traverse(W self, W visit, W argument) { return (void)self, (void)visit, (void)argument, 0; }
static W right_getbuffer(W self, W view, W flags) { return (void)flags, fill(self, view); }
static W right_self(W self) { return Py_IncRef((PyObject *)self), self; }
static W right_next(W self) { return (void)self, (W)none(); }

#define BODY(name, known, letters, result) { say(#name, known, letters, a, b, c); return (W)(result); }
#define NO(x) W x = 0; (void)x;
#define FUNCTIONS_1(name, letters, result) \
  static W fewer_f_##name(void) { NO(a) NO(b) NO(c) BODY(name, 0, letters, result) } \
  static W more_f_##name(W a, W x) { NO(b) NO(c) (void)x; BODY(name, 1, letters, result) }
#define FUNCTIONS_2(name, letters, result) \
  static W fewer_f_##name(W a) { NO(b) NO(c) BODY(name, 1, letters, result) } \
  static W more_f_##name(W a, W b, W x) { NO(c) (void)x; BODY(name, 2, letters, result) }
#define FUNCTIONS_3(name, letters, result) \
  static W fewer_f_##name(W a, W b) { NO(c) BODY(name, 2, letters, result) } \
  static W more_f_##name(W a, W b, W c, W x) { (void)x; BODY(name, 3, letters, result) }
#define FUNCTIONS_4(name, letters, result) \
  static W fewer_f_##name(W a, W b, W c) BODY(name, 3, letters, result) \
  static W more_f_##name(W a, W b, W c, W d, W x) { (void)d, (void)x; BODY(name, 3, letters, result) }
#define FUNCTIONS_5(name, letters, result) \
  static W fewer_f_##name(W a, W b, W c, W d) { (void)d; BODY(name, 3, letters, result) } \
  static W more_f_##name(W a, W b, W c, W d, W e, W x) { (void)d, (void)e, (void)x; BODY(name, 3, letters, result) }

#define SLOT(suite, name, arity, letters, result, with) FUNCTIONS_##arity(name, letters, result)
#include "slots.h"
#ifdef STATIC
FUNCTIONS_4(tp_vectorcall, "---", allocated(a))
#endif
#undef SLOT

#define FLAGS_PLAIN 0
#define FLAGS_BUFFER 0
#define FLAGS_AWAITED 0
#define FLAGS_COLLECTED Py_TPFLAGS_HAVE_GC
#define FLAGS_TRAVERSED Py_TPFLAGS_HAVE_GC
#define FLAGS(with) (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | FLAGS_##with)
#ifdef STATIC
#define WITH_PLAIN
#define WITH_BUFFER
#define WITH_AWAITED .tp_iter = (void *)right_self, .tp_iternext = (void *)right_next,
#define WITH_COLLECTED
#define WITH_TRAVERSED .tp_traverse = (void *)right_traverse,
#define IN_nb(name, f) .tp_as_number = &(PyNumberMethods){.name = (void *)f},
#define IN_sq(name, f) .tp_as_sequence = &(PySequenceMethods){.name = (void *)f},
#define IN_mp(name, f) .tp_as_mapping = &(PyMappingMethods){.name = (void *)f},
#define IN_bf(name, f) .tp_as_buffer = &(PyBufferProcs){.bf_getbuffer = (void *)right_getbuffer, .name = (void *)f},
#define IN_am(name, f) .tp_as_async = &(PyAsyncMethods){.am_await = (void *)right_self, .name = (void *)f},
#define IN_tp(name, f) .name = (void *)f,
#define TYPE(direction, suite, name_, with) \
  static PyTypeObject direction##_type_##name_ = {PyVarObject_HEAD_INIT(NULL, 0) \
    .tp_name = "m." #direction "_" #name_, .tp_basicsize = sizeof(PyObject), .tp_flags = FLAGS(with), .tp_new = (void *)PyType_GenericNew, \
    WITH_##with IN_##suite(name_, direction##_f_##name_)};
#define ADD(direction, name) failed |= added(module, #direction "_" #name, \
  PyType_Ready(&direction##_type_##name) ? 0 : (PyObject *)&direction##_type_##name);
#else
#define WITH_PLAIN
#define WITH_BUFFER {Py_bf_getbuffer, (void *)right_getbuffer},
#define WITH_AWAITED {Py_am_await, (void *)right_self}, {Py_tp_iter, (void *)right_self}, {Py_tp_iternext, (void *)right_next},
#define WITH_COLLECTED
#define WITH_TRAVERSED {Py_tp_traverse, (void *)right_traverse},
#define TYPE(direction, suite, name, with) \
  static PyType_Slot direction##_slots_##name[] = {{Py_##name, (void *)direction##_f_##name}, WITH_##with {0, 0}}; \
  static PyType_Spec direction##_type_##name = {"m." #direction "_" #name, 0, 0, FLAGS(with), direction##_slots_##name};
#define ADD(direction, name) failed |= added(module, #direction "_" #name, PyType_FromModuleAndSpec(module, &direction##_type_##name, 0));
#endif
#define SLOT(suite, name, arity, letters, result, with) TYPE(fewer, suite, name, with) TYPE(more, suite, name, with)
#include "slots.h"
#ifdef STATIC
TYPE(fewer, tp, tp_vectorcall, PLAIN) TYPE(more, tp, tp_vectorcall, PLAIN)
#endif
#undef SLOT

FUNCTIONS_2(varargs, "--", none())
FUNCTIONS_3(keywords, "---", none())
FUNCTIONS_2(noargs, "--", none())
FUNCTIONS_2(object, "-o", none())
FUNCTIONS_3(fastcall, "--n", none())
FUNCTIONS_4(fastcall_keywords, "--n", none())
#ifndef STATIC
FUNCTIONS_5(method, "o--", none())
#endif
FUNCTIONS_2(get, "o-", none())
FUNCTIONS_3(set, "oo-", 0)

// A type with methods that are told their class, and with attributes.
#define METHOD(direction, name, flags) {#direction "_" #name, (void *)direction##_f_##name, flags, 0}
#define BOTH(name, flags) METHOD(fewer, name, flags), METHOD(more, name, flags)
#ifndef STATIC
static PyMethodDef told[] = {BOTH(method, METH_METHOD | METH_FASTCALL | METH_KEYWORDS), {0}};
#endif
static PyGetSetDef attributes[] = {
  {"fewer", (void *)fewer_f_get, (void *)fewer_f_set, 0, 0}, {"more", (void *)more_f_get, (void *)more_f_set, 0, 0}, {0}};
#ifdef STATIC
static PyTypeObject other_type = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "m.other", .tp_basicsize = sizeof(PyObject),
  .tp_flags = FLAGS(PLAIN), .tp_new = (void *)PyType_GenericNew, .tp_getset = attributes};
#else
static PyType_Slot other_slots[] = {{Py_tp_methods, told}, {Py_tp_getset, attributes}, {0, 0}};
static PyType_Spec other_type = {"m.other", 0, 0, FLAGS(PLAIN), other_slots};
#endif

// One function in three places: two of them are called alike.
static W shared(W a, W b) { return say("shared", 1, "o", a, b, 0), 0; }
#ifdef STATIC
static PyTypeObject shared_one = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "m.shared_one", .tp_basicsize = sizeof(PyObject),
  .tp_flags = FLAGS(PLAIN), .tp_new = (void *)PyType_GenericNew, .tp_init = (void *)shared};
static PyTypeObject shared_two = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "m.shared_two", .tp_basicsize = sizeof(PyObject),
  .tp_flags = FLAGS(PLAIN), .tp_new = (void *)PyType_GenericNew, .tp_init = (void *)shared, .tp_hash = (void *)shared};
#define POINTER(type) ((void *volatile *)&type.tp_init)
#else
static PyType_Slot shared_one_slots[] = {{Py_tp_init, (void *)shared}, {0, 0}};
static PyType_Spec shared_one = {"m.shared_one", 0, 0, FLAGS(PLAIN), shared_one_slots};
static PyType_Slot shared_two_slots[] = {{Py_tp_init, (void *)shared}, {Py_tp_hash, (void *)shared}, {0, 0}};
static PyType_Spec shared_two = {"m.shared_two", 0, 0, FLAGS(PLAIN), shared_two_slots};
#define POINTER(type) ((void *volatile *)&type##_slots[0].pfunc)
#endif

static PyObject *equal(PyObject *module, PyObject *nothing) {
  (void)module, (void)nothing;
  return PyLong_FromLong(*POINTER(shared_one) == *POINTER(shared_two));
}

static PyObject *take(PyObject *module, PyObject *nothing) {
  (void)module, (void)nothing;
  PyObject *result = PyUnicode_FromString(length ? said : "");
  length = 0;
  return result;
}

// Python itself asks so for what a task waits for.
static PyObject *send(PyObject *module, PyObject *object) {
  (void)module;
  PyObject *result = 0;
  PyIter_Send(object, Py_None, &result);
  return result;
}

// What the C library and Python call back.
static int fewer_compare(const void *a) { return (void)a, 0; }
static int more_compare(const void *a, const void *b, W x) { return (void)x, *(const int *)a - *(const int *)b; }
static W fewer_destroy(void) { return say("destroy", 0, "", 0, 0, 0), 1; }
static void more_destroy(PyObject *capsule, W x) { (void)capsule, (void)x, say("destroy", 0, "", 0, 0, 0); }
static int fewer_pending(void) { return say("pending", 0, "", 0, 0, 0), 0; }
static int more_pending(W a, W x) { return (void)x, say("pending", 1, "n", a, 0, 0), 0; }
static void fewer_signal(void) { say("signal", 0, "", 0, 0, 0); }
static void more_signal(int number, W x) { (void)x, say("signal", 1, "i", number, 0, 0); }

static PyObject *callbacks(PyObject *module, PyObject *nothing) {
  (void)module, (void)nothing;
  static int numbers[] = {3, 1, 2};
  qsort(numbers, 3, sizeof *numbers, (void *)fewer_compare);
  int key = 5;
  int *found = bsearch(&key, numbers, 3, sizeof *numbers, (void *)fewer_compare);
  say("bsearch", 1, "i", found != 0, 0, 0);
  int others[] = {3, 1, 2};
  qsort(others, 3, sizeof *others, (void *)more_compare);
  key = 3;
  found = bsearch(&key, others, 3, sizeof *others, (void *)more_compare);
  say("sorted", 3, "iii", others[0], others[1], found ? found - others : -1);
  Py_DecRef(PyCapsule_New(numbers, 0, (void *)fewer_destroy));
  Py_DecRef(PyCapsule_New(numbers, 0, (void *)more_destroy));
  void *before = signal(SIGUSR1, (void *)fewer_signal);
  raise(SIGUSR1);
  signal(SIGUSR1, (void *)more_signal);
  raise(SIGUSR1);
  signal(SIGUSR1, before);
  Py_AddPendingCall((void *)fewer_pending, (void *)7);
  Py_AddPendingCall((void *)more_pending, (void *)7);
  return none();
}

static PyMethodDef methods[] = {
  {"take", take, METH_NOARGS, 0},
  {"equal", equal, METH_NOARGS, 0},
  {"send", send, METH_O, 0},
  {"callbacks", callbacks, METH_NOARGS, 0},
  BOTH(varargs, METH_VARARGS),
  BOTH(keywords, METH_VARARGS | METH_KEYWORDS),
  BOTH(noargs, METH_NOARGS),
  BOTH(object, METH_O),
  BOTH(fastcall, METH_FASTCALL),
  BOTH(fastcall_keywords, METH_FASTCALL | METH_KEYWORDS),
  {0}};

static int added(PyObject *module, const char *name, PyObject *type) {
  return !type || PyModule_AddObjectRef(module, name, type);
}

static int more_exec(PyObject *module, W x) {
  (void)x;
  int failed = 0;
#define SLOT(suite, name, arity, letters, result, with) ADD(fewer, name) ADD(more, name)
#include "slots.h"
#undef SLOT
#ifdef STATIC
  ADD(fewer, tp_vectorcall) ADD(more, tp_vectorcall)
#define ADD_OTHER(name) failed |= added(module, #name, PyType_Ready(&name) ? 0 : (PyObject *)&name);
#else
#define ADD_OTHER(name) failed |= added(module, #name, PyType_FromModuleAndSpec(module, &name, 0));
#endif
  ADD_OTHER(other_type) ADD_OTHER(shared_one) ADD_OTHER(shared_two)
  return -failed;
}

static PyObject *more_create(PyObject *spec, PyModuleDef *definition, W x) { return (void)spec, (void)definition, (void)x, PyModule_New("slots"); }
static int more_module_traverse(PyObject *module, W visit, W argument, W x) { return (void)module, (void)visit, (void)argument, (void)x, 0; }
static int more_module_clear(PyObject *module, W x) { return (void)module, (void)x, 0; }
static int more_module_free(PyObject *module, W x) { return (void)module, (void)x, 0; }
static PyModuleDef_Slot more_slots[] = {{Py_mod_create, (void *)more_create}, {Py_mod_exec, (void *)more_exec}, {0, 0}};
static PyModuleDef more_module = {PyModuleDef_HEAD_INIT, .m_name = "slots", .m_methods = methods, .m_slots = more_slots,
  .m_traverse = (void *)more_module_traverse, .m_clear = (void *)more_module_clear, .m_free = (void *)more_module_free};
PyMODINIT_FUNC PyInit_slots(void) { return PyModuleDef_Init(&more_module); }

static PyObject *fewer_create(PyObject *spec) { return (void)spec, PyModule_New("bare"); }
static int fewer_exec(void) { return say("exec", 0, "", 0, 0, 0), 0; }
static int fewer_module_traverse(PyObject *module, W visit) { return (void)module, (void)visit, 0; }
static int fewer_module_clear(void) { return 0; }
static int fewer_module_free(void) { return 0; }
static PyMethodDef bare_methods[] = {{"take", take, METH_NOARGS, 0}, {0}};
static PyModuleDef_Slot fewer_slots[] = {{Py_mod_create, (void *)fewer_create}, {Py_mod_exec, (void *)fewer_exec}, {0, 0}};
static PyModuleDef fewer_module = {PyModuleDef_HEAD_INIT, .m_name = "bare", .m_methods = bare_methods, .m_slots = fewer_slots,
  .m_traverse = (void *)fewer_module_traverse, .m_clear = (void *)fewer_module_clear, .m_free = (void *)fewer_module_free};
PyMODINIT_FUNC PyInit_bare(void) { return PyModuleDef_Init(&fewer_module); }
