//! The schema itself: types that refer to each other by number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

/// Text of the built-in table, or of a custom resource's definition.
pub type Text = Cow<'static, str>;

/// A set of types. Types refer to types of the same schema only.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    types: Vec<Type>,
    by_name: BTreeMap<Text, TypeId>,
    by_kind: BTreeMap<(Text, Text, Text), TypeId>,
}

/// Which type of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeId(pub(super) u32);

/// A structure: fields with names.
#[derive(Clone, Debug)]
pub struct Type {
    /// The full name, such as `io.k8s.api.core.v1.Pod`.
    pub name: Text,
    /// Where it is served, if it has a path of its own.
    pub resource: Option<Resource>,
    /// Whether server-side apply treats it as one value.
    pub atomic: bool,
    /// The fields, by name.
    pub fields: Vec<Field>,
    /// Its line in the table, which finds its description.
    pub line: usize,
}

/// Where the objects of a type are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: Text,
    /// The version.
    pub version: Text,
    /// The last segment of the path.
    pub plural: Text,
    /// Where the path begins.
    pub scope: ResourceScope,
}

/// Where the path of a resource begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceScope {
    /// At the version.
    Cluster,
    /// At a namespace.
    Namespaced,
    /// At another object, as a subresource of it.
    Part,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name in JSON.
    pub name: Text,
    /// What it holds.
    pub shape: Shape,
    /// Where it is in protobuf: the tags from the message down. More than one where JSON is flat and protobuf is not; none
    /// where protobuf has no such field.
    pub tags: Vec<u32>,
    /// Whether it must be there.
    pub required: bool,
    /// Whether its zero value (`""`, `0`, `false`) is the same as its absence.
    pub zero_is_unset: bool,
    /// Whether protobuf puts a message around the list.
    pub wrapped: bool,
    /// What server-side apply owns of it.
    pub apply: ApplyRule,
    /// What a strategic merge patch does to it.
    pub merge: MergeRule,
    /// Whether a strategic merge patch names the keys to keep (`$retainKeys`).
    pub retain_keys: bool,
    /// The default that clients are told of.
    pub default: Option<Value>,
    /// Its line in the table, which finds its description.
    pub line: usize,
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    String,
    /// A truth.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number.
    Double,
    /// Bytes, in base64.
    Bytes,
    /// A time in RFC 3339, to the second.
    Time,
    /// A time in RFC 3339, to the microsecond.
    MicroTime,
    /// An amount of a resource, such as `500m`.
    Quantity,
    /// A number of 32 bits or text, such as a port or a percentage.
    IntOrString,
    /// Any JSON.
    Any,
    /// A structure.
    Object(TypeId),
    /// A list of such values.
    List(Box<Shape>),
    /// A map from text to such values.
    Map(Box<Shape>),
    /// The first where there is an object, else the second.
    Either(Box<Shape>, Box<Shape>),
}

/// What server-side apply owns of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApplyRule {
    /// What the shape suggests: lists as a whole, structures and maps part by part.
    #[default]
    Natural,
    /// All of it.
    Atomic,
    /// A list of which each value is owned by itself.
    Set,
    /// A list whose items are told apart by these fields.
    Map(Vec<Text>),
}

/// What a strategic merge patch does to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MergeRule {
    /// What a merge patch does: lists are replaced.
    #[default]
    Natural,
    /// A list whose items are told apart by this field.
    Key(Text),
    /// A list of plain values that a patch adds to.
    Set,
}

impl Schema {
    /// Adds a type. Its fields are found by binary search, so they are sorted here.
    pub(crate) fn push(&mut self, mut of: Type) -> TypeId {
        of.fields.sort_by(|a, b| a.name.cmp(&b.name));
        let id = TypeId(u32::try_from(self.types.len()).expect("a schema has fewer types than memory has bytes"));
        self.by_name.insert(of.name.clone(), id);
        if let Some(resource) = &of.resource {
            let key = (resource.group.clone(), resource.version.clone(), short(&of.name));
            self.by_kind.insert(key, id);
        }
        self.types.push(of);
        id
    }

    /// Takes over a type of another schema, and all that it holds.
    pub(crate) fn adopt(&mut self, from: &Self, id: TypeId) -> TypeId {
        let mut of = from.get(id).clone();
        if let Some(known) = self.named(&of.name) {
            return known;
        }
        for field in &mut of.fields {
            field.shape = self.adopt_shape(from, &field.shape);
        }
        self.push(of)
    }

    fn adopt_shape(&mut self, from: &Self, shape: &Shape) -> Shape {
        let mut inner = |shape: &Shape| Box::new(self.adopt_shape(from, shape));
        match shape {
            Shape::List(item) => Shape::List(inner(item)),
            Shape::Map(item) => Shape::Map(inner(item)),
            Shape::Either(first, second) => Shape::Either(inner(first), inner(second)),
            Shape::Object(id) => Shape::Object(self.adopt(from, *id)),
            plain => plain.clone(),
        }
    }

    /// The type behind an id of this schema.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// The type of that full name.
    pub fn named(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// The type of the objects of a kind.
    pub fn of_kind(&self, group: &str, version: &str, kind: &str) -> Option<TypeId> {
        let key = (group.to_owned().into(), version.to_owned().into(), kind.to_owned().into());
        self.by_kind.get(&key).copied()
    }

    /// Every type with its id, by name.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, &Type)> {
        self.by_name.values().map(|id| (*id, self.get(*id)))
    }
}

impl Type {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let at = self.fields.binary_search_by(|field| field.name.as_ref().cmp(name)).ok()?;
        self.fields.get(at)
    }

    /// The name without its package: the kind, for what is a kind.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }
}

fn short(name: &Text) -> Text {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.rsplit('.').next().unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.rsplit('.').next().unwrap_or(name).to_owned()),
    }
}
