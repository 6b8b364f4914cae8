//! Which files a source in Python opens, where it names all of them.
//!
//! A name is taken where it is the last part of the path that an opener is called with: `CDLL("libx.so")`,
//! `cdll[os.path.join(here, "libx.so")]`, `dlopen(str(here / "libx.so"))`, `CDLL(here + "/libx.so")`. Beside these, openers may be
//! imported under their own names, and `cdll.LoadLibrary` counts once. Every other mention of an opener, be it in a comment, means that any
//! file may be opened: so does a name that is formatted, put together or comes out of a variable, and a mode of loading.
//!
//! The text is split into tokens (Python's reference, "Lexical analysis"), without the rules for f-strings that contain quotes of their
//! own: where that goes wrong, mentions are not found among the tokens, and count as not understood.

use super::{Opens, count};
use crate::loader::base_name;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    /// A name, keyword or number.
    Word(&'t str),
    /// What a plain string literal holds.
    Text(&'t str),
    /// A string literal that is formatted, of bytes, or has escapes.
    Other,
    Sign(u8),
    /// The end of a statement.
    End,
}

/// Functions that return the path they are given, and those that join paths.
const SAME: [&str; 9] = ["str", "fspath", "abspath", "realpath", "normpath", "Path", "PurePath", "PosixPath", "fsdecode"];
const JOINING: [&str; 4] = ["join", "joinpath", "Path", "PurePath"];

/// Options of `CDLL` that do not change whose symbols are found.
const HARMLESS: [&str; 3] = ["use_errno", "use_last_error", "winmode"];

/// Tokens of the longest call that is looked at, so that calls within calls cost no more than their number.
const LONGEST_CALL: usize = 200;

/// What a source opens that mentions openers so many times.
pub fn opens(text: &[u8], mentions: usize) -> Opens {
    let Ok(text) = std::str::from_utf8(text) else { return Opens::Any };
    let tokens = tokens(text);
    let mut names = Vec::new();
    let mut understood = 0;
    for statement in tokens.split(|token| *token == Token::End) {
        for (index, token) in statement.iter().enumerate() {
            let Token::Word(word) = token else { continue };
            let found = count(word.as_bytes());
            if found == 0 {
                continue;
            }
            match use_of(word, statement, index) {
                Some(Use::Mention) => {}
                Some(Use::Opens(name)) => names.push(name.to_string()),
                None => return Opens::Any,
            }
            understood += found;
        }
    }
    if understood == mentions { Opens::Named(names) } else { Opens::Any }
}

enum Use<'t> {
    /// It opens nothing by itself.
    Mention,
    Opens(&'t str),
}

/// What the opener at `index` of a statement does; `None` if that is not clear.
fn use_of<'t>(word: &str, statement: &[Token<'t>], index: usize) -> Option<Use<'t>> {
    let behind = &statement[index + 1..];
    if statement.first() == Some(&Token::Word("from")) {
        return (behind.first() != Some(&Token::Word("as"))).then_some(Use::Mention);
    }
    match (word, behind) {
        ("cdll" | "pydll", [Token::Sign(b'.'), Token::Word("LoadLibrary"), ..]) => Some(Use::Mention),
        ("cdll" | "pydll", [Token::Sign(b'['), ..]) => file_name(enclosed(behind)?).map(Use::Opens),
        ("CDLL" | "PyDLL" | "LoadLibrary" | "dlopen", [Token::Sign(b'('), ..]) => {
            let arguments = split(enclosed(behind)?, |sign| sign == b',');
            let (first, others) = arguments.split_first()?;
            let harmless = |argument: &&[Token<'_>]| match argument {
                [] => true,
                [Token::Word(name), Token::Sign(b'='), ..] => HARMLESS.contains(name),
                _ => false,
            };
            others.iter().all(harmless).then(|| file_name(first))?.map(Use::Opens)
        }
        _ => None,
    }
}

/// The last component of the path that an expression gives, if it is a literal.
fn file_name<'t>(expression: &[Token<'t>]) -> Option<&'t str> {
    let parts = split(expression, |sign| matches!(sign, b'/' | b'+'));
    let last = *parts.last()?;
    let operator = expression.len().checked_sub(last.len() + 1).map(|at| expression[at]);
    let added = operator == Some(Token::Sign(b'+'));
    let name = match last {
        [Token::Text(text)] if !added || text.contains('/') => base_name(text),
        [.., Token::Sign(b')')] if !added => returned_name(last)?,
        _ => return None,
    };
    (!name.is_empty()).then_some(name)
}

