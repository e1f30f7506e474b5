//! The parsed metadata kept beside an object's bytes.
//!
//! Lists, watches, selectors, owners and finalizers need only this, so the rest of an object is not decoded for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A reference to the object that owns this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerRef {
    /// The owner's `group/version`.
    pub api_version: String,
    /// The owner's kind.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's uid.
    pub uid: String,
    /// Whether this owner is the one controller.
    #[serde(deserialize_with = "nullable")]
    pub controller: bool,
    /// Whether foreground deletion of the owner waits for this object.
    #[serde(deserialize_with = "nullable")]
    pub block_owner_deletion: bool,
}

/// What is parsed of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name; unique within the namespace.
    pub name: String,
    /// The namespace; none for what is cluster-wide.
    pub namespace: Option<String>,
    /// Unique over all time.
    pub uid: String,
    /// Counts changes of what is wanted.
    pub generation: i64,
    /// Labels, for selection.
    pub labels: BTreeMap<String, String>,
    /// Annotations, for anything else.
    pub annotations: BTreeMap<String, String>,
    /// When it was made, RFC 3339.
    pub creation_timestamp: Option<String>,
    /// When it is to be gone, RFC 3339; set once deletion has begun.
    pub deletion_timestamp: Option<String>,
    /// How long it may take to end.
    pub deletion_grace_period_seconds: Option<i64>,
    /// Who must act before it may go.
    pub finalizers: Vec<String>,
    /// Who owns it.
    pub owner_references: Vec<OwnerRef>,
}

impl Meta {
    /// The owner that controls this object, if any.
    pub fn controller(&self) -> Option<&OwnerRef> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

/// The part of an object's JSON that [`Meta`] comes from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    #[serde(default, deserialize_with = "nullable")]
    api_version: String,
    #[serde(default, deserialize_with = "nullable")]
    kind: String,
    #[serde(default, deserialize_with = "nullable")]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    namespace: String,
    #[serde(deserialize_with = "nullable")]
    uid: String,
    #[serde(deserialize_with = "nullable")]
    generation: i64,
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    annotations: BTreeMap<String, String>,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
    deletion_grace_period_seconds: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    finalizers: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    owner_references: Vec<OwnerRef>,
}

/// `null` counts as absent, as it does for Go's decoder.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl From<Head> for Meta {
    fn from(head: Head) -> Self {
        let m = head.metadata;
        Self {
            api_version: head.api_version,
            kind: head.kind,
            name: m.name,
            namespace: Some(m.namespace).filter(|n| !n.is_empty()),
            uid: m.uid,
            generation: m.generation,
            labels: m.labels,
            annotations: m.annotations,
            creation_timestamp: m.creation_timestamp,
            deletion_timestamp: m.deletion_timestamp,
            deletion_grace_period_seconds: m.deletion_grace_period_seconds,
            finalizers: m.finalizers,
            owner_references: m.owner_references,
        }
    }
}
