//! StatefulSet: pods with names and storage of their own, made and renewed in order.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::{self, number};
use crate::{FieldErrors, defaults, names, validation};

/// StatefulSet.
pub static STATEFUL_SET: Kind = Kind {
    group: "apps",
    kind: "StatefulSet",
    plural: "statefulsets",
    singular: "statefulset",
    short_names: &["sts"],
    categories: &["all"],
    subresources: &[Subresource::Status, Subresource::Scale],
    name_rule: names::dns_label,
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Ready", "Ready replicas out of those wanted.", |o, _| ready(o)),
        Column::AGE,
        Column::text("Containers", "The names of the containers.", cells::template_containers).wide(),
        Column::text("Images", "The images of the containers.", cells::template_images).wide(),
    ],
    defaults: &[
        Fill::number("spec.replicas", 1),
        Fill::number("spec.revisionHistoryLimit", 10),
        Fill::text("spec.podManagementPolicy", "OrderedReady"),
        Fill::structure("spec.updateStrategy"),
        Fill::text("spec.updateStrategy.type", "RollingUpdate"),
        Fill::structure("spec.persistentVolumeClaimRetentionPolicy"),
        Fill::text("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Retain"),
        Fill::text("spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Retain"),
    ],
    rules: &[
        Rule::at_least("spec.replicas", 0),
        Rule::at_least("spec.minReadySeconds", 0),
        Rule::at_least("spec.revisionHistoryLimit", 0),
        Rule::at_least("spec.ordinals.start", 0),
        Rule::one_of("spec.podManagementPolicy", &["OrderedReady", "Parallel"]),
        Rule::one_of("spec.updateStrategy.type", &["OnDelete", "RollingUpdate"]),
        Rule::at_least("spec.updateStrategy.rollingUpdate.partition", 0),
        Rule::one_of("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", &["Delete", "Retain"]),
        Rule::one_of("spec.persistentVolumeClaimRetentionPolicy.whenScaled", &["Delete", "Retain"]),
        Rule::required("spec.volumeClaimTemplates[].metadata"),
        Rule::required("spec.volumeClaimTemplates[].metadata.name"),
    ],
    strategy: &StatefulSetStrategy,
    ..Kind::BASE
};

fn ready(set: &Value) -> Value {
    let ready = number(set, "/status/readyReplicas").unwrap_or(0);
    json!(format!("{ready}/{}", number(set, "/spec/replicas").unwrap_or(0)))
}

struct StatefulSetStrategy;

impl Strategy for StatefulSetStrategy {
    fn default(&self, set: &mut Value) {
        let Some(spec) = value::child(set, "spec") else { return };
        defaults::pod::template(spec);
        value::items(spec, "volumeClaimTemplates").for_each(defaults::volume::claim_template);
        let strategy = value::existing(spec, "updateStrategy").filter(|strategy| strategy["type"] == "RollingUpdate");
        if let Some(rolling) = strategy.and_then(|strategy| value::child(strategy, "rollingUpdate")) {
            value::fill(rolling, "partition", 0);
        }
    }

    fn prepare_create(&self, set: &mut Value) {
        set["status"] = json!({ "replicas": 0, "availableReplicas": 0 });
    }

    fn validate(&self, set: &Value) -> FieldErrors {
        validation::typed(set, validation::workload::stateful_set)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::workload::stateful_set_update(new, old)
    }
}
