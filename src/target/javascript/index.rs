//! Which values a program gives to its variables and to their properties, by the scopes of the language.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    AssignmentOperator, AssignmentTarget, BindingPattern, CallExpression, Expression, Function, IdentifierReference,
    ObjectExpression, PropertyKind,
};
use oxc_semantic::{ScopeId, Scoping, Semantic, SymbolId};
use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Names under which Emscripten keeps the import table, if no other tool renamed it.
const TABLES: [&str; 2] = ["wasmImports", "asmLibraryArg"];

/// Modules that a main module imports from beside `env`; an object with both holds its imports.
const BESIDE_ENV: [&str; 3] = ["GOT.mem", "GOT.func", "wasi_snapshot_preview1"];

/// Beginnings of the function names that `resolveGlobalSymbol` may make on demand.
const FAMILIES: [&str; 2] = ["invoke_", "__cxa_find_matching_catch_"];

/// A variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable<'a> {
    Declared(SymbolId),
    /// Declared nowhere in the text.
    Global(&'a str),
}

/// What is written to a variable.
#[derive(Clone, Copy)]
pub enum Written<'a> {
    Expression(&'a Expression<'a>),
    Function(&'a Function<'a>),
    /// Something that depends on what stood there.
    Other,
}

#[derive(Clone, Copy)]
pub struct Write<'a> {
    pub value: Written<'a>,
    /// It stands in the function that declares the variable, and not in one that is called some time.
    pub direct: bool,
    scope: ScopeId,
}

/// What a literal says of a property that it names.
#[derive(Clone, Copy)]
pub enum Member<'a> {
    Value(&'a Expression<'a>),
    /// A getter, or something that may get another value from what is copied into the object behind it.
    Unknown,
}

/// Where the text of an object begins, which no two objects have in common.
pub type Place = u32;

/// An object that holds the imports of a main module.
pub struct Table<'a> {
    pub object: &'a ObjectExpression<'a>,
    /// The variable it is in, if it is in one.
    pub variable: Option<Variable<'a>>,
    scope: ScopeId,
}

pub struct Index<'a> {
    scoping: &'a Scoping,
    /// The scope of the function around each scope, or that of the text.
    functions: Vec<ScopeId>,
    /// The properties that literals name.
    members: HashMap<(Place, Cow<'a, str>), Member<'a>>,
    /// Literals that may have other properties than those that they name.
    open: HashSet<Place>,
    writes: HashMap<Variable<'a>, Vec<Write<'a>>>,
    properties: HashMap<(Variable<'a>, &'a str), Vec<&'a Expression<'a>>>,
    /// The properties of tables, in the order of the text.
    table_properties: HashMap<Variable<'a>, Vec<(&'a str, &'a Expression<'a>)>>,
    pub tables: Vec<Table<'a>>,
    /// Functions in which names with such a beginning are looked at, and all around them.
    families: HashMap<ScopeId, BTreeSet<&'static str>>,
}

