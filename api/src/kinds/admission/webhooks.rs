//! MutatingWebhookConfiguration and ValidatingWebhookConfiguration: servers that are asked about requests.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Column, cells};
use crate::validation::webhook::RULES;
use crate::value;
use crate::{FieldErrors, validation};

const COLUMNS: &[Column] = &[
    Column::NAME,
    Column::number("Webhooks", "How many servers are asked.", |o, _| cells::length(o, "/webhooks")),
    Column::AGE,
];

const CONFIGURATION: Kind = Kind {
    group: "admissionregistration.k8s.io",
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    generation: true,
    needs_version: true,
    columns: COLUMNS,
    rules: RULES,
    ..Kind::BASE
};

/// MutatingWebhookConfiguration.
pub static MUTATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    kind: "MutatingWebhookConfiguration",
    plural: "mutatingwebhookconfigurations",
    singular: "mutatingwebhookconfiguration",
    defaults: &[Fill::text("webhooks[].reinvocationPolicy", "Never")],
    strategy: &WebhookStrategy,
    ..CONFIGURATION
};

/// ValidatingWebhookConfiguration.
pub static VALIDATING_WEBHOOK_CONFIGURATION: Kind = Kind {
    kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations",
    singular: "validatingwebhookconfiguration",
    strategy: &WebhookStrategy,
    ..CONFIGURATION
};

struct WebhookStrategy;

impl Strategy for WebhookStrategy {
    fn default(&self, configuration: &mut Value) {
        for webhook in value::items(configuration, "webhooks") {
            value::fill(webhook, "failurePolicy", "Fail");
            value::fill(webhook, "matchPolicy", "Equivalent");
            value::fill(webhook, "timeoutSeconds", 10);
            value::fill(webhook, "namespaceSelector", json!({}));
            value::fill(webhook, "objectSelector", json!({}));
            value::items(webhook, "rules").for_each(|rule| value::fill(rule, "scope", "*"));
            let service =
                value::existing(webhook, "clientConfig").and_then(|client| value::existing(client, "service"));
            if let Some(service) = service {
                value::fill(service, "port", 443);
            }
        }
    }

    fn validate(&self, configuration: &Value) -> FieldErrors {
        validation::webhook::validate(configuration)
    }
}
