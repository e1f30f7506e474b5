//! CSIDriver: a driver for storage, and what it expects of the cluster.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::{self, list, text};
use crate::{FieldErrors, validation};

/// CSIDriver.
pub static CSI_DRIVER: Kind = Kind {
    group: "storage.k8s.io",
    kind: "CSIDriver",
    plural: "csidrivers",
    singular: "csidriver",
    scope: Scope::Cluster,
    generation: true,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("AttachRequired", "Whether volumes are attached first.", |o, _| {
            cells::flag(o, "/spec/attachRequired")
        })
        .boolean(),
        Column::text("PodInfoOnMount", "Whether it is told about pods.", |o, _| cells::flag(o, "/spec/podInfoOnMount"))
            .boolean(),
        Column::text("StorageCapacity", "Whether it says how much it has.", |o, _| {
            cells::flag(o, "/spec/storageCapacity")
        })
        .boolean(),
        Column::text("TokenRequests", "For whom it wants tokens of pods.", |o, _| audiences(o)),
        Column::text("RequiresRepublish", "Whether it is called again and again.", |o, _| {
            cells::flag(o, "/spec/requiresRepublish")
        })
        .boolean(),
        Column::text("Modes", "How long its volumes live.", |o, _| cells::texts(o, "/spec/volumeLifecycleModes")),
        Column::AGE,
    ],
    defaults: &[
        Fill::flag("spec.attachRequired", true),
        Fill::flag("spec.podInfoOnMount", false),
        Fill::flag("spec.storageCapacity", false),
        Fill::flag("spec.requiresRepublish", false),
        Fill::flag("spec.seLinuxMount", false),
        Fill::text("spec.fsGroupPolicy", "ReadWriteOnceWithFSType"),
    ],
    rules: &[
        Rule::one_of("spec.fsGroupPolicy", &["File", "None", "ReadWriteOnceWithFSType"]),
        Rule::one_of("spec.volumeLifecycleModes[]", &["Ephemeral", "Persistent"]),
        Rule::within("spec.tokenRequests[].expirationSeconds", 600, 1 << 32),
        Rule::at_least("spec.nodeAllocatableUpdatePeriodSeconds", 10),
        Rule::immutable("spec.attachRequired"),
        Rule::immutable("spec.volumeLifecycleModes"),
    ],
    strategy: &CsiDriverStrategy,
    ..Kind::BASE
};

fn audiences(driver: &Value) -> Value {
    let requests = list(driver, "/spec/tokenRequests");
    if requests.is_empty() {
        return json!("<unset>");
    }
    let audiences: Vec<&str> = requests.iter().map(|request| text(request, "/audience").unwrap_or_default()).collect();
    json!(audiences.join(","))
}

struct CsiDriverStrategy;

impl Strategy for CsiDriverStrategy {
    fn default(&self, driver: &mut Value) {
        let Some(spec) = value::child(driver, "spec") else { return };
        if value::list(spec, "/volumeLifecycleModes").is_empty() {
            spec["volumeLifecycleModes"] = json!(["Persistent"]);
        }
    }

    fn validate(&self, driver: &Value) -> FieldErrors {
        validation::storage::driver(driver)
    }
}
