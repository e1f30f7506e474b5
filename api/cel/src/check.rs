//! From what a text says to what it means: names become variables and functions, and types that cannot fit are refused.

use std::sync::Arc;

use crate::ast::{Bind, Entry, Expr, Loop, LoopKind, Node};
use crate::evaluate::{Code, CodeEntry, CodeLoop, Op};
use crate::macros::dotted;
use crate::parser::MAX_DEPTH;
use crate::signature::Overload;
use crate::{CompileError, Environment, Key, Type, Value};

/// A part of the expression that is understood: what to do and what it gives.
pub(crate) struct Typed {
    pub(crate) code: Code,
    pub(crate) of: Type,
    /// How large it can be, if that is known.
    size: Option<u64>,
}

/// Looks up all names.
pub(crate) fn check(text: &str, node: &Node, environment: &Environment) -> Result<Typed, CompileError> {
    Checker { text, environment, locals: Vec::new() }.node(node)
}

struct Checker<'a> {
    text: &'a str,
    environment: &'a Environment,
    /// The names that macros have bound, the innermost last.
    locals: Vec<(String, Type)>,
}

type Checked = Result<Typed, CompileError>;

/// The names of types as values.
const TYPES: [&str; 13] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "optional_type",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
];

fn typed(op: Op, of: Type) -> Checked {
    sized(op, of, None)
}

fn sized(op: Op, of: Type, size: Option<u64>) -> Checked {
    Ok(Typed { code: Code(Box::new(op)), of, size })
}

