//! OpenAPI v3, as thin as clients allow: the operations of each kind, and that the server itself validates fields.
//!
//! kubectl reads two things here before it writes: whether there is such a kind, and whether PATCH takes
//! `fieldValidation`, upon which it leaves validation to the server. Strategic merge patch is not listed on purpose:
//! kubectl would then expect merge keys in the schemas; without, it uses those it was built with.

use std::collections::BTreeSet;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use xebec_api::{Kind, Reason, Status, kinds};

use super::path::Place;
use super::{Call, negotiate, respond};

/// Serves a place in OpenAPI.
pub(super) fn serve(call: &Call, path: &str, place: &Place) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "OpenAPI can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    match place {
        Place::Index => Ok(respond::json(StatusCode::OK, &index())),
        Place::Version(group, version) => {
            document(group, version).map(|doc| respond::json(StatusCode::OK, &doc)).ok_or_else(Status::no_such_resource)
        }
        Place::Whole => Ok(whole(call)),
        Place::Core | Place::Groups | Place::Group(_) => Err(Status::no_such_resource()),
    }
}

const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// OpenAPI v2 with nothing in it: clients ask for it, in protobuf, when v3 does not know a kind, and then say so
/// themselves.
fn whole(call: &Call) -> Response {
    let ranges = negotiate::accepted(&call.headers);
    if ranges.iter().any(negotiate::Range::takes_json) {
        return respond::json(
            StatusCode::OK,
            &json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.35.0"}, "paths": {}}),
        );
    }
    // Document { swagger = 1: "2.0", info = 2: { title = 1: "Kubernetes", version = 2: "v1.35.0" } }
    const DOCUMENT: &[u8] = b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.35.0";
    respond::bytes_as(V2_PROTOBUF, DOCUMENT)
}

fn index() -> Value {
    let places: BTreeSet<String> = kinds().iter().map(|kind| base(kind.group, kind.version)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let entry = |place: String| {
        let url = format!("/openapi/v3/{place}?hash={version}");
        (place, json!({"serverRelativeURL": url}))
    };
    json!({"paths": places.into_iter().map(entry).collect::<Map<String, Value>>()})
}

/// `api/v1` or `apis/GROUP/VERSION`.
fn base(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn document(group: &str, version: &str) -> Option<Value> {
    let of_version: Vec<&Kind> =
        kinds().iter().copied().filter(|kind| kind.group == group && kind.version == version).collect();
    if of_version.is_empty() {
        return None;
    }
    let paths: Map<String, Value> = of_version.iter().flat_map(|kind| paths(kind)).collect();
    let schemas: Map<String, Value> = of_version.iter().map(|kind| (schema_name(kind), schema(kind))).collect();
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35.0"},
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

/// The name under which clients know the schema of a kind.
fn schema_name(kind: &Kind) -> String {
    let group = kind.group.split('.').next().unwrap_or_default();
    let group = if group.is_empty() { "core" } else { group };
    format!("io.k8s.api.{group}.{}.{}", kind.version, kind.kind)
}

fn schema(kind: &Kind) -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "description": format!("{} {}. The server validates its fields.", kind.api_version(), kind.kind),
        "properties": {"apiVersion": text, "kind": text, "metadata": {"type": "object"}},
        "additionalProperties": true,
        "x-kubernetes-group-version-kind": [gvk(kind)],
    })
}

fn gvk(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

fn paths(kind: &Kind) -> [(String, Value); 2] {
    let namespace = if kind.is_namespaced() { "/namespaces/{namespace}" } else { "" };
    let collection = format!("/{}{namespace}/{}", base(kind.group, kind.version), kind.plural);
    let object = format!("{collection}/{{name}}");
    let on_collection = json!({
        "get": operation(kind, "list", &[]),
        "post": operation(kind, "post", &["application/json", "application/yaml"]),
        "delete": operation(kind, "deletecollection", &[]),
    });
    let on_object = json!({
        "get": operation(kind, "get", &[]),
        "put": operation(kind, "put", &["application/json", "application/yaml"]),
        "patch": operation(kind, "patch", &["application/json-patch+json", "application/merge-patch+json"]),
        "delete": operation(kind, "delete", &[]),
    });
    [(collection, on_collection), (object, on_object)]
}

fn operation(kind: &Kind, action: &str, bodies: &[&str]) -> Value {
    let shape = json!({"schema": {"$ref": format!("#/components/schemas/{}", schema_name(kind))}});
    let mut out = json!({
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk(kind),
        "responses": {"200": {"description": "OK", "content": {"application/json": shape}}},
    });
    if !bodies.is_empty() {
        let content: Map<String, Value> =
            bodies.iter().map(|media_type| ((*media_type).to_owned(), shape.clone())).collect();
        out["requestBody"] = json!({"content": content, "required": true});
        out["parameters"] = json!(["dryRun", "fieldManager", "fieldValidation"].map(parameter));
    }
    out
}

fn parameter(name: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
}
