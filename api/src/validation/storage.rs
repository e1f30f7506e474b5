//! The rules of volumes, claims, their classes and drivers.

use serde_json::{Map, Value};

use super::rule::{self, Rule};
use super::{Unique, named};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::quantity::Quantity;
use crate::value::{entries, list, number, text};

/// How many nodes may use a volume, and how.
pub const ACCESS_MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// The rules of a claim for single fields.
pub const CLAIM: &[Rule] = &[
    Rule::required("spec.accessModes"),
    Rule::one_of("spec.accessModes[]", &ACCESS_MODES),
    Rule::one_of("spec.volumeMode", &["Block", "Filesystem"]),
    Rule::named("spec.storageClassName", names::dns_subdomain),
    Rule::named("spec.volumeAttributesClassName", names::dns_subdomain),
    Rule::selector("spec.selector"),
    Rule::amount("spec.resources.requests{}"),
    Rule::required("spec.dataSource.kind"),
    Rule::required("spec.dataSource.name"),
    Rule::required("spec.dataSourceRef.kind"),
    Rule::required("spec.dataSourceRef.name"),
];

/// The fields of a volume's `spec` that are no source.
const VOLUME_FIELDS: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];
const MAX_PARAMETERS: usize = 512;
const MAX_PARAMETER_BYTES: usize = 256 * 1024;

fn spec(object: &Value) -> Map<String, Value> {
    object.get("spec").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn sources(volume: &Value) -> Map<String, Value> {
    spec(volume).into_iter().filter(|(field, _)| !VOLUME_FIELDS.contains(&field.as_str())).collect()
}

/// What is wrong with a volume, apart from its row's rules.
pub fn volume(volume: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let sources = sources(volume);
    errors.require(!sources.is_empty(), || FieldError::required(&path, "must specify a volume type"));
    for field in sources.keys().skip(1) {
        errors.push(FieldError::forbidden(&path.child(field), "may not specify more than 1 volume type"));
    }
    only_pod_of_the_modes(volume, &path, &mut errors);
    let local = sources.contains_key("local");
    errors.require(!local || volume.pointer("/spec/nodeAffinity/required").is_some(), || {
        FieldError::required(&path.child("nodeAffinity"), "Local volume requires node affinity")
    });
    let host = text(volume, "/spec/hostPath/path").unwrap_or_default();
    super::no_backsteps(&mut errors, &path.child("hostPath").child("path"), host);
    errors.require(host != "/" || text(volume, "/spec/persistentVolumeReclaimPolicy") != Some("Recycle"), || {
        let path = path.child("persistentVolumeReclaimPolicy");
        FieldError::forbidden(&path, "may not be 'recycle' for a hostPath mount of '/'")
    });
    errors
}

/// A volume keeps its source, and where it can be reached from once that is known.
pub fn volume_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    errors.require(sources(new) == sources(old), || {
        FieldError::forbidden(
            &FieldPath::new("spec.persistentvolumesource"),
            "spec.persistentvolumesource is immutable after creation",
        )
    });
    let affinity = old.pointer("/spec/nodeAffinity");
    errors.require(affinity.is_none() || affinity == new.pointer("/spec/nodeAffinity"), || {
        let value = new.pointer("/spec/nodeAffinity").cloned().unwrap_or_default();
        FieldError::immutable(&FieldPath::new("spec.nodeAffinity"), value)
    });
    errors
}

fn only_pod_of_the_modes(object: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let modes = list(object, "/spec/accessModes");
    errors.require(modes.len() <= 1 || modes.iter().all(|mode| mode != "ReadWriteOncePod"), || {
        let why = "may not use ReadWriteOncePod with other access modes";
        FieldError::forbidden(&path.child("accessModes"), why)
    });
}

/// What is wrong with a claim, apart from [`CLAIM`].
pub fn claim(claim: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    fields_of_claim(claim, &FieldPath::new("spec"), &mut errors);
    errors
}

/// What is wrong with a claim within another object.
pub fn claim_at(claim: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    rule::check_at(CLAIM, claim, path, errors);
    fields_of_claim(claim, &path.child("spec"), errors);
}

fn fields_of_claim(claim: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    only_pod_of_the_modes(claim, path, errors);
    let path = path.child("resources").key("storage");
    match text(claim, "/spec/resources/requests/storage").map(Quantity::parse) {
        None => errors.push(FieldError::required(&path, "")),
        Some(Ok(amount)) if amount.is_zero() => {
            errors.push(FieldError::invalid(&path, amount.to_string(), "must be greater than zero"));
        }
        Some(_) => {}
    }
}

