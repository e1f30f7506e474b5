//! IngressClass: who serves Ingresses of a class.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::text;
use crate::{FieldErrors, names, validation};

/// IngressClass.
pub static INGRESS_CLASS: Kind = Kind {
    group: "networking.k8s.io",
    kind: "IngressClass",
    plural: "ingressclasses",
    singular: "ingressclass",
    scope: Scope::Cluster,
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Controller", "Who serves the class.", |o, _| cells::plain(o, "/spec/controller")),
        Column::text("Parameters", "Where the controller finds more.", parameters),
        Column::AGE,
    ],
    defaults: &[Fill::text("spec.parameters.scope", "Cluster")],
    rules: &[
        Rule::required("spec.controller"),
        Rule::named("spec.controller", names::prefixed_path),
        Rule::required("spec.parameters.kind"),
        Rule::named("spec.parameters.kind", names::path_segment),
        Rule::required("spec.parameters.name"),
        Rule::named("spec.parameters.name", names::path_segment),
        Rule::named("spec.parameters.apiGroup", names::dns_subdomain),
        Rule::named("spec.parameters.namespace", names::dns_label),
        Rule::one_of("spec.parameters.scope", &["Cluster", "Namespace"]),
        Rule::immutable("spec.controller"),
    ],
    strategy: &IngressClassStrategy,
    ..Kind::BASE
};

/// `IngressParameters.example.com/external`.
fn parameters(class: &Value, _: Timestamp) -> Value {
    let Some(reference) = class.pointer("/spec/parameters") else { return json!("<none>") };
    let group = text(reference, "/apiGroup").map(|group| format!(".{group}")).unwrap_or_default();
    let part = |pointer| text(reference, pointer).unwrap_or_default();
    json!(format!("{}{group}/{}", part("/kind"), part("/name")))
}

struct IngressClassStrategy;

impl Strategy for IngressClassStrategy {
    fn validate(&self, class: &Value) -> FieldErrors {
        validation::ingress::class(class)
    }
}
