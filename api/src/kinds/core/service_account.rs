//! ServiceAccount: the identity that pods have towards the API.

use serde_json::json;

use crate::kinds::{Kind, Subresource};
use crate::table::Column;
use crate::value::list;

/// ServiceAccount.
pub static SERVICE_ACCOUNT: Kind = Kind {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    subresources: &[Subresource::Token],
    columns: &[
        Column::NAME,
        Column::number("Secrets", "How many secrets the account lists.", |o, _| json!(list(o, "/secrets").len())),
        Column::AGE,
    ],
    ..Kind::BASE
};
