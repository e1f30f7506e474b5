//! What webhooks do, in numbers, under the names that Kubernetes gives them.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::hook::Hook;
use crate::admission::Operation;

/// In seconds; a webhook may take thirty.
const BUCKETS: [f64; 9] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0];

/// What a webhook does with objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Mutates,
    Validates,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Mutates => "admit",
            Role::Validates => "validating",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    name: String,
    r#type: &'static str,
    operation: &'static str,
    rejected: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rejection {
    name: String,
    r#type: &'static str,
    operation: &'static str,
    error_type: &'static str,
    rejection_code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Open {
    name: String,
    r#type: &'static str,
}

/// Labels are names of webhooks that administrators made, so there are only so many.
#[derive(Clone)]
pub struct WebhookMetrics {
    duration: Family<Call, Histogram, fn() -> Histogram>,
    rejections: Family<Rejection, Counter>,
    open: Family<Open, Counter>,
}

impl Default for WebhookMetrics {
    fn default() -> Self {
        let duration = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        WebhookMetrics { duration, rejections: Family::default(), open: Family::default() }
    }
}

impl WebhookMetrics {
    /// Tells of itself.
    pub fn register(&self, registry: &mut Registry) {
        let prefix = "apiserver_admission_webhook";
        let duration = self.duration.clone();
        registry.register(format!("{prefix}_admission_duration_seconds"), "How long webhooks take", duration);
        registry.register(format!("{prefix}_rejection_count"), "Requests that webhooks ended", self.rejections.clone());
        registry.register(format!("{prefix}_fail_open_count"), "Webhooks that were passed over", self.open.clone());
    }

    pub(super) fn called(&self, hook: &Hook, role: Role, operation: Operation, rejected: bool, took: Duration) {
        let labels = Call {
            name: hook.name.clone(),
            r#type: role.as_str(),
            operation: operation.as_str(),
            rejected: if rejected { "true" } else { "false" },
        };
        self.duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn rejected(&self, hook: &Hook, role: Role, operation: Operation, why: &'static str, code: u16) {
        let labels = Rejection {
            name: hook.name.clone(),
            r#type: role.as_str(),
            operation: operation.as_str(),
            error_type: why,
            rejection_code: code,
        };
        self.rejections.get_or_create(&labels).inc();
    }

    pub(super) fn passed_over(&self, hook: &Hook, role: Role) {
        self.open.get_or_create(&Open { name: hook.name.clone(), r#type: role.as_str() }).inc();
    }
}
