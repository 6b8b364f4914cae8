// What the sources use of Python and of the C library: on native platforms the headers, and for wasm32 declarations of its own, since no
// headers for it are at hand. The layouts are those of CPython 3.12 to 3.15; the runtimes would tell if they were not.
#pragma once
#ifndef __wasm__
#include <Python.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#else
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
typedef int32_t Py_ssize_t;
typedef struct _object { Py_ssize_t ob_refcnt; struct _typeobject *ob_type; } PyObject;
typedef struct { PyObject ob_base; Py_ssize_t ob_size; } PyVarObject;
#define PyObject_HEAD_INIT(type) { 1, type }
#define PyVarObject_HEAD_INIT(type, size) { { 1, type }, size },
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef struct { const char *ml_name; PyCFunction ml_meth; int ml_flags; const char *ml_doc; } PyMethodDef;
typedef struct { const char *name; void *get, *set; const char *doc; void *closure; } PyGetSetDef;
typedef struct { int slot; void *pfunc; } PyType_Slot;
typedef struct { const char *name; int basicsize, itemsize; unsigned flags; PyType_Slot *slots; } PyType_Spec;
typedef struct { int slot; void *value; } PyModuleDef_Slot;
typedef struct {
  struct { PyObject ob_base; void *m_init; Py_ssize_t m_index; PyObject *m_copy; } m_base;
  const char *m_name, *m_doc;
  Py_ssize_t m_size;
  PyMethodDef *m_methods;
  PyModuleDef_Slot *m_slots;
  void *m_traverse, *m_clear, *m_free;
} PyModuleDef;
#define PyModuleDef_HEAD_INIT { PyObject_HEAD_INIT(NULL), NULL, 0, NULL }
typedef struct { void *am_await, *am_aiter, *am_anext, *am_send; } PyAsyncMethods;
typedef struct {
  void *nb_add, *nb_subtract, *nb_multiply, *nb_remainder, *nb_divmod, *nb_power, *nb_negative, *nb_positive, *nb_absolute, *nb_bool,
    *nb_invert, *nb_lshift, *nb_rshift, *nb_and, *nb_xor, *nb_or, *nb_int, *nb_reserved, *nb_float, *nb_inplace_add, *nb_inplace_subtract,
    *nb_inplace_multiply, *nb_inplace_remainder, *nb_inplace_power, *nb_inplace_lshift, *nb_inplace_rshift, *nb_inplace_and,
    *nb_inplace_xor, *nb_inplace_or, *nb_floor_divide, *nb_true_divide, *nb_inplace_floor_divide, *nb_inplace_true_divide, *nb_index,
    *nb_matrix_multiply, *nb_inplace_matrix_multiply;
} PyNumberMethods;
typedef struct {
  void *sq_length, *sq_concat, *sq_repeat, *sq_item, *was_sq_slice, *sq_ass_item, *was_sq_ass_slice, *sq_contains, *sq_inplace_concat,
    *sq_inplace_repeat;
} PySequenceMethods;
typedef struct { void *mp_length, *mp_subscript, *mp_ass_subscript; } PyMappingMethods;
typedef struct { void *bf_getbuffer, *bf_releasebuffer; } PyBufferProcs;
typedef struct _typeobject {
  PyVarObject ob_base;
  const char *tp_name;
  Py_ssize_t tp_basicsize, tp_itemsize;
  void *tp_dealloc;
  Py_ssize_t tp_vectorcall_offset;
  void *tp_getattr, *tp_setattr;
  PyAsyncMethods *tp_as_async;
  void *tp_repr;
  PyNumberMethods *tp_as_number;
  PySequenceMethods *tp_as_sequence;
  PyMappingMethods *tp_as_mapping;
  void *tp_hash, *tp_call, *tp_str, *tp_getattro, *tp_setattro;
  PyBufferProcs *tp_as_buffer;
  unsigned long tp_flags;
  const char *tp_doc;
  void *tp_traverse, *tp_clear, *tp_richcompare;
  Py_ssize_t tp_weaklistoffset;
  void *tp_iter, *tp_iternext;
  PyMethodDef *tp_methods;
  void *tp_members;
  PyGetSetDef *tp_getset;
  void *tp_base, *tp_dict, *tp_descr_get, *tp_descr_set;
  Py_ssize_t tp_dictoffset;
  void *tp_init, *tp_alloc, *tp_new, *tp_free, *tp_is_gc, *tp_bases, *tp_mro, *tp_cache, *tp_subclasses, *tp_weaklist, *tp_del;
  unsigned tp_version_tag;
  void *tp_finalize, *tp_vectorcall;
  unsigned char tp_watched;
  uint16_t tp_versions_used;
} PyTypeObject;
#define Py_TPFLAGS_BASETYPE (1UL << 10)
#define Py_TPFLAGS_HAVE_GC (1UL << 14)
#define Py_TPFLAGS_DEFAULT (1UL << 18)
#define METH_VARARGS 1
#define METH_KEYWORDS 2
#define METH_NOARGS 4
#define METH_O 8
#define METH_FASTCALL 0x80
#define METH_METHOD 0x200
#define Py_mod_create 1
#define Py_mod_exec 2
enum { Py_bf_getbuffer = 1, Py_bf_releasebuffer, Py_mp_ass_subscript, Py_mp_length, Py_mp_subscript, Py_nb_absolute, Py_nb_add, Py_nb_and,
  Py_nb_bool, Py_nb_divmod, Py_nb_float, Py_nb_floor_divide, Py_nb_index, Py_nb_inplace_add, Py_nb_inplace_and,
  Py_nb_inplace_floor_divide, Py_nb_inplace_lshift, Py_nb_inplace_multiply, Py_nb_inplace_or, Py_nb_inplace_power,
  Py_nb_inplace_remainder, Py_nb_inplace_rshift, Py_nb_inplace_subtract, Py_nb_inplace_true_divide, Py_nb_inplace_xor, Py_nb_int,
  Py_nb_invert, Py_nb_lshift, Py_nb_multiply, Py_nb_negative, Py_nb_or, Py_nb_positive, Py_nb_power, Py_nb_remainder, Py_nb_rshift,
  Py_nb_subtract, Py_nb_true_divide, Py_nb_xor, Py_sq_ass_item, Py_sq_concat, Py_sq_contains, Py_sq_inplace_concat,
  Py_sq_inplace_repeat, Py_sq_item, Py_sq_length, Py_sq_repeat, Py_tp_alloc, Py_tp_base, Py_tp_bases, Py_tp_call, Py_tp_clear,
  Py_tp_dealloc, Py_tp_del, Py_tp_descr_get, Py_tp_descr_set, Py_tp_doc, Py_tp_getattr, Py_tp_getattro, Py_tp_hash, Py_tp_init,
  Py_tp_is_gc, Py_tp_iter, Py_tp_iternext, Py_tp_methods, Py_tp_new, Py_tp_repr, Py_tp_richcompare, Py_tp_setattr, Py_tp_setattro,
  Py_tp_str, Py_tp_traverse, Py_tp_members, Py_tp_getset, Py_tp_free, Py_nb_matrix_multiply, Py_nb_inplace_matrix_multiply, Py_am_await,
  Py_am_aiter, Py_am_anext, Py_tp_finalize, Py_am_send };
