//! The built-in schema, read from the generated table when it is first asked for.
//!
//! `table.tsv` has three forms of lines, their columns parted by tabs:
//!
//! ```text
//! package  PACKAGE
//! type     NAME      [kind=GROUP/VERSION/PLURAL/SCOPE] [atomic]
//!          FIELD     SHAPE     TAGS     FLAGS
//! ```
//!
//! A shape is a word (`string`, `int32`, `time`, …), the name of a type (without its package within the same one), `[]` or `{}`
//! before the shape of the items, or two shapes with `|` between them. Tags are `-`, `7` or `2.7`. Flags are `required`, `zero`
//! (zero means absent), `wrapped`, for server-side apply `atomic`, `set` or `map=KEY,KEY`, for strategic merge `merge`,
//! `merge=KEY` and `retain`, and `default=JSON`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::types::{ApplyRule, Field, MergeRule, Resource, ResourceScope, Schema, Shape, Type, TypeId};

const TABLE: &str = include_str!("table.tsv");

/// The schema of Kubernetes' own kinds.
pub fn builtin() -> &'static Schema {
    static BUILTIN: LazyLock<Schema> =
        LazyLock::new(|| read(TABLE).expect("the generated table is well-formed: a test reads it"));
    &BUILTIN
}

/// Reads a table; `None` if it is malformed.
fn read(table: &'static str) -> Option<Schema> {
    let names = names(table);
    let mut schema = Schema::default();
    let mut package = "";
    let mut open: Option<Type> = None;
    for (line, text) in table.lines().enumerate().filter(|(_, text)| !text.starts_with('#')) {
        let columns: Vec<&'static str> = text.split('\t').collect();
        match columns[0] {
            "package" => package = columns.get(1)?,
            "type" => {
                open.take().map(|done| schema.push(done));
                open = Some(type_row(package, line, &columns)?);
            }
            _ => open.as_mut()?.fields.push(Reader { names: &names, package }.field(line, &columns)?),
        }
    }
    open.take().map(|done| schema.push(done));
    Some(schema)
}

/// Types are numbered in their order, so that a field can name one that comes later.
fn names(table: &'static str) -> BTreeMap<String, TypeId> {
    let mut names = BTreeMap::new();
    let mut package = "";
    for text in table.lines() {
        if let Some(name) = text.strip_prefix("package\t") {
            package = name;
        } else if let Some(row) = text.strip_prefix("type\t") {
            let name = row.split('\t').next().unwrap_or_default();
            let id = TypeId(u32::try_from(names.len()).unwrap_or(u32::MAX));
            names.insert(format!("{package}.{name}"), id);
        }
    }
    names
}

fn type_row(package: &'static str, line: usize, columns: &[&'static str]) -> Option<Type> {
    let flags = columns.get(2).copied().unwrap_or_default();
    let resource = flags.split(' ').find_map(|flag| flag.strip_prefix("kind="));
    Some(Type {
        name: format!("{package}.{}", columns.get(1)?).into(),
        resource: match resource {
            Some(text) => Some(resource_of(text)?),
            None => None,
        },
        atomic: flags.split(' ').any(|flag| flag == "atomic"),
        fields: Vec::new(),
        line,
    })
}

fn resource_of(text: &'static str) -> Option<Resource> {
    let mut parts = text.split('/');
    let (group, version, plural) = (parts.next()?, parts.next()?, parts.next()?);
    let scope = match parts.next()? {
        "cluster" => ResourceScope::Cluster,
        "namespaced" => ResourceScope::Namespaced,
        "part" => ResourceScope::Part,
        _ => return None,
    };
    Some(Resource { group: group.into(), version: version.into(), plural: plural.into(), scope })
}

struct Reader<'a> {
    names: &'a BTreeMap<String, TypeId>,
    package: &'static str,
}

impl Reader<'_> {
    fn field(&self, line: usize, columns: &[&'static str]) -> Option<Field> {
        let tags = *columns.get(3)?;
        let tags = if tags == "-" { Some(Vec::new()) } else { tags.split('.').map(|tag| tag.parse().ok()).collect() };
        let mut field = Field {
            name: (*columns.get(1)?).into(),
            shape: self.shape(columns.get(2)?)?,
            tags: tags?,
            required: false,
            zero_is_unset: false,
            wrapped: false,
            apply: ApplyRule::default(),
            merge: MergeRule::default(),
            retain_keys: false,
            default: None,
            line,
        };
        for word in columns.get(4).unwrap_or(&"").split(' ').filter(|word| !word.is_empty()) {
            flag(&mut field, word)?;
        }
        Some(field)
    }

    fn shape(&self, text: &str) -> Option<Shape> {
        if let Some(item) = text.strip_prefix("[]") {
            return Some(Shape::List(Box::new(self.shape(item)?)));
        }
        if let Some(item) = text.strip_prefix("{}") {
            return Some(Shape::Map(Box::new(self.shape(item)?)));
        }
        if let Some((first, second)) = text.split_once('|') {
            return Some(Shape::Either(Box::new(self.shape(first)?), Box::new(self.shape(second)?)));
        }
        word(text).or_else(|| {
            let named = self.names.get(text).or_else(|| self.names.get(&format!("{}.{text}", self.package)));
            named.map(|id| Shape::Object(*id))
        })
    }
}

fn word(text: &str) -> Option<Shape> {
    Some(match text {
        "string" => Shape::String,
        "bool" => Shape::Bool,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "time" => Shape::Time,
        "microtime" => Shape::MicroTime,
        "quantity" => Shape::Quantity,
        "intorstring" => Shape::IntOrString,
        "any" => Shape::Any,
        _ => return None,
    })
}

fn flag(field: &mut Field, word: &'static str) -> Option<()> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    match name {
        "required" => field.required = true,
        "zero" => field.zero_is_unset = true,
        "wrapped" => field.wrapped = true,
        "atomic" => field.apply = ApplyRule::Atomic,
        "set" => field.apply = ApplyRule::Set,
        "map" => field.apply = ApplyRule::Map(value.split(',').map(Into::into).collect()),
        "merge" if value.is_empty() => field.merge = MergeRule::Set,
        "merge" => field.merge = MergeRule::Key(value.into()),
        "retain" => field.retain_keys = true,
        "default" => field.default = Some(serde_json::from_str(value).ok()?),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let schema = builtin();
        let pod = schema.get(schema.of_kind("", "v1", "Pod").unwrap());
        assert_eq!(pod.name, "io.k8s.api.core.v1.Pod");
        assert!(schema.types().count() > 400);
        let Shape::Object(spec) = pod.field("spec").unwrap().shape else { panic!("a structure") };
        assert_eq!(schema.get(spec).name, "io.k8s.api.core.v1.PodSpec");
        assert_eq!(schema.get(spec).field("containers").unwrap().merge, MergeRule::Key("name".into()));
    }

    /// Both ways in which a field can be in a list by keys name fields that there are.
    #[test]
    fn keys_are_fields() {
        let schema = builtin();
        for field in schema.types().flat_map(|(_, of)| &of.fields) {
            let keys: Vec<&str> = match (&field.apply, &field.merge) {
                (ApplyRule::Map(keys), _) => keys.iter().map(AsRef::as_ref).collect(),
                (_, MergeRule::Key(key)) => vec![key.as_ref()],
                _ => continue,
            };
            let Shape::List(item) = &field.shape else { panic!("{field:?} is no list") };
            let Shape::Object(item) = **item else { panic!("{field:?} holds no structures") };
            assert!(keys.iter().all(|key| schema.get(item).field(key).is_some()), "{field:?}");
        }
    }
}
