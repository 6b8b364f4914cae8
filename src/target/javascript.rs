//! What the JavaScript library beside a main module offers to side modules, found by scanning its text.
//!
//! Emscripten's output keeps one table of all that side modules may import, an object literal assigned to `wasmImports`
//! (`asmLibraryArg` in older versions), from import names to JavaScript identifiers. Library functions carry their wasm
//! signature as a property, `_name.sig = "vip"` (`jsifier.mjs`, under `MAIN_MODULE`). That much survives minification by Emscripten
//! itself and is all that is read; nothing is evaluated. Text whose identifiers were renamed by Closure Compiler still has the
//! table, and its functions then come out with their types unknown where the main module does not tell them.
//!
//! Refuses text without such a table, or with something else than identifiers in it.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasmparser::{FuncType, ValType};

/// What one name in the table stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A function, with its annotated type.
    Function(Option<FuncType>),
    /// A number: an address in linear memory.
    Number,
    /// A `WebAssembly.Global`.
    Global {
        /// Type of its value.
        value: ValType,
        /// Whether it can be assigned.
        mutable: bool,
    },
    /// A `WebAssembly.Tag` with its parameters.
    Tag(FuncType),
    /// A `WebAssembly.Table`.
    Table,
    /// A `WebAssembly.Memory`.
    Memory,
    /// A placeholder for a function that does not exist; the loader does not hand it out (`isSymbolDefined`).
    Stub,
}

/// The table of a JavaScript library, and what the text adds to it elsewhere.
#[derive(Debug, Default)]
pub struct Library {
    /// The table.
    pub values: BTreeMap<String, Value>,
    /// Names that get the value of another name when the program starts: new and old name.
    pub aliases: Vec<(String, String)>,
    /// Beginnings of function names that the loader makes on demand.
    pub families: BTreeSet<String>,
}

/// Beginnings of the function names that `resolveGlobalSymbol` may make on demand.
const FAMILIES: [&str; 2] = ["invoke_", "__cxa_find_matching_catch_"];

/// Most steps from one identifier to the next (`var _a = _b`) that are followed.
const MAX_ALIAS_STEPS: usize = 8;

/// Scans the text of a JavaScript library.
pub fn scan(text: &str) -> Result<Library> {
    let table = read_table(text)?;
    let text = Scan {
        signatures: properties(text, ".sig"),
        stubs: properties(text, ".stub").into_keys().collect(),
        declarations: declarations(text),
        text,
    };
    let mut library = Library::default();
    for (name, identifier) in table {
        let value = text.value(identifier, MAX_ALIAS_STEPS).with_context(|| format!("in the import table, at `{name}`"))?;
        library.values.insert(name.to_string(), value);
    }
    library.aliases = table_aliases(text.text);
    for family in FAMILIES {
        if ['"', '\''].iter().any(|quote| text.text.contains(&format!("startsWith({quote}{family}{quote})"))) {
            library.families.insert(family.to_string());
        }
    }
    Ok(library)
}

/// The text with its definitions indexed by identifier.
struct Scan<'a> {
    text: &'a str,
    signatures: HashMap<&'a str, &'a str>,
    stubs: HashSet<&'a str>,
    /// The text after `var x =`.
    declarations: HashMap<&'a str, &'a str>,
}

impl Scan<'_> {
    fn value(&self, identifier: &str, steps: usize) -> Result<Value> {
        if self.stubs.contains(identifier) {
            return Ok(Value::Stub);
        }
        if let Some(signature) = self.signatures.get(identifier) {
            return Ok(Value::Function(Some(function_type(unquote(signature)?)?)));
        }
        // The memory may be given from outside, so its declaration has no value; the table's may be assigned later.
        match identifier {
            "wasmMemory" => return Ok(Value::Memory),
            "wasmTable" => return Ok(Value::Table),
            _ => {}
        }
        let Some(definition) = self.declarations.get(identifier) else { return Ok(Value::Function(None)) };
        if definition.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Value::Number);
        }
        if let Some(object) = definition.strip_prefix("new WebAssembly.") {
            return constructed(object);
        }
        let (alias, rest) = split_identifier(definition);
        if steps > 0 && !alias.is_empty() && rest.trim_start().starts_with([';', ',']) {
            return self.value(alias, steps - 1);
        }
        Ok(Value::Function(None))
    }
}

