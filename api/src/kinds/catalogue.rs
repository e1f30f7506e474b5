//! The kind table of a moment: the built-in rows, and those of the definitions that are served.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{KINDS, Kind};
use crate::custom::{self, Full, Rows};
use crate::{conditions, value};

/// All kinds of a moment. A clone is cheap enough to make for each definition that changes.
#[derive(Clone, Default)]
pub struct Catalogue {
    /// By the name of the definition.
    defined: BTreeMap<String, &'static Rows>,
}

impl Catalogue {
    /// Takes in a CustomResourceDefinition as it is now. Its kind is served once it is established.
    pub fn define(&mut self, definition: &Value) -> Result<(), Full> {
        let name = value::text(definition, "/metadata/name").unwrap_or_default();
        self.forget(name);
        if !conditions::is_true(definition, "Established") {
            return Ok(());
        }
        if let Some(rows) = custom::rows(definition)? {
            self.defined.insert(name.to_owned(), rows);
        }
        Ok(())
    }

    /// The definition of that name is gone.
    pub fn forget(&mut self, name: &str) {
        self.defined.remove(name);
    }

    /// All kinds, in the order discovery shows them: those of definitions last.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().copied().chain(self.custom())
    }

    /// The kinds of definitions, in every version that is served.
    pub fn custom(&self) -> impl Iterator<Item = &'static Kind> {
        self.defined.values().flat_map(|rows| rows.served.iter()).copied()
    }

    /// The kinds of definitions, in the versions that are stored.
    pub fn stored_custom(&self) -> impl Iterator<Item = &'static Kind> {
        self.defined.values().map(|rows| rows.stored)
    }

    /// The kinds that have objects in the store.
    pub fn kept(&self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().copied().filter(|kind| kind.is_kept()).chain(self.stored_custom())
    }

    /// The kind that the definition of that name gave the version that is stored.
    pub fn defined_by(&self, name: &str) -> Option<&'static Kind> {
        self.defined.get(name).map(|rows| rows.stored)
    }

    /// The kind behind a path such as `/apis/apps/v1/deployments`.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
        self.kinds().find(|k| k.group == group && k.version == version && k.plural == plural)
    }

    /// The kind an object says it is, by its `apiVersion` and `kind`; also in a version that is stored and not served.
    pub fn find_api_version(&self, api_version: &str, kind: &str) -> Option<&'static Kind> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.kinds().chain(self.stored_custom()).find(|k| k.group == group && k.version == version && k.kind == kind)
    }

    /// The kind in whose form the objects of a resource are stored.
    pub fn resource(&self, group: &str, plural: &str) -> Option<&'static Kind> {
        self.kept().find(|kind| kind.group == group && kind.plural == plural)
    }
}
