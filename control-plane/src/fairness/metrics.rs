//! What fairness does, in numbers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Flow {
    priority_level: String,
    flow_schema: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    priority_level: String,
    flow_schema: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Level {
    priority_level: String,
}

/// Labels are names of objects that administrators made, so there are only so many.
#[derive(Clone, Default)]
pub(super) struct FairnessMetrics {
    dispatched: Family<Flow, Counter>,
    refused: Family<Refusal, Counter>,
    seats: Family<Level, Gauge>,
    waiting: Family<Level, Gauge>,
}

impl FairnessMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let prefix = "apiserver_flowcontrol";
        let dispatched = self.dispatched.clone();
        registry.register(format!("{prefix}_dispatched_requests"), "Requests that were let through", dispatched);
        registry.register(format!("{prefix}_rejected_requests"), "Requests that were refused", self.refused.clone());
        registry.register(format!("{prefix}_current_executing_seats"), "Seats in use", self.seats.clone());
        registry.register(format!("{prefix}_current_inqueue_requests"), "Requests that wait", self.waiting.clone());
    }

    pub(super) fn dispatched(&self, level: &str, schema: &str) {
        let labels = Flow { priority_level: level.to_owned(), flow_schema: schema.to_owned() };
        self.dispatched.get_or_create(&labels).inc();
    }

    pub(super) fn refused(&self, level: &str, schema: &str, reason: &'static str) {
        let labels = Refusal { priority_level: level.to_owned(), flow_schema: schema.to_owned(), reason };
        self.refused.get_or_create(&labels).inc();
    }

    pub(super) fn load(&self, level: &str, seats: u32, waiting: usize) {
        let labels = Level { priority_level: level.to_owned() };
        self.seats.get_or_create(&labels).set(i64::from(seats));
        self.waiting.get_or_create(&labels).set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}
