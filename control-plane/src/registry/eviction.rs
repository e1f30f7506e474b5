//! `pods/eviction`: a delete that asks the pod's disruption budget first.

use serde_json::Value;
use xebec_api::{Status, value};

use super::delete::Asked;
use super::{DeleteOptions, Registry, RequestContext, Stored, Target, WriteOptions, decode};

impl Registry {
    /// Deletes the pod as `body`, a `policy/v1` Eviction, says.
    pub(super) async fn evict(
        &self,
        cx: &RequestContext,
        target: &Target,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        self.authorize(cx, "create", target)?;
        check_name(target, &body)?;
        let body = self.ask_about_call(cx, target, ("policy", "v1", "Eviction"), body, options).await?;
        let mut delete =
            body.get("deleteOptions").map_or_else(|| Ok(DeleteOptions::default()), DeleteOptions::from_json)?;
        delete.dry_run |= options.dry_run;
        let pod = Target { subresource: None, ..target.clone() };
        let stored = match self.cached(&pod) {
            Some(stored) => stored,
            None => {
                self.read_barrier(cx.deadline).await?;
                self.cached(&pod).ok_or_else(|| Status::not_found(pod.kind, &pod.name))?
            }
        };
        decode::check_uid(&pod, &stored, value::text(&body, "/metadata/uid").unwrap_or_default())?;
        decode::check_uid(&pod, &stored, delete.preconditions.uid.as_deref().unwrap_or_default())?;
        self.disrupt(cx, &pod, &stored, delete.dry_run).await?;
        // Whoever else is of that name by now was not asked about.
        delete.preconditions.uid = Some(stored.object.meta().uid.clone());
        Ok(self.remove(cx, &pod, &delete, Asked::Already).await?.stored().clone())
    }
}

/// What the body calls the pod must be what the path calls it.
fn check_name(target: &Target, body: &Value) -> Result<(), Status> {
    match value::text(body, "/metadata/name").filter(|name| *name != target.name) {
        None => Ok(()),
        Some(name) => Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name
        ))),
    }
}
