//! Macros: calls that are not functions, since they bind names or look at fields.

use crate::ast::{Bind, Expr, Loop, LoopKind, Node};
use crate::parser::Parser;
use crate::{CompileError, Key};

type Parsed = Result<Node, CompileError>;

/// The node of a call, whether it is a macro's or a function's.
pub(crate) fn expand(parser: &Parser<'_>, at: usize, target: Option<Node>, name: String, args: Vec<Node>) -> Parsed {
    match (target, name.as_str(), args.len()) {
        (None, "has", 1) => has(parser, at, args),
        (Some(target), "bind", 3) if is_name(&target, "cel") => {
            let [name, value, body] = array(args);
            let name = variable(parser, &name)?;
            parser.node(at, Expr::Bind(Box::new(Bind { name, value, body })))
        }
        (Some(target), "optMap" | "optFlatMap", 2) => {
            let [variable_name, body] = array(args);
            let bind = Box::new(Bind { name: variable(parser, &variable_name)?, value: target, body });
            parser.node(at, Expr::OptionalMap { bind, flat: name == "optFlatMap" })
        }
        (Some(target), _, count) => match loop_kind(&name, count) {
            Some(shape) => a_loop(parser, at, target, shape, args),
            None => parser.node(at, Expr::Call { function: name, target: Some(Box::new(target)), args }),
        },
        (None, ..) => parser.node(at, Expr::Call { function: name, target: None, args }),
    }
}

fn array<const N: usize>(args: Vec<Node>) -> [Node; N] {
    args.try_into().expect("the caller has counted them")
}

fn is_name(node: &Node, name: &str) -> bool {
    matches!(&node.expr, Expr::Name(found) if found == name)
}

fn has(parser: &Parser<'_>, at: usize, args: Vec<Node>) -> Parsed {
    let [arg] = array(args);
    match arg.expr {
        Expr::Select { of, field, optional: false } => parser.node(at, Expr::Has { of, field }),
        _ => Err(parser.error(at, "invalid argument to has() macro: it takes a field selection such as has(a.b)")),
    }
}

fn variable(parser: &Parser<'_>, node: &Node) -> Result<String, CompileError> {
    match &node.expr {
        Expr::Name(name) => Ok(name.clone()),
        _ => Err(parser.error(node.at, "argument must be a simple name")),
    }
}

/// How many names a macro binds, and whether it has a filter and a result.
struct Shape {
    kind: LoopKind,
    names: usize,
    filter: bool,
    result: bool,
}

fn loop_kind(name: &str, args: usize) -> Option<Shape> {
    use LoopKind::{All, Entries, Exists, ExistsOne, List, Map, Sort};
    let (kind, names, filter, result) = match (name, args) {
        ("all", 2) => (All, 1, true, false),
        ("all", 3) => (All, 2, true, false),
        ("exists", 2) => (Exists, 1, true, false),
        ("exists", 3) => (Exists, 2, true, false),
        ("exists_one", 2) => (ExistsOne, 1, true, false),
        ("exists_one" | "existsOne", 3) => (ExistsOne, 2, true, false),
        ("existsOne", 2) => (ExistsOne, 1, true, false),
        ("filter", 2) => (List, 1, true, false),
        ("map", 2) => (List, 1, false, true),
        ("map", 3) => (List, 1, true, true),
        ("transformList", 3) => (List, 2, false, true),
        ("transformList", 4) => (List, 2, true, true),
        ("transformMap", 3) => (Map, 2, false, true),
        ("transformMap", 4) => (Map, 2, true, true),
        ("transformMapEntry", 3) => (Entries, 2, false, true),
        ("transformMapEntry", 4) => (Entries, 2, true, true),
        ("sortBy", 2) => (Sort, 1, false, true),
        _ => return None,
    };
    Some(Shape { kind, names, filter, result })
}

fn a_loop(parser: &Parser<'_>, at: usize, over: Node, shape: Shape, args: Vec<Node>) -> Parsed {
    let mut args = args.into_iter();
    let names = args.by_ref().take(shape.names).map(|node| variable(parser, &node)).collect::<Result<Vec<_>, _>>()?;
    if let [first, second] = names.as_slice()
        && first == second
    {
        return Err(parser.error(at, format!("the two variables must have different names, not both {first}")));
    }
    let filter = if shape.filter { args.next() } else { None };
    let result = if shape.result { args.next() } else { None };
    parser.node(at, Expr::Loop(Box::new(Loop { kind: shape.kind, over, names, filter, result })))
}

/// The dotted name that a chain of selections spells, if it begins with a name.
pub(crate) fn dotted(node: &Node) -> Option<String> {
    match &node.expr {
        Expr::Name(name) => Some(name.clone()),
        Expr::Select { of, field: Key::String(field), optional: false } => Some(format!("{}.{field}", dotted(of)?)),
        _ => None,
    }
}
