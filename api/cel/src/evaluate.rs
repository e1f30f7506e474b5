//! Running what was compiled.
//!
//! Every node is a step and is paid for. Operands of `&&` and `||` that fail do not matter where another decides, as CEL has it;
//! so it is with `all` and `exists`. A budget that is used up always matters.

mod loops;

use std::sync::Arc;

use crate::ast::LoopKind;
use crate::expression::Bindings;
use crate::signature::{Arguments, Overload};
use crate::{Budget, EvaluationError, Key, Map, Value};

/// A step with its operands.
#[derive(Debug)]
pub(crate) struct Code(pub(crate) Box<Op>);

#[derive(Debug)]
pub(crate) enum Op {
    Constant(Value),
    Variable(Arc<str>),
    /// What a macro has bound, counted from the outermost.
    Local(usize),
    Select {
        of: Code,
        field: Key,
        optional: bool,
    },
    Has {
        of: Code,
        field: Key,
    },
    Index {
        of: Code,
        index: Code,
        optional: bool,
    },
    Call {
        name: Arc<str>,
        overloads: Arc<[Arc<Overload>]>,
        args: Vec<Code>,
    },
    And(Vec<Code>),
    Or(Vec<Code>),
    If([Code; 3]),
    /// Whether an item may be absent, and the item.
    List(Vec<(bool, Code)>),
    Map(Vec<CodeEntry>),
    Loop(CodeLoop),
    Bind {
        value: Code,
        body: Code,
    },
    OptionalMap {
        of: Code,
        body: Code,
        flat: bool,
    },
}

#[derive(Debug)]
pub(crate) struct CodeEntry {
    pub(crate) optional: bool,
    pub(crate) key: Code,
    pub(crate) value: Code,
}

#[derive(Debug)]
pub(crate) struct CodeLoop {
    pub(crate) kind: LoopKind,
    pub(crate) over: Code,
    pub(crate) two: bool,
    pub(crate) filter: Option<Code>,
    pub(crate) result: Option<Code>,
    /// How many turns there can be, if that is known.
    pub(crate) size: Option<u64>,
}

pub(crate) type Evaluated = Result<Value, EvaluationError>;

pub(crate) struct Evaluator<'a> {
    pub(crate) bindings: &'a dyn Bindings,
    pub(crate) budget: &'a mut Budget,
    pub(crate) locals: Vec<Value>,
}

