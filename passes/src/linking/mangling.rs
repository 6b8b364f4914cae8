//! Mangled names, and which functions have one definition by the rules of their language, wherever they are compiled, told from them.
//!
//! C++ functions that may be defined in every file (inline ones, instances of templates, implicit members) are weak symbols, and so are
//! those with `__attribute__((weak))`, which are there to be replaced. What a linker writes is the same for both. A name proves the
//! former where it contains what cannot be defined in one place alone:
//!
//! - template arguments of the function or of a class around it (`_ZN3FooIiE3barEv`): instances are equal in all files. Arguments of a
//!   parameter (`_Z4hookSt6vectorIiE`) prove nothing;
//! - a class inside of a function (`_ZZ…E…`), a closure (`UlvE_`) or a class without a name (`Ut_`): their members are defined inside;
//! - an inherited constructor (`CI1`), which only compilers define, and the wrapper of a thread-local variable (`_ZTW`);
//! - something with internal linkage (`L`, an anonymous namespace), which nobody else can mean.
//!
//! A thunk (`_ZThn16_…`) is weak where its function is, so the name of that decides. Names of Rust end in a hash or are `_R…`; no two
//! definitions share one. Everything else, plain members of plain classes and all of C, may be either, and is taken for replaceable.
//!
//! **Relies on** the grammar of the Itanium C++ ABI, 5.1, and on nobody giving `__attribute__((weak))` to a template or to a member of
//! one of the classes above: C++ has no such declarations, and two definitions of these differ by no rule of the language.

/// Whether `name` is mangled by the Itanium C++ ABI, which Rust used too, or by Rust's own scheme.
pub fn is_mangled(name: &str) -> bool {
    name.starts_with("_Z") || is_rust_v0(name)
}

/// Whether `name` is mangled by Rust's own scheme (RFC 2603): `_R` and the letter of a path.
fn is_rust_v0(name: &str) -> bool {
    name.strip_prefix("_R").is_some_and(|path| path.starts_with(['C', 'M', 'X', 'Y', 'N', 'I', 'B']))
}

/// Whether all definitions of the function `name` are equal by its language.
pub fn is_vague(name: &str) -> bool {
    is_rust(name) || name.strip_prefix("_Z").is_some_and(|encoding| encoding_is_vague(encoding.as_bytes()))
}

/// Whether `name` is mangled by Rust, whose names are unique by a hash: `_ZN` … `17h` and 16 hexadecimal digits, or `_R`.
pub fn is_rust(name: &str) -> bool {
    let hash = |name: &str| {
        let digits = name.strip_suffix('E')?.rsplit_once("17h")?.1;
        (digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(())
    };
    is_rust_v0(name) || (name.starts_with("_ZN") && hash(name).is_some())
}

/// Whether what is behind `_Z` is the name of such a function.
fn encoding_is_vague(encoding: &[u8]) -> bool {
    match encoding {
        [b'Z', ..] | [b'T', b'W', ..] => true,
        [b'T', b'h' | b'v' | b'c', ..] => behind_thunk(encoding).is_some_and(encoding_is_vague),
        [b'T' | b'G', ..] => false,
        [b'N', nested @ ..] => {
            let qualifier = |byte: &u8| matches!(byte, b'r' | b'V' | b'K' | b'R' | b'O');
            let qualifiers = nested.iter().take_while(|byte| qualifier(byte)).count();
            nested_is_vague(&nested[qualifiers..])
        }
        name => unscoped_is_vague(name.strip_prefix(b"St").unwrap_or(name)),
    }
}

/// What stands behind the offsets of a thunk: `h <number> _`, `v <number> _ <number> _`, and two of these behind `c`.
fn behind_thunk(encoding: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = encoding.get(1..)?.split_first()?;
    match kind {
        b'c' => behind_offset(behind_offset(rest)?),
        _ => behind_offset(&encoding[1..]),
    }
}

fn behind_offset(text: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = text.split_first()?;
    match kind {
        b'h' => behind_number(rest),
        b'v' => behind_number(behind_number(rest)?),
        _ => None,
    }
}

fn behind_number(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| *byte == b'_')?;
    let digits = text[..end].strip_prefix(b"n").unwrap_or(&text[..end]);
    digits.iter().all(u8::is_ascii_digit).then(|| &text[end + 1..])
}

/// Whether the parts of a nested name contain a proof. What follows the first one need not be understood.
fn nested_is_vague(mut name: &[u8]) -> bool {
    // Template arguments stand behind a part.
    let mut first = true;
    loop {
        match name {
            [b'I', ..] => return !first,
            [b'S', b't' | b'a' | b'b' | b's' | b'i' | b'o' | b'd', rest @ ..] if first => name = rest,
            [b'C' | b'D', b'0'..=b'9', rest @ ..] => name = rest,
            _ => match part(name) {
                Part::Proof => return true,
                Part::Plain(rest) => name = rest,
                Part::Unknown => return false,
            },
        }
        first = false;
    }
}