/// Reads `Tag({parameters:["i32"]})`, `Global({value:"i32",mutable:true},0)` and the like.
fn constructed(object: &str) -> Result<Value> {
    let (class, rest) = split_identifier(object);
    let descriptor = rest.split_once('}').map_or("", |(descriptor, _)| descriptor);
    let types = || descriptor.split(['"', '\'']).filter_map(value_type);
    match class {
        "Memory" => Ok(Value::Memory),
        "Table" => Ok(Value::Table),
        "Tag" => Ok(Value::Tag(FuncType::new(types().collect::<Vec<_>>(), []))),
        "Global" => {
            let value = types().next().context("a `WebAssembly.Global` without a known type")?;
            Ok(Value::Global { value, mutable: descriptor.ends_with("true") })
        }
        _ => bail!("`new WebAssembly.{class}` is nothing a module can import"),
    }
}

fn value_type(name: &str) -> Option<ValType> {
    Some(match name {
        "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        "externref" => ValType::EXTERNREF,
        _ => return None,
    })
}

/// The type that a signature of Emscripten's JavaScript library stands for: the result, `v` for none, then the parameters.
///
/// Pointers (`p`) are those of a 32-bit memory, and `j` is an i64 as it is under `WASM_BIGINT`.
pub fn function_type(signature: &str) -> Result<FuncType> {
    let letter = |letter: char| {
        Ok(match letter {
            'i' | 'p' => ValType::I32,
            'j' => ValType::I64,
            'f' => ValType::F32,
            'd' => ValType::F64,
            'e' => ValType::EXTERNREF,
            _ => bail!("signature `{signature}` has the unknown letter `{letter}`"),
        })
    };
    let mut letters = signature.chars();
    let result = match letters.next() {
        None => bail!("a signature is empty"),
        Some('v') => None,
        Some(other) => Some(letter(other)?),
    };
    let parameters = letters.map(letter).collect::<Result<Vec<_>>>()?;
    Ok(FuncType::new(parameters, result))
}

/// Finds the import table and returns its entries: import name and JavaScript identifier.
fn read_table(text: &str) -> Result<Vec<(&str, &str)>> {
    for name in ["wasmImports", "asmLibraryArg"] {
        for (at, _) in text.match_indices(name) {
            if let Some(body) = assigned(&text[at + name.len()..]).and_then(|value| value.strip_prefix('{')) {
                return read_entries(body).with_context(|| format!("in the import table `{name}` at byte {at}"));
            }
        }
    }
    bail!("no import table (`wasmImports = {{…}}`): this is not the JavaScript of an Emscripten main module")
}

fn read_entries(mut rest: &str) -> Result<Vec<(&str, &str)>> {
    let mut entries = Vec::new();
    loop {
        rest = skip_blank(rest);
        if rest.starts_with('}') {
            return Ok(entries);
        }
        let (name, after) = read_key(rest)?;
        rest = skip_blank(after);
        let mut value = name;
        if let Some(after) = rest.strip_prefix(':') {
            let (identifier, after) = split_identifier(skip_blank(after));
            value = identifier;
            rest = skip_blank(after);
        }
        if name.is_empty() || value.is_empty() {
            bail!("expected `name: identifier` at `{}`", excerpt(rest));
        }
        entries.push((name, value));
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => bail!("expected `,` or `}}` after `{name}` at `{}`", excerpt(rest)),
        }
    }
}

/// Reads a property name, quoted or not.
fn read_key(text: &str) -> Result<(&str, &str)> {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            text[1..].split_once(quote).with_context(|| format!("a quoted name does not end, at `{}`", excerpt(text)))
        }
        _ => Ok(split_identifier(text)),
    }
}

/// The beginning of `text`, for messages.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Skips white space and comments.
fn skip_blank(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let end = match text.get(..2) {
            Some("/*") => "*/",
            Some("//") => "\n",
            _ => return text,
        };
        text = text.split_once(end).map_or("", |(_, after)| after);
    }
}

fn is_identifier_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Splits an identifier, possibly empty, off the beginning.
fn split_identifier(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_identifier_char(c)).unwrap_or(text.len()))
}

/// The text after `=`, if that comes next.
fn assigned(text: &str) -> Option<&str> {
    let value = text.trim_start().strip_prefix('=')?;
    (!value.starts_with(['=', '>'])).then(|| value.trim_start())
}

/// All assignments to `property` of an identifier: the identifier, and the text that is assigned.
fn properties<'a>(text: &'a str, property: &str) -> HashMap<&'a str, &'a str> {
    let mut found = HashMap::new();
    for (at, _) in text.match_indices(property) {
        let Some(value) = assigned(&text[at + property.len()..]) else { continue };
        let before = &text[..at];
        let start =
            before.rfind(|c| !is_identifier_char(c)).map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        found.insert(&before[start..], value);
    }
    found
}

/// All `var x = …`: the identifier, and the text that it is initialised with. The first declaration of a name counts; local
/// variables do not bear the names of library symbols, which begin with an underscore.
fn declarations(text: &str) -> HashMap<&str, &str> {
    let mut found = HashMap::new();
    for keyword in ["var ", "let ", "const "] {
        for (at, _) in text.match_indices(keyword) {
            let (identifier, rest) = split_identifier(text[at + keyword.len()..].trim_start());
            if let Some(value) = assigned(rest) {
                found.entry(identifier).or_insert(value);
            }
        }
    }
    found
}

