//! CSIStorageCapacity: how much a driver can still provide, of a class and in a part of the cluster.

use crate::defaults::Fill;
use crate::kinds::Kind;
use crate::names;
use crate::table::{Column, cells};
use crate::validation::rule::Rule;

/// CSIStorageCapacity.
pub static CSI_STORAGE_CAPACITY: Kind = Kind {
    group: "storage.k8s.io",
    kind: "CSIStorageCapacity",
    plural: "csistoragecapacities",
    singular: "csistoragecapacity",
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("StorageClassName", "The class.", |o, _| cells::plain(o, "/storageClassName")),
        Column::text("Capacity", "How much there is.", |o, _| cells::scalar(o, "/capacity", "<unset>")),
    ],
    defaults: &[Fill::canonical("capacity"), Fill::canonical("maximumVolumeSize")],
    rules: &[
        Rule::required("storageClassName"),
        Rule::named("storageClassName", names::dns_subdomain),
        Rule::selector("nodeTopology"),
        Rule::amount("capacity"),
        Rule::amount("maximumVolumeSize"),
        Rule::immutable("nodeTopology"),
        Rule::immutable("storageClassName"),
    ],
    ..Kind::BASE
};
