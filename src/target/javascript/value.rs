//! What an expression is, as far as a module can import it.

use super::budget::Budget;
use super::function_type;
use super::index::{Index, Member, Variable, Write, Written};
use super::{Value, value_type};
use oxc_ast::ast::{
    Argument, ArrayExpressionElement, CallExpression, Expression, FormalParameters, FunctionBody, NewExpression, ObjectExpression,
    Statement, UnaryOperator,
};
use std::collections::HashMap;
use wasmparser::{FuncType, ValType};

/// Most expressions within each other, or variables that stand for each other, that are looked into for one value.
const DEPTH: usize = 64;

/// Longest list of value types that is read; no engine takes functions with more parameters.
const LETTERS: usize = 1000;

/// Tells what expressions are. What a variable or a property is, is found once.
pub struct Evaluation<'i, 'a> {
    index: &'i Index<'a>,
    budget: &'i mut Budget,
    depth: usize,
    variables: HashMap<Variable<'a>, Value>,
    properties: HashMap<(Variable<'a>, &'a str), Value>,
}

impl<'i, 'a> Evaluation<'i, 'a> {
    pub fn new(index: &'i Index<'a>, budget: &'i mut Budget) -> Self {
        Evaluation { index, budget, depth: 0, variables: HashMap::new(), properties: HashMap::new() }
    }

    pub fn budget(&mut self) -> &mut Budget {
        self.budget
    }

    /// Tells what an expression is.
    pub fn expression(&mut self, expression: &'a Expression<'a>) -> Value {
        if self.depth == DEPTH || !self.budget.spend(1) {
            return Value::Unknown;
        }
        self.depth += 1;
        let value = self.inner(expression);
        self.depth -= 1;
        value
    }

    fn inner(&mut self, expression: &'a Expression<'a>) -> Value {
        match expression {
            Expression::NumericLiteral(_) => Value::Number,
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => Value::Function(None),
            Expression::NullLiteral(_) => Value::Stub,
            Expression::BooleanLiteral(literal) if !literal.value => Value::Stub,
            Expression::UnaryExpression(unary) => match unary.operator {
                UnaryOperator::Void => Value::Stub,
                UnaryOperator::UnaryNegation => match self.expression(&unary.argument) {
                    Value::Number => Value::Number,
                    _ => Value::Unknown,
                },
                _ => Value::Unknown,
            },
            Expression::Identifier(name) => self.variable(self.index.variable(name)),
            Expression::AssignmentExpression(assignment) if assignment.operator.is_assign() => self.expression(&assignment.right),
            Expression::SequenceExpression(sequence) => {
                sequence.expressions.last().map_or(Value::Unknown, |last| self.expression(last))
            }
            Expression::ConditionalExpression(conditional) => {
                join(self.expression(&conditional.consequent), self.expression(&conditional.alternate))
            }
            Expression::NewExpression(new) => self.constructed(new),
            Expression::CallExpression(call) => match self.passed_through(call) {
                Some(argument) => self.expression(argument),
                None => Value::Unknown,
            },
            _ => self.member(expression).unwrap_or(Value::Unknown),
        }
    }

    /// A property of a variable.
    fn member(&mut self, expression: &'a Expression<'a>) -> Option<Value> {
        let member = expression.as_member_expression()?;
        let (variable, name) = (self.index.variable_of(member.object())?, member.static_property_name()?);
        if let Some(known) = self.properties.get(&(variable, name)) {
            return Some(known.clone());
        }
        // If it comes to itself.
        self.properties.insert((variable, name), Value::Unknown);
        let value = self.property(variable, name);
        self.keep(&value);
        self.properties.insert((variable, name), value.clone());
        Some(value)
    }

    fn property(&mut self, variable: Variable<'a>, name: &'a str) -> Value {
        if self.index.is_changing(variable) || self.index.is_changed(variable, name) {
            return Value::Unknown;
        }
        let initial = match self.index.writes(variable) {
            // The first that it gets is assigned elsewhere.
            [] | [Write { value: Written::Function(_), .. }] => None,
            [Write { value: Written::Expression(Expression::ObjectExpression(object)), .. }] => {
                match self.index.member(object, name) {
                    Some(Member::Value(value)) => Some(self.expression(value)),
                    None if !self.index.is_open(object) => None,
                    _ => Some(Value::Unknown),
                }
            }
            [Write { value: Written::Expression(function), .. }] if function.is_function() => None,
            _ => Some(Value::Unknown),
        };
        let assigned = self.index.property(variable, name);
        let values = initial.into_iter().chain(assigned.iter().map(|value| self.expression(value)));
        values.reduce(join).unwrap_or(Value::Unknown)
    }