impl Evaluator<'_> {
    pub(crate) fn run(&mut self, code: &Code) -> Evaluated {
        self.budget.take(1)?;
        match code.0.as_ref() {
            Op::Constant(value) => Ok(value.clone()),
            Op::Variable(name) => self.bindings.value(name, self.budget),
            Op::Local(index) => Ok(self.locals[*index].clone()),
            Op::Select { of, field, optional } => self.select(of, field, *optional),
            Op::Has { of, field } => self.has(of, field),
            Op::Index { of, index, optional } => self.index(of, index, *optional),
            Op::Call { name, overloads, args } => self.call(name, overloads, args),
            Op::And(operands) => self.logic(operands, false),
            Op::Or(operands) => self.logic(operands, true),
            Op::If([condition, then, other]) => {
                let chosen = if self.flag(condition)? { then } else { other };
                self.run(chosen)
            }
            Op::List(items) => self.list(items),
            Op::Map(entries) => self.map(entries),
            Op::Loop(of) => self.a_loop(of),
            Op::Bind { value, body } => {
                let value = self.run(value)?;
                self.within(value, body)
            }
            Op::OptionalMap { of, body, flat } => self.optional_map(of, body, *flat),
        }
    }

    fn within(&mut self, value: Value, body: &Code) -> Evaluated {
        self.locals.push(value);
        let out = self.run(body);
        self.locals.pop();
        out
    }

    fn flag(&mut self, code: &Code) -> Result<bool, EvaluationError> {
        let value = self.run(code)?;
        value
            .as_bool()
            .ok_or_else(|| EvaluationError::NoSuchOverload(format!("expected bool, found {}", value.type_name())))
    }

    /// `deciding` is the operand that makes the others irrelevant.
    fn logic(&mut self, operands: &[Code], deciding: bool) -> Evaluated {
        let mut failed = None;
        for operand in operands {
            match self.flag(operand) {
                Ok(flag) if flag == deciding => return Ok(Value::Bool(deciding)),
                Ok(_) => {}
                Err(EvaluationError::OutOfBudget) => return Err(EvaluationError::OutOfBudget),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(Value::Bool(!deciding)), Err)
    }

    /// What is to be selected from: what an optional holds, and `None` if that is nothing.
    fn operand(&mut self, of: &Code) -> Result<(Option<Value>, bool), EvaluationError> {
        Ok(match self.run(of)? {
            Value::Optional(inner) => (inner.map(Arc::unwrap_or_clone), true),
            other => (Some(other), false),
        })
    }

    fn select(&mut self, of: &Code, field: &Key, optional: bool) -> Evaluated {
        let (of, through) = self.operand(of)?;
        let found = match &of {
            None => None,
            Some(Value::Map(entries)) => entries.get(field).cloned(),
            Some(Value::Null) if optional || through => None,
            Some(other) => return Err(no_field(other)),
        };
        answer(found, optional || through, || EvaluationError::NoSuchKey(field.to_string()))
    }

    fn has(&mut self, of: &Code, field: &Key) -> Evaluated {
        match self.operand(of)? {
            (None, _) | (Some(Value::Null), true) => Ok(Value::Bool(false)),
            (Some(Value::Map(entries)), _) => Ok(Value::Bool(entries.contains_key(field))),
            (Some(other), _) => Err(no_field(&other)),
        }
    }

    fn index(&mut self, of: &Code, index: &Code, optional: bool) -> Evaluated {
        let (of, through) = self.operand(of)?;
        let index = self.run(index)?;
        let optional = optional || through;
        match &of {
            None => Ok(Value::Optional(None)),
            Some(Value::List(items)) => {
                let number = whole(&index)?;
                let found = usize::try_from(number).ok().and_then(|index| items.get(index)).cloned();
                answer(found, optional, || EvaluationError::OutOfBounds(number))
            }
            Some(Value::Map(entries)) => {
                let key = Key::of(&index);
                let found = key.as_ref().and_then(|key| entries.get(key)).cloned();
                answer(found, optional, || {
                    EvaluationError::NoSuchKey(key.map_or_else(|| index.type_name().to_owned(), |key| key.to_string()))
                })
            }
            Some(Value::Null) if optional => Ok(Value::Optional(None)),
            Some(other) => {
                Err(EvaluationError::NoSuchOverload(format!("_[_]({}, {})", other.type_name(), index.type_name())))
            }
        }
    }

    fn call(&mut self, name: &str, overloads: &[Arc<Overload>], args: &[Code]) -> Evaluated {
        let values = args.iter().map(|arg| self.run(arg)).collect::<Result<Vec<_>, _>>()?;
        let Some(overload) = overloads.iter().find(|overload| overload.takes(&values)) else {
            let types: Vec<&str> = values.iter().map(Value::type_name).collect();
            return Err(EvaluationError::NoSuchOverload(format!("{name}({})", types.join(", "))));
        };
        (overload.call)(&mut Arguments { values: &values, budget: self.budget })
    }

    fn list(&mut self, items: &[(bool, Code)]) -> Evaluated {
        let mut values = Vec::with_capacity(items.len());
        for (optional, code) in items {
            values.extend(self.given(*optional, code)?);
        }
        Ok(Value::List(values.into()))
    }

    /// A value that is written as `?value` counts only if there is one.
    fn given(&mut self, optional: bool, code: &Code) -> Result<Option<Value>, EvaluationError> {
        match self.run(code)? {
            Value::Optional(inner) if optional => Ok(inner.map(Arc::unwrap_or_clone)),
            other => Ok(Some(other)),
        }
    }

    fn map(&mut self, entries: &[CodeEntry]) -> Evaluated {
        let mut map = Map::new();
        for entry in entries {
            let key = self.run(&entry.key)?;
            let key = Key::of(&key)
                .ok_or_else(|| EvaluationError::invalid(format!("unsupported key type: {}", key.type_name())))?;
            let Some(value) = self.given(entry.optional, &entry.value)? else { continue };
            if map.contains_key(&key) {
                return Err(EvaluationError::invalid(format!("Failed with repeated key: {key}")));
            }
            map.insert(key, value);
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn optional_map(&mut self, of: &Code, body: &Code, flat: bool) -> Evaluated {
        match self.run(of)? {
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(value)) => {
                let out = self.within(Arc::unwrap_or_clone(value), body)?;
                Ok(if flat { out } else { Value::some(out) })
            }
            other => Err(EvaluationError::NoSuchOverload(format!("optMap({})", other.type_name()))),
        }
    }
}

fn answer(found: Option<Value>, optional: bool, error: impl FnOnce() -> EvaluationError) -> Evaluated {
    match found {
        Some(value) => Ok(if optional { Value::some(value) } else { value }),
        None if optional => Ok(Value::Optional(None)),
        None => Err(error()),
    }
}

fn no_field(of: &Value) -> EvaluationError {
    EvaluationError::NoSuchOverload(format!("type '{}' does not support field selection", of.type_name()))
}

fn whole(index: &Value) -> Result<i64, EvaluationError> {
    match Key::of(index) {
        Some(Key::Int(number)) => Ok(number),
        Some(Key::Uint(number)) => Ok(i64::try_from(number).unwrap_or(i64::MAX)),
        _ => Err(EvaluationError::NoSuchOverload(format!("a list has no index of type {}", index.type_name()))),
    }
}

impl Code {
    /// The variables that are looked at.
    pub(crate) fn variables(&self, into: &mut Vec<Arc<str>>) {
        if let Op::Variable(name) = self.0.as_ref()
            && !into.contains(name)
        {
            into.push(name.clone());
        }
        self.children().into_iter().for_each(|code| code.variables(into));
    }

    /// The steps directly below.
    pub(crate) fn children(&self) -> Vec<&Code> {
        match self.0.as_ref() {
            Op::Constant(_) | Op::Variable(_) | Op::Local(_) => Vec::new(),
            Op::Select { of, .. } | Op::Has { of, .. } => vec![of],
            Op::Index { of, index, .. } => vec![of, index],
            Op::Call { args, .. } | Op::And(args) | Op::Or(args) => args.iter().collect(),
            Op::If(codes) => codes.iter().collect(),
            Op::List(items) => items.iter().map(|(_, code)| code).collect(),
            Op::Map(entries) => entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect(),
            Op::Loop(of) => [Some(&of.over), of.filter.as_ref(), of.result.as_ref()].into_iter().flatten().collect(),
            Op::Bind { value: of, body } | Op::OptionalMap { of, body, .. } => vec![of, body],
        }
    }
}
