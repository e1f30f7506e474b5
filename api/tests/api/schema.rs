//! The generated schema and the typed structures say the same.

use k8s_openapi::api::{admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling};
use k8s_openapi::api::{
    batch::v1 as batch, core::v1 as core, discovery::v1 as discovery, networking::v1 as networking,
};
use k8s_openapi::api::{rbac::v1 as rbac, resource::v1 as resource, storage::v1 as storage};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions;
use k8s_openapi::{Resource, api::certificates::v1 as certificates};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use xebec_api::schema::{self, Schema, Shape, TypeId};

/// A value that fills in every field of a type, as deep as that makes sense.
pub(crate) fn full(schema: &Schema, of: TypeId, depth: usize) -> Value {
    let of = schema.get(of);
    let mut out = serde_json::Map::new();
    for field in of.fields.iter().filter(|field| depth > 0 || !holds_object(&field.shape)) {
        out.insert(field.name.to_string(), value(schema, &field.shape, depth));
    }
    if let Some(resource) = &of.resource {
        let version = format!("{}/{}", resource.group, resource.version);
        out.insert("apiVersion".into(), version.trim_start_matches('/').into());
        out.insert("kind".into(), of.short_name().into());
    }
    out.into()
}

fn holds_object(shape: &Shape) -> bool {
    match shape {
        Shape::Object(_) | Shape::Either(..) => true,
        Shape::List(item) | Shape::Map(item) => holds_object(item),
        _ => false,
    }
}

fn value(schema: &Schema, shape: &Shape, depth: usize) -> Value {
    match shape {
        Shape::String => json!("text"),
        Shape::Bool => json!(true),
        Shape::Int32 => json!(i32::MAX),
        Shape::Int64 => json!(i64::MAX),
        Shape::Double => json!(1.5),
        Shape::Bytes => json!("AAEC/w=="),
        Shape::Time => json!("2030-01-02T03:04:05Z"),
        Shape::MicroTime => json!("2030-01-02T03:04:05.000006Z"),
        Shape::Quantity => json!("500m"),
        Shape::IntOrString => json!("25%"),
        Shape::Any => json!({"any": [1, "thing"]}),
        Shape::Object(of) => full(schema, *of, depth - 1),
        Shape::List(item) => json!([value(schema, item, depth)]),
        Shape::Map(item) => json!({"key": value(schema, item, depth)}),
        Shape::Either(_, other) => value(schema, other, depth),
    }
}

/// A full object passes the check, and the typed structure knows every part of it.
fn agree<T: Resource + DeserializeOwned + Serialize>() {
    agree_to::<T>(8);
}

fn agree_to<T: Resource + DeserializeOwned + Serialize>(depth: usize) {
    let schema = schema::builtin();
    let of = schema.of_kind(T::GROUP, T::VERSION, T::KIND).expect("a kind of the table");
    let object = full(schema, of, depth);
    assert_eq!(schema::check(schema, of, &object), Ok(vec![]), "{}", T::KIND);
    let typed: T = serde_json::from_value(object.clone()).expect("what passes the check has the right types");
    assert_eq!(serde_json::to_value(typed).expect("a value"), object);
}

#[test]
fn the_table_knows_what_the_types_know() {
    agree::<core::Pod>();
    agree::<core::Node>();
    agree::<core::Service>();
    agree::<core::Secret>();
    agree::<core::PersistentVolume>();
    agree::<core::Event>();
    agree::<apps::Deployment>();
    agree::<apps::StatefulSet>();
    agree_to::<batch::CronJob>(10);
    agree::<autoscaling::HorizontalPodAutoscaler>();
    agree::<networking::NetworkPolicy>();
    agree::<networking::Ingress>();
    agree::<discovery::EndpointSlice>();
    agree::<rbac::ClusterRole>();
    agree::<storage::StorageClass>();
    agree::<resource::ResourceClaim>();
    agree::<certificates::CertificateSigningRequest>();
    agree::<admission::ValidatingWebhookConfiguration>();
    agree::<admission::ValidatingAdmissionPolicy>();
    // Schemas hold schemas in a dozen places: deeper would be long.
    agree_to::<extensions::CustomResourceDefinition>(6);
}

#[test]
fn wrong_types_are_refused() {
    let schema = schema::builtin();
    let pod = schema.of_kind("", "v1", "Pod").expect("a kind of the table");
    let cases = [
        (json!([]), ": invalid type: sequence, expected Pod"),
        (json!({"kind": "Node"}), "kind: invalid value: string \"Node\", expected Pod"),
        (json!({"metadata": {"labels": {"a": 1}}}), "metadata.labels.a: invalid type: integer `1`, expected a string"),
        (
            json!({"metadata": {"labels": {"a": null}}}),
            "metadata.labels.a: invalid type: unit value, expected a string",
        ),
        (json!({"spec": {"containers": {}}}), "spec.containers: invalid type: map, expected a list"),
        (json!({"spec": {"containers": [null]}}), "spec.containers[0]: invalid type: unit value, expected Container"),
        (
            json!({"spec": {"priority": 3_000_000_000_u64}}),
            "spec.priority: invalid value: integer `3000000000`, expected i32",
        ),
        (json!({"spec": {"priority": 1.0}}), "spec.priority: invalid type: floating point `1.0`, expected i32"),
        (
            json!({"metadata": {"generation": u64::MAX}}),
            "metadata.generation: invalid value: integer `18446744073709551615`, expected i64",
        ),
    ];
    for (object, expected) in cases {
        let error = schema::check(schema, pod, &object).expect_err(expected);
        assert_eq!(format!("{}: {}", error.path, error.message), expected);
    }
    assert_eq!(schema::check(schema, pod, &json!({"spec": null, "status": {"phase": null}})), Ok(vec![]));
    let bad_time = json!({"metadata": {"creationTimestamp": "yesterday"}});
    assert_eq!(schema::check(schema, pod, &bad_time).expect_err("no time").path.as_str(), "metadata.creationTimestamp");
}
