//! How strategic merge patches treat the parts of an object, by its schema.
//!
//! A [`Shape`] is a place in the schema, and leads the merge from field to field. What the schema does not know merges as in
//! RFC 7386: objects field by field, lists as a whole.

use crate::kinds::Kind;
use crate::schema::{self, MergeRule, Schema};

/// A place in a schema.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    schema: &'a Schema,
    /// `None` where anything may be.
    of: Option<Of<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Of<'a> {
    Object(schema::TypeId),
    /// A map; all its values look like this.
    Map(&'a schema::Shape),
}

/// How a field merges.
#[derive(Debug)]
pub enum Merge<'a> {
    /// As a value of that shape.
    Plain(Shape<'a>),
    /// A list of objects told apart by `key`.
    List {
        /// The field that tells items apart.
        key: &'a str,
        /// The shape of an item.
        item: Shape<'a>,
    },
    /// A list of plain values without order: a patch adds to it.
    Set,
}

impl Shape<'static> {
    /// The shape of a kind's objects.
    pub fn of_kind(kind: &Kind) -> Self {
        let schema = schema::builtin();
        let of = schema.of_kind(kind.group, kind.version, kind.kind).map(Of::Object);
        Self { schema, of }
    }
}

impl<'a> Shape<'a> {
    fn at(self, shape: &'a schema::Shape) -> Self {
        let of = match shape {
            schema::Shape::Object(id) => Some(Of::Object(*id)),
            schema::Shape::Map(item) => Some(Of::Map(item)),
            _ => None,
        };
        Self { of, ..self }
    }

    /// How the field of that name merges.
    pub fn field(self, name: &str) -> Merge<'a> {
        let plain = Merge::Plain(Self { of: None, ..self });
        let field = match self.of {
            Some(Of::Object(id)) => self.schema.get(id).field(name),
            Some(Of::Map(item)) => return Merge::Plain(self.at(item)),
            None => None,
        };
        let Some(field) = field else { return plain };
        match (&field.merge, &field.shape) {
            (MergeRule::Key(key), schema::Shape::List(item)) => Merge::List { key, item: self.at(item) },
            (MergeRule::Set, schema::Shape::List(_)) => Merge::Set,
            (_, shape) => Merge::Plain(self.at(shape)),
        }
    }
}
