//! JSON patch, RFC 6902, with bounds.
//!
//! A patch is small, what it makes may not be: each `copy` can double the object, in size or in depth. So operations are
//! applied one by one, and each is weighed before it is applied.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use crate::decode::{MAX_BYTES, MAX_DEPTH};
use crate::status::{Reason, Status};
use crate::value;

/// The most operations one patch may have.
pub const MAX_OPERATIONS: usize = 10_000;

/// Applies a list of operations; all of them or none.
pub fn apply(object: &Value, patch: &Value) -> Result<Value, Status> {
    let count = patch.as_array().map_or(0, Vec::len);
    if count > MAX_OPERATIONS {
        let message = format!("a JSON patch may have {MAX_OPERATIONS} operations, and this one has {count}");
        return Err(Status::new(Reason::RequestEntityTooLarge, message));
    }
    let Patch(operations) = serde::Deserialize::deserialize(patch)
        .map_err(|e| Status::bad_request(format!("malformed JSON patch: {e}")))?;
    let mut out = object.clone();
    let mut copied = 0;
    for (index, operation) in operations.iter().enumerate() {
        copied += weigh(operation, &out)?;
        if copied > MAX_BYTES {
            let message = format!("the copies of a JSON patch may have {MAX_BYTES} bytes together");
            return Err(Status::new(Reason::RequestEntityTooLarge, message));
        }
        json_patch::patch(&mut out, std::slice::from_ref(operation))
            .map_err(|e| Status::new(Reason::Invalid, format!("operation {index} of the JSON patch: {}", e.kind)))?;
    }
    Ok(out)
}

/// How many bytes the operation copies. Refuses what would nest too deep.
fn weigh(operation: &PatchOperation, object: &Value) -> Result<usize, Status> {
    let at = |pointer: &str| object.pointer(pointer).unwrap_or(&Value::Null);
    let (path, moved) = match operation {
        PatchOperation::Add(op) => (op.path.as_str(), &op.value),
        PatchOperation::Replace(op) => (op.path.as_str(), &op.value),
        PatchOperation::Move(op) => (op.path.as_str(), at(op.from.as_str())),
        PatchOperation::Copy(op) => (op.path.as_str(), at(op.from.as_str())),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(0),
    };
    if path.matches('/').count() + value::depth(moved) > MAX_DEPTH {
        return Err(Status::bad_request(format!("the JSON patch nests deeper than {MAX_DEPTH} levels")));
    }
    let copies = matches!(operation, PatchOperation::Copy(_));
    Ok(if copies { moved.to_string().len() } else { 0 })
}