/// Of a claim only the volume may be set, once, and the size grow once there is a volume.
pub fn claim_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let bound = text(old, "/status/phase") == Some("Bound");
    let (mut fixed, before) = (spec(new), spec(old));
    undo(&mut fixed, &before, "volumeAttributesClassName");
    if text(old, "/spec/volumeName").is_none() {
        undo(&mut fixed, &before, "volumeName");
    }
    if !before.contains_key("storageClassName") {
        undo(&mut fixed, &before, "storageClassName");
    }
    if bound {
        undo(&mut fixed, &before, "resources");
    }
    errors.require(fixed == before, || {
        let why =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        FieldError::forbidden(&path, why)
    });
    let size =
        |claim: &Value| text(claim, "/spec/resources/requests/storage").and_then(|text| Quantity::parse(text).ok());
    let shrinks = size(new).zip(size(old)).is_some_and(|(after, before)| after < before);
    errors.require(!shrinks, || {
        FieldError::forbidden(
            &path.child("resources").child("requests").child("storage"),
            "field can not be less than previous value",
        )
    });
    errors
}

fn undo(fields: &mut Map<String, Value>, before: &Map<String, Value>, field: &str) {
    match before.get(field) {
        Some(value) => drop(fields.insert(field.to_owned(), value.clone())),
        None => drop(fields.remove(field)),
    }
}

/// What is wrong with a StorageClass, apart from its row's rules.
pub fn class(class: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let provisioner = text(class, "/provisioner").unwrap_or_default();
    if !provisioner.is_empty() {
        named(&mut errors, &FieldPath::new("provisioner"), &provisioner.to_ascii_lowercase(), names::qualified_name);
    }
    parameters(class, &mut errors);
    errors
}

/// What is wrong with a VolumeAttributesClass, apart from its row's rules.
pub fn attributes(class: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let none = entries(class, "/parameters").next().is_none();
    errors.require(!none, || {
        FieldError::required(&FieldPath::new("parameters"), "must contain at least one key/value pair")
    });
    parameters(class, &mut errors);
    errors
}

fn parameters(class: &Value, errors: &mut FieldErrors) {
    let path = FieldPath::new("parameters");
    let count = entries(class, "/parameters").count();
    errors.require(count <= MAX_PARAMETERS, || FieldError::too_many(&path, count, MAX_PARAMETERS));
    let bytes = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    let total: usize = entries(class, "/parameters").map(bytes).sum();
    errors.require(total <= MAX_PARAMETER_BYTES, || FieldError::too_long(&path, MAX_PARAMETER_BYTES));
    let unnamed = entries(class, "/parameters").any(|(key, _)| key.is_empty());
    errors.require(!unnamed, || FieldError::invalid(&path, "", "field can not be empty."));
}

/// What is wrong with a CSIDriver, apart from its row's rules.
pub fn driver(driver: &Value) -> FieldErrors {
    const LONGEST_NAME: usize = 63;
    let mut errors = FieldErrors::new();
    let name = text(driver, "/metadata/name").unwrap_or_default();
    errors.require(name.len() <= LONGEST_NAME, || FieldError::too_long(&FieldPath::new("metadata.name"), LONGEST_NAME));
    let mut audiences = Unique::default();
    for (index, request) in list(driver, "/spec/tokenRequests").iter().enumerate() {
        let path = FieldPath::new("spec.tokenRequests").index(index).child("audience");
        audiences.add(&mut errors, &path, text(request, "/audience").unwrap_or_default());
    }
    errors
}

/// What is wrong with a CSINode, apart from its row's rules: each driver is there once.
pub fn drivers_of_node(node: &Value) -> FieldErrors {
    const LONGEST_ID: usize = 256;
    let mut errors = FieldErrors::new();
    let mut names = Unique::default();
    for (index, driver) in list(node, "/spec/drivers").iter().enumerate() {
        let path = FieldPath::new("spec.drivers").index(index);
        names.add(&mut errors, &path.child("name"), text(driver, "/name").unwrap_or_default());
        let id = text(driver, "/nodeID").unwrap_or_default();
        errors.require(id.len() <= LONGEST_ID, || FieldError::too_long(&path.child("nodeID"), LONGEST_ID));
    }
    errors
}

/// A driver that a node has keeps what the node said of it; drivers come and go.
pub fn drivers_stay(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (index, driver) in list(new, "/spec/drivers").iter().enumerate() {
        let before = list(old, "/spec/drivers").iter().find(|before| before.get("name") == driver.get("name"));
        let same = |before: &Value| ["nodeID", "topologyKeys"].iter().all(|key| before.get(*key) == driver.get(*key));
        let limits = |driver: &Value| number(driver, "/allocatable/count");
        errors.require(before.is_none_or(|before| same(before) && limits(before) == limits(driver)), || {
            FieldError::immutable(&FieldPath::new("spec.drivers").index(index), driver.clone())
        });
    }
    errors
}
