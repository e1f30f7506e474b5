//! DaemonSet: a pod on each node.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::{FieldErrors, defaults, validation, value};

/// DaemonSet.
pub static DAEMON_SET: Kind = Kind {
    group: "apps",
    kind: "DaemonSet",
    plural: "daemonsets",
    singular: "daemonset",
    short_names: &["ds"],
    categories: &["all"],
    subresources: &[Subresource::Status],
    generation: true,
    columns: &[
        Column::NAME,
        Column::number("Desired", "Nodes that should run it.", |o, _| {
            cells::count(o, "/status/desiredNumberScheduled")
        }),
        Column::number("Current", "Nodes that run it.", |o, _| cells::count(o, "/status/currentNumberScheduled")),
        Column::number("Ready", "Nodes where it is ready.", |o, _| cells::count(o, "/status/numberReady")),
        Column::number("Up-to-date", "Nodes that run the newest template.", |o, _| {
            cells::count(o, "/status/updatedNumberScheduled")
        }),
        Column::number("Available", "Nodes where it has been ready long enough.", |o, _| {
            cells::count(o, "/status/numberAvailable")
        }),
        Column::text("Node Selector", "The labels of the nodes.", |o, _| {
            cells::map(o, "/spec/template/spec/nodeSelector")
        }),
        Column::AGE,
        Column::text("Containers", "The names of the containers.", cells::template_containers).wide(),
        Column::text("Images", "The images of the containers.", cells::template_images).wide(),
        Column::text("Selector", "The labels of the pods.", cells::selector).wide(),
    ],
    defaults: &[
        Fill::number("spec.revisionHistoryLimit", 10),
        Fill::structure("spec.updateStrategy"),
        Fill::text("spec.updateStrategy.type", "RollingUpdate"),
    ],
    rules: &[
        Rule::at_least("spec.minReadySeconds", 0),
        Rule::at_least("spec.revisionHistoryLimit", 0),
        Rule::one_of("spec.updateStrategy.type", &["OnDelete", "RollingUpdate"]),
        Rule::immutable("spec.selector"),
    ],
    strategy: &DaemonSetStrategy,
    ..Kind::BASE
};

struct DaemonSetStrategy;

impl Strategy for DaemonSetStrategy {
    fn default(&self, set: &mut Value) {
        let Some(spec) = value::child(set, "spec") else { return };
        defaults::pod::template(spec);
        let strategy = value::existing(spec, "updateStrategy").filter(|strategy| strategy["type"] == "RollingUpdate");
        if let Some(rolling) = strategy.and_then(|strategy| value::child(strategy, "rollingUpdate")) {
            value::fill(rolling, "maxUnavailable", 1);
            value::fill(rolling, "maxSurge", 0);
        }
    }

    fn prepare_create(&self, set: &mut Value) {
        const COUNTS: [&str; 4] =
            ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"];
        COUNTS.iter().for_each(|count| set["status"][count] = json!(0));
    }

    fn validate(&self, set: &Value) -> FieldErrors {
        validation::typed(set, validation::workload::daemon_set)
    }
}