extern PyObject _Py_NoneStruct, *PyExc_ValueError;
extern PyTypeObject PyLong_Type;
#define Py_None (&_Py_NoneStruct)
#define Py_TYPE(o) ((o)->ob_type)
#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *
void Py_IncRef(PyObject *), Py_DecRef(PyObject *), PyObject_Free(void *), PyErr_SetString(PyObject *, const char *), PyErr_Clear(void);
PyObject *PyLong_FromLong(long), *PyFloat_FromDouble(double), *PyUnicode_FromString(const char *), *PyObject_GetIter(PyObject *),
  *PyTuple_New(Py_ssize_t), *PyModule_New(const char *), *PyModuleDef_Init(PyModuleDef *), *PyType_GenericAlloc(PyTypeObject *, Py_ssize_t),
  *PyType_GenericNew(PyTypeObject *, PyObject *, PyObject *), *PyType_FromModuleAndSpec(PyObject *, PyType_Spec *, PyObject *),
  *PyCapsule_New(void *, const char *, void *);
int PyIter_Send(PyObject *, PyObject *, PyObject **), PyType_Ready(PyTypeObject *), PyModule_AddObjectRef(PyObject *, const char *, PyObject *), Py_AddPendingCall(void *, void *),
  PyBuffer_FillInfo(void *, PyObject *, void *, Py_ssize_t, int, int);
long PyLong_AsLong(PyObject *);
PyObject *PyErr_Occurred(void);
void qsort(void *, size_t, size_t, void *);
void *bsearch(const void *, const void *, size_t, size_t, void *);
void *signal(int, void *);
int raise(int);
int snprintf(char *, size_t, const char *, ...);
size_t strlen(const char *);
#define SIGUSR1 10
#endif