    fn variable(&mut self, variable: Variable<'a>) -> Value {
        if let Some(known) = self.variables.get(&variable) {
            return known.clone();
        }
        // If it comes to itself.
        self.variables.insert(variable, Value::Unknown);
        let value = self.found(variable);
        self.keep(&value);
        self.variables.insert(variable, value.clone());
        value
    }

    /// Pays for a value that is kept.
    fn keep(&mut self, value: &Value) {
        self.budget.spend(1 + letters(value));
    }

    fn found(&mut self, variable: Variable<'a>) -> Value {
        // Only functions have such properties.
        if !self.index.property(variable, "stub").is_empty() {
            return Value::Stub;
        }
        let mut signatures = self.index.property(variable, "sig").iter().map(|signature| signature_of(signature));
        if let Some(first) = signatures.next() {
            return Value::Function(first.filter(|first| signatures.all(|other| other.as_ref() == Some(first))));
        }
        if variable == Variable::Global("undefined") {
            return Value::Stub;
        }
        let writes = self.index.writes(variable);
        // The table is made where the variables are, before functions are called that give them other values.
        let direct = writes.iter().any(|write| write.direct);
        let values = writes.iter().filter(|write| write.direct || !direct);
        let value = values.map(|write| self.written(write)).reduce(join).unwrap_or(Value::Unknown);
        match (value, self.index.name(variable)) {
            // They may be given from outside.
            (Value::Unknown, "wasmMemory") => Value::Memory,
            (Value::Unknown, "wasmTable") => Value::Table,
            (value, _) => value,
        }
    }

    fn written(&mut self, write: &Write<'a>) -> Value {
        match write.value {
            Written::Function(_) => Value::Function(None),
            Written::Expression(value) => self.expression(value),
            Written::Other => Value::Unknown,
        }
    }

    /// `new WebAssembly.Global({value: "i32", mutable: true}, 0)` and the like.
    fn constructed(&self, new: &'a NewExpression<'a>) -> Value {
        let class = new.callee.as_member_expression().and_then(|member| {
            let namespace = match member.object() {
                Expression::Identifier(name) => Some(name.name.as_str()),
                other => other.as_member_expression().and_then(|member| member.static_property_name()),
            };
            member.static_property_name().filter(|_| namespace == Some("WebAssembly"))
        });
        let descriptor = new.arguments.first().and_then(Argument::as_expression).and_then(|argument| self.index.object(argument));
        let value = match class {
            Some("Memory") => Some(Value::Memory),
            Some("Table") => Some(Value::Table),
            Some("Global") => descriptor.and_then(|descriptor| self.global(descriptor)),
            Some("Tag") => descriptor
                .and_then(|descriptor| self.types(descriptor, "parameters"))
                .map(|types| Value::Tag(FuncType::new(types, []))),
            Some("Function") => Some(Value::Function(descriptor.and_then(|descriptor| {
                Some(FuncType::new(self.types(descriptor, "parameters")?, self.types(descriptor, "results")?))
            }))),
            _ => None,
        };
        value.unwrap_or(Value::Unknown)
    }

    fn global(&self, descriptor: &'a ObjectExpression<'a>) -> Option<Value> {
        let value = value_type(string(self.index.constant(self.index.member_value(descriptor, "value")?))?)?;
        let mutable = match self.index.member(descriptor, "mutable") {
            Some(Member::Value(mutable)) => boolean(self.index.constant(mutable))?,
            // Unless another object is copied into it.
            None if !self.index.is_open(descriptor) => false,
            _ => return None,
        };
        Some(Value::Global { value, mutable })
    }

