//! A bound for how deeply a text of JavaScript makes a recursive parser recurse, found without recursion.
//!
//! The parser knows no limit, and a stack that overflows ends the process. So the text is split into tokens first, and every token that
//! may make the parser, or a walk over its tree, go one level deeper counts as one that does: brackets until they are closed; operators
//! and words until the expression ends at a `,` or `;`; the heads of statements (`if`, `else`, `for`, labels) until a statement is
//! complete. Too high a bound refuses a text, too low a one never comes out.
//!
//! The names of a text are looked up level by level, so levels around names are bounded, too, by the length of the text.
//!
//! Refuses what it cannot split for certain: a `/` of which only a parser could tell whether a regular expression begins there, escapes in
//! identifiers, comments as of HTML.

use anyhow::{Result, bail, ensure};

/// The most levels that are let through. Emscripten's output has less than a tenth.
pub const LIMIT: usize = 4000;

/// How many levels each byte of text may put around words, on average, and how many there may be in a short text: a name that is declared
/// nowhere is carried through every scope around it. Emscripten's output has less than 5, for each byte.
const CARRIED_PER_BYTE: usize = 16;
const CARRIED: usize = 1 << 21;

/// Words after which a regular expression may come, and no division.
const OPERATORS: [&str; 14] = [
    "return",
    "typeof",
    "case",
    "in",
    "instanceof",
    "new",
    "delete",
    "void",
    "throw",
    "do",
    "else",
    "extends",
    "default",
    "export",
];

/// Words that are operators in some places and names in others.
const AMBIGUOUS: [&str; 3] = ["yield", "await", "of"];

/// Words behind `;` or `}` that go on with the statement before.
const CONTINUES: [&str; 8] = ["else", "while", "catch", "finally", "in", "instanceof", "of", "from"];

/// Words that a statement may follow at once, which makes a statement within a statement.
const HEADS: [&str; 8] = ["if", "else", "for", "while", "do", "with", "try", "finally"];

/// Words whose parentheses a statement follows.
const CONDITIONS: [&str; 4] = ["if", "for", "while", "with"];

/// Fails for a text that would make a parser recurse too deeply.
pub fn check(text: &str) -> Result<()> {
    let mut scan = Scan {
        text,
        at: 0,
        levels: vec![Level::new(Bracket::File, Slash::Regex)],
        depth: 1,
        carried: 0,
        last: Token::Start,
        before_last: Token::Start,
        ended: false,
        line_start: true,
    };
    if text.starts_with("#!") {
        scan.skip_line();
    }
    let most = CARRIED + text.len().saturating_mul(CARRIED_PER_BYTE);
    while scan.token()? {
        ensure!(scan.depth <= LIMIT, "{} more than {LIMIT} levels are nested, or chained", scan.place());
        ensure!(scan.carried <= most, "{} too many names are nested deeply", scan.place());
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    File,
    Round,
    Square,
    Curly,
    /// `${` of a template.
    Substitution,
}

/// What a `/` would be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Regex,
    Division,
    Unclear,
}

struct Level {
    bracket: Bracket,
    /// What a `/` behind the closing bracket is.
    behind: Slash,
    /// Heads of statements that wait for a statement.
    statement: usize,
    /// Tokens of the expression.
    expression: usize,
}

