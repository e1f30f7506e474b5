//! The envelope of a body: what it says it is must be what the request is about. What it leaves out is taken from the
//! request.

use serde_json::{Value, json};
use xebec_api::{FieldError, FieldErrors, FieldPath, Status, value};

use super::{Registry, Stored, Target};

/// Checks and completes `apiVersion`, `kind`, namespace and, where the request names the object, the name.
pub(super) fn envelope(target: &Target, body: &mut Value) -> Result<(), Status> {
    if !body.is_object() {
        return Err(Status::bad_request("the body must be an object"));
    }
    types(target, body)?;
    let Some(metadata) = body.as_object_mut().map(|fields| fields.entry("metadata").or_insert_with(|| json!({})))
    else {
        return Err(Status::bad_request("the body must be an object"));
    };
    if metadata.is_null() {
        *metadata = json!({});
    }
    if !metadata.is_object() {
        return Err(Status::bad_request("metadata must be an object"));
    }
    namespace(target, metadata)?;
    name(target, metadata)
}

fn types(target: &Target, body: &mut Value) -> Result<(), Status> {
    let kind = target.kind;
    let expected = [("apiVersion", "API version", kind.api_version()), ("kind", "kind", kind.kind.to_owned())];
    for (field, words, expected) in expected {
        match body.get(field).and_then(Value::as_str).unwrap_or_default() {
            "" => body[field] = json!(expected),
            found if found == expected => {}
            found => {
                let message =
                    format!("the {words} in the data ({found}) does not match the expected {words} ({expected})");
                return Err(Status::bad_request(message));
            }
        }
    }
    Ok(())
}

fn namespace(target: &Target, metadata: &mut Value) -> Result<(), Status> {
    let found = value::text(metadata, "/namespace").unwrap_or_default().to_owned();
    let Some(expected) = target.namespace.as_deref() else {
        if let Some(fields) = metadata.as_object_mut() {
            fields.remove("namespace");
        }
        return Ok(());
    };
    if !found.is_empty() && found != expected {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    metadata["namespace"] = json!(expected);
    Ok(())
}

fn name(target: &Target, metadata: &mut Value) -> Result<(), Status> {
    let found = value::text(metadata, "/name").unwrap_or_default();
    if target.name.is_empty() {
        return Ok(());
    }
    if !found.is_empty() && found != target.name {
        let message = format!("the name of the object ({found}) does not match the name on the URL ({})", target.name);
        return Err(Status::bad_request(message));
    }
    metadata["name"] = json!(target.name);
    Ok(())
}

impl Registry {
    /// Refuses subresources that the kind does not have.
    pub(super) fn check_subresource(target: &Target) -> Result<(), Status> {
        match target.subresource {
            Some(subresource) if !target.kind.has(subresource) => Err(Status::no_such_resource()),
            _ => Ok(()),
        }
    }
}

/// Refuses an update of whatever is there where the kind wants to know which version is meant.
pub(super) fn check_version(target: &Target, body: &Value) -> Result<(), Status> {
    let version = value::text(body, "/metadata/resourceVersion").unwrap_or_default();
    if !target.kind.needs_version || !matches!(version, "" | "0") {
        return Ok(());
    }
    let path = FieldPath::new("metadata.resourceVersion");
    let error = FieldError::invalid(&path, 0, "must be specified for an update");
    Err(Status::invalid(target.kind, &target.name, &FieldErrors::from_iter([error])))
}

/// A body that carries a resource version or uid is about that object and no other.
pub(super) fn check_preconditions(target: &Target, current: &Stored, body: &Value) -> Result<(), Status> {
    let version = value::text(body, "/metadata/resourceVersion").unwrap_or_default();
    let uid = value::text(body, "/metadata/uid").unwrap_or_default();
    if !matches!(version, "" | "0") && parse_version(version)? != current.revision {
        return Err(Status::modified(target.kind, &target.name));
    }
    check_uid(target, current, uid)
}

/// Refuses if the object is not the one that is meant; an empty uid means any.
pub(super) fn check_uid(target: &Target, current: &Stored, uid: &str) -> Result<(), Status> {
    let found = &current.object.meta().uid;
    if uid.is_empty() || uid == found {
        return Ok(());
    }
    let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {found}");
    Err(Status::conflict(target.kind, &target.name, why))
}

/// A resource version as clients send it.
pub(super) fn parse_version(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| Status::bad_request(format!("Invalid value: \"{text}\": invalid resource version")))
}
