//! What a program does with its variables apart from giving them values, as far as it may change the objects in them.
//!
//! What a literal says of an object holds as long as nothing else can reach the object. So its variable may be the object of a property that is
//! read, or that is assigned by `=` under a name in the text; it may be copied by `...`; and `new WebAssembly.Global` and its like may look at
//! it. Whatever else is done with it makes it an object of which nothing is known: it may be passed on, called as `this`, or be in another
//! variable, too.

use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentOperator, Expression, IdentifierReference, NewExpression};
use oxc_semantic::{AstNodes, NodeId};
use oxc_span::{GetSpan, Span};

/// One use of a variable.
pub enum Use<'a> {
    /// The object stays as it is, or gets a property in a way that is read elsewhere.
    Plain,
    /// A property gets another value in a way that is not followed.
    Changed(&'a str),
    /// It gets properties under names that are not in the text.
    Filled,
    /// Anything else.
    Other,
}

/// What is done with the variable that `name`, the node `id`, is.
pub fn of<'a>(nodes: &AstNodes<'a>, id: NodeId, name: &IdentifierReference<'a>) -> Use<'a> {
    let parent = nodes.parent_id(id);
    match nodes.kind(parent) {
        AstKind::StaticMemberExpression(member) => of_property(nodes, parent, member.span, member.property.name.as_str()),
        AstKind::ComputedMemberExpression(member) if member.object.span() == name.span => match member.static_property_name() {
            Some(property) => of_property(nodes, parent, member.span, property.as_str()),
            None if is_target(nodes, parent, member.span) => Use::Filled,
            None if is_called(nodes, parent, member.span) => Use::Other,
            None => Use::Plain,
        },
        AstKind::AssignmentExpression(assignment) if assignment.left.span() == name.span => {
            if is_dropped(nodes, parent) {
                Use::Plain
            } else {
                Use::Other
            }
        }
        AstKind::SpreadElement(_) => match nodes.parent_kind(parent) {
            AstKind::ObjectExpression(_) => Use::Plain,
            _ => Use::Other,
        },
        AstKind::NewExpression(new) if is_of_webassembly(new) => Use::Plain,
        AstKind::ObjectProperty(_) if is_in_descriptor(nodes, parent) => Use::Plain,
        AstKind::CallExpression(call) if is_first_of_assign(&call.callee, call.arguments.first().map(GetSpan::span), name.span) => {
            Use::Filled
        }
        _ => Use::Other,
    }
}

/// What is done with a variable by the expression that names one of its properties, the node `id` at `span`.
fn of_property<'a>(nodes: &AstNodes<'a>, id: NodeId, span: Span, property: &'a str) -> Use<'a> {
    match nodes.parent_kind(id) {
        AstKind::AssignmentExpression(assignment)
            if assignment.left.span() == span && assignment.operator == AssignmentOperator::Assign =>
        {
            Use::Plain
        }
        _ if is_called(nodes, id, span) => Use::Other,
        AstKind::ChainExpression(_) => match nodes.parent_kind(nodes.parent_id(id)) {
            AstKind::UnaryExpression(unary) if unary.operator.is_delete() => Use::Changed(property),
            _ => Use::Plain,
        },
        _ if is_target(nodes, id, span) => Use::Changed(property),
        _ => Use::Plain,
    }
}

/// Whether the node `id` at `span` is called, and so given the object that it is a property of.
fn is_called(nodes: &AstNodes<'_>, id: NodeId, span: Span) -> bool {
    match nodes.parent_kind(id) {
        AstKind::CallExpression(call) => call.callee.span() == span,
        AstKind::TaggedTemplateExpression(template) => template.tag.span() == span,
        AstKind::ChainExpression(chain) => is_called(nodes, nodes.parent_id(id), chain.span),
        _ => false,
    }
}

/// Whether what the node `id` at `span` names gets a value, or is deleted.
fn is_target(nodes: &AstNodes<'_>, id: NodeId, span: Span) -> bool {
    match nodes.parent_kind(id) {
        AstKind::AssignmentExpression(assignment) => assignment.left.span() == span,
        AstKind::UnaryExpression(unary) => unary.operator.is_delete(),
        AstKind::ForInStatement(statement) => statement.left.span() == span,
        AstKind::ForOfStatement(statement) => statement.left.span() == span,
        AstKind::UpdateExpression(_)
        | AstKind::ArrayAssignmentTarget(_)
        | AstKind::AssignmentTargetWithDefault(_)
        | AstKind::AssignmentTargetPropertyProperty(_)
        | AstKind::AssignmentTargetRest(_) => true,
        _ => false,
    }
}

/// Whether nobody sees what the expression with the node `id` gives.
fn is_dropped(nodes: &AstNodes<'_>, id: NodeId) -> bool {
    let parent = nodes.parent_id(id);
    match nodes.kind(parent) {
        AstKind::ExpressionStatement(_) => true,
        AstKind::SequenceExpression(sequence) => {
            let is_last = sequence.expressions.last().is_some_and(|last| last.span() == nodes.kind(id).span());
            !is_last || matches!(nodes.parent_kind(parent), AstKind::ExpressionStatement(_))
        }
        _ => false,
    }
}

/// `new WebAssembly.Global` and the like.
fn is_of_webassembly(new: &NewExpression<'_>) -> bool {
    let namespace = new.callee.as_member_expression().map(|member| member.object());
    match namespace {
        Some(Expression::Identifier(name)) => name.name == "WebAssembly",
        Some(other) => other.as_member_expression().and_then(|member| member.static_property_name()) == Some("WebAssembly"),
        None => false,
    }
}

/// Whether the property with the node `id` is written in `new WebAssembly.Tag({parameters})` and the like.
fn is_in_descriptor(nodes: &AstNodes<'_>, id: NodeId) -> bool {
    let object = nodes.parent_id(id);
    matches!((nodes.kind(object), nodes.parent_kind(object)), (AstKind::ObjectExpression(_), AstKind::NewExpression(new)) if is_of_webassembly(new))
}

/// Whether the call is `Object.assign(NAME, …)` or one of its relatives.
fn is_first_of_assign(callee: &Expression<'_>, first: Option<Span>, name: Span) -> bool {
    let fills = |method| callee.as_member_expression().is_some_and(|member| member.is_specific_member_access("Object", method));
    first == Some(name) && ["assign", "defineProperties", "defineProperty", "setPrototypeOf"].into_iter().any(fills)
}
