//! What the JavaScript library beside a main module offers to side modules, found in its text; nothing is evaluated.
//!
//! Emscripten's output keeps one table of all that side modules may import, an object that is called `wasmImports` (`asmLibraryArg` in
//! older versions), or whatever a later tool made of that name: it is the `env` of the imports that the main module gets. Library functions
//! carry their wasm signature as a property, `_name.sig = "vip"` (`jsifier.mjs`, under `MAIN_MODULE`).
//!
//! The text is parsed, names are looked up by the scopes of the language, and a value is followed through variables, properties and the
//! helpers by which bundlers keep the names of functions. What is not understood then is of unknown kind: it may be anything. So is what an
//! object has that may change behind its literal ([`uses`]), and all of a text that takes more than is reasonable for its length
//! ([`budget`]).
//!
//! **Relies on** the table being made before functions run that give its variables other values, or it other entries; on whoever gets the
//! table leaving the kinds of its entries as they are; on `sig` and `stub` being set where functions are written; and on text that is
//! evaluated (`eval`) doing nothing of all this.
//!
//! Refuses text that is no JavaScript, that is nested too deeply ([`nesting`]), that has no such table, or one whose names are not all in
//! the text.

mod budget;
mod index;
mod nesting;
mod tables;
mod uses;
mod value;

use anyhow::{Context, Result, anyhow, bail};
use budget::Budget;
use index::Index;
use oxc_allocator::Allocator;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Something that is not understood.
    Unknown,
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

/// Stack of the thread that parses: enough for [`nesting::LIMIT`] levels, of which each may take some kilobytes.
const STACK: usize = 128 << 20;

/// Reads the text of a JavaScript library. Bundles have one for each main module.
pub fn scan(text: &str) -> Result<Vec<Library>> {
    read(text).map(|(libraries, _)| libraries)
}

fn read(text: &str) -> Result<(Vec<Library>, usize)> {
    nesting::check(text)?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || parsed(text));
        let thread = thread.context("cannot start a thread for the parser")?;
        thread.join().unwrap_or_else(|_| Err(anyhow!("the parser of JavaScript failed")))
    })
}

/// The libraries, and how much of the [`budget`] they took.
fn parsed(text: &str) -> Result<(Vec<Library>, usize)> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, preserve_parens: false, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, text, SourceType::unambiguous()).with_options(options).parse();
    if let Some(error) = parsed.errors.first() {
        bail!("it is no JavaScript that can be parsed: {error}");
    }
    let semantic = SemanticBuilder::new().build(&parsed.program).semantic;
    let index = Index::new(&semantic);
    if index.tables.is_empty() {
        bail!("no import table (`wasmImports = {{…}}`): this is not the JavaScript of an Emscripten main module");
    }
    let mut budget = Budget::new(text);
    let libraries = tables::libraries(&index, &mut budget)?;
    Ok((libraries, budget.spent()))
}

