//! JSON patch, RFC 6902.

use serde_json::Value;

use crate::status::{Reason, Status};

/// The most operations one patch may have.
pub const MAX_OPERATIONS: usize = 10_000;

/// Applies a list of operations; all of them or none.
pub fn apply(object: &Value, patch: &Value) -> Result<Value, Status> {
    let count = patch.as_array().map_or(0, Vec::len);
    if count > MAX_OPERATIONS {
        let message = format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}");
        return Err(Status::new(Reason::RequestEntityTooLarge, message));
    }
    let operations: json_patch::Patch = serde::Deserialize::deserialize(patch)
        .map_err(|e| Status::bad_request(format!("malformed JSON patch: {e}")))?;
    let mut out = object.clone();
    json_patch::patch(&mut out, &operations).map_err(|e| {
        Status::new(Reason::Invalid, format!("the server rejected our request due to an error in our request: {e}"))
    })?;
    Ok(out)
}
