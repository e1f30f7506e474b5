//! What expressions about a write may speak of: `object`, `oldObject`, `request`, `namespaceObject` and `authorizer`.

use std::sync::LazyLock;

use serde_json::Value as Json;
use xebec_cel::{Environment, Type, Value};

use super::{authorizer, builder, patches};

/// The variables of match conditions: all but `namespaceObject`, `params` and `variables`.
pub fn match_conditions() -> Environment {
    static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
        let environment = builder().library(authorizer::LIBRARY).library(patches::LIBRARY).build();
        environment
            .with("object", Type::Dyn)
            .with("oldObject", Type::Dyn)
            .with("request", request_type())
            .with("authorizer", Type::Opaque("authorizer".into()))
            .with("authorizer.requestResource", Type::Opaque("resourceCheck".into()))
    });
    ENVIRONMENT.clone()
}

/// The variables of policies; `params` only if the policy takes some.
pub fn policies(params: bool) -> Environment {
    let environment = match_conditions().with("namespaceObject", namespace_type());
    if params { environment.with("params", Type::Dyn) } else { environment }
}

fn resource_type(name: &str, last: &'static str) -> Type {
    Type::object(name, [("group", Type::String), ("version", Type::String), (last, Type::String)])
}

/// An admission request without the objects, which are variables of their own.
fn request_type() -> Type {
    let user = Type::object(
        "kubernetes.UserInfo",
        [
            ("username", Type::String),
            ("uid", Type::String),
            ("groups", Type::list(Type::String)),
            ("extra", Type::map(Type::list(Type::String))),
        ],
    );
    let (kind, resource) = (
        resource_type("kubernetes.GroupVersionKind", "kind"),
        resource_type("kubernetes.GroupVersionResource", "resource"),
    );
    Type::object(
        "kubernetes.AdmissionRequest",
        [
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", Type::String),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", Type::String),
            ("name", Type::String),
            ("namespace", Type::String),
            ("operation", Type::String),
            ("userInfo", user),
            ("dryRun", Type::Bool),
            ("options", Type::Dyn),
            ("uid", Type::String),
        ],
    )
}

/// A namespace without what changes by itself.
fn namespace_type() -> Type {
    let metadata = Type::object(
        "kubernetes.NamespaceMetadata",
        [
            ("name", Type::String),
            ("generateName", Type::String),
            ("namespace", Type::String),
            ("labels", Type::map(Type::String)),
            ("annotations", Type::map(Type::String)),
            ("UID", Type::String),
            ("creationTimestamp", Type::Timestamp),
            ("deletionGracePeriodSeconds", Type::Int),
            ("deletionTimestamp", Type::Timestamp),
            ("generation", Type::Int),
            ("resourceVersion", Type::String),
            ("finalizers", Type::list(Type::String)),
        ],
    );
    let spec = Type::object("kubernetes.NamespaceSpec", [("finalizers", Type::list(Type::String))]);
    let status = Type::object("kubernetes.NamespaceStatus", [("phase", Type::String)]);
    Type::object("kubernetes.Namespace", [("metadata", metadata), ("spec", spec), ("status", status)])
}

/// The value of `namespaceObject`.
pub fn namespace_value(namespace: &Json) -> Value {
    let mut namespace = Value::from(namespace);
    for at in ["creationTimestamp", "deletionTimestamp"] {
        namespace = with_timestamp(namespace, at);
    }
    namespace
}

/// The same with a time of the metadata as a point in time.
fn with_timestamp(object: Value, field: &str) -> Value {
    let Some(time) = object.field("metadata").and_then(|metadata| metadata.field(field)) else { return object };
    let Some(at) = time.as_str().and_then(|text| text.parse().ok()) else { return object };
    let (Value::Map(mut entries), key) = (object, xebec_cel::Key::String("metadata".into())) else {
        return Value::Null;
    };
    let own = std::sync::Arc::make_mut(&mut entries);
    if let Some(Value::Map(metadata)) = own.get_mut(&key) {
        std::sync::Arc::make_mut(metadata).insert(xebec_cel::Key::String(field.into()), Value::Timestamp(at));
    }
    Value::Map(entries)
}
