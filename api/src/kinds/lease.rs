//! Lease: who holds something, and since when.

use serde_json::Value;

use super::{Kind, Strategy};
use crate::field::{FieldErrors, FieldPath};
use crate::table::{Column, cells};
use crate::validation;
use crate::value::number;

/// Lease.
pub static LEASE: Kind = Kind {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("Holder", "Who holds it.", |o, _| cells::or_none(o, "/spec/holderIdentity")),
        Column::AGE,
    ],
    strategy: &LeaseStrategy,
    ..Kind::BASE
};

struct LeaseStrategy;

impl Strategy for LeaseStrategy {
    fn validate(&self, lease: &Value) -> FieldErrors {
        let mut errors = FieldErrors::new();
        for (field, least) in [("leaseDurationSeconds", 1), ("leaseTransitions", 0)] {
            let path = FieldPath::new("spec").child(field);
            validation::at_least(&mut errors, &path, number(lease, &format!("/spec/{field}")), least);
        }
        errors
    }
}
