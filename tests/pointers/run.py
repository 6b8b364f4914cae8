# What a module of `built/` says: calls every function in it through every slot, and returns the log. With an argument it prints it.
import gc, operator, sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec


def load(name, path):
    loader = ExtensionFileLoader(name, path)
    module = module_from_spec(ModuleSpec(name, loader, origin=path))
    loader.exec_module(module)
    return module


def gone(type):
    type()


def gone_below(type):
    class Below(type):
        pass
    Below()


def cleared(type):
    class Below(type):
        pass
    o = Below()
    o.me = o
    del o
    gc.collect()


def described(type, *value):
    class Holder:
        attribute = type()
    if value:
        Holder().attribute = value[0]
    else:
        Holder().attribute


def assigned(o, key, value):
    o[key] = value


def buffered(o):
    view = memoryview(o)
    view.release()


MADE = {
    'tp_dealloc': gone, 'tp_free': gone, 'tp_del': gone, 'tp_finalize': gone_below, 'tp_clear': cleared,
    'tp_descr_get': described, 'tp_descr_set': lambda type: described(type, 5), 'tp_init': lambda type: type(1),
    'tp_new': lambda type: type(1), 'tp_alloc': gone, 'tp_vectorcall': lambda type: type(1),
}
USED = {
    'nb_add': lambda o: o + 1, 'nb_subtract': lambda o: o - 1, 'nb_multiply': lambda o: o * 2, 'nb_remainder': lambda o: o % 3,
    'nb_divmod': lambda o: divmod(o, 4), 'nb_power': lambda o: pow(o, 2, 3), 'nb_negative': operator.neg, 'nb_positive': operator.pos,
    'nb_absolute': abs, 'nb_bool': bool, 'nb_invert': operator.inv, 'nb_lshift': lambda o: o << 1, 'nb_rshift': lambda o: o >> 1,
    'nb_and': lambda o: o & 1, 'nb_xor': lambda o: o ^ 1, 'nb_or': lambda o: o | 1, 'nb_int': int, 'nb_float': float,
    'nb_inplace_add': lambda o: operator.iadd(o, 1), 'nb_inplace_subtract': lambda o: operator.isub(o, 1),
    'nb_inplace_multiply': lambda o: operator.imul(o, 1), 'nb_inplace_remainder': lambda o: operator.imod(o, 1),
    'nb_inplace_power': lambda o: operator.ipow(o, 2), 'nb_inplace_lshift': lambda o: operator.ilshift(o, 1),
    'nb_inplace_rshift': lambda o: operator.irshift(o, 1), 'nb_inplace_and': lambda o: operator.iand(o, 1),
    'nb_inplace_xor': lambda o: operator.ixor(o, 1), 'nb_inplace_or': lambda o: operator.ior(o, 1),
    'nb_floor_divide': lambda o: o // 2, 'nb_true_divide': lambda o: o / 2, 'nb_inplace_floor_divide': lambda o: operator.ifloordiv(o, 2),
    'nb_inplace_true_divide': lambda o: operator.itruediv(o, 2), 'nb_index': operator.index, 'nb_matrix_multiply': lambda o: o @ 2,
    'nb_inplace_matrix_multiply': lambda o: operator.imatmul(o, 2),
    'sq_length': len, 'sq_concat': lambda o: operator.concat(o, []), 'sq_repeat': lambda o: o * 3, 'sq_item': lambda o: o[2],
    'sq_ass_item': lambda o: assigned(o, 2, 5), 'sq_contains': lambda o: 7 in o, 'sq_inplace_concat': lambda o: operator.iconcat(o, []),
    'sq_inplace_repeat': lambda o: operator.imul(o, 3),
    'mp_length': len, 'mp_subscript': lambda o: o[8], 'mp_ass_subscript': lambda o: assigned(o, 8, 9),
    'bf_getbuffer': buffered, 'bf_releasebuffer': buffered,
    'am_await': lambda o: o.__await__(), 'am_aiter': lambda o: o.__aiter__(), 'am_anext': lambda o: o.__anext__(), 'am_send': lambda o: slots.send(o),
    'tp_getattr': lambda o: o.x, 'tp_setattr': lambda o: setattr(o, 'x', 4), 'tp_repr': repr, 'tp_hash': hash, 'tp_call': lambda o: (o(1), o.__call__(1)),
    'tp_str': str, 'tp_getattro': lambda o: o.x, 'tp_setattro': lambda o: setattr(o, 'x', 4),
    'tp_traverse': lambda o: gc.get_referents(o), 'tp_richcompare': lambda o: o == 6, 'tp_iter': iter, 'tp_iternext': next,
    'tp_is_gc': gc.is_tracked,
}
# Python says that these have no effect, which is not what is asked.
TOLD = ['fewer_varargs', 'more_varargs', 'fewer_keywords', 'fewer_noargs', 'more_noargs', 'fewer_object', 'more_object', 'fewer_fastcall',
        'more_fastcall', 'fewer_fastcall_keywords', 'more_fastcall_keywords']


def tried(f, *arguments):
    try:
        f(*arguments)
    except Exception as error:
        return f'{type(error).__name__}: {error}\n'
    return ''


def run(path, only=None):
    global slots
    slots, bare = load('slots', path), load('bare', path)
    out = ['bare ' + slots.take()]
    for name in vars(slots):
        direction, _, slot = name.partition('_')
        if only and name != only or slot not in MADE and slot not in USED:
            continue
        type = getattr(slots, name)
        error = tried(MADE[slot], type) if slot in MADE else tried(USED[slot], type())
        lines = (slots.take() + error).splitlines()
        # How often some are called depends on the garbage collector, and what else Python asks for on its version.
        out.append(f'{direction} ' + ' / '.join(dict.fromkeys(line for line in lines if line.split()[0] == slot or 'Error' in line)))
    if only is None:
        for name in TOLD:
            error = tried(getattr(slots, name), *([1] if name.endswith('object') else []))
            out.append(f'{name}: ' + (slots.take() + error).strip())
        other = slots.other_type()
        for name in ['fewer_method', 'more_method']:
            if hasattr(other, name):
                error = tried(getattr(other, name))
                out.append(f'{name}: ' + (slots.take() + error).strip())
        for name in ['fewer', 'more']:
            error = tried(getattr, other, name)
            out.append(f'get {name}: ' + (slots.take() + error).strip())
        error = tried(setattr, other, 'fewer', 5)
        out.append('set fewer: ' + (slots.take() + error).strip())
        slots.shared_one(), hash(slots.shared_two())
        out.append('shared: ' + slots.take().replace('\n', ' ') + f'equal {slots.equal()}')
        slots.callbacks()
        for _ in range(10000):
            pass
        out.append('callbacks: ' + slots.take().strip().replace('\n', ' / '))
        del bare
        gc.collect()
    return '\n'.join(out)


if __name__ == '__main__' and len(sys.argv) > 1:
    print(run(*sys.argv[1:]))
