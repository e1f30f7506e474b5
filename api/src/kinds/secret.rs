//! Secret: what only those who need it may read.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::Kind;
use crate::schema;
use crate::table::{Column, cells};
use crate::value::{entries, text};

/// Secret.
pub static SECRET: Kind = Kind {
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    columns: &[
        Column::NAME,
        Column::text("Type", "What the secret is for.", |o, _| cells::or_none(o, "/type")),
        Column::number("Data", "How many entries there are.", |o, _| json!(entries(o, "/data").count())),
        Column::AGE,
    ],
    selectable: |o| vec![("type", text(o, "/type").unwrap_or_default().to_owned())],
    schema: schema::check::<Secret>,
    ..Kind::BASE
};
