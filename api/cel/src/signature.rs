//! Functions as rows: a signature and what it does.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::{Budget, EvaluationError, Opaque, Type, Value};

/// A set of functions.
pub type Library = &'static [Row];

/// What a function does.
pub(crate) type Call = fn(&mut Arguments<'_>) -> Result<Value, EvaluationError>;

/// What becomes of an argument that stands in the text as a constant; an error is told as the expression is compiled.
pub(crate) type Prepare = fn(&Value) -> Result<Value, String>;

/// One form of a function.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    signature: &'static str,
    call: Call,
    prepare: Option<(usize, Prepare)>,
}

impl Row {
    /// A form with that signature, such as `size(list<A>) -> int`, `string.trim() -> string` (a method) or
    /// `sets::contains(list<A>, list<A>) -> bool` (a function with a dotted name). Capital letters stand for any type. Words that
    /// are no types of the language are a host's.
    pub const fn new(signature: &'static str, call: fn(&mut Arguments<'_>) -> Result<Value, EvaluationError>) -> Self {
        Self { signature, call, prepare: None }
    }

    /// The same, but the argument with that index, where it is a constant, goes through `prepare` once; the receiver counts.
    #[must_use]
    pub const fn prepared(self, index: usize, prepare: fn(&Value) -> Result<Value, String>) -> Self {
        Self { prepare: Some((index, prepare)), ..self }
    }
}

/// A row, read.
#[derive(Debug)]
pub struct Overload {
    pub(crate) name: String,
    pub(crate) method: bool,
    pub(crate) parameters: Vec<Type>,
    pub(crate) result: Type,
    pub(crate) call: Call,
    pub(crate) prepare: Option<(usize, Prepare)>,
}

impl Overload {
    pub(crate) fn read(row: &Row) -> Self {
        let read = Reader { rest: row.signature }.overload(row);
        read.unwrap_or_else(|| panic!("the signature {:?} cannot be read", row.signature))
    }

    /// What the result is for arguments of these types; `None` if they do not fit.
    pub(crate) fn result_for(&self, arguments: &[Type]) -> Option<Type> {
        if arguments.len() != self.parameters.len() {
            return None;
        }
        let mut bound = BTreeMap::new();
        let fits = self.parameters.iter().zip(arguments).all(|(parameter, found)| bind(parameter, found, &mut bound));
        fits.then(|| substitute(&self.result, &bound))
    }

    /// Whether it takes these values.
    pub(crate) fn takes(&self, values: &[Value]) -> bool {
        self.parameters.len() == values.len() && self.parameters.iter().zip(values).all(|(of, value)| is_of(value, of))
    }
}

type Bound = BTreeMap<u8, Type>;

fn bind(parameter: &Type, found: &Type, bound: &mut Bound) -> bool {
    match (parameter, found) {
        (Type::Parameter(letter), found) => {
            let known = bound.remove(letter);
            // Anything can be compared with null.
            let null = |of: &Type| matches!(of, Type::Null);
            let agrees = known.as_ref().is_none_or(|known| null(known) || null(found) || known.agrees(found));
            bound.insert(*letter, known.map_or_else(|| found.clone(), |known| known.join(found)));
            agrees
        }
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => bind(a, b, bound),
        (Type::Map(k, v), Type::Map(l, w)) => bind(k, l, bound) && bind(v, w, bound),
        (Type::Map(k, _), Type::Object(_)) => bind(k, &Type::String, bound),
        (parameter, found) => parameter.agrees(found),
    }
}

fn substitute(of: &Type, bound: &Bound) -> Type {
    match of {
        Type::Parameter(letter) => bound.get(letter).cloned().unwrap_or(Type::Dyn),
        Type::List(item) => Type::list(substitute(item, bound)),
        Type::Optional(inner) => Type::optional(substitute(inner, bound)),
        Type::Map(k, v) => Type::Map(Arc::new(substitute(k, bound)), Arc::new(substitute(v, bound))),
        other => other.clone(),
    }
}

/// Whether a value is of a type, as far as choosing a form of a function goes: items are not looked at.
fn is_of(value: &Value, of: &Type) -> bool {
    match of {
        Type::Dyn | Type::Parameter(_) => true,
        Type::Null => matches!(value, Value::Null),
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::Int => matches!(value, Value::Int(_)),
        Type::Uint => matches!(value, Value::Uint(_)),
        Type::Double => matches!(value, Value::Double(_)),
        Type::String => value.type_name() == "string",
        Type::Bytes => matches!(value, Value::Bytes(_)),
        Type::Duration => matches!(value, Value::Duration(_)),
        Type::Timestamp => matches!(value, Value::Timestamp(_)),
        Type::Type => matches!(value, Value::Type(_)),
        Type::List(_) => matches!(value, Value::List(_)),
        Type::Map(..) | Type::Object(_) => matches!(value, Value::Map(_)),
        Type::Optional(_) => matches!(value, Value::Optional(_)),
        Type::Opaque(name) => value.type_name() == &**name,
    }
}

struct Reader {
    rest: &'static str,
}

impl Reader {
    fn overload(mut self, row: &Row) -> Option<Overload> {
        let (head, tail) = self.rest.rsplit_once(" -> ")?;
        let (before, inside) = head.strip_suffix(')')?.split_once('(')?;
        let method = before.rsplit_once('.').filter(|(receiver, _)| !receiver.is_empty());
        let mut parameters = Vec::new();
        if let Some((receiver, _)) = method {
            self.rest = receiver;
            parameters.push(self.one()?);
        }
        self.rest = inside;
        while !self.rest.is_empty() {
            parameters.push(self.one()?);
            self.rest = self.rest.trim_start_matches([',', ' ']);
        }
        self.rest = tail;
        let result = self.one()?;
        let name = method.map_or(before, |(_, name)| name).replace("::", ".");
        Some(Overload { name, method: method.is_some(), parameters, result, call: row.call, prepare: row.prepare })
    }