impl<'a> Index<'a> {
    pub fn new(semantic: &'a Semantic<'a>) -> Self {
        let mut index = Index {
            scoping: semantic.scoping(),
            functions: functions(semantic.scoping()),
            members: HashMap::new(),
            open: HashSet::new(),
            writes: HashMap::new(),
            properties: HashMap::new(),
            table_properties: HashMap::new(),
            tables: Vec::new(),
            families: HashMap::new(),
        };
        // In the order of the text.
        let mut variables: Vec<Variable<'a>> = Vec::new();
        let mut assigned: Vec<(Variable<'a>, &'a str, &'a Expression<'a>)> = Vec::new();
        for node in semantic.nodes().iter() {
            let scope = node.scope_id();
            match node.kind() {
                AstKind::VariableDeclarator(declarator) => {
                    let (BindingPattern::BindingIdentifier(name), Some(init)) = (&declarator.id, &declarator.init) else {
                        continue;
                    };
                    if let Some(symbol) = name.symbol_id.get() {
                        index.write(Variable::Declared(symbol), Written::Expression(init), scope);
                        variables.extend(TABLES.contains(&name.name.as_str()).then_some(Variable::Declared(symbol)));
                    }
                }
                AstKind::Function(function) => {
                    if let Some(symbol) = function.id.as_ref().and_then(|name| name.symbol_id.get()) {
                        // The scope of the node may be its own.
                        let scope = index.scoping.symbol_scope_id(symbol);
                        index.write(Variable::Declared(symbol), Written::Function(function), scope);
                    }
                }
                AstKind::AssignmentExpression(assignment) => match &assignment.left {
                    AssignmentTarget::AssignmentTargetIdentifier(name) => {
                        let plain = assignment.operator == AssignmentOperator::Assign;
                        let value = if plain { Written::Expression(&assignment.right) } else { Written::Other };
                        let variable = index.variable(name);
                        index.write(variable, value, scope);
                        variables.extend(TABLES.contains(&name.name.as_str()).then_some(variable));
                    }
                    AssignmentTarget::StaticMemberExpression(member) => {
                        let variable = index.variable_of(&member.object);
                        assigned.extend(variable.map(|variable| (variable, member.property.name.as_str(), &assignment.right)));
                    }
                    AssignmentTarget::ComputedMemberExpression(member) => {
                        let variable = index.variable_of(&member.object);
                        let name = member.static_property_name().map(|name| name.as_str());
                        assigned.extend(variable.zip(name).map(|(variable, name)| (variable, name, &assignment.right)));
                    }
                    _ => {}
                },
                AstKind::ObjectExpression(object) => {
                    index.add_members(object);
                    match index.imports_of(object) {
                        Some(Expression::Identifier(name)) => variables.push(index.variable(name)),
                        Some(Expression::ObjectExpression(object)) => {
                            index.tables.push(Table { object, variable: None, scope });
                        }
                        _ => {}
                    }
                }
                AstKind::CallExpression(call) => index.add_family(call, scope),
                _ => {}
            }
        }
        for (variable, name, value) in &assigned {
            index.properties.entry((*variable, *name)).or_default().push(value);
        }
        let mut seen = HashSet::new();
        variables.retain(|variable| seen.insert(*variable));
        for (variable, name, value) in assigned.into_iter().filter(|(variable, ..)| seen.contains(variable)) {
            index.table_properties.entry(variable).or_default().push((name, value));
        }
        for variable in variables {
            for write in index.writes.get(&variable).into_iter().flatten() {
                if let Written::Expression(Expression::ObjectExpression(object)) = write.value {
                    index.tables.push(Table { object, variable: Some(variable), scope: write.scope });
                }
            }
        }
        index
    }

