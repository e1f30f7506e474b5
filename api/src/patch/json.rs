//! JSON patch, RFC 6902, with bounds.
//!
//! A patch is small, what it makes may not be: each `copy` can double the object, in size or in depth. So operations are
//! applied one by one, and each is weighed before it is applied.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use crate::decode::{MAX_BYTES, MAX_DEPTH};
use crate::status::{Reason, Status};

/// The most operations one patch may have.
pub const MAX_OPERATIONS: usize = 10_000;

/// The most values that the operations of one patch may move, each counted as often as it is moved: each move takes time for
/// everything in what it moves.
pub const MAX_MOVED: usize = 4 << 20;

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
    let mut budget = Budget::default();
    for (index, operation) in operations.iter().enumerate() {
        if finds_nothing(operation, &out) {
            continue;
        }
        budget.spend(operation, &out)?;
        json_patch::patch(&mut out, std::slice::from_ref(operation))
            .map_err(|e| Status::new(Reason::Invalid, format!("operation {index} of the JSON patch: {}", e.kind)))?;
    }
    Ok(out)
}

/// Whether this is a test for null of a member that is not there: absent is null, as Kubernetes has it. Clients add the first finalizer
/// under this test.
fn finds_nothing(operation: &PatchOperation, object: &Value) -> bool {
    let PatchOperation::Test(test) = operation else { return false };
    let path = test.path.as_str();
    let holder = path.rsplit_once('/').and_then(|(holder, _)| object.pointer(holder));
    test.value.is_null() && object.pointer(path).is_none() && holder.is_some_and(Value::is_object)
}

/// What the operations of one patch have cost so far.
#[derive(Default)]
struct Budget {
    /// Bytes that were copied.
    copied: usize,
    /// Values that were moved or copied.
    moved: usize,
}

impl Budget {
    /// Weighs an operation before it is applied. Refuses what would nest too deep, grow too large or take too long.
    fn spend(&mut self, operation: &PatchOperation, object: &Value) -> Result<(), Status> {
        let at = |pointer: &str| object.pointer(pointer).unwrap_or(&Value::Null);
        let (path, value) = match operation {
            PatchOperation::Add(op) => (op.path.as_str(), &op.value),
            PatchOperation::Replace(op) => (op.path.as_str(), &op.value),
            PatchOperation::Move(op) => (op.path.as_str(), at(op.from.as_str())),
            PatchOperation::Copy(op) => (op.path.as_str(), at(op.from.as_str())),
            PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
        };
        let (depth, values) = measure(value);
        if path.matches('/').count() + depth > MAX_DEPTH {
            return Err(Status::bad_request(format!("the JSON patch nests deeper than {MAX_DEPTH} levels")));
        }
        self.moved += values;
        if let PatchOperation::Copy(_) = operation {
            self.copied += value.to_string().len();
        }
        if self.copied > MAX_BYTES || self.moved > MAX_MOVED {
            let message = format!(
                "what a JSON patch copies may have {MAX_BYTES} bytes, and what it moves {MAX_MOVED} values, together"
            );
            return Err(Status::new(Reason::RequestEntityTooLarge, message));
        }
        Ok(())
    }
}

/// How many levels a value has, and how many values are in it, itself included.
fn measure(value: &Value) -> (usize, usize) {
    let inner: Vec<(usize, usize)> = match value {
        Value::Array(items) => items.iter().map(measure).collect(),
        Value::Object(map) => map.values().map(measure).collect(),
        _ => return (0, 1),
    };
    let depth = inner.iter().map(|(depth, _)| depth + 1).max().unwrap_or(1);
    (depth, 1 + inner.iter().map(|(_, values)| values).sum::<usize>())
}