    fn one(&mut self) -> Option<Type> {
        let end = self.rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(match word {
            "" => return None,
            "dyn" => Type::Dyn,
            "null" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "double" => Type::Double,
            "string" => Type::String,
            "bytes" => Type::Bytes,
            "duration" => Type::Duration,
            "timestamp" => Type::Timestamp,
            "type" => Type::Type,
            "list" => Type::list(self.inner(false)?),
            "optional" => Type::optional(self.inner(false)?),
            "map" => Type::Map(Arc::new(self.inner(true)?), Arc::new(self.close()?)),
            letter if letter.len() == 1 && letter.as_bytes()[0].is_ascii_uppercase() => {
                Type::Parameter(letter.as_bytes()[0])
            }
            host => Type::Opaque(host.into()),
        })
    }

    /// What stands between the angles, or before the comma.
    fn inner(&mut self, comma: bool) -> Option<Type> {
        self.rest = self.rest.strip_prefix('<')?;
        if comma {
            let one = self.one()?;
            self.rest = self.rest.trim_start_matches([',', ' ']);
            return Some(one);
        }
        self.close()
    }

    fn close(&mut self) -> Option<Type> {
        let one = self.one()?;
        self.rest = self.rest.strip_prefix('>')?;
        Some(one)
    }
}

/// What a function is called with: values of the types that its signature says, and the budget.
pub struct Arguments<'a> {
    /// The receiver, if it is a method, and the arguments.
    pub values: &'a [Value],
    /// What the evaluation may still cost. A function pays for what it does beyond a few steps.
    pub budget: &'a mut Budget,
}

type Got<T> = Result<T, EvaluationError>;

impl<'a> Arguments<'a> {
    fn wrong<T>(&self, index: usize) -> Got<T> {
        let found = self.values.get(index).map_or("nothing", Value::type_name);
        Err(EvaluationError::NoSuchOverload(format!("argument {index} is of type {found}")))
    }

    /// An argument.
    pub fn value(&self, index: usize) -> Got<&'a Value> {
        match self.values.get(index) {
            Some(value) => Ok(value),
            None => self.wrong(index),
        }
    }

    /// A text, paid for.
    pub fn text(&mut self, index: usize) -> Got<&'a str> {
        match self.value(index)? {
            Value::String(text) => {
                self.budget.take_bytes(text.len())?;
                Ok(text)
            }
            _ => self.wrong(index),
        }
    }

    /// Items; what is done with each is for the function to pay.
    pub fn list(&self, index: usize) -> Got<&'a [Value]> {
        match self.value(index)? {
            Value::List(items) => Ok(items),
            _ => self.wrong(index),
        }
    }

    /// Bytes, paid for.
    pub fn bytes(&mut self, index: usize) -> Got<&'a [u8]> {
        match self.value(index)? {
            Value::Bytes(bytes) => {
                self.budget.take_bytes(bytes.len())?;
                Ok(bytes)
            }
            _ => self.wrong(index),
        }
    }

    /// An integer.
    pub fn int(&self, index: usize) -> Got<i64> {
        if let Value::Int(number) = self.value(index)? { Ok(*number) } else { self.wrong(index) }
    }

    /// An integer without a sign.
    pub fn uint(&self, index: usize) -> Got<u64> {
        if let Value::Uint(number) = self.value(index)? { Ok(*number) } else { self.wrong(index) }
    }

    /// A floating-point number.
    pub fn double(&self, index: usize) -> Got<f64> {
        if let Value::Double(number) = self.value(index)? { Ok(*number) } else { self.wrong(index) }
    }

    /// A flag.
    pub fn bool(&self, index: usize) -> Got<bool> {
        if let Value::Bool(flag) = self.value(index)? { Ok(*flag) } else { self.wrong(index) }
    }

    /// A span of time.
    pub fn duration(&self, index: usize) -> Got<SignedDuration> {
        if let Value::Duration(span) = self.value(index)? { Ok(*span) } else { self.wrong(index) }
    }

    /// A point in time.
    pub fn timestamp(&self, index: usize) -> Got<Timestamp> {
        if let Value::Timestamp(at) = self.value(index)? { Ok(*at) } else { self.wrong(index) }
    }

    /// An optional.
    pub fn optional(&self, index: usize) -> Got<Option<&'a Value>> {
        if let Value::Optional(value) = self.value(index)? { Ok(value.as_deref()) } else { self.wrong(index) }
    }

    /// A host's value.
    pub fn opaque<T: Opaque>(&self, index: usize) -> Got<&'a T> {
        match self.value(index)?.as_opaque() {
            Some(value) => Ok(value),
            None => self.wrong(index),
        }
    }

    /// A new text, paid for.
    pub fn give(&mut self, text: impl Into<Arc<str>>) -> Got<Value> {
        let text = text.into();
        self.budget.take_bytes(text.len())?;
        Ok(Value::String(text))
    }

    /// A new list, paid for.
    pub fn give_list(&mut self, items: impl IntoIterator<Item = Value>) -> Got<Value> {
        let items: Arc<[Value]> = items.into_iter().collect();
        self.budget.take_items(items.len())?;
        Ok(Value::List(items))
    }
}
