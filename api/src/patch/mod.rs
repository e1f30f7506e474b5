//! Patches: what PATCH does to an object's value.
//!
//! Each kind of patch is a function from a value and a patch to a new value. The result is not trusted: the registry checks
//! its schema, fills in defaults and validates it, as it does with any update.

pub mod json;
pub mod merge;
pub mod shapes;
pub mod strategic;

use serde_json::Value;

pub use shapes::Shape;

use crate::kinds::Kind;
use crate::status::Status;

/// The formats of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902: a list of operations.
    Json,
    /// RFC 7386: an object laid over the object.
    Merge,
    /// A merge patch that knows which lists are merged by key.
    Strategic,
}

impl PatchKind {
    /// The media types, in the order they are offered.
    pub const MEDIA_TYPES: [&'static str; 3] =
        ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"];

    /// The format that a `Content-Type` names.
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        match media_type.split(';').next()?.trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }
}

/// Applies a patch to an object of that kind.
pub fn apply(kind: &Kind, format: PatchKind, object: &Value, patch: &Value) -> Result<Value, Status> {
    match format {
        PatchKind::Json => json::apply(object, patch),
        PatchKind::Merge => merge::apply(object, patch),
        PatchKind::Strategic if !kind.merges_strategically() => Err(Status::unsupported_media_type(
            "application/strategic-merge-patch+json",
            &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"],
        )),
        PatchKind::Strategic => strategic::apply(Shape::of_kind(kind), object, patch),
    }
}
