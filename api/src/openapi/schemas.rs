//! The types of a document: those that its operations name, and all that these hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::group_version_kind;
use crate::kinds::Kind;
use crate::schema::{self, ApplyRule, Descriptions, Field, MergeRule, Schema, Shape, Type, TypeId};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// Collects types while operations are written.
pub(super) struct Schemas {
    schema: &'static Schema,
    words: Descriptions,
    done: Map<String, Value>,
    open: Vec<TypeId>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self { schema: schema::builtin(), words: Descriptions::builtin(), done: Map::new(), open: Vec::new() }
    }

    /// Refers to the type of a kind's objects; `None` where the schema does not have it.
    pub(super) fn of(&mut self, kind: &Kind) -> Option<Value> {
        match kind.custom {
            Some(custom) => Some(self.custom(kind, &custom.openapi)),
            None => self.kind(kind.group, kind.version, kind.kind),
        }
    }

    /// The schema of a definition, completed by what is true of all objects.
    fn custom(&mut self, kind: &Kind, openapi: &Value) -> Value {
        let name = name(kind);
        if !self.done.contains_key(&name) {
            let mut schema = openapi.clone();
            for field in ["apiVersion", "kind"] {
                schema["properties"][field] = json!({"type": "string"});
            }
            if let Some(meta) = self.meta("ObjectMeta") {
                schema["properties"]["metadata"] = json!({"allOf": [meta]});
            }
            schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind)]);
            self.done.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// Refers to a type of that name; `None` where the schema does not have it.
    pub(super) fn kind(&mut self, group: &str, version: &str, kind: &str) -> Option<Value> {
        self.schema.of_kind(group, version, kind).map(|id| self.refer(id))
    }

    /// Refers to a type of the API's machinery.
    pub(super) fn meta(&mut self, name: &str) -> Option<Value> {
        self.schema.named(&format!("{META}.{name}")).map(|id| self.refer(id))
    }

    /// Refers to the list of a kind.
    pub(super) fn list(&mut self, kind: &Kind) -> Option<Value> {
        let item = self.of(kind)?;
        let name = match self.schema.of_kind(kind.group, kind.version, kind.kind) {
            Some(id) => format!("{}List", self.schema.get(id).name),
            None => format!("{}List", name(kind)),
        };
        if !self.done.contains_key(&name) {
            let list = list_schema(kind, &item, self.meta("ListMeta"));
            self.done.insert(name.clone(), list);
        }
        Some(reference(&name))
    }

    /// Everything referred to, and all that it holds.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        while let Some(id) = self.open.pop() {
            let of = self.schema.get(id);
            if !self.done.contains_key(of.name.as_ref()) {
                let schema = self.structure(of);
                self.done.insert(of.name.to_string(), schema);
            }
        }
        self.done
    }

    fn refer(&mut self, id: TypeId) -> Value {
        self.open.push(id);
        reference(&self.schema.get(id).name)
    }

    fn structure(&mut self, of: &Type) -> Value {
        let mut out = json!({"type": "object"});
        describe(&mut out, &self.words.of(of.line));
        let properties: Map<String, Value> =
            of.fields.iter().map(|field| (field.name.to_string(), self.property(field))).collect();
        if !properties.is_empty() {
            out["properties"] = properties.into();
        }
        let required: Vec<&str> =
            of.fields.iter().filter(|f| f.required && f.name != "metadata").map(|f| f.name.as_ref()).collect();
        if !required.is_empty() {
            out["required"] = json!(required);
        }
        if of.atomic {
            out["x-kubernetes-map-type"] = json!("atomic");
        }
        if let Some(resource) = &of.resource {
            let (group, version) = (&resource.group, &resource.version);
            out["x-kubernetes-group-version-kind"] =
                json!([{"group": group, "version": version, "kind": of.short_name()}]);
        }
        out
    }

    fn property(&mut self, field: &Field) -> Value {
        let mut out = self.shape(&field.shape);
        // Nothing may stand beside a reference.
        if out.get("$ref").is_some() {
            out = json!({"allOf": [out]});
        }
        describe(&mut out, &self.words.of(field.line));
        if let Some(default) = &field.default {
            out["default"] = default.clone();
        }
        apply_extensions(&mut out, field);
        merge_extensions(&mut out, field);
        out
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::String => json!({"type": "string"}),
            Shape::Bool => json!({"type": "boolean"}),
            Shape::Int32 => json!({"type": "integer", "format": "int32"}),
            Shape::Int64 => json!({"type": "integer", "format": "int64"}),
            Shape::Double => json!({"type": "number", "format": "double"}),
            Shape::Bytes => json!({"type": "string", "format": "byte"}),
            Shape::Time | Shape::MicroTime | Shape::Quantity | Shape::IntOrString => self.value_type(shape),
            Shape::Any => json!({"x-kubernetes-preserve-unknown-fields": true}),
            Shape::Object(id) => self.refer(*id),
            Shape::List(item) => json!({"type": "array", "items": self.shape(item)}),
            Shape::Map(item) => json!({"type": "object", "additionalProperties": self.shape(item)}),
            Shape::Either(first, second) => json!({"oneOf": [self.shape(first), self.shape(second)]}),
        }
    }

    /// Values that have a name of their own, which `explain` shows.
    fn value_type(&mut self, shape: &Shape) -> Value {
        let (name, schema) = match shape {
            Shape::Time => (format!("{META}.Time"), json!({"type": "string", "format": "date-time"})),
            Shape::MicroTime => (format!("{META}.MicroTime"), json!({"type": "string", "format": "date-time"})),
            Shape::Quantity => (
                "io.k8s.apimachinery.pkg.api.resource.Quantity".to_owned(),
                json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            ),
            _ => (
                "io.k8s.apimachinery.pkg.util.intstr.IntOrString".to_owned(),
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
            ),
        };
        let out = reference(&name);
        self.done.insert(name, schema);
        out
    }
}

