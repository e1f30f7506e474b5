//! From `openAPIV3Schema` to a structural schema, and everything that keeps it from being one.

use regex::RegexBuilder;
use serde_json::Value;

use super::cel::{self, Place};
use super::structural::{Bound, ListType, Range, Rules, Structural, Type};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::{entries, list, text};

/// The largest compiled pattern, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// Reads a schema.
pub(super) fn read(schema: &Value, path: &FieldPath) -> Result<Structural, FieldErrors> {
    let mut reader = Reader { errors: FieldErrors::new(), place: Place::default() };
    let out = reader.schema(schema, path, Level::Root);
    if reader.errors.is_empty() { Ok(out) } else { Err(reader.errors) }
}

struct Reader {
    errors: FieldErrors,
    /// Where it is, as far as that matters to expressions.
    place: Place,
}

/// Where in a schema the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Root,
    Field,
    Item,
    /// Within `allOf`, `anyOf`, `oneOf` or `not`, which say nothing of types.
    Logic,
}

/// What JSON Schema has and a structural schema has not.
const UNSUPPORTED: [&str; 7] =
    ["$ref", "$schema", "id", "definitions", "dependencies", "patternProperties", "additionalItems"];

/// What may not stand within logic.
const STRUCTURE: [&str; 12] = [
    "additionalProperties",
    "default",
    "description",
    "nullable",
    "title",
    "type",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

impl Reader {
    fn schema(&mut self, schema: &Value, path: &FieldPath, level: Level) -> Structural {
        self.unsupported(schema, path, level);
        let mut out = Structural {
            int_or_string: flag(schema, "x-kubernetes-int-or-string"),
            nullable: flag(schema, "nullable"),
            preserves_unknown: flag(schema, "x-kubernetes-preserve-unknown-fields"),
            embedded: flag(schema, "x-kubernetes-embedded-resource"),
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            atomic: text(schema, "/x-kubernetes-map-type") == Some("atomic"),
            ..Structural::default()
        };
        out.of = self.type_of(schema, &out, path, level);
        self.fields(schema, &mut out, path, level);
        self.items(schema, &mut out, path, level);
        out.list = self.list_type(schema, &out, path);
        out.rules = self.rules(schema, &out, path);
        self.covered(&out, path);
        if level != Level::Logic {
            self.place.root = level == Level::Root;
            out.cel = cel::compile(schema, &out, path, &mut self.place, &mut self.errors);
        }
        out
    }

    /// Reads what can be in an object `times` as often as what it is in.
    fn within<T>(&mut self, times: u64, correlatable: bool, read: impl FnOnce(&mut Self) -> T) -> T {
        let outside = self.place;
        self.place.times = outside.times.saturating_mul(times);
        self.place.correlatable &= correlatable;
        let out = read(self);
        self.place = Place { spent: self.place.spent, ..outside };
        out
    }

    fn forbid(&mut self, path: &FieldPath, key: &str, why: &str) {
        self.errors.push(FieldError::forbidden(&path.child(key), why));
    }

    fn unsupported(&mut self, schema: &Value, path: &FieldPath, level: Level) {
        let set = |key: &&&str| schema.get(**key).is_some_and(|value| *value != Value::Bool(false));
        for key in UNSUPPORTED.iter().filter(set) {
            self.forbid(path, key, "is not supported");
        }
        if flag(schema, "uniqueItems") {
            self.forbid(path, "uniqueItems", "may not be true; use x-kubernetes-list-type: set");
        }
        if level == Level::Logic {
            for key in STRUCTURE.iter().filter(set) {
                self.forbid(path, key, "must be undefined to be structural");
            }
        }
    }

    fn type_of(&mut self, schema: &Value, out: &Structural, path: &FieldPath, level: Level) -> Option<Type> {
        let at = path.child("type");
        let found = text(schema, "/type");
        let of = found.and_then(Type::parse);
        match (level, found, of) {
            (Level::Logic, ..) => return None,
            (Level::Root, None, _) => self.errors.push(FieldError::required(&at, "must not be empty at the root")),
            (Level::Root, Some(word), of) if of != Some(Type::Object) => {
                self.errors.push(FieldError::invalid(&at, word, "must be object at the root"));
            }
            (_, None, _) if !out.int_or_string && !out.preserves_unknown => {
                let what = if level == Level::Item { "array items" } else { "object fields" };
                self.errors.push(FieldError::required(&at, format!("must not be empty for specified {what}")));
            }
            (_, Some(word), None) => {
                self.errors.push(FieldError::not_supported(&at, word, &Type::ALL.map(Type::as_str)));
            }
            (_, Some(word), _) if out.int_or_string => {
                let why = "must be empty if x-kubernetes-int-or-string is true";
                self.errors.push(FieldError::invalid(&at, word, why));
            }
            _ => {}
        }
        of
    }

    fn fields(&mut self, schema: &Value, out: &mut Structural, path: &FieldPath, level: Level) {
        let inner = if level == Level::Logic { Level::Logic } else { Level::Field };
        for (name, field) in entries(schema, "/properties") {
            let at = path.child("properties").key(name);
            let read = match (level, name.as_str()) {
                (Level::Root, "metadata") => self.metadata(field, &at),
                _ => self.schema(field, &at, inner),
            };
            out.properties.insert(name.clone(), read);
        }
        let at = path.child("additionalProperties");
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => self.forbid(path, "additionalProperties", "must not be used to forbid fields"),
            Some(_) if !out.properties.is_empty() => {
                self.forbid(path, "additionalProperties", "additionalProperties and properties are mutual exclusive");
            }
            Some(Value::Bool(true)) => out.additional = Some(Box::new(anything())),
            Some(inner) if inner.is_object() => {
                let times = cel::most(schema).unwrap_or(1);
                out.additional = Some(Box::new(self.within(times, true, |own| own.schema(inner, &at, Level::Field))));
            }
            _ => {}
        }
        let object = out.of == Some(Type::Object) || out.of.is_none();
        if out.embedded && !(object && (out.preserves_unknown || !out.properties.is_empty())) {
            let why = "must be an object with properties, or with x-kubernetes-preserve-unknown-fields";
            self.forbid(path, "x-kubernetes-embedded-resource", why);
        }
        if out.preserves_unknown && !object {
            self.forbid(path, "x-kubernetes-preserve-unknown-fields", "must be of type object");
        }
    }

    /// The metadata of the object itself: its schema is given, and only its names may be held to more.
    fn metadata(&mut self, schema: &Value, path: &FieldPath) -> Structural {
        for (name, _) in
            entries(schema, "/properties").filter(|(name, _)| !["name", "generateName"].contains(&name.as_str()))
        {
            let why =
                "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.errors.push(FieldError::forbidden(&path.child("properties").key(name), why));
        }
        if schema.get("default").is_some() {
            self.forbid(path, "default", "must not be set in the metadata of the object");
        }
        Structural { preserves_unknown: true, ..self.schema(schema, path, Level::Field) }
    }

    fn items(&mut self, schema: &Value, out: &mut Structural, path: &FieldPath, level: Level) {
        let at = path.child("items");
        let inner = if level == Level::Logic { Level::Logic } else { Level::Item };
        match schema.get("items") {
            Some(Value::Array(_)) => {
                self.errors.push(FieldError::forbidden(&at, "items must be a schema object and not an array"))
            }
            Some(item) => {
                let keyed = text(schema, "/x-kubernetes-list-type") == Some("map");
                let times = cel::most(schema).unwrap_or(1);
                out.items = Some(Box::new(self.within(times, keyed, |own| own.schema(item, &at, inner))));
            }
            None if out.of == Some(Type::Array) => self.errors.push(FieldError::required(&at, "must be specified")),
            None => {}
        }
    }

    fn list_type(&mut self, schema: &Value, out: &Structural, path: &FieldPath) -> ListType {
        let at = path.child("x-kubernetes-list-type");
        let word = text(schema, "/x-kubernetes-list-type");
        let keys: Vec<String> =
            list(schema, "/x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if word.is_some() && out.of != Some(Type::Array) {
            self.errors.push(FieldError::invalid(&at, word.unwrap_or_default(), "must be array to have a list type"));
        }
        if !keys.is_empty() && word != Some("map") {
            self.forbid(path, "x-kubernetes-list-map-keys", "must be empty if x-kubernetes-list-type is not map");
        }
        match word {
            None | Some("atomic") => ListType::Atomic,
            Some("set") => ListType::Set,
            Some("map") => {
                self.map_keys(&keys, out, path);
                ListType::Map(keys)
            }
            Some(word) => {
                self.errors.push(FieldError::not_supported(&at, word, &["atomic", "map", "set"]));
                ListType::Atomic
            }
        }
    }

    /// The keys of a list of objects: each is a plain field that is always there.
    fn map_keys(&mut self, keys: &[String], out: &Structural, path: &FieldPath) {
        let at = path.child("x-kubernetes-list-map-keys");
        if keys.is_empty() {
            self.errors.push(FieldError::required(&at, "must not be empty if x-kubernetes-list-type is map"));
        }
        let Some(item) = &out.items else { return };
        for (index, key) in keys.iter().enumerate() {
            let field = item.properties.get(key);
            let plain = field.is_some_and(|field| {
                !matches!(field.of, None | Some(Type::Object | Type::Array)) || field.int_or_string
            });
            let there = item.rules.required.contains(key) || field.is_some_and(|field| field.default.is_some());
            if !plain {
                self.errors.push(FieldError::invalid(
                    &at.index(index),
                    key.as_str(),
                    "must name a scalar property of the items",
                ));
            } else if !there {
                let at = path.child("items").child("properties").key(key).child("default");
                self.errors.push(FieldError::required(&at, "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"));
            }
        }
    }

    fn rules(&mut self, schema: &Value, out: &Structural, path: &FieldPath) -> Rules {
        let number = |key: &str| schema.get(key).and_then(Value::as_f64);
        let bound = |limit: &str, exclusive: &str| {
            number(limit).map(|limit| Bound { limit, exclusive: flag(schema, exclusive) })
        };
        let count = |key: &str| {
            schema.get(key).and_then(Value::as_u64).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
        };
        let range = |min: &str, max: &str| Range { min: count(min), max: count(max) };
        let words = list(schema, "/required").iter().filter_map(Value::as_str);
        let any_of =
            if out.int_or_string && is_int_or_string(schema) { Vec::new() } else { self.logic(schema, "anyOf", path) };
        let not = schema.get("not").map(|not| Box::new(self.schema(not, &path.child("not"), Level::Logic)));
        let all_of =
            if out.int_or_string { self.without_types(schema, path) } else { self.logic(schema, "allOf", path) };
        Rules {
            required: words.map(str::to_owned).collect(),
            one_of_values: schema.get("enum").and_then(Value::as_array).cloned(),
            pattern: self.pattern(schema, path),
            format: text(schema, "/format").map(str::to_owned),
            minimum: bound("minimum", "exclusiveMinimum"),
            maximum: bound("maximum", "exclusiveMaximum"),
            multiple_of: number("multipleOf").filter(|step| *step != 0.0),
            length: range("minLength", "maxLength"),
            items: range("minItems", "maxItems"),
            properties: range("minProperties", "maxProperties"),
            all_of,
            any_of,
            one_of: self.logic(schema, "oneOf", path),
            not,
        }
    }

    fn logic(&mut self, schema: &Value, key: &str, path: &FieldPath) -> Vec<Structural> {
        let at = path.child(key);
        let all = list(schema, &format!("/{key}")).iter().enumerate();
        all.map(|(index, inner)| self.schema(inner, &at.index(index), Level::Logic)).collect()
    }

    /// `allOf` without the alternatives that only say again that this is a number or text.
    fn without_types(&mut self, schema: &Value, path: &FieldPath) -> Vec<Structural> {
        let at = path.child("allOf");
        let all = list(schema, "/allOf").iter().enumerate().filter(|(_, inner)| !is_int_or_string(inner));
        all.map(|(index, inner)| self.schema(inner, &at.index(index), Level::Logic)).collect()
    }

    fn pattern(&mut self, schema: &Value, path: &FieldPath) -> Option<regex::Regex> {
        let pattern = text(schema, "/pattern")?;
        match RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let why = format!("must be a valid regular expression, but isn't: {error}");
                self.errors.push(FieldError::invalid(&path.child("pattern"), pattern, why));
                None
            }
        }
    }

    /// Logic may speak only of fields that the structure has.
    fn covered(&mut self, out: &Structural, path: &FieldPath) {
        let rules = &out.rules;
        let groups = [("allOf", &rules.all_of), ("anyOf", &rules.any_of), ("oneOf", &rules.one_of)];
        let mut missing = FieldErrors::new();
        for (key, logic) in groups {
            for (index, inner) in logic.iter().enumerate() {
                cover(out, inner, path, &path.child(key).index(index), &mut missing);
            }
        }
        if let Some(not) = &rules.not {
            cover(out, not, path, &path.child("not"), &mut missing);
        }
        self.errors.extend(missing);
    }
}

fn cover(out: &Structural, logic: &Structural, path: &FieldPath, at: &FieldPath, errors: &mut FieldErrors) {
    for (name, inner) in &logic.properties {
        let (path, at) = (path.child("properties").key(name), at.child("properties").key(name));
        match out.properties.get(name) {
            Some(field) => cover(field, inner, &path, &at, errors),
            None => errors.push(FieldError::required(&path, format!("because it is defined in {at}"))),
        }
    }
    if let (Some(items), Some(inner)) = (&out.items, &logic.items) {
        cover(items, inner, &path.child("items"), &at.child("items"), errors);
    }
}

/// A value of which nothing is known, and of which all is kept.
fn anything() -> Structural {
    Structural { preserves_unknown: true, nullable: true, ..Structural::default() }
}

fn flag(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

/// `anyOf` with the two types of a number or text, which says nothing new.
fn is_int_or_string(schema: &Value) -> bool {
    let types: Vec<&str> = list(schema, "/anyOf").iter().filter_map(|inner| text(inner, "/type")).collect();
    types == ["integer", "string"]
}