/// Whether a name without a scope has template arguments or is a proof itself. Types of parameters follow, which prove nothing.
fn unscoped_is_vague(name: &[u8]) -> bool {
    let mut behind = match part(name) {
        Part::Proof => return true,
        Part::Plain(rest) => rest,
        Part::Unknown => return false,
    };
    while let Some(tagged) = behind.strip_prefix(b"B").and_then(identifier) {
        behind = tagged.1;
    }
    behind.starts_with(b"I")
}

/// One part of a name.
enum Part<'n> {
    /// It proves that all definitions are equal.
    Proof,
    /// It proves nothing; this follows.
    Plain(&'n [u8]),
    Unknown,
}

fn part(name: &[u8]) -> Part<'_> {
    let behind_identifier = |text| match identifier(text) {
        Some((b"_GLOBAL__N_1", _)) => Part::Proof,
        Some((_, rest)) => Part::Plain(rest),
        None => Part::Unknown,
    };
    match name {
        [b'L', ..] | [b'U', b'l' | b't', ..] | [b'C', b'I', ..] => Part::Proof,
        [b'B', tag @ ..] => behind_identifier(tag),
        [b'0'..=b'9', ..] => behind_identifier(name),
        // The type of a conversion may have template arguments of its own.
        [b'c', b'v', ..] => Part::Unknown,
        // Operators are two letters.
        [b'a'..=b'z', b'a'..=b'z' | b'A'..=b'Z', rest @ ..] => Part::Plain(rest),
        _ => Part::Unknown,
    }
}

/// The identifier at the beginning, with its length before it, and what comes behind it.
fn identifier(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length: usize = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    text[digits..].split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_every_file_may_define() {
        for name in [
            "_Z3maxIiET_S0_S0_",                                 // max<int>(int, int)
            "_ZSt3minIiERKT_S2_S2_",                             // std::min<int>
            "_Z3fooB3abiIiEvT_",                                 // foo[abi:abi]<int>(int)
            "_ZplIiE3FooIT_ERKS2_S4_",                           // operator+<int>
            "_ZN3FooIiE3barEv",                                  // Foo<int>::bar()
            "_ZNK3FooIiEplERKS0_",                               // Foo<int>::operator+(Foo<int> const&) const
            "_ZN3FooC2IiEET_",                                   // Foo::Foo<int>(int)
            "_ZNSt3__26vectorIiNS_9allocatorIiEEE9push_backEOi", // std::vector<int>::push_back(int&&)
            "_ZNSt3__2plB8ne180100IcEENS_1AIT_EERKS3_",          // std::operator+[abi:…]<char>
            "_ZZ3foovEN1A3barEv",                                // foo()::A::bar()
            "_ZZN1A3fooEvENKUlvE_clEv",                          // A::foo()::{lambda()#1}::operator()() const
            "_ZNK3FooUlvE_clEv",                                 // a closure in a member initializer
            "_ZN7DerivedCI24BaseEi",                             // inherited constructor
            "_ZN12_GLOBAL__N_13fooEv",                           // (anonymous namespace)::foo()
            "_ZL3foov",                                          // static foo()
            "_ZTW1x",                                            // wrapper of thread_local x
            "_ZThn16_N3FooIiE3barEv",                            // thunks
            "_ZTv0_n24_N3FooIiED0Ev",
            "_ZTcv0_n24_v0_n32_N3FooIiE5cloneEv",
            "_ZN4core3ptr13drop_in_place17h0123456789abcdefE", // Rust
            "_RNvCs1234_7mycrate3foo",
        ] {
            assert!(is_vague(name), "{name}");
        }
        for name in [
            "hook",
            "_Z4hooki",                               // hook(int)
            "_Z4hook3FooIiE",                         // hook(Foo<int>)
            "_Zpl3FooIiES0_",                         // operator+(Foo<int>, Foo<int>)
            "_ZSt4hook3FooIiE",                       // std::hook(Foo<int>)
            "_ZN3Foo3barESt6vectorIiSaIiEE",          // Foo::bar(std::vector<int>)
            "_ZN3FooC2ERKS_",                         // Foo::Foo(Foo const&)
            "_ZN3FooD0Ev",                            // deleting destructor
            "_ZN3FoocvSt6vectorIiSaIiEEEv",           // Foo::operator std::vector<int>()
            "_ZNSt3__222__libcpp_verbose_abortEPKcz", // meant to be replaced
            "_ZnwmSt11align_val_t",                   // operator new
            "_Znwm",
            "_ZThn16_N3Foo3barEv",
            "_ZTH1x",
            "_ZTV3FooIiE",
            "_ZN99999999999999999999999Foo",
            "_ZN9Foo",
            "_ZNI",
            "_ZTh",
            "_Z",
            "_ZN",
            "",
        ] {
            assert!(!is_vague(name), "{name}");
        }
    }
}