fn unquote(text: &str) -> Result<&str> {
    let quoted = |quote| text.strip_prefix(quote).and_then(|text: &str| text.split_once(quote));
    let (inside, _) = quoted('"').or_else(|| quoted('\'')).with_context(|| format!("no signature at `{}`", excerpt(text)))?;
    Ok(inside)
}

/// Finds `wasmImports["new"] = wasmImports["old"]`, which Pyodide does for `open64`.
fn table_aliases(text: &str) -> Vec<(String, String)> {
    let entry = |text: &str| -> Option<(String, usize)> {
        let name = text.strip_prefix("wasmImports[\"")?.split('"').next()?;
        let length = "wasmImports[\"".len() + name.len() + "\"]".len();
        text.get(..length)?.ends_with("\"]").then(|| (name.to_string(), length))
    };
    let found = text.match_indices("wasmImports[\"").filter_map(|(at, _)| {
        let (new, length) = entry(&text[at..])?;
        let (old, _) = entry(assigned(&text[at + length..])?)?;
        Some((new, old))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spaced_and_minified_tables() {
        let spaced = "var wasmImports = {\n  /** @export */\n  _abort_js: __abort_js,\n  \"memory\": wasmMemory, // the memory\n};\n\
                      __abort_js.sig = 'v';";
        let minified =
            "getImports(){return{env:wasmImports}}__abort_js.sig=\"v\";var wasmImports={_abort_js:__abort_js,memory:wasmMemory};";
        for text in [spaced, minified] {
            let library = scan(text).unwrap();
            let nothing = FuncType::new([], []);
            assert_eq!(library.values["_abort_js"], Value::Function(Some(nothing)));
            assert_eq!(library.values["memory"], Value::Memory);
            assert_eq!(library.values.len(), 2);
        }
    }

    #[test]
    fn recognises_what_is_no_function() {
        let library = scan(
            "var ___t=new WebAssembly.Tag({parameters:[\"i32\",\"i64\"]});var ___b=new WebAssembly.Global({value:\"i32\",mutable:false},1024);\
             var ___s=new WebAssembly.Global({\"value\":\"i32\",\"mutable\":true},5);var ___h=8809120;var _f=_g;var _g=()=>1;_g.sig=\"ijd\";\
             var _none=()=>2;_none.stub=true;function _h(){}var _u=_v;var _v=_u;\
             var wasmImports={__t:___t,__b:___b,__s:___s,__h:___h,f:_f,g:_g,none:_none,h:_h,u:_u};",
        )
        .unwrap();
        let values = &library.values;
        let typed = Value::Function(Some(FuncType::new([ValType::I64, ValType::F64], [ValType::I32])));
        assert_eq!(values["__t"], Value::Tag(FuncType::new([ValType::I32, ValType::I64], [])));
        assert_eq!(values["__b"], Value::Global { value: ValType::I32, mutable: false });
        assert_eq!(values["__s"], Value::Global { value: ValType::I32, mutable: true });
        assert_eq!(values["__h"], Value::Number);
        assert_eq!((&values["f"], &values["g"]), (&typed, &typed));
        assert_eq!(values["none"], Value::Stub);
        assert_eq!((&values["h"], &values["u"]), (&Value::Function(None), &Value::Function(None)));
    }

    #[test]
    fn finds_aliases_and_families() {
        let library = scan(
            "var wasmImports={};if(s.startsWith(\"invoke_\")){wasmImports[s]=1}()=>{wasmImports[\"open64\"]=wasmImports[\"open\"]};wasmImports[\"",
        )
        .unwrap();
        assert_eq!(library.aliases, [("open64".to_string(), "open".to_string())]);
        assert_eq!(library.families.iter().collect::<Vec<_>>(), ["invoke_"]);
    }

    #[test]
    fn refuses_other_text() {
        let error = |text: &str| format!("{:#}", scan(text).unwrap_err());
        assert!(error("var x={};if(wasmImports=={}){}").contains("no import table"));
        assert!(error("wasmImports={a:()=>1}").contains("expected `name: identifier` at `()=>1"));
        assert!(error("wasmImports={a:b c}").contains("expected `,` or `}` after `a`"));
        assert!(error("wasmImports={a:b").contains("expected"));
        assert!(error("wasmImports={'a").contains("does not end"));
        assert!(error("wasmImports={a:b};b.sig=\"iq\"").contains("unknown letter `q`"));
        assert!(error("wasmImports={a:b};b.sig=c").contains("no signature at `c`"));
    }
}