/// The name of a custom kind's type: the group from its end, the version and the kind, such as `com.example.v1.Widget`.
fn name(kind: &Kind) -> String {
    let mut parts: Vec<&str> = kind.group.rsplit('.').collect();
    parts.extend([kind.version, kind.kind]);
    parts.join(".")
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn describe(schema: &mut Value, words: &str) {
    if !words.is_empty() {
        schema["description"] = words.into();
    }
}

fn list_schema(kind: &Kind, item: &Value, metadata: Option<Value>) -> Value {
    let text = json!({"type": "string"});
    let properties = BTreeMap::from([
        ("apiVersion", text.clone()),
        ("kind", text),
        ("metadata", json!({"allOf": metadata.into_iter().collect::<Vec<_>>()})),
        ("items", json!({"type": "array", "items": item})),
    ]);
    let mut gvk = group_version_kind(kind);
    gvk["kind"] = kind.list_kind().into();
    json!({
        "description": format!("{} is a list of {} objects.", kind.list_kind(), kind.kind),
        "type": "object", "required": ["items"], "properties": properties,
        "x-kubernetes-group-version-kind": [gvk],
    })
}

/// What server-side apply owns.
fn apply_extensions(out: &mut Value, field: &Field) {
    let is_list = matches!(field.shape, Shape::List(_));
    match &field.apply {
        ApplyRule::Natural if is_list => out["x-kubernetes-list-type"] = json!("atomic"),
        ApplyRule::Natural => {}
        ApplyRule::Atomic => {
            out[if is_list { "x-kubernetes-list-type" } else { "x-kubernetes-map-type" }] = json!("atomic")
        }
        ApplyRule::Set => out["x-kubernetes-list-type"] = json!("set"),
        ApplyRule::Map(keys) => {
            out["x-kubernetes-list-type"] = json!("map");
            out["x-kubernetes-list-map-keys"] = json!(keys);
        }
    }
}

/// What a strategic merge patch does.
fn merge_extensions(out: &mut Value, field: &Field) {
    let merges = field.merge != MergeRule::Natural;
    let strategy = match (merges, field.retain_keys) {
        (true, true) => "merge,retainKeys",
        (true, false) => "merge",
        (false, true) => "retainKeys",
        (false, false) => return,
    };
    out["x-kubernetes-patch-strategy"] = json!(strategy);
    if let MergeRule::Key(key) = &field.merge {
        out["x-kubernetes-patch-merge-key"] = json!(key);
    }
}