    pub fn variable(&self, name: &'a IdentifierReference<'a>) -> Variable<'a> {
        let symbol = name.reference_id.get().and_then(|reference| self.scoping.get_reference(reference).symbol_id());
        symbol.map_or(Variable::Global(name.name.as_str()), Variable::Declared)
    }

    pub fn name(&self, variable: Variable<'a>) -> &str {
        match variable {
            Variable::Declared(symbol) => self.scoping.symbol_name(symbol),
            Variable::Global(name) => name,
        }
    }

    /// The variable that the expression is.
    pub fn variable_of(&self, expression: &'a Expression<'a>) -> Option<Variable<'a>> {
        match expression {
            Expression::Identifier(name) => Some(self.variable(name)),
            _ => None,
        }
    }

    pub fn writes(&self, variable: Variable<'a>) -> &[Write<'a>] {
        self.writes.get(&variable).map_or(&[], Vec::as_slice)
    }

    /// What is assigned to a property of a variable.
    pub fn property(&self, variable: Variable<'a>, name: &'a str) -> &[&'a Expression<'a>] {
        self.properties.get(&(variable, name)).map_or(&[], Vec::as_slice)
    }

    /// What a literal says of one of its properties.
    pub fn member(&self, object: &ObjectExpression<'a>, name: &str) -> Option<Member<'a>> {
        self.members.get(&(object.span.start, Cow::Borrowed(name))).copied()
    }

    /// The value that a literal gives to one of its properties.
    pub fn member_value(&self, object: &ObjectExpression<'a>, name: &str) -> Option<&'a Expression<'a>> {
        match self.member(object, name) {
            Some(Member::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// Whether a literal may have other properties than those that it names.
    pub fn is_open(&self, object: &ObjectExpression<'a>) -> bool {
        self.open.contains(&object.span.start)
    }

    /// What the text assigns to properties of a table behind its literal.
    pub fn added(&self, table: &Table<'a>) -> &[(&'a str, &'a Expression<'a>)] {
        table.variable.and_then(|variable| self.table_properties.get(&variable)).map_or(&[], Vec::as_slice)
    }

    /// The families of functions that the program around a table makes on demand.
    pub fn families(&self, table: &Table<'a>) -> impl Iterator<Item = &'static str> {
        self.families.get(&self.function(table.scope)).into_iter().flatten().copied()
    }

    /// The object that the expression is.
    pub fn object(&self, expression: &'a Expression<'a>) -> Option<&'a ObjectExpression<'a>> {
        match self.constant(expression) {
            Expression::ObjectExpression(object) => Some(object),
            _ => None,
        }
    }

    /// The expression, or the one that the variable is which it names.
    pub fn constant(&self, expression: &'a Expression<'a>) -> &'a Expression<'a> {
        match self.variable_of(expression).map(|variable| self.writes(variable)) {
            Some([Write { value: Written::Expression(value), .. }]) => value,
            _ => expression,
        }
    }

    fn write(&mut self, variable: Variable<'a>, value: Written<'a>, scope: ScopeId) {
        let home = match variable {
            Variable::Declared(symbol) => self.function(self.scoping.symbol_scope_id(symbol)),
            Variable::Global(_) => self.scoping.root_scope_id(),
        };
        let direct = self.function(scope) == home;
        self.writes.entry(variable).or_default().push(Write { value, direct, scope });
    }

    fn function(&self, scope: ScopeId) -> ScopeId {
        self.functions[scope.index()]
    }

    /// Notes the properties of a literal; the last of a name counts.
    fn add_members(&mut self, object: &'a ObjectExpression<'a>) {
        let place = object.span.start;
        for property in object.properties.iter().rev() {
            let named = property.as_property().and_then(|property| Some((property, property.key.static_name()?)));
            let Some((property, name)) = named else {
                self.open.insert(place);
                continue;
            };
            if let Entry::Vacant(entry) = self.members.entry((place, name)) {
                let known = property.kind == PropertyKind::Init && !self.open.contains(&place);
                entry.insert(if known { Member::Value(&property.value) } else { Member::Unknown });
            }
        }
    }

    /// What `env` is in an object that holds what a main module imports.
    fn imports_of(&self, object: &'a ObjectExpression<'a>) -> Option<&'a Expression<'a>> {
        let env = self.member_value(object, "env")?;
        BESIDE_ENV.iter().any(|name| self.member(object, name).is_some()).then_some(env)
    }

    /// Notes `name.startsWith("invoke_")`.
    fn add_family(&mut self, call: &'a CallExpression<'a>, scope: ScopeId) {
        let Some(member) = call.callee.as_member_expression() else { return };
        let Some(Expression::StringLiteral(text)) = call.arguments.first().and_then(|argument| argument.as_expression()) else {
            return;
        };
        let Some(family) = FAMILIES.iter().find(|family| **family == text.value.as_str()) else { return };
        if member.static_property_name() == Some("startsWith") {
            for scope in self.scoping.scope_ancestors(scope) {
                if !self.families.entry(scope).or_default().insert(family) {
                    // It is noted all around that scope, too.
                    break;
                }
            }
        }
    }
}

/// The scope of the function around each scope, or that of the text.
fn functions(scoping: &Scoping) -> Vec<ScopeId> {
    let mut functions: Vec<ScopeId> = Vec::with_capacity(scoping.scopes_len());
    // Scopes come behind those around them.
    for scope in scoping.scope_descendants_from_root() {
        let flags = scoping.scope_flags(scope);
        let around = scoping.scope_parent_id(scope).filter(|_| !flags.is_function() && !flags.is_top());
        functions.push(around.map_or(scope, |around| functions[around.index()]));
    }
    functions
}
