//! CustomResourceDefinitions: the registry is the one writer of their status, and keeps objects out whose kind is going.

use serde_json::Value;
use xebec_api::kinds::CUSTOM_RESOURCE_DEFINITION;
use xebec_api::{Kind, Reason, Status, custom};

use super::{Registry, RequestContext, Stored, Target, rfc3339};

impl Registry {
    /// Writes the status of a definition: a kind whose names are free is served from the write on that says so.
    pub(super) fn establish(&self, target: &Target, object: &mut Value) -> Result<(), Status> {
        if *target.kind != CUSTOM_RESOURCE_DEFINITION || !custom::check(object).is_empty() {
            return Ok(());
        }
        let full = |error| Status::new(Reason::InsufficientStorage, format!("nothing was written: {error}"));
        custom::rows(object).map_err(full)?;
        custom::establish(object, &self.parts.cache.catalogue(), &rfc3339(self.now()));
        Ok(())
    }

    /// The definition of a custom kind, of which a new object must find that it stays.
    pub(super) async fn definition_of(&self, cx: &RequestContext, kind: &Kind) -> Result<Option<Stored>, Status> {
        if kind.custom.is_none() {
            return Ok(None);
        }
        let definition = Target::new(&CUSTOM_RESOURCE_DEFINITION, None, &kind.resource());
        let mut found = self.cached(&definition);
        if found.is_none() {
            self.read_barrier(cx.deadline).await?;
            found = self.cached(&definition);
        }
        let found = found.ok_or_else(Status::no_such_resource)?;
        if found.object.meta().deletion_timestamp.is_none() {
            return Ok(Some(found));
        }
        let why = "create not allowed while custom resource definition is terminating";
        Err(Status::new(Reason::MethodNotAllowed, why))
    }
}
