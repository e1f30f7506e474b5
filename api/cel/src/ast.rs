//! What a text says, before its names are looked up.

use crate::{Key, Value};

/// A part of an expression.
#[derive(Debug)]
pub(crate) struct Node {
    /// The byte of the text where it stands.
    pub(crate) at: usize,
    /// How many levels there are from here down.
    pub(crate) depth: usize,
    /// What it is.
    pub(crate) expr: Expr,
}

#[derive(Debug)]
pub(crate) enum Expr {
    Literal(Value),
    Name(String),
    /// `of.field` or `of.?field`.
    Select {
        of: Box<Node>,
        field: Key,
        optional: bool,
    },
    /// `has(of.field)`.
    Has {
        of: Box<Node>,
        field: Key,
    },
    /// A function; with a target, a method. Operators are functions with names such as `_+_`.
    Call {
        function: String,
        target: Option<Box<Node>>,
        args: Vec<Node>,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    /// Condition, then, else.
    If(Box<[Node; 3]>),
    List(Vec<Item>),
    Map(Vec<Entry>),
    Struct {
        name: String,
        fields: Vec<Entry>,
    },
    Loop(Box<Loop>),
    /// `cel.bind(name, value, body)`.
    Bind(Box<Bind>),
    /// `of.optMap(name, body)`, `of.optFlatMap(name, body)`.
    OptionalMap {
        bind: Box<Bind>,
        flat: bool,
    },
}

/// An item of a list; `?item` is left out where it is an empty optional.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) optional: bool,
    pub(crate) node: Node,
}

/// An entry of a map, or a field of an object, whose key then is a text.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) optional: bool,
    pub(crate) key: Node,
    pub(crate) value: Node,
}

/// A name for a value within a body.
#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) name: String,
    pub(crate) value: Node,
    pub(crate) body: Node,
}

/// A macro that looks at each item of a list, or at each key of a map.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) over: Node,
    /// One name for the item or key; two for index and item, or key and value.
    pub(crate) names: Vec<String>,
    /// What items are held to, if anything.
    pub(crate) filter: Option<Node>,
    /// What becomes of an item, if not itself.
    pub(crate) result: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    /// Whether the filter holds for all.
    All,
    /// Whether it holds for any.
    Exists,
    /// Whether it holds for exactly one.
    ExistsOne,
    /// The items for which it holds, or what becomes of them.
    List,
    /// A map with the same keys and other values.
    Map,
    /// A map of the entries that each item becomes.
    Entries,
    /// The items in the order of what each becomes.
    Sort,
}

impl Node {
    /// The nodes directly below.
    pub(crate) fn children(expr: &Expr) -> Vec<&Node> {
        match expr {
            Expr::Literal(_) | Expr::Name(_) => Vec::new(),
            Expr::Select { of, .. } | Expr::Has { of, .. } => vec![of],
            Expr::Call { target, args, .. } => target.as_deref().into_iter().chain(args).collect(),
            Expr::And(nodes) | Expr::Or(nodes) => nodes.iter().collect(),
            Expr::If(nodes) => nodes.iter().collect(),
            Expr::List(items) => items.iter().map(|item| &item.node).collect(),
            Expr::Map(entries) | Expr::Struct { fields: entries, .. } => {
                entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect()
            }
            Expr::Loop(of) => [Some(&of.over), of.filter.as_ref(), of.result.as_ref()].into_iter().flatten().collect(),
            Expr::Bind(bind) | Expr::OptionalMap { bind, .. } => vec![&bind.value, &bind.body],
        }
    }
}
