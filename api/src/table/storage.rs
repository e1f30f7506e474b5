//! Cells of volumes, claims and their classes.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::value::{list, text};

const DEFAULT: &str = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";

/// `RWO,RWX`.
pub fn access_modes(object: &Value, pointer: &str) -> Value {
    const SHORT: [(&str, &str); 4] =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let has = |mode: &str| list(object, pointer).iter().any(|found| found == mode);
    let modes: Vec<&str> = SHORT.iter().filter(|(mode, _)| has(mode)).map(|(_, short)| *short).collect();
    json!(modes.join(","))
}

/// The phase, unless it is on its way out.
pub fn phase(object: &Value, _: Timestamp) -> Value {
    match text(object, "/metadata/deletionTimestamp") {
        Some(_) => json!("Terminating"),
        None => json!(text(object, "/status/phase").unwrap_or_default()),
    }
}

/// `namespace/name` of the claim that holds a volume.
pub fn claim(volume: &Value) -> Value {
    let part = |field| text(volume, &format!("/spec/claimRef/{field}")).unwrap_or_default();
    match volume.pointer("/spec/claimRef") {
        Some(_) => json!(format!("{}/{}", part("namespace"), part("name"))),
        None => json!(""),
    }
}

/// The class of a volume or claim.
pub fn class(object: &Value) -> Value {
    const OLD: &str = "/metadata/annotations/volume.beta.kubernetes.io~1storage-class";
    json!(text(object, OLD).or_else(|| text(object, "/spec/storageClassName")).unwrap_or_default())
}

/// The cell of a claim that has got a volume; empty until then.
pub fn if_bound(claim: &Value, cell: fn(&Value) -> Value) -> Value {
    if text(claim, "/spec/volumeName").is_some() { cell(claim) } else { json!("") }
}

/// The name of a class, marked if it is the default.
pub fn name_of_class(class: &Value, _: Timestamp) -> Value {
    let name = text(class, "/metadata/name").unwrap_or_default();
    let is_default = text(class, DEFAULT) == Some("true");
    if is_default { json!(format!("{name} (default)")) } else { json!(name) }
}
