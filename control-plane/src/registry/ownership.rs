//! Who owns which fields of what is written; `xebec_api::apply` decides it.

use serde_json::Value;
use xebec_api::apply::{self, Writer};
use xebec_api::{FieldError, FieldErrors, FieldPath, Status};

use super::pipeline::{Passage, refuse};
use super::{Registry, WriteOptions, rfc3339};

/// The manager of whoever gives no name.
const UNKNOWN: &str = "unknown";

/// How a write comes to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// Whoever changes a field owns it.
    ByChange,
    /// The write is an apply, and carries who owns what.
    Applied,
}

impl WriteOptions {
    /// Options of a component of the cluster, which owns what it writes under that name.
    pub fn by(manager: &str) -> WriteOptions {
        WriteOptions { field_manager: manager.to_owned(), ..WriteOptions::default() }
    }

    /// The manager of whoever does not name one: the product in its user agent, such as `kubectl` of `kubectl/v1.35.0 (linux/amd64)`.
    pub fn manager_of_user_agent(user_agent: &str) -> String {
        let product = user_agent.split('/').next().unwrap_or_default();
        let mut manager: String = product.chars().filter(|c| !c.is_control()).collect();
        manager.truncate(manager.floor_char_boundary(apply::MAX_MANAGER));
        manager
    }

    /// Refuses a name that no manager can have. `options` is the name of the options' type, such as `CreateOptions`.
    pub(super) fn check_manager(&self, options: &str) -> Result<(), Status> {
        let path = FieldPath::new("fieldManager");
        match apply::manager_fault(&self.field_manager) {
            Some(why) => Err(refusal(options, FieldError::invalid(&path, self.field_manager.as_str(), why))),
            None => Ok(()),
        }
    }

    /// Refuses an apply by nobody.
    pub(super) fn check_applier(&self) -> Result<(), Status> {
        if self.field_manager.is_empty() {
            let path = FieldPath::new("fieldManager");
            return Err(refusal("PatchOptions", FieldError::required(&path, "is required for apply patch")));
        }
        self.check_manager("PatchOptions")
    }

    fn manager(&self) -> &str {
        if self.field_manager.is_empty() { UNKNOWN } else { &self.field_manager }
    }
}

/// Refuses options of a request.
fn refusal(options: &str, error: FieldError) -> Status {
    Status::invalid_options(options, &FieldErrors::from_iter([error]))
}

impl Registry {
    /// Notes on the object who owns what of it.
    pub(super) fn own(&self, passage: &Passage<'_>, object: &mut Value) -> Result<(), Status> {
        if passage.ownership == Ownership::Applied {
            return Ok(());
        }
        if passage.target.subresource.is_some() {
            // Ownership is edited on the object itself only.
            apply::take_managed_fields(object);
        }
        let now = rfc3339(self.now());
        let (options, target) = (passage.options, passage.target);
        let writer = Writer { manager: options.manager(), subresource: target.subresource, now: &now };
        let tracked = apply::track(target.kind.stored(), passage.old, object, &writer);
        tracked.or_else(|errors| refuse(target, &errors))
    }
}
