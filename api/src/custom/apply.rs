//! A structural schema as the schema that server-side apply walks: which lists are keyed, which values are whole. Scalars are
//! of any type here; validation judges them.

use super::structural::{ListType, Structural};
use crate::schema::{self, ApplyRule, Field, MergeRule, Schema, Shape, Type, TypeId};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The schema, and the type of the objects.
pub(super) fn schema(root: &Structural) -> (Schema, TypeId) {
    let mut builder = Builder { schema: Schema::default() };
    let meta = schema::builtin().named(META).map(|id| builder.schema.adopt(schema::builtin(), id));
    let mut fields = builder.fields(root, "");
    fields.retain(|field| field.name != "metadata");
    for name in ["apiVersion", "kind"] {
        if fields.iter().all(|field| field.name != name) {
            fields.push(plain(name, Shape::Any));
        }
    }
    fields.extend(meta.map(|id| plain("metadata", Shape::Object(id))));
    let id = builder.push("object", fields, false);
    (builder.schema, id)
}

struct Builder {
    schema: Schema,
}

impl Builder {
    fn push(&mut self, name: &str, fields: Vec<Field>, atomic: bool) -> TypeId {
        self.schema.push(Type { name: name.to_owned().into(), resource: None, atomic, fields, line: 0 })
    }

    fn fields(&mut self, schema: &Structural, path: &str) -> Vec<Field> {
        let field = |(name, field): (&String, &Structural)| {
            let path = format!("{path}.{name}");
            let apply = match &field.list {
                _ if field.atomic => ApplyRule::Atomic,
                ListType::Atomic => ApplyRule::Natural,
                ListType::Set => ApplyRule::Set,
                ListType::Map(keys) => ApplyRule::Map(keys.iter().map(|key| key.clone().into()).collect()),
            };
            let required = schema.rules.required.contains(name);
            Field { apply, required, default: field.default.clone(), ..plain(name, self.shape(field, &path)) }
        };
        schema.properties.iter().map(field).collect()
    }

    fn shape(&mut self, schema: &Structural, path: &str) -> Shape {
        if let Some(item) = &schema.items {
            return Shape::List(Box::new(self.shape(item, &format!("{path}[]"))));
        }
        if let Some(inner) = &schema.additional {
            return Shape::Map(Box::new(self.shape(inner, &format!("{path}{{}}"))));
        }
        if schema.properties.is_empty() {
            return Shape::Any;
        }
        let fields = self.fields(schema, path);
        Shape::Object(self.push(path, fields, schema.atomic))
    }
}

fn plain(name: &str, shape: Shape) -> Field {
    Field {
        name: name.to_owned().into(),
        shape,
        tags: Vec::new(),
        required: false,
        zero_is_unset: false,
        wrapped: false,
        apply: ApplyRule::Natural,
        merge: MergeRule::Natural,
        retain_keys: false,
        default: None,
        line: 0,
    }
}