impl Checker<'_> {
    fn error<T>(&self, node: &Node, message: impl Into<String>) -> Result<T, CompileError> {
        Err(CompileError::new(self.text, node.at, message))
    }

    /// Types of types are bounded as the tree is: a bound name stands for a tree of its own.
    fn node(&mut self, node: &Node) -> Checked {
        let found = self.node_of(node)?;
        if found.of.depth() > MAX_DEPTH {
            return self.error(node, format!("its type has more than {MAX_DEPTH} levels"));
        }
        Ok(found)
    }

    fn node_of(&mut self, node: &Node) -> Checked {
        match &node.expr {
            Expr::Literal(value) => typed(Op::Constant(value.clone()), type_of(value)),
            Expr::Name(name) => self.name(node, name),
            Expr::Select { of, field, optional } => self.select(node, of, (field, *optional)),
            Expr::Has { of, field } => self.has(node, of, field),
            Expr::Call { function, target, args } => self.call(node, function, target.as_deref(), args),
            Expr::And(nodes) => typed(Op::And(self.flags(nodes)?), Type::Bool),
            Expr::Or(nodes) => typed(Op::Or(self.flags(nodes)?), Type::Bool),
            Expr::If(nodes) => self.condition(nodes),
            Expr::List(items) => self.list(items),
            Expr::Map(entries) => self.map(entries),
            Expr::Struct { name, fields } => self.object(node, name, fields),
            Expr::Loop(of) => self.a_loop(node, of),
            Expr::Bind(bind) => self.bind(bind),
            Expr::OptionalMap { bind, flat } => self.optional_map(node, bind, *flat),
        }
    }

    fn name(&self, node: &Node, name: &str) -> Checked {
        if let Some(index) = self.locals.iter().rposition(|(local, _)| local == name) {
            return typed(Op::Local(index), self.locals[index].1.clone());
        }
        match self.global(name) {
            Some(found) => Ok(found),
            None => self.error(node, format!("undeclared reference to '{name}' (in container '')")),
        }
    }

    fn global(&self, name: &str) -> Option<Typed> {
        if let Some((name, field)) = self.environment.variable(name) {
            return sized(Op::Variable(name.clone()), field.of.clone(), field.max_size).ok();
        }
        let name = TYPES.iter().find(|known| **known == name)?;
        typed(Op::Constant(Value::Type((*name).into())), Type::Type).ok()
    }

    /// A selection may be a variable with dots in its name.
    fn qualified(&self, node: &Node) -> Option<Typed> {
        let name = dotted(node)?;
        let first = name.split('.').next().unwrap_or_default();
        let hidden = self.locals.iter().any(|(local, _)| local == first);
        if hidden { None } else { self.global(&name) }
    }

    fn select(&mut self, node: &Node, of: &Node, (field, optional): (&Key, bool)) -> Checked {
        if !optional && let Some(found) = self.qualified(node) {
            return Ok(found);
        }
        let of = self.node(of)?;
        let (inner, through) = match &of.of {
            Type::Optional(inner) => ((**inner).clone(), true),
            other => (other.clone(), optional),
        };
        let held = self.field(node, &inner, field)?;
        let size = size_of(&inner, field);
        let op = Op::Select { of: of.code, field: field.clone(), optional };
        sized(op, if through { Type::optional(held) } else { held }, size)
    }

    /// What a field of such a value holds.
    fn field(&self, node: &Node, of: &Type, field: &Key) -> Result<Type, CompileError> {
        let name = field.as_str().unwrap_or_default();
        match of {
            Type::Dyn => Ok(Type::Dyn),
            Type::Map(_, value) => Ok((**value).clone()),
            Type::Object(object) => match object.fields.get(name) {
                Some(field) => Ok(field.of.clone()),
                None => self.error(node, format!("undefined field '{name}'")),
            },
            other => self.error(node, format!("type '{other}' does not support field selection")),
        }
    }

    fn has(&mut self, node: &Node, of: &Node, field: &Key) -> Checked {
        let of = self.node(of)?;
        let inner = if let Type::Optional(inner) = &of.of { inner } else { &of.of };
        self.field(node, inner, field)?;
        typed(Op::Has { of: of.code, field: field.clone() }, Type::Bool)
    }

    fn nodes(&mut self, nodes: &[Node]) -> Result<Vec<Typed>, CompileError> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn call(&mut self, node: &Node, function: &str, target: Option<&Node>, args: &[Node]) -> Checked {
        match function {
            "_[_]" | "_[?_]" => return self.index(node, args, function == "_[?_]"),
            "dyn" if target.is_none() && args.len() == 1 => {
                return Ok(Typed { of: Type::Dyn, ..self.node(&args[0])? });
            }
            _ => {}
        }
        let environment = self.environment;
        if let Some(namespace) = target.and_then(dotted) {
            let name = format!("{namespace}.{function}");
            let functions = environment.functions(&name, false);
            if !functions.is_empty() {
                let args = self.nodes(args)?;
                return self.resolve(node, &name, functions, args);
            }
        }
        let functions = environment.functions(function, target.is_some());
        if functions.is_empty() {
            return self.error(node, format!("undeclared reference to '{function}' (in container '')"));
        }
        let mut all = target.map(|target| self.node(target)).transpose()?.into_iter().collect::<Vec<_>>();
        all.extend(self.nodes(args)?);
        self.resolve(node, function, functions, all)
    }

    /// The forms of a function that may take these arguments.
    fn resolve(&self, node: &Node, name: &str, functions: &[Arc<Overload>], args: Vec<Typed>) -> Checked {
        let types: Vec<Type> = args.iter().map(|arg| arg.of.clone()).collect();
        let (mut overloads, mut result): (Vec<Arc<Overload>>, Option<Type>) = (Vec::new(), None);
        for overload in functions {
            if let Some(of) = overload.result_for(&types) {
                result = Some(result.map_or_else(|| of.clone(), |known| known.join(&of)));
                overloads.push(overload.clone());
            }
        }
        let Some(result) = result else {
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            return self
                .error(node, format!("found no matching overload for '{name}' applied to '({})'", types.join(", ")));
        };
        let mut args: Vec<Code> = args.into_iter().map(|arg| arg.code).collect();
        for (index, prepare) in overloads.iter().filter_map(|overload| overload.prepare) {
            if let Some(Op::Constant(value)) = args.get_mut(index).map(|code| code.0.as_mut()) {
                *value = prepare(value).or_else(|why| self.error(node, why))?;
            }
        }
        typed(Op::Call { name: name.into(), overloads: overloads.into(), args }, result)
    }

    fn index(&mut self, node: &Node, args: &[Node], optional: bool) -> Checked {
        let [of, index] = args else { return self.error(node, "an index takes one value") };
        let (of, index) = (self.node(of)?, self.node(index)?);
        let (inner, through) = match &of.of {
            Type::Optional(inner) => ((**inner).clone(), true),
            other => (other.clone(), optional),
        };
        let number = || [Type::Int, Type::Uint, Type::Double].iter().any(|number| number.agrees(&index.of));
        let held = match &inner {
            Type::Dyn => Some(Type::Dyn),
            Type::List(item) if number() => Some((**item).clone()),
            Type::Map(key, value) if key.agrees(&index.of) || number() => Some((**value).clone()),
            Type::Object(_) if Type::String.agrees(&index.of) => Some(Type::Dyn),
            _ => None,
        };
        let Some(held) = held else {
            return self
                .error(node, format!("found no matching overload for '_[_]' applied to '({}, {})'", of.of, index.of));
        };
        typed(Op::Index { of: of.code, index: index.code, optional }, if through { Type::optional(held) } else { held })
    }

    /// Operands that must be yes or no.
    fn flags(&mut self, nodes: &[Node]) -> Result<Vec<Code>, CompileError> {
        nodes.iter().map(|node| self.flag(node)).collect()
    }

    fn flag(&mut self, node: &Node) -> Result<Code, CompileError> {
        let found = self.node(node)?;
        if !Type::Bool.agrees(&found.of) {
            return self.error(node, format!("expected type 'bool' but found '{}'", found.of));
        }
        Ok(found.code)
    }

    fn condition(&mut self, [condition, then, other]: &[Node; 3]) -> Checked {
        let condition = self.flag(condition)?;
        let (then, other) = (self.node(then)?, self.node(other)?);
        typed(Op::If([condition, then.code, other.code]), then.of.join(&other.of))
    }

    fn list(&mut self, items: &[crate::ast::Item]) -> Checked {
        let (mut codes, mut of) = (Vec::new(), None);
        for item in items {
            let checked = self.node(&item.node)?;
            let held = self.given(&item.node, item.optional, checked.of)?;
            of = Some(joined(of, held));
            codes.push((item.optional, checked.code));
        }
        let size = u64::try_from(codes.len()).ok();
        sized(Op::List(codes), Type::list(of.unwrap_or(Type::Dyn)), size)
    }

    /// What a value that is written as `?value` gives.
    fn given(&self, node: &Node, optional: bool, of: Type) -> Result<Type, CompileError> {
        match of {
            Type::Optional(inner) if optional => Ok((*inner).clone()),
            Type::Dyn => Ok(Type::Dyn),
            other if optional => self.error(node, format!("expected an optional value but found '{other}'")),
            other => Ok(other),
        }
    }

    fn map(&mut self, entries: &[Entry]) -> Checked {
        let (mut codes, mut keys, mut values) = (Vec::new(), None, None);
        for entry in entries {
            let (key, value) = (self.node(&entry.key)?, self.node(&entry.value)?);
            if !matches!(key.of, Type::Dyn | Type::Bool | Type::Int | Type::Uint | Type::String) {
                return self.error(&entry.key, format!("unsupported key type '{}'", key.of));
            }
            keys = Some(joined(keys, key.of));
            values = Some(joined(values, self.given(&entry.value, entry.optional, value.of)?));
            codes.push(CodeEntry { optional: entry.optional, key: key.code, value: value.code });
        }
        let (key, value) = (keys.unwrap_or(Type::Dyn), values.unwrap_or(Type::Dyn));
        typed(Op::Map(codes), Type::Map(Arc::new(key), Arc::new(value)))
    }

    /// An object's fields hold objects of its own parts: `Object.spec` goes into `spec` of `Object`.
    fn object(&mut self, node: &Node, name: &str, fields: &[Entry]) -> Checked {
        if !self.environment.has_object(name) {
            return self.error(node, format!("undeclared reference to '{name}' (in container '')"));
        }
        let mut codes = Vec::new();
        for entry in fields {
            let (key, value) = (self.node(&entry.key)?, self.node(&entry.value)?);
            self.part(name, entry, (&key, &value))?;
            self.given(&entry.value, entry.optional, value.of)?;
            codes.push(CodeEntry { optional: entry.optional, key: key.code, value: value.code });
        }
        typed(Op::Map(codes), Type::Opaque(name.into()))
    }

    /// An object's own part goes into the field that it is named for.
    fn part(&self, name: &str, entry: &Entry, (key, value): (&Typed, &Typed)) -> Result<(), CompileError> {
        let (Op::Constant(Value::String(field)), Some(found)) = (key.code.0.as_ref(), object_name(&value.of)) else {
            return Ok(());
        };
        let (root, _) = name.split_once('.').unwrap_or((name, ""));
        let own = found.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let expected = format!("{name}.{field}");
        if !own || found == expected {
            return Ok(());
        }
        self.error(
            &entry.key,
            format!("expected type of field '{field}' is '{expected}' but provided type is '{found}'"),
        )
    }

    /// Checks a body in which names are bound.
    fn within<T>(
        &mut self,
        names: impl IntoIterator<Item = (String, Type)>,
        body: impl FnOnce(&mut Self) -> Result<T, CompileError>,
    ) -> Result<T, CompileError> {
        let before = self.locals.len();
        self.locals.extend(names);
        let out = body(self);
        self.locals.truncate(before);
        out
    }

    fn bind(&mut self, bind: &Bind) -> Checked {
        let value = self.node(&bind.value)?;
        let body = self.within([(bind.name.clone(), value.of)], |checker| checker.node(&bind.body))?;
        typed(Op::Bind { value: value.code, body: body.code }, body.of)
    }

    fn optional_map(&mut self, node: &Node, bind: &Bind, flat: bool) -> Checked {
        let value = self.node(&bind.value)?;
        let inner = match value.of {
            Type::Optional(inner) => (*inner).clone(),
            Type::Dyn => Type::Dyn,
            other => return self.error(node, format!("expected an optional value but found '{other}'")),
        };
        let body = self.within([(bind.name.clone(), inner)], |checker| checker.node(&bind.body))?;
        if flat && !matches!(body.of, Type::Optional(_) | Type::Dyn) {
            return self.error(&bind.body, format!("expected an optional value but found '{}'", body.of));
        }
        let of = if flat { body.of } else { Type::optional(body.of) };
        typed(Op::OptionalMap { of: value.code, body: body.code, flat }, of)
    }

    fn a_loop(&mut self, node: &Node, of: &Loop) -> Checked {
        let over = self.node(&of.over)?;
        let (first, second) = match &over.of {
            Type::Dyn => (Type::Dyn, Type::Dyn),
            Type::List(item) => (Type::Int, (**item).clone()),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Object(_) => (Type::String, Type::Dyn),
            other => return self.error(
                node,
                format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                ),
            ),
        };
        let (is_list, size) = (matches!(over.of, Type::List(_)), over.size);
        let names: Vec<(String, Type)> = match of.names.as_slice() {
            [one] => vec![(one.clone(), if is_list { second.clone() } else { first.clone() })],
            two => two.iter().cloned().zip([first.clone(), second.clone()]).collect(),
        };
        let count = names.len();
        let (filter, result) = self.within(names.clone(), |checker| {
            let filter = of.filter.as_ref().map(|node| checker.flag(node)).transpose()?;
            Ok((filter, of.result.as_ref().map(|node| checker.node(node)).transpose()?))
        })?;
        let made = result.as_ref().map(|result| result.of.clone());
        let item = names.into_iter().next().map_or(Type::Dyn, |(_, of)| of);
        let held = match of.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Type::Bool,
            LoopKind::List => Type::list(made.unwrap_or(item)),
            LoopKind::Map => Type::Map(Arc::new(first), Arc::new(made.unwrap_or(second))),
            LoopKind::Entries => made.unwrap_or(Type::Dyn),
            LoopKind::Sort => Type::list(item),
        };
        let result = result.map(|of| of.code);
        let code = CodeLoop { kind: of.kind, over: over.code, two: count == 2, filter, result, size };
        sized(Op::Loop(code), held, size)
    }
}

fn joined(known: Option<Type>, next: Type) -> Type {
    match known {
        Some(known) => known.join(&next),
        None => next,
    }
}

/// How large a field of such a value can be, if that is known.
fn size_of(of: &Type, field: &Key) -> Option<u64> {
    let Type::Object(object) = of else { return None };
    object.fields.get(field.as_str()?)?.max_size
}

/// The type of the object that a value, or each of its items, is.
fn object_name(of: &Type) -> Option<&str> {
    match of {
        Type::Opaque(name) => Some(name),
        Type::List(item) => object_name(item),
        _ => None,
    }
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        _ => Type::Dyn,
    }
}