/// The last component of the path that a call gives, of a function whose result is known.
fn returned_name<'t>(call: &[Token<'t>]) -> Option<&'t str> {
    let open = call.iter().position(|token| *token == Token::Sign(b'('))?;
    let arguments = enclosed(&call[open..])?;
    let function = call[..open].last()?;
    let path = call[..open].chunks(2);
    let is_path = path.clone().all(|pair| matches!(pair, [Token::Word(_)] | [Token::Word(_), Token::Sign(b'.')]));
    if !is_path || open + arguments.len() + 2 != call.len() {
        return None;
    }
    let arguments = split(arguments, |sign| sign == b',');
    let is_one_of = |names: &[&str]| names.iter().any(|name| *function == Token::Word(name));
    match arguments[..] {
        [only] if is_one_of(&SAME) || *function == Token::Word("joinpath") => file_name(only),
        [_, .., last] if is_one_of(&JOINING) => file_name(last),
        _ => None,
    }
}

/// What is between the bracket that `tokens` begin with and the one that closes it, if that is not far away.
fn enclosed<'a, 't>(tokens: &'a [Token<'t>]) -> Option<&'a [Token<'t>]> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().take(LONGEST_CALL).enumerate() {
        depth = nested(depth, token);
        if depth == 0 {
            return tokens.get(1..index);
        }
    }
    None
}

/// The parts of an expression between signs that are in no brackets.
fn split<'a, 't>(tokens: &'a [Token<'t>], is_between: impl Fn(u8) -> bool) -> Vec<&'a [Token<'t>]> {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        depth = nested(depth, token);
        depth == 0 && matches!(token, Token::Sign(sign) if is_between(*sign))
    });
    parts.collect()
}

/// How many brackets are open behind a token.
fn nested(depth: usize, token: &Token<'_>) -> usize {
    match token {
        Token::Sign(b'(' | b'[' | b'{') => depth + 1,
        Token::Sign(b')' | b']' | b'}') => depth.saturating_sub(1),
        _ => depth,
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'#' => at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length),
            b'\\' => at = (at + 2).min(bytes.len()),
            b'\'' | b'"' => {
                let prefix = prefix(&mut tokens, text, start);
                let token;
                (token, at) = string(text, start, prefix);
                tokens.push(token);
            }
            _ if is_of_word(byte) => {
                at += bytes[at..].iter().take_while(|byte| is_of_word(**byte)).count();
                tokens.push(Token::Word(&text[start..at]));
            }
            b'\n' | b';' if depth == 0 => {
                tokens.push(Token::End);
                at += 1;
            }
            _ => {
                if !byte.is_ascii_whitespace() {
                    tokens.push(Token::Sign(byte));
                    depth = nested(depth, &Token::Sign(byte));
                }
                at += 1;
            }
        }
    }
    tokens
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Takes the word that stands directly before the quote at `start`, as `rb` in `rb"x"`; empty if there is none.
fn prefix<'t>(tokens: &mut Vec<Token<'t>>, text: &'t str, start: usize) -> &'t str {
    let Some(Token::Word(word)) = tokens.last().copied() else { return "" };
    if !text[..start].ends_with(word) {
        return "";
    }
    tokens.pop();
    word
}

/// The literal that begins with the quote at `start`, and where it ends.
fn string<'t>(text: &'t str, start: usize, prefix: &str) -> (Token<'t>, usize) {
    let bytes = text.as_bytes();
    let quote = &text[start..=start];
    let triple = quote.repeat(3);
    let quote = if text[start..].starts_with(&triple) { triple.as_str() } else { quote };
    let inside = start + quote.len();
    let mut at = inside;
    while at < bytes.len() && !bytes[at..].starts_with(quote.as_bytes()) {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let Some(body) = text.get(inside..at.min(bytes.len())) else { return (Token::Other, bytes.len()) };
    let plain = ["", "r", "R", "u", "U"].contains(&prefix) && !body.contains(['\\', '\n']);
    (if plain { Token::Text(body) } else { Token::Other }, (at + quote.len()).min(bytes.len()))
}