    fn types(&self, descriptor: &'a ObjectExpression<'a>, name: &str) -> Option<Vec<ValType>> {
        let types = self.index.constant(self.index.member_value(descriptor, name)?);
        let Expression::ArrayExpression(array) = types else { return None };
        let is_short = array.elements.len() <= LETTERS;
        let elements = array.elements.iter().filter(|_| is_short).map(ArrayExpressionElement::as_expression);
        elements.map(|element| value_type(string(element?)?)).collect::<Option<_>>().filter(|_| is_short)
    }

    /// The argument that a call returns as it is: `__name(f, "f")`, by which bundlers keep the names of functions, with
    /// `__name = (target, value) => Object.defineProperty(target, "name", { value })`.
    fn passed_through(&self, call: &'a CallExpression<'a>) -> Option<&'a Expression<'a>> {
        let argument = call.arguments.first()?.as_expression()?;
        if self.is_define_property(&call.callee) {
            return Some(argument);
        }
        let [Write { value, .. }] = self.index.writes(self.index.variable_of(&call.callee)?) else { return None };
        let (parameters, body) = match value {
            Written::Function(function) => (&function.params, function.body.as_ref()?),
            Written::Expression(Expression::ArrowFunctionExpression(arrow)) => (&arrow.params, &arrow.body),
            Written::Expression(Expression::FunctionExpression(function)) => (&function.params, function.body.as_ref()?),
            _ => return None,
        };
        self.returns_first(parameters, body).then_some(argument)
    }

    fn returns_first(&self, parameters: &'a FormalParameters<'a>, body: &'a FunctionBody<'a>) -> bool {
        let returned = match body.statements.as_slice() {
            [Statement::ReturnStatement(statement)] => statement.argument.as_ref(),
            // The body of an arrow function.
            [Statement::ExpressionStatement(statement)] => Some(&statement.expression),
            _ => None,
        };
        let Some(Expression::CallExpression(call)) = returned else { return false };
        let Some(target) = call.arguments.first().and_then(Argument::as_expression) else { return false };
        let first = parameters.items.first().and_then(|first| first.pattern.get_binding_identifier()?.symbol_id.get());
        first.is_some_and(|first| self.index.variable_of(target) == Some(Variable::Declared(first)))
            && self.is_define_property(&call.callee)
    }

    fn is_define_property(&self, callee: &'a Expression<'a>) -> bool {
        self.index
            .constant(callee)
            .as_member_expression()
            .is_some_and(|member| member.is_specific_member_access("Object", "defineProperty"))
    }
}

/// What both are.
fn join(one: Value, other: Value) -> Value {
    match (one, other) {
        (one, other) if one == other => one,
        (Value::Function(_), Value::Function(_)) => Value::Function(None),
        _ => Value::Unknown,
    }
}

/// How many value types a value is kept with.
pub fn letters(value: &Value) -> usize {
    match value {
        Value::Function(Some(ty)) | Value::Tag(ty) => ty.params().len() + ty.results().len(),
        _ => 0,
    }
}

fn string<'a>(expression: &'a Expression<'a>) -> Option<&'a str> {
    match expression {
        Expression::StringLiteral(literal) => Some(literal.value.as_str()),
        Expression::TemplateLiteral(literal) => literal.single_quasi().map(|text| text.as_str()),
        _ => None,
    }
}

/// `true`, `!0` and their opposites.
fn boolean(expression: &Expression<'_>) -> Option<bool> {
    match expression {
        Expression::BooleanLiteral(literal) => Some(literal.value),
        Expression::NumericLiteral(literal) => Some(literal.value != 0.0),
        Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::LogicalNot => match &unary.argument {
            Expression::NumericLiteral(literal) => Some(literal.value == 0.0),
            _ => None,
        },
        _ => None,
    }
}

/// The type that is assigned to a property `sig`, `f.sig = g.sig = "vi"` included.
fn signature_of<'a>(expression: &'a Expression<'a>) -> Option<FuncType> {
    let next = |expression: &&'a Expression<'a>| match expression {
        Expression::AssignmentExpression(assignment) => Some(&assignment.right),
        _ => None,
    };
    let assigned = std::iter::successors(Some(expression), next).take(DEPTH).last()?;
    string(assigned).filter(|text| text.len() <= LETTERS).and_then(|text| function_type(text).ok())
}
