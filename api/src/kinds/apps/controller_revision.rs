//! ControllerRevision: what a workload looked like at some time, kept so that it can be rolled back to.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::{list, text};

/// ControllerRevision.
pub static CONTROLLER_REVISION: Kind = Kind {
    group: "apps",
    kind: "ControllerRevision",
    plural: "controllerrevisions",
    singular: "controllerrevision",
    columns: &[
        Column::NAME,
        Column::text("Controller", "Whose revision it is.", controller),
        Column::number("Revision", "Which revision it is.", |o, _| cells::count(o, "/revision")),
        Column::AGE,
    ],
    rules: &[Rule::at_least("revision", 0), Rule::required("data"), Rule::immutable("data")],
    ..Kind::BASE
};

fn controller(object: &Value, _: Timestamp) -> Value {
    let owner = list(object, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true);
    let Some(owner) = owner else { return json!("<none>") };
    let kind = text(owner, "/kind").unwrap_or_default().to_ascii_lowercase();
    let group = text(owner, "/apiVersion").and_then(|version| version.split_once('/')).map(|(group, _)| group);
    let group = group.map(|group| format!(".{group}")).unwrap_or_default();
    json!(format!("{kind}{group}/{}", text(owner, "/name").unwrap_or_default()))
}
