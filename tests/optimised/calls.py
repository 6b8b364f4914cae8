# Calls something of every package that is there, and says of each what came of it.
import hashlib


def digest(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:12]}"


DATA = b"a wheel of wasm, and a wheel of cheese " * 200


def failing(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}"


def bcrypt():
    import bcrypt

    salt = b"$2b$04$abcdefghijklmnopqrstuu"
    return bcrypt.hashpw(b"password", salt), failing(bcrypt.hashpw, b"password", b"salt") == "ValueError"


def brotli():
    import brotli

    packed = brotli.compress(DATA)
    return digest(packed), brotli.decompress(packed) == DATA


def cramjam():
    import cramjam

    results = []
    for name in ["gzip", "zlib", "deflate", "brotli", "bzip2", "lz4", "snappy", "zstd", "xz"]:
        codec = getattr(cramjam, name, None)
        if codec is not None:
            packed = bytes(codec.compress(DATA))
            results.append((name, len(packed), bytes(codec.decompress(packed)) == DATA))
    caught = False
    try:
        cramjam.zstd.decompress(b"not what it says")
    except cramjam.DecompressionError:
        caught = True
    return results, caught


def css_inline():
    import css_inline

    page = "<html><head><style>p.x { color: red } b { margin: 1px }</style></head><body><p class='x'>a <b>b</b></p></body></html>"
    return css_inline.inline(page), css_inline.CSSInliner(keep_style_tags=True).inline(page)


def jiter():
    import jiter

    text = b'{"a": [1, 2.5, null, true, "\\u00e9"], "b": {"c": 123456789012345678901234567890}}'
    return jiter.from_json(text), len(jiter.from_json(b"[1, 2, 3]"))


def kiwisolver():
    import kiwisolver

    x, y = kiwisolver.Variable("x"), kiwisolver.Variable("y")
    solver = kiwisolver.Solver()
    for constraint in [x + y == 10, x - y == 4]:
        solver.addConstraint(constraint)
    solver.updateVariables()
    solver.addConstraint(x >= 5)
    try:
        solver.addConstraint(x <= 2)
    except kiwisolver.UnsatisfiableConstraint:
        return x.value(), y.value(), "unsatisfiable"


def msgspec():
    import msgspec

    packed = msgspec.msgpack.encode({"a": [1, 2.5, None], "b": "text"})
    return packed, msgspec.json.encode(msgspec.msgpack.decode(packed)), msgspec.json.decode(b'{"x": [1, 2]}')


def nh3():
    import nh3

    return nh3.clean("<p onclick='x'>text<script>bad()</script> <a href='https://x.y'>link</a></p>"), nh3.is_html("<b>x</b>")


def pycryptodome():
    from Crypto.Cipher import AES, ChaCha20
    from Crypto.Hash import SHA256, SHA3_256

    key = bytes(range(32))
    stream = ChaCha20.new(key=key, nonce=bytes(12)).encrypt(DATA)
    block = AES.new(key, AES.MODE_CBC, iv=bytes(16)).encrypt(bytes(64))
    sealed, tag = AES.new(key, AES.MODE_GCM, nonce=bytes(12)).encrypt_and_digest(DATA)
    return digest(stream), block.hex(), digest(sealed + tag), SHA256.new(DATA).hexdigest(), SHA3_256.new(DATA).hexdigest()


def tree_sitter():
    import tree_sitter
    import tree_sitter_go
    import tree_sitter_java
    import tree_sitter_python

    sources = [
        (tree_sitter_python, b"def f(x):\n    return [y for y in x if y]\n"),
        (tree_sitter_go, b"package main\nfunc main() { println(1) }\n"),
        (tree_sitter_java, b"class A { int f() { return 1; } }"),
    ]
    trees = []
    for grammar, source in sources:
        parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
        trees.append(str(parser.parse(source).root_node))
    return trees


def tiktoken():
    from tiktoken import _tiktoken

    encoding = _tiktoken.CoreBPE({bytes([byte]): byte for byte in range(256)} | {b"ab": 256}, {"<end>": 300}, r"\w+|\W")
    return encoding.encode("abc ab<end>", {"<end>"})


def uharfbuzz():
    import uharfbuzz

    buffer = uharfbuzz.Buffer()
    buffer.add_str("text")
    buffer.guess_segment_properties()
    font = uharfbuzz.Font(uharfbuzz.Face(b""))
    uharfbuzz.shape(font, buffer, {"kern": True})
    return uharfbuzz.version_string(), buffer.direction, buffer.script, [info.cluster for info in buffer.glyph_infos]


def rust_panic_test():
    import rust_panic_test

    return sorted(name for name in dir(rust_panic_test) if not name.startswith("_"))


def cpp_exceptions_test2():
    import cpp_exceptions_test2

    return sorted(name for name in dir(cpp_exceptions_test2) if not name.startswith("_"))


def answer(package):
    try:
        return package()
    except ImportError as error:
        return f"{type(error).__name__}: {error}"


packages = [
    bcrypt, brotli, cpp_exceptions_test2, cramjam, css_inline, jiter, kiwisolver, msgspec, nh3, pycryptodome, rust_panic_test, tiktoken,
    tree_sitter, uharfbuzz,
]
"\n".join(f"{package.__name__}: {answer(package)}" for package in packages)