fn value_type(name: &str) -> Option<ValType> {
    Some(match name {
        "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        "v128" => ValType::V128,
        "externref" => ValType::EXTERNREF,
        "anyfunc" | "funcref" => ValType::FUNCREF,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The only library in `text`.
    fn library(text: &str) -> Library {
        let mut libraries = scan(text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        assert_eq!(libraries.len(), 1, "{text}");
        libraries.remove(0)
    }

    /// What `x` is in the program `text`.
    fn value(text: &str) -> Value {
        library(&format!("{text};var wasmImports={{x:_x}};")).values.remove("x").unwrap()
    }

    #[test]
    fn reads_spaced_and_minified_tables() {
        let spaced = "var wasmImports = {\n  /** @export */\n  _abort_js: __abort_js,\n  \"memory\": wasmMemory, // the memory\n};\n\
                      function __abort_js() {}\n__abort_js.sig = 'v';";
        let minified = "function f(){return{env:wasmImports}}function __abort_js(){}__abort_js.sig=\"v\";var wasmImports={_abort_js:__abort_js,memory:wasmMemory};";
        for text in [spaced, minified] {
            let library = library(text);
            let nothing = FuncType::new([], []);
            assert_eq!(library.values["_abort_js"], Value::Function(Some(nothing)));
            assert_eq!(library.values["memory"], Value::Memory);
            assert_eq!(library.values.len(), 2);
        }
    }

    #[test]
    fn reads_globals_in_every_spelling() {
        let global = |value, mutable| Value::Global { value, mutable };
        for (text, expected) in [
            ("var _x=new WebAssembly.Global({value:\"i32\",mutable:true},5)", global(ValType::I32, true)),
            (
                "var _x = new WebAssembly.Global({\n  \"value\": \"i32\",\n  \"mutable\": true\n}, 82240)",
                global(ValType::I32, true),
            ),
            ("var _x=new WebAssembly.Global({value:'i64',mutable:!0},5n)", global(ValType::I64, true)),
            ("var _x=new WebAssembly.Global({mutable:!1,value:`f64`},5)", global(ValType::F64, false)),
            ("var _x=new WebAssembly.Global({value:\"i32\"},5)", global(ValType::I32, false)),
            ("var _x=new WebAssembly['Global']({['mutable']:true,value:\"i32\"},5)", global(ValType::I32, true)),
            ("var _x=new globalThis.WebAssembly.Global({value:\"externref\",mutable:1},5)", global(ValType::EXTERNREF, true)),
            (
                "let a=1,_x=new WebAssembly.Global({value:\"i32\",mutable:!0},5),b=new WebAssembly.Tag({})",
                global(ValType::I32, true),
            ),
            ("var d={value:\"i32\",mutable:t},t=!0,_x=(0,new WebAssembly.Global(d))", global(ValType::I32, true)),
            ("var _x=new WebAssembly.Global({value:\"i32\",mutable:isMutable()},5)", Value::Unknown),
            ("var _x=new WebAssembly.Global({value:\"i32\",...more},5)", Value::Unknown),
            ("var _x=new WebAssembly.Global({value:\"i31\",mutable:true},5)", Value::Unknown),
            ("var _x=new WebAssembly.Global(descriptor)", Value::Unknown),
            ("var _x=new Global({value:\"i32\",mutable:true},5)", Value::Unknown),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn recognises_what_is_no_function() {
        assert_eq!(
            value("var _x=new WebAssembly.Tag({parameters:[\"i32\",'i64']})"),
            Value::Tag(FuncType::new([ValType::I32, ValType::I64], []))
        );
        assert_eq!(value("var _x=new WebAssembly.Tag({parameters:p()})"), Value::Unknown);
        assert_eq!(value("var _x=new WebAssembly.Table({initial:1,element:\"anyfunc\"})"), Value::Table);
        assert_eq!(value("var _x;function init(){_x=new WebAssembly.Memory({initial:1})}"), Value::Memory);
        assert_eq!(value("var _x=8809120;function grow(e){_x=e}"), Value::Number);
        assert_eq!(value("var _x=-1"), Value::Number);
        for text in ["var _x=()=>2;_x.stub=true", "var _x=void 0", "var _x=null", "var _x=undefined", "var _x=false"] {
            assert_eq!(value(text), Value::Stub, "{text}");
        }
    }

    #[test]
    fn recognises_functions() {
        for text in [
            "function _x(){}",
            "var _x=()=>1",
            "var _x=async function(){}",
            "var _x;_x=()=>1",
            "var _x;if(node)_x=()=>1;else _x=()=>2",
            "var _x=node?()=>1:()=>2",
            "var _x=_y,_y=()=>1",
            "var _x=Module[\"_x\"]=()=>1",
            "Module[\"y\"]=()=>1;var _x=Module.y",
            "var Module={y(){}},_x=Module[\"y\"]",
            "var Module={y:1,...more,y(){}},_x=Module.y",
            "var d=Object.defineProperty,n=(t,v)=>d(t,\"name\",{value:v}),_x=n(()=>1,\"_x\")",
            "function n(t,v){return Object.defineProperty(t,\"name\",{value:v})}var _x=n(()=>1,\"_x\")",
            "var _x=()=>1;_x.sig=signature",
            "var _x=()=>1;_x.sig=\"iq\"",
            "var _x=()=>1;_x.sig=\"i\";_x.sig=\"ii\"",
        ] {
            assert_eq!(value(text), Value::Function(None), "{text}");
        }
        let typed = Value::Function(Some(FuncType::new([ValType::I64, ValType::F64], [ValType::I32])));
        for text in [
            "var _x=_y;var _y=()=>1;_y.sig=\"ijd\"",
            "var _x=make();_x[\"sig\"] = 'ijd'",
            "_x.sig=_z.sig=`ijd`",
            "var _x=new WebAssembly.Function({parameters:[\"i64\",\"f64\"],results:[\"i32\"]},f)",
            // Another variable of that name.
            "var _x=()=>1;_x.sig=\"ijd\";function other(_x){_x.sig=\"v\";_x=1}",
        ] {
            assert_eq!(value(text), typed, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_of_unknown_kind() {
        for text in [
            "",
            "var _x",
            "var _x=make()",
            "var _x=_y,_y=_x",
            "var {_x}=Module",
            "var _x={}",
            "var _x=\"text\"",
            "class _x{}",
            "var _x=1;_x+=2",
            "var _x=()=>1;_x=2",
            "var _x=node?1:()=>2",
            "var n=(t,v)=>d(t,v),_x=n(()=>1,\"_x\")",
            "var n=(t,v)=>Object.defineProperty(v,t),_x=n(()=>1,\"_x\")",
            "var _x=Module.y",
            "var Module={get y(){return 1}},_x=Module.y",
            "var Module={y(){},...more},_x=Module.y",
            "var Module={y(){},[more]:1},_x=Module.y",
            "var d={value:\"i32\",...more},_x=new WebAssembly.Global(d,5)",
        ] {
            assert_eq!(value(text), Value::Unknown, "{text}");
        }
        let getter = library("var wasmImports={get a(){return 1},b(){},\"c-d\":()=>1,[\"e\"]:1}");
        let unknown: Vec<_> =
            getter.values.iter().filter(|(_, value)| **value == Value::Unknown).map(|(name, _)| name.as_str()).collect();
        assert_eq!((unknown, getter.values.len()), (vec!["a"], 4));
    }

    /// An object may be changed behind its literal, and then what the literal says of it is no more than a beginning.
    #[test]
    fn objects_that_may_change_are_of_unknown_kind() {
        let module = ("M={y(){}};", "_x=M.y");
        let global = ("d={value:\"i32\",mutable:true};", "_x=new WebAssembly.Global(d,5)");
        let tag = ("p=[\"i32\"];", "_x=new WebAssembly.Tag({parameters:p})");
        let changes_of_module = [
            "M.y+=1",
            "M.y++",
            "delete M.y",
            "delete M?.y",
            "M[k]=1",
            "[M.y]=[1]",
            "({a:M.y}={a:1})",
            "for(M.y of [1]);",
            "Object.assign(M,{y:1})",
            "f(M)",
            "f(...M)",
            "new F(M)",
            "M.f()",
            "M?.f()",
            "(M?.f)()",
            "M[k]()",
            "M.f``",
            "N=M;N.y=1",
            "var N=M",
            "var N={M}",
            "()=>M",
            "f(M={})",
            "[M]=o",
            "for(M of o);",
            "M=o",
            "export{M}",
        ];
        let changes_of_global =
            ["d.mutable=false", "d[\"value\"]=\"i64\"", "delete d.mutable", "Object.assign(d,{value:\"i64\"})", "f(d)"];
        let changes_of_tag = ["p.push(\"i32\")", "p[0]=\"i64\"", "p[k]=\"i64\"", "p.length=0", "f(p)"];
        let all = [(module, &changes_of_module[..]), (global, &changes_of_global), (tag, &changes_of_tag)];
        for ((object, read), changes) in all {
            assert_ne!(value(&format!("{object}var {read}")), Value::Unknown, "{object}");
            for change in changes {
                assert_eq!(value(&format!("{object}{change};var {read}")), Value::Unknown, "{object}{change}");
            }
        }
        for text in
            ["f(M={y(){}})", "N=M={y(){}}", "export var M={y(){}}", "M={...o};M.y=()=>1", "M=o;M.y=()=>1", "var {M}=o;M.y=()=>1"]
        {
            assert_eq!(value(&format!("{text};var _x=M.y")), Value::Unknown, "{text}");
        }
        assert_eq!(value("var d={value:\"i32\",__proto__:m},_x=new WebAssembly.Global(d,5)"), Value::Unknown);
        // None of these can change it.
        for use_ in ["f(M.z)", "M.z=f", "M[\"z\"]=f", "new M.z(f)", "o={...M}", "f(M?.z,M[k])", "o.M=1", "function f(M){M.y=1}"] {
            assert_eq!(value(&format!("{}{use_};var {}", module.0, module.1)), Value::Function(None), "{use_}");
        }
    }

    #[test]
    fn variables_that_get_values_in_other_ways_are_of_unknown_kind() {
        for text in [
            "var _x=1;_x++",
            "var _x=1;[_x]=o",
            "var _x=1;({_x}=o)",
            "var _x=1;for(_x in o);",
            "for(var _x of o);_x=1",
            "var {_x}=o;_x=1",
            "var [_x=1]=o;_x=2",
            "class _x{}_x=1",
            "import _x from 'x';_x=1",
        ] {
            assert_eq!(value(text), Value::Unknown, "{text}");
        }
        let parameter = library("function f(_x){if(!_x)_x=1;var wasmImports={x:_x}}");
        assert_eq!(parameter.values["x"], Value::Unknown);
    }

    #[test]
    fn tables_that_change_where_they_are_made_are_not_trusted() {
        for change in ["delete wasmImports.x", "wasmImports.x+=1", "()=>{wasmImports.x++}"] {
            assert_eq!(library(&format!("wasmImports={{x:1}};{change}")).values["x"], Value::Unknown, "{change}");
        }
        for change in ["wasmImports[k]=1", "for(k in o)wasmImports[k]=o[k]", "Object.assign(wasmImports,o)"] {
            let error = scan(&format!("wasmImports={{x:1}};{change}")).unwrap_err();
            assert!(format!("{error:#}").contains("a name is not in the text"), "{change}: {error:#}");
        }
        for copied in ["f(M)", "M.y=1", "delete M.x"] {
            let error = scan(&format!("M={{x:1}};{copied};wasmImports={{...M}}")).unwrap_err();
            assert!(format!("{error:#}").contains("another object"), "{copied}: {error:#}");
        }
        // As loaders do when they run.
        for use_ in ["()=>{wasmImports[k]=1}", "f(wasmImports)", "new Proxy(wasmImports,h)", "wasmImports.f()"] {
            assert_eq!(library(&format!("wasmImports={{x:1}};{use_}")).values["x"], Value::Number, "{use_}");
        }
    }

    #[test]
    fn finds_tables_under_other_names() {
        let minified = "(()=>{var a={x:b,y:c},b=1;function c(){}function d(){return{env:a,wasi_snapshot_preview1:a,\"GOT.mem\":new Proxy(a,{})}}a.z=b;\
                        a[\"y64\"]=a.y})()";
        let found = library(minified);
        assert_eq!(found.values["x"], Value::Number);
        assert_eq!(found.values["y"], Value::Function(None));
        assert_eq!(found.values["z"], Value::Number);
        assert_eq!(found.aliases, [("y64".to_string(), "y".to_string())]);
        let inline = library("f({env:{x:1},\"GOT.func\":g})");
        assert_eq!(inline.values["x"], Value::Number);
        let spread = library("var more={x:1,y:1},wasmImports={...more,y:()=>1}");
        assert_eq!((&spread.values["x"], &spread.values["y"]), (&Value::Number, &Value::Function(None)));
        assert_eq!(library("asmLibraryArg={x:1}").values.len(), 1);
    }

    #[test]
    fn finds_aliases_and_families() {
        let found = library(
            "var wasmImports={};s=>{if(s.startsWith(\"invoke_\")){wasmImports[s]=1}};()=>{wasmImports[\"open64\"]=wasmImports[\"open\"]};",
        );
        assert_eq!(found.aliases, [("open64".to_string(), "open".to_string())]);
        assert_eq!(found.families.iter().collect::<Vec<_>>(), ["invoke_"]);
    }

    /// Bundles hold programs for several main modules, each with its own variables.
    #[test]
    fn programs_of_a_bundle_are_kept_apart() {
        let libraries = scan(
            "var a=()=>{var x=1,wasmImports={x};s=>s.startsWith('invoke_')},b=()=>{function x(){}x.sig='v';var wasmImports={x}}",
        )
        .unwrap();
        let [one, other] = &libraries[..] else { panic!("{libraries:?}") };
        assert_eq!((&one.values["x"], one.families.len()), (&Value::Number, 1));
        assert_eq!((&other.values["x"], other.families.len()), (&Value::Function(Some(FuncType::new([], []))), 0));
    }

    /// Numbered pieces of text, one behind the other.
    fn pieces(count: usize, piece: impl Fn(usize) -> String) -> String {
        (0..count).map(piece).collect()
    }

    /// The libraries of a text of `n` pieces; what they took does not grow faster than the text.
    fn grown(text: impl Fn(usize) -> String) -> Vec<Library> {
        let [one, two] = [200, 400].map(|n| read(&text(n)).unwrap_or_else(|error| panic!("{}: {error:#}", text(n))));
        assert!(two.1 <= one.1 * 5 / 2 + 100, "{} and {} of {}", one.1, two.1, text(1));
        two.0
    }

    #[test]
    fn objects_that_are_copied_many_times_are_read_once() {
        let twice = |n: usize| {
            let objects = pieces(n, |i| format!("a{}={{...a{i},y{i}:1,...a{i},y{i}:2}},", i + 1));
            format!("var a0={{x:()=>1}},{objects}wasmImports={{...a{n},x:1,...a{n}}};")
        };
        let libraries = grown(twice);
        assert_eq!((&libraries[0].values["x"], libraries[0].values.len()), (&Value::Function(None), 401));
        // The last of a name counts, wherever it is copied from.
        let last = library("var a={x:1,y:1},b={x:()=>1,...a,y:()=>1},wasmImports={y:2,...b,...a,x:()=>1}");
        assert_eq!((&last.values["x"], &last.values["y"]), (&Value::Function(None), &Value::Number));
        let copied = library("var a={x:1},b={...a,x:()=>1},wasmImports={...a,...b}");
        assert_eq!(copied.values["x"], Value::Function(None));
    }

    #[test]
    fn variables_and_properties_are_found_once() {
        for (definition, name) in [("x=1;", "x"), ("o.x=1;", "o.x"), ("x=x0;x0=x1;x1=1;", "x")] {
            let text = |n: usize| {
                format!("var o,x,x0,x1;{}wasmImports={{{}}}", definition.repeat(n), pieces(n, |i| format!("n{i}:{name},")))
            };
            let libraries = grown(text);
            assert_eq!(libraries[0].values["n9"], Value::Number, "{definition}");
        }
        let chain = |n: usize| format!("{}wasmImports={{a:x0,b:x{n}}};x{n}=1", pieces(n, |i| format!("x{i}=x{};", i + 1)));
        let libraries = grown(chain);
        assert_eq!((&libraries[0].values["a"], &libraries[0].values["b"]), (&Value::Unknown, &Value::Number));
        // Whichever is asked for first.
        let circle = library("a=n?1:b;b=n?1:a;wasmImports={a,b}");
        assert!(circle.values.values().all(|value| *value == Value::Unknown));
    }

    /// Of a text that takes more than its budget nothing is known but the names.
    #[test]
    fn what_takes_too_much_is_of_unknown_kind() {
        let long = "i".repeat(900);
        let texts: [&dyn Fn(usize) -> String; 4] = [
            // Many tables.
            &|n| pieces(n, |i| format!("wasmImports={{a{i}:1}};wasmImports.n{i}=1;")),
            // Few that share much.
            &|n| format!("a={{{}}};{}", pieces(n, |i| format!("n{i}:1,")), "wasmImports={...a};".repeat(60)),
            &|n| format!("{}{}", "wasmImports={};".repeat(60), pieces(n, |i| format!("wasmImports.n{i}=1;"))),
            // A long type of many names.
            &|n| format!("f=g();f.sig='{long}';wasmImports={{{}}}", pieces(n, |i| format!("n{i}:f,"))),
        ];
        for (index, text) in texts.iter().enumerate() {
            let libraries = grown(text);
            assert_eq!(libraries.len(), 1, "{index}");
            assert!((0..400).all(|i| libraries[0].values[&format!("n{i}")] == Value::Unknown), "{index}");
        }
        let few = scan(&"wasmImports={x:1};".repeat(60)).unwrap();
        assert!(few.len() == 60 && few.iter().all(|library| library.values["x"] == Value::Number));
        let types = format!("f=g();f.sig='{long}{long}';wasmImports={{f}}");
        assert_eq!(library(&types).values["f"], Value::Function(None));
    }

    #[test]
    fn refuses_other_text() {
        let error = |text: &str| format!("{:#}", scan(text).unwrap_err());
        assert!(error("var x={};if(wasmImports=={}){}").contains("no import table"));
        assert!(error("wasmImports={a:b c}").contains("no JavaScript that can be parsed"));
        assert!(error("{\"name\": 1, \"b\": 2}").contains("no JavaScript that can be parsed"));
        assert!(error("wasmImports={a:b").contains("no JavaScript that can be parsed"));
        assert!(error("wasmImports={'a").contains("a string does not end"));
        assert!(error("wasmImports={[a]:1}").contains("in the import table: a name is not in the text"));
        assert!(error("wasmImports={...a}").contains("another object that is not in the text is copied into it"));
        assert!(error("var wasmImports={...wasmImports}").contains("another object"));
        assert!(error("\u{1}\u{2}\0").contains("no JavaScript that can be parsed"));
    }

    /// Each would make a recursive parser overflow its stack, or is as long as the stack must hold.
    #[test]
    fn hostile_text_is_refused_or_read() {
        for count in [nesting::LIMIT / 3, nesting::LIMIT - 50, 100_000] {
            for (open, close) in [
                ("(", ")"),
                ("[", "]"),
                ("{", "}"),
                ("x={a:", "}"),
                ("()=>{", "}"),
                ("x=>", ""),
                ("!", ""),
                ("- ", ""),
                ("typeof ", ""),
                ("a=", ""),
                ("a?b:", ""),
                ("a?", ":b"),
                ("a**", ""),
                ("a+", ""),
                ("a||", ""),
                ("a.b.", ""),
                ("a()", ""),
                ("new ", ""),
                ("if(a)", ""),
                ("if(a);else ", ""),
                ("if(a){}else ", ""),
                ("for(;;)", ""),
                ("while(a)", ""),
                ("do ", ";while(a)"),
                ("with(a)", ""),
                ("a:", ""),
                ("a:b,", ""),
                ("if(a)b,c;else ", ""),
                ("`${", "}`"),
                ("(a,", ")"),
                ("(a=", ")"),
                ("async(", ")"),
                ("[a=", "]"),
                ("({a=", "})"),
                ("function f(){", "}"),
                ("class extends ", ""),
                ("class A{a=", "}"),
                ("switch(a){case ", ":}"),
                ("/\"/.x+(", ")"),
                ("if(a)/\"/,(", ")"),
                ("...[", "]"),
                ("x=\")\"+(", ")"),
                ("/*)*/(", ")"),
            ] {
                let text = format!("{}1{}", open.repeat(count), close.repeat(count));
                let error = format!("{:#}", scan(&text).unwrap_err());
                assert!(count < nesting::LIMIT || !error.contains("no import table"), "{open}: {error}");
            }
        }
    }
}
