//! Where in the schema a walk is, and how what is there is owned.

use serde_json::{Map, Value};

use super::element::Element;
use crate::kinds::Kind;
use crate::schema::{self, ApplyRule, Schema, Shape, Text, Type, TypeId};

/// A place in a schema.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    schema: &'a Schema,
    shape: At<'a>,
    rule: &'a ApplyRule,
}

#[derive(Clone, Copy, Debug)]
enum At<'a> {
    Shape(&'a Shape),
    Root(TypeId),
    /// Where the schema says nothing: objects part by part, lists as a whole.
    Anything,
}

/// How a value is owned.
#[derive(Debug)]
pub(super) enum Form<'a> {
    /// As one.
    Whole,
    /// Field by field.
    Fields(Fields<'a>),
    /// Value by value.
    Set,
    /// Item by item, told apart by keys.
    Items(Items<'a>),
}

/// An object, owned field by field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fields<'a> {
    /// A structure: its fields come with the schema, so nobody owns the structure itself unless it is empty.
    Struct(Place<'a>, &'a Type),
    /// A map: each entry is owned as such too.
    Map(Place<'a>),
}

/// A list whose items are told apart by keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'a> {
    pub(super) item: Place<'a>,
    keys: &'a [Text],
}

impl<'a> Place<'a> {
    /// Objects of that type of the schema.
    pub fn new(schema: &'a Schema, of: TypeId) -> Self {
        Self { schema, shape: At::Root(of), rule: &ApplyRule::Natural }
    }

    /// Objects of a kind; of one that the schema does not have, anything.
    pub fn of_kind(kind: &Kind) -> Place<'static> {
        if let Some(custom) = kind.custom {
            return Place::new(&custom.schema, custom.root);
        }
        let schema = schema::builtin();
        let shape = schema.of_kind(kind.group, kind.version, kind.kind).map_or(At::Anything, At::Root);
        Place { schema, shape, rule: &ApplyRule::Natural }
    }

    fn shaped(self, shape: &'a Shape) -> Self {
        Self { shape: At::Shape(shape), rule: &ApplyRule::Natural, ..self }
    }

    fn anything(self) -> Self {
        Self { shape: At::Anything, rule: &ApplyRule::Natural, ..self }
    }

    /// How this value is owned here.
    pub(super) fn form(self, value: &Value) -> Form<'a> {
        let shape = match self.shape {
            _ if *self.rule == ApplyRule::Atomic => return Form::Whole,
            At::Root(of) => return self.structure(of, value),
            At::Anything => &Shape::Any,
            At::Shape(shape) => shape,
        };
        match (shape, value, self.rule) {
            (Shape::Object(of), _, _) => self.structure(*of, value),
            (Shape::Map(item), Value::Object(_), _) => Form::Fields(Fields::Map(self.shaped(item))),
            (Shape::Any, Value::Object(_), _) => Form::Fields(Fields::Map(self.anything())),
            (Shape::Either(first, second), _, _) => {
                self.shaped(if value.is_object() { first } else { second }).form(value)
            }
            (Shape::List(_), Value::Array(_), ApplyRule::Set) => Form::Set,
            (Shape::List(item), Value::Array(_), ApplyRule::Map(keys)) => {
                Form::Items(Items { item: self.shaped(item), keys })
            }
            _ => Form::Whole,
        }
    }

    fn structure(self, of: TypeId, value: &Value) -> Form<'a> {
        let of = self.schema.get(of);
        if of.atomic || !value.is_object() { Form::Whole } else { Form::Fields(Fields::Struct(self, of)) }
    }

    fn of_type(self) -> Option<&'a Type> {
        match self.shape {
            At::Root(of) => Some(self.schema.get(of)),
            At::Shape(Shape::Object(of)) => Some(self.schema.get(*of)),
            _ => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// The place of a field.
    pub(super) fn field(self, name: &str) -> Place<'a> {
        match self {
            Self::Map(item) => item,
            Self::Struct(place, of) => of.field(name).map_or_else(
                || place.anything(),
                |field| Place { shape: At::Shape(&field.shape), rule: &field.apply, ..place },
            ),
        }
    }

    /// Whether the schema names this field, rather than the object's author.
    pub(super) fn names(self, field: &str) -> bool {
        matches!(self, Self::Struct(_, of) if of.field(field).is_some())
    }
}

impl Items<'_> {
    /// What tells this item apart. A key that the item leaves out has its default; without one it must not be left out,
    /// unless it is optional. The error is the key that is missing.
    pub(super) fn element(self, item: &Value) -> Result<Element, String> {
        let mut keys = Map::new();
        for key in self.keys {
            let field = self.item.of_type().and_then(|of| of.field(key));
            let found = item.get(key.as_ref()).filter(|value| !value.is_null()).cloned();
            match found.or_else(|| field.and_then(|field| field.default.clone())) {
                Some(value) => drop(keys.insert(key.to_string(), value)),
                None if field.is_some_and(|field| !field.required) => {}
                None => return Err(key.to_string()),
            }
        }
        Ok(Element::key(keys))
    }
}
