//! CustomResourceDefinition: a kind that somebody adds to the API.

use serde_json::Value;

use super::{Kind, Scope, Strategy, Subresource};
use crate::defaults::Fill;
use crate::table::Column;
use crate::validation::rule::Rule;
use crate::{FieldErrors, defaults, names, validation};

/// CustomResourceDefinition.
pub static CUSTOM_RESOURCE_DEFINITION: Kind = Kind {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    singular: "customresourcedefinition",
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    generation: true,
    needs_version: true,
    columns: &[Column::NAME, Column::CREATED_AT],
    defaults: &[
        Fill::structure("spec.conversion"),
        Fill::text("spec.conversion.strategy", "None"),
        Fill::number("spec.conversion.webhook.clientConfig.service.port", 443),
    ],
    rules: &[
        Rule::required("spec.group"),
        Rule::named("spec.group", names::dns_subdomain),
        Rule::required("spec.scope"),
        Rule::one_of("spec.scope", &["Cluster", "Namespaced"]),
        Rule::required("spec.versions"),
        Rule::required("spec.versions[].name"),
        Rule::named("spec.versions[].name", names::dns_1035_label),
        Rule::required("spec.names.plural"),
        Rule::named("spec.names.plural", names::dns_1035_label),
        Rule::required("spec.names.kind"),
        Rule::named("spec.names.singular", names::dns_1035_label),
        Rule::named("spec.names.shortNames[]", names::dns_1035_label),
        Rule::named("spec.names.categories[]", names::dns_1035_label),
        Rule::one_of("spec.conversion.strategy", &["None", "Webhook"]),
        Rule::immutable("spec.group"),
        Rule::immutable("spec.scope"),
        Rule::immutable("spec.names.plural"),
    ],
    strategy: &DefinitionStrategy,
    ..Kind::BASE
};

struct DefinitionStrategy;

impl Strategy for DefinitionStrategy {
    fn default(&self, definition: &mut Value) {
        defaults::definition::names(definition);
    }

    fn prepare_create(&self, definition: &mut Value) {
        defaults::definition::first_status(definition);
    }

    fn validate(&self, definition: &Value) -> FieldErrors {
        validation::definition::validate(definition)
    }
}