impl Level {
    fn new(bracket: Bracket, behind: Slash) -> Self {
        Level { bracket, behind, statement: 0, expression: 0 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Start,
    Word(&'a str),
    /// A word behind a `.`, which is a name whatever it says.
    Property,
    /// A number, a string, a template or a regular expression.
    Value,
    Punctuator(char),
    /// `++` or `--`.
    Step,
    /// A closing bracket, and what a `/` behind it is.
    Closed(char, Slash),
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    levels: Vec<Level>,
    /// The bound here: the levels with all that is counted in them.
    depth: usize,
    /// The depths at all words so far, added up.
    carried: usize,
    last: Token<'a>,
    before_last: Token<'a>,
    /// A `;`, or the `}` of a block, came last: the statement is complete unless the next word goes on with it.
    ended: bool,
    line_start: bool,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn place(&self) -> String {
        format!("at byte {} of the JavaScript:", self.at)
    }

    fn level(&mut self) -> &mut Level {
        // The level of the file is never popped.
        self.levels.last_mut().expect("there is a level")
    }

    /// Reads one token, and says whether there was one.
    fn token(&mut self) -> Result<bool> {
        self.skip_blank()?;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(false) };
        let line_start = std::mem::replace(&mut self.line_start, false);
        if is_word(first) || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            self.word(first);
            return Ok(true);
        }
        if rest.starts_with("<!--") || (line_start && rest.starts_with("-->")) || first == '\\' {
            bail!("{} `{}` is not understood", self.place(), if first == '\\' { "\\" } else { "a comment of HTML" });
        }
        self.ended = false;
        match first {
            '"' | '\'' => self.string(first)?,
            '`' => {
                self.at += 1;
                self.template()?;
            }
            '/' if self.slash() == Slash::Regex => self.regex()?,
            // After the end of a line a statement may have ended without a `;`.
            '/' if line_start || self.slash() == Slash::Unclear => bail!("{} it is not clear what `/` means", self.place()),
            '(' | '[' | '{' => self.open(first),
            ')' | ']' | '}' => self.close(first)?,
            _ => self.punctuator(first, line_start),
        }
        Ok(true)
    }

    fn follow(&mut self, token: Token<'a>) {
        self.before_last = std::mem::replace(&mut self.last, token);
    }

    /// Counts one token of an expression.
    fn count(&mut self) {
        self.level().expression += 1;
        self.depth += 1;
    }

    fn count_statement(&mut self) {
        self.level().statement += 1;
        self.depth += 1;
    }

    fn end_expression(&mut self) {
        self.depth -= std::mem::take(&mut self.level().expression);
    }

    fn end_statement(&mut self) {
        self.end_expression();
        self.depth -= std::mem::take(&mut self.level().statement);
    }

    fn word(&mut self, first: char) {
        let rest = self.rest();
        let number = first.is_ascii_digit() || first == '.';
        let length = rest.find(|c| !(is_word(c) || (number && c == '.'))).unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        self.carried += self.depth;
        if std::mem::take(&mut self.ended) && !CONTINUES.contains(&word) || word == "case" && self.last != Token::Punctuator('.') {
            self.end_statement();
        }
        let property = self.last == Token::Punctuator('.');
        if !property && HEADS.contains(&word) {
            self.count_statement();
        } else {
            self.count();
        }
        self.follow(match () {
            () if number => Token::Value,
            () if property => Token::Property,
            () => Token::Word(word),
        });
    }

    fn punctuator(&mut self, first: char, line_start: bool) {
        let rest = self.rest();
        if rest.starts_with("++") || rest.starts_with("--") {
            self.at += 2;
            self.count();
            // Behind an operand of the same line it belongs to that.
            let behind = !line_start && self.slash() == Slash::Division;
            self.follow(if behind { Token::Value } else { Token::Step });
            return;
        }
        // A word behind `...` is no property.
        self.at += if rest.starts_with("...") { 3 } else { first.len_utf8() };
        match first {
            ',' => self.end_expression(),
            ';' => {
                self.end_expression();
                self.ended = true;
            }
            ':' if matches!(self.last, Token::Word(_)) && self.may_be_label() => self.count_statement(),
            _ => self.count(),
        }
        self.follow(Token::Punctuator(if rest.starts_with("...") { ',' } else { first }));
    }

    /// Whether the word before this may begin a statement.
    fn may_be_label(&self) -> bool {
        match self.before_last {
            Token::Punctuator(c) => matches!(c, ';' | ':' | '{' | '>'),
            Token::Word(word) => HEADS.contains(&word),
            Token::Property | Token::Value | Token::Step => false,
            Token::Start | Token::Closed(..) => true,
        }
    }

    /// What a `/` means here.
    fn slash(&self) -> Slash {
        match self.last {
            Token::Start | Token::Punctuator(_) => Slash::Regex,
            Token::Word(word) if OPERATORS.contains(&word) => Slash::Regex,
            Token::Word(word) if AMBIGUOUS.contains(&word) => Slash::Unclear,
            Token::Word(_) | Token::Property | Token::Value => Slash::Division,
            Token::Step => Slash::Unclear,
            Token::Closed(_, behind) => behind,
        }
    }

    fn open(&mut self, first: char) {
        self.at += 1;
        let (bracket, behind) = match first {
            '(' => match self.last {
                Token::Word(word) if CONDITIONS.contains(&word) => (Bracket::Round, Slash::Regex),
                Token::Word("await") if self.before_last == Token::Word("for") => (Bracket::Round, Slash::Regex),
                _ => (Bracket::Round, Slash::Division),
            },
            '[' => (Bracket::Square, Slash::Division),
            _ => (Bracket::Curly, self.behind_block()),
        };
        self.push(bracket, behind);
        self.follow(Token::Punctuator(first));
    }

    /// What a `/` behind the `}` of the `{` here means: a block is complete, an object is divided.
    fn behind_block(&self) -> Slash {
        match self.last {
            Token::Start | Token::Closed('}', _) | Token::Closed(_, Slash::Regex) | Token::Punctuator(';' | '{') => Slash::Regex,
            Token::Word("else" | "do" | "try" | "finally") => Slash::Regex,
            Token::Punctuator(':' | '>') | Token::Closed(..) | Token::Word(_) | Token::Property | Token::Step => Slash::Unclear,
            Token::Punctuator(_) | Token::Value => Slash::Division,
        }
    }

    fn push(&mut self, bracket: Bracket, behind: Slash) {
        self.levels.push(Level::new(bracket, behind));
        self.depth += 1;
    }

    fn close(&mut self, closing: char) -> Result<()> {
        let bracket = self.level().bracket;
        let expected = match bracket {
            Bracket::File => None,
            Bracket::Round => Some(')'),
            Bracket::Square => Some(']'),
            Bracket::Curly | Bracket::Substitution => Some('}'),
        };
        ensure!(expected == Some(closing), "{} `{closing}` closes nothing", self.place());
        self.at += 1;
        self.end_statement();
        self.depth -= 1;
        let level = self.levels.pop().expect("a level is open");
        if bracket == Bracket::Substitution {
            return self.template();
        }
        self.ended = bracket == Bracket::Curly;
        self.follow(Token::Closed(closing, level.behind));
        Ok(())
    }

    fn string(&mut self, quote: char) -> Result<()> {
        let start = self.at;
        self.at += 1;
        while let Some(c) = self.next() {
            match c {
                '\\' => self.skip_escaped(),
                '\n' | '\r' => break,
                _ if c == quote => {
                    self.count();
                    self.follow(Token::Value);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.at = start;
        bail!("{} a string does not end", self.place())
    }

    /// Skips what is behind a backslash in a string, be it the end of a line.
    fn skip_escaped(&mut self) {
        if self.next() == Some('\r') && self.rest().starts_with('\n') {
            self.at += 1;
        }
    }

    /// Reads a template to its end or to the next `${`.
    fn template(&mut self) -> Result<()> {
        while let Some(c) = self.next() {
            match c {
                '\\' => drop(self.next()),
                '`' => {
                    self.count();
                    self.follow(Token::Value);
                    return Ok(());
                }
                '$' if self.rest().starts_with('{') => {
                    self.at += 1;
                    self.push(Bracket::Substitution, Slash::Unclear);
                    self.follow(Token::Punctuator('$'));
                    return Ok(());
                }
                _ => {}
            }
        }
        bail!("{} a template does not end", self.place())
    }

    fn regex(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        let mut class = false;
        while let Some(c) = self.next() {
            match c {
                '\\' if !self.rest().starts_with(is_line_end) => drop(self.next()),
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    let flags = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
                    self.at += flags;
                    self.count();
                    self.follow(Token::Value);
                    return Ok(());
                }
                c if is_line_end(c) => break,
                _ => {}
            }
        }
        self.at = start;
        bail!("{} a regular expression does not end", self.place())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            if rest.starts_with("//") {
                self.skip_line();
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else { bail!("{} a comment does not end", self.place()) };
                self.line_start |= comment[..length].contains(is_line_end);
                self.at += length + 4;
            } else {
                match rest.chars().next() {
                    Some(c) if c.is_whitespace() || c == '\u{feff}' => {
                        self.line_start |= is_line_end(c);
                        self.at += c.len_utf8();
                    }
                    _ => return Ok(()),
                }
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find(is_line_end).unwrap_or(rest.len());
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '#') || (!c.is_ascii() && !c.is_whitespace() && c != '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of which `/` is the point, so that the brackets in it are seen or not.
    #[test]
    fn regular_expressions_are_told_from_divisions() {
        for text in [
            "a=b/c/d;(1)",
            "a=/[/(]\\/(/.test(b)",
            "f(a)/(b)/c",
            "if(a)/(/.test(b)",
            "return/(/g",
            "a.return/(b)/c",
            "for await(a of b)/(/.x",
            "x={}/(a)/b",
            "if(a){}/(/.x",
            "a++/(b)/c",
            "[.../(/.exec(a)]",
            "`${a}/(`+`${b}/${{a:1}/(c)}`",
            "a?.5/(b):/(/",
        ] {
            check(text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        }
        for text in ["function f(){}/(/", "yield/(/", "a\n/(b)/c", "x<!--(", "-->(", "a\\u0069/b", "/(", "`", "/*", "a)", "(]"] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check("while(n-->0);").is_ok());
    }

    #[test]
    fn names_are_not_carried_through_all_levels() {
        let nested = |words: usize| format!("{}{}{}", "{".repeat(LIMIT / 2), "a;".repeat(words), "}".repeat(LIMIT / 2));
        assert!(check(&nested(1000)).is_ok());
        let error = check(&nested(3000)).unwrap_err().to_string();
        assert!(error.ends_with("too many names are nested deeply"), "{error}");
    }

    #[test]
    fn long_programs_are_not_deep() {
        for text in
            ["var a=1,b=2;", "function f(a){return a}", "a={b:1,c:{}},", "if(a)b;else c;", "switch(a){case 1:case 2:}", "x.y='z';"]
        {
            check(&text.repeat(100_000)).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        }
    }
}
