//! Lease: who holds something, and since when.

use k8s_openapi::api::coordination::v1::Lease;

use super::Kind;
use crate::schema;
use crate::table::{Column, cells};

/// Lease.
pub static LEASE: Kind = Kind {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    columns: &[
        Column::NAME,
        Column::text("Holder", "Who holds it.", |o, _| cells::or_none(o, "/spec/holderIdentity")),
        Column::AGE,
    ],
    schema: schema::check::<Lease>,
    ..Kind::BASE
};
