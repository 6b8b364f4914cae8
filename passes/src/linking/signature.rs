//! Signatures as letters, and function types without 64-bit integers.
//!
//! The letters are those of LLVM's `getInvokeSig` (`WebAssemblyAsmPrinter.cpp`) and Binaryen's `getSig`: the result first, `v` for
//! none. Legalization is Binaryen's `LegalizeJSInterface`: an i64 parameter becomes its low and its high half, an i64 result its low
//! half, with the high one in `tempRet0`.

use wasmparser::{FuncType, RefType, ValType};

/// The type that the letters spell: result first, `v` for none.
pub fn spelled(letters: &str) -> Option<FuncType> {
    let mut letters = letters.chars();
    let result = match letters.next()? {
        'v' => None,
        letter => Some(value_type(letter)?),
    };
    let parameters: Option<Vec<ValType>> = letters.map(value_type).collect();
    Some(FuncType::new(parameters?, result))
}

/// The letters of a type; `None` for several results and for types that have no letter.
pub fn letters(ty: &FuncType) -> Option<String> {
    let result = match ty.results() {
        [] => 'v',
        [result] => letter(*result)?,
        _ => return None,
    };
    let parameters: Option<String> = ty.params().iter().map(|&ty| letter(ty)).collect();
    Some(format!("{result}{}", parameters?))
}

fn value_type(letter: char) -> Option<ValType> {
    Some(match letter {
        'i' => ValType::I32,
        'j' => ValType::I64,
        'f' => ValType::F32,
        'd' => ValType::F64,
        'V' => ValType::V128,
        'F' => ValType::Ref(RefType::FUNCREF),
        'X' => ValType::Ref(RefType::EXTERNREF),
        _ => return None,
    })
}

fn letter(ty: ValType) -> Option<char> {
    Some(match ty {
        ValType::I32 => 'i',
        ValType::I64 => 'j',
        ValType::F32 => 'f',
        ValType::F64 => 'd',
        ValType::V128 => 'V',
        ValType::Ref(RefType::FUNCREF) => 'F',
        ValType::Ref(RefType::EXTERNREF) => 'X',
        _ => return None,
    })
}

/// The type of a function that calls through a pointer, its first parameter, a function of type `ty`.
pub fn through_pointer(ty: &FuncType) -> FuncType {
    FuncType::new([ValType::I32].into_iter().chain(ty.params().iter().copied()), ty.results().iter().copied())
}

/// Whether a 64-bit integer goes in or out.
pub fn has_i64(ty: &FuncType) -> bool {
    ty.params().iter().chain(ty.results()).any(|ty| *ty == ValType::I64)
}

/// The type with every i64 parameter as low and high i32, and an i64 result as its low half.
pub fn legalized(ty: &FuncType) -> FuncType {
    let parameters = ty.params().iter().flat_map(|&ty| match ty {
        ValType::I64 => vec![ValType::I32, ValType::I32],
        ty => vec![ty],
    });
    let results = ty.results().iter().map(|&ty| if ty == ValType::I64 { ValType::I32 } else { ty });
    FuncType::new(parameters.collect::<Vec<_>>(), results.collect::<Vec<_>>())
}

/// Whether `legal` is `ty` with its 64-bit integers split, and there are some.
pub fn is_legalized(legal: &FuncType, ty: &FuncType) -> bool {
    has_i64(ty) && *legal == legalized(ty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValType::{F64, I32, I64};

    #[test]
    fn letters_and_types_correspond() {
        for text in ["v", "j", "vijfdVFX", "dij"] {
            assert_eq!(letters(&spelled(text).unwrap()).unwrap(), text);
        }
        for text in ["", "p", "iv", "i?"] {
            assert_eq!(spelled(text), None, "{text}");
        }
        assert_eq!(letters(&FuncType::new([], [I32, I32])), None);
    }

    #[test]
    fn only_64_bit_integers_are_split() {
        let ty = FuncType::new([I32, I64, F64, I64], [I64]);
        assert_eq!(legalized(&ty), FuncType::new([I32, I32, I32, F64, I32, I32], [I32]));
        assert!(is_legalized(&FuncType::new([], [I32]), &FuncType::new([], [I64])));
        assert!(!is_legalized(&FuncType::new([], [I32]), &FuncType::new([], [I32])));
    }
}
