//! Which values a program gives to its variables and to their properties, by the scopes of the language.

use super::uses::{self, Use};
use oxc_ast::AstKind;
use oxc_ast::ast::{
    AssignmentExpression, AssignmentOperator, AssignmentTarget, BindingIdentifier, BindingPattern, CallExpression, Expression,
    Function, IdentifierReference, ObjectExpression, PropertyKind,
};
use oxc_semantic::{AstNodes, NodeId, ScopeId, Scoping, Semantic, SymbolId};
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

/// What is met in the text, in its order.
#[derive(Default)]
struct Found<'a> {
    /// Variables that hold tables.
    tables: Vec<Variable<'a>>,
    /// What is assigned to properties of variables.
    assigned: Vec<(Variable<'a>, &'a str, &'a Expression<'a>)>,
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
    /// Variables whose objects may change in any way.
    changing: HashSet<Variable<'a>>,
    /// Properties that may get any value.
    changed: HashSet<(Variable<'a>, &'a str)>,
    /// Variables that get properties under names that are not in the text, where they are declared.
    filled: HashSet<Variable<'a>>,
    /// Variables that are tables.
    shared: HashSet<Variable<'a>>,
    /// Variables of which a property is written anywhere.
    extended: HashSet<Variable<'a>>,
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
            changing: HashSet::new(),
            changed: HashSet::new(),
            filled: HashSet::new(),
            shared: HashSet::new(),
            extended: HashSet::new(),
            properties: HashMap::new(),
            table_properties: HashMap::new(),
            tables: Vec::new(),
            families: HashMap::new(),
        };
        let mut found = Found::default();
        for node in semantic.nodes().iter() {
            let scope = node.scope_id();
            match node.kind() {
                AstKind::BindingIdentifier(name) => index.add_declaration(semantic.nodes(), node.id(), name, &mut found),
                AstKind::IdentifierReference(name) => index.add_use(semantic.nodes(), node.id(), name),
                AstKind::AssignmentExpression(assignment) => index.add_assignment(assignment, scope, &mut found),
                AstKind::ObjectExpression(object) => {
                    index.add_members(object);
                    match index.imports_of(object) {
                        Some(Expression::Identifier(name)) => found.tables.push(index.variable(name)),
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
        index.add_found(found);
        index
    }

    fn add_found(&mut self, mut found: Found<'a>) {
        for (variable, name, value) in &found.assigned {
            self.properties.entry((*variable, *name)).or_default().push(value);
        }
        found.tables.retain(|variable| self.shared.insert(*variable));
        for (variable, name, value) in found.assigned.into_iter().filter(|(variable, ..)| self.shared.contains(variable)) {
            self.table_properties.entry(variable).or_default().push((name, value));
        }
        for variable in found.tables {
            for write in self.writes.get(&variable).into_iter().flatten() {
                if let Written::Expression(Expression::ObjectExpression(object)) = write.value {
                    self.tables.push(Table { object, variable: Some(variable), scope: write.scope });
                }
            }
        }
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

    /// Whether the objects in a variable may change in ways that the text does not tell. Tables do as a matter of course, in functions that
    /// add what side modules offer to each other.
    pub fn is_changing(&self, variable: Variable<'a>) -> bool {
        self.changing.contains(&variable) && !self.shared.contains(&variable)
    }

    /// Whether a property of a variable may get any value.
    pub fn is_changed(&self, variable: Variable<'a>, name: &str) -> bool {
        self.changed.contains(&(variable, name))
    }

    /// Whether a table gets names that are not in the text before functions are called.
    pub fn is_filled(&self, table: &Table<'a>) -> bool {
        table.variable.is_some_and(|variable| self.filled.contains(&variable))
    }

    /// The object that the expression is, with all that the text says of it.
    pub fn object(&self, expression: &'a Expression<'a>) -> Option<&'a ObjectExpression<'a>> {
        match self.constant(expression) {
            Expression::ObjectExpression(object) => Some(object),
            _ => None,
        }
    }

    /// The expression, or the one that the variable is which it names, unless that is an object that gets other contents elsewhere.
    pub fn constant(&self, expression: &'a Expression<'a>) -> &'a Expression<'a> {
        let Some(variable) = self.variable_of(expression) else { return expression };
        match self.writes(variable) {
            [Write { value: Written::Expression(Expression::ObjectExpression(_) | Expression::ArrayExpression(_)), .. }]
                if self.is_changing(variable) || self.extended.contains(&variable) =>
            {
                expression
            }
            [Write { value: Written::Expression(value), .. }] => value,
            _ => expression,
        }
    }

    /// Notes what a variable is in the beginning.
    fn add_declaration(&mut self, nodes: &AstNodes<'a>, id: NodeId, name: &'a BindingIdentifier<'a>, found: &mut Found<'a>) {
        let Some(symbol) = name.symbol_id.get() else { return };
        let variable = Variable::Declared(symbol);
        let scope = self.scoping.symbol_scope_id(symbol);
        let parent = nodes.parent_id(id);
        match nodes.kind(parent) {
            AstKind::VariableDeclarator(declarator) if matches!(declarator.id, BindingPattern::BindingIdentifier(_)) => {
                let statement = nodes.parent_kind(nodes.parent_id(parent));
                if matches!(statement, AstKind::ExportNamedDeclaration(_)) {
                    self.changing.insert(variable);
                }
                if let Some(init) = &declarator.init {
                    self.write(variable, Written::Expression(init), nodes.get_node(parent).scope_id());
                    found.tables.extend(TABLES.contains(&name.name.as_str()).then_some(variable));
                } else if matches!(statement, AstKind::ForInStatement(_) | AstKind::ForOfStatement(_)) {
                    self.write(variable, Written::Other, scope);
                }
            }
            AstKind::Function(function) => self.write(variable, Written::Function(function), scope),
            // A parameter, an import, a class, or a part of something.
            _ => self.write(variable, Written::Other, scope),
        }
    }

    /// Notes what is done with a variable.
    fn add_use(&mut self, nodes: &AstNodes<'a>, id: NodeId, name: &'a IdentifierReference<'a>) {
        let variable = self.variable(name);
        let scope = nodes.get_node(id).scope_id();
        let is_written = name.reference_id.get().is_some_and(|reference| self.scoping.get_reference(reference).is_write());
        if is_written && !matches!(nodes.parent_kind(id), AstKind::AssignmentExpression(_)) {
            self.write(variable, Written::Other, scope);
        }
        match uses::of(nodes, id, name) {
            Use::Plain => {}
            Use::Changed(property) => {
                self.changed.insert((variable, property));
                self.extended.insert(variable);
            }
            Use::Filled => {
                self.changing.insert(variable);
                if self.is_direct(variable, scope) {
                    self.filled.insert(variable);
                }
            }
            Use::Other => {
                self.changing.insert(variable);
            }
        }
    }

    fn add_assignment(&mut self, assignment: &'a AssignmentExpression<'a>, scope: ScopeId, found: &mut Found<'a>) {
        let is_plain = assignment.operator == AssignmentOperator::Assign;
        let (object, name) = match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(name) => {
                let value = if is_plain { Written::Expression(&assignment.right) } else { Written::Other };
                let variable = self.variable(name);
                self.write(variable, value, scope);
                found.tables.extend(TABLES.contains(&name.name.as_str()).then_some(variable));
                return;
            }
            AssignmentTarget::StaticMemberExpression(member) => (&member.object, Some(member.property.name.as_str())),
            AssignmentTarget::ComputedMemberExpression(member) => {
                (&member.object, member.static_property_name().map(|name| name.as_str()))
            }
            _ => return,
        };
        if let (true, Some(variable), Some(name)) = (is_plain, self.variable_of(object), name) {
            self.extended.insert(variable);
            found.assigned.push((variable, name, &assignment.right));
        }
    }

    fn write(&mut self, variable: Variable<'a>, value: Written<'a>, scope: ScopeId) {
        let direct = self.is_direct(variable, scope);
        self.writes.entry(variable).or_default().push(Write { value, direct, scope });
    }

    /// Whether the scope is in the function that declares the variable, and not in one within.
    fn is_direct(&self, variable: Variable<'a>, scope: ScopeId) -> bool {
        let home = match variable {
            Variable::Declared(symbol) => self.function(self.scoping.symbol_scope_id(symbol)),
            Variable::Global(_) => self.scoping.root_scope_id(),
        };
        self.function(scope) == home
    }

    fn function(&self, scope: ScopeId) -> ScopeId {
        self.functions[scope.index()]
    }

    /// Notes the properties of a literal; the last of a name counts.
    fn add_members(&mut self, object: &'a ObjectExpression<'a>) {
        let place = object.span.start;
        for property in object.properties.iter().rev() {
            let named = property.as_property().and_then(|property| Some((property, property.key.static_name()?)));
            let named = named.filter(|(_, name)| name != "__proto__");
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
