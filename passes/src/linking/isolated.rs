//! Names that no other module has: those by which the modules of a group use its private libraries.
//!
//! `$`, eight characters that stand for a hash, a dot and a number: `$k3x7q2ab.1f`. With a colon in place of the dot, `$k3x7q2ab:0`, it is
//! a table of symbols. Compilers and people write no such names, and they are neither mangled nor reserved.

/// Characters of the hash, 40 bits of it. In a process with a hundred libraries two hashes are equal in one case of 2 * 10^8.
const HASH: usize = 8;

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The digits of numbers.
const RADIX: u32 = 36;

/// What the names of a library begin with, by a hash.
pub fn prefix(hash: [u8; 5]) -> String {
    let bits = hash.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let characters = (0..HASH).rev().map(|place| char::from(BASE32[(bits >> (5 * place)) as usize & 31]));
    ['$'].into_iter().chain(characters).chain(['.']).collect()
}

/// What the names of tables begin with, by what those of symbols do.
pub fn of_tables(prefix: &str) -> String {
    format!("{}:", prefix.trim_end_matches('.'))
}

/// The name with the number `number` behind `prefix`.
pub fn name(prefix: &str, mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % RADIX, RADIX).unwrap_or('0'));
        number /= RADIX;
        if number == 0 {
            break;
        }
    }
    prefix.chars().chain(digits.into_iter().rev()).collect()
}

/// What `name` begins with and its number, if it is such a name.
pub fn parts(name: &str) -> Option<(&str, u32)> {
    let (hash, number) = name.strip_prefix('$')?.split_at_checked(HASH)?;
    let digits = number.strip_prefix(['.', ':'])?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    let is_number = !digits.is_empty() && digits.bytes().all(is_digit);
    let known = hash.bytes().all(|byte| BASE32.contains(&byte)) && is_number;
    Some((&name[..HASH + 2], u32::from_str_radix(digits, RADIX).ok()?)).filter(|_| known)
}

/// Whether `name` is such a name of a symbol, and not of a table.
pub fn is_symbol(name: &str) -> bool {
    parts(name).is_some_and(|(prefix, _)| prefix.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_looks() {
        let prefix = prefix([0, 68, 50, 20, 199]);
        assert_eq!(prefix, "$abcdefgh.");
        for (number, expected) in [(0, "$abcdefgh.0"), (35, "$abcdefgh.z"), (36, "$abcdefgh.10"), (u32::MAX, "$abcdefgh.1z141z3")] {
            assert_eq!(name(&prefix, number), expected);
            assert_eq!(parts(expected), Some((prefix.as_str(), number)));
        }
        let table = name(&of_tables(&prefix), 7);
        assert_eq!((table.as_str(), is_symbol(&table), is_symbol("$abcdefgh.7")), ("$abcdefgh:7", false, true));
        for other in [
            "$abcdefgh",
            "$abcdefgh.",
            "$abcdefgh.A",
            "$abcdefg1.0",
            "abcdefgh.0",
            "$abc.0",
            "$abcdefgh.+1",
            "$\u{e9}abcdefg.0",
            "f",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
