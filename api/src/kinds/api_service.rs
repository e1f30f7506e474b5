//! APIService: a group and version of the API, and who serves it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Kind, Scope, Strategy, Subresource};
use crate::defaults::Fill;
use crate::table::Column;
use crate::validation::rule::Rule;
use crate::value::text;
use crate::{FieldErrors, conditions, names, validation};

/// APIService.
pub static API_SERVICE: Kind = Kind {
    group: "apiregistration.k8s.io",
    kind: "APIService",
    plural: "apiservices",
    singular: "apiservice",
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    name_rule: names::path_segment,
    subresources: &[Subresource::Status],
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("Service", "Who serves it.", service),
        Column::text("Available", "Whether it is served.", |o, _| json!(available(o))),
        Column::AGE,
    ],
    defaults: &[Fill::number("spec.service.port", 443)],
    rules: &[
        Rule::named("spec.group", names::dns_subdomain),
        Rule::required("spec.version"),
        Rule::named("spec.version", names::dns_1035_label),
        Rule::within("spec.groupPriorityMinimum", 1, 20_000),
        Rule::within("spec.versionPriority", 1, 1_000),
        Rule::required("spec.service.name"),
        Rule::required("spec.service.namespace"),
        Rule::within("spec.service.port", 1, 65_535),
    ],
    strategy: &ApiServiceStrategy,
    ..Kind::BASE
};

fn service(object: &Value, _: Timestamp) -> Value {
    let Some(service) = object.pointer("/spec/service") else { return json!("Local") };
    let part = |pointer| text(service, pointer).unwrap_or_default();
    json!(format!("{}/{}", part("/namespace"), part("/name")))
}

fn available(object: &Value) -> String {
    let Some(condition) = conditions::find(object, "Available") else { return "Unknown".to_owned() };
    let status = text(condition, "/status").unwrap_or("Unknown");
    match text(condition, "/reason").filter(|_| status != "True") {
        Some(reason) => format!("{status} ({reason})"),
        None => status.to_owned(),
    }
}

struct ApiServiceStrategy;

impl Strategy for ApiServiceStrategy {
    fn validate(&self, object: &Value) -> FieldErrors {
        validation::definition::api_service(object)
    }
}
