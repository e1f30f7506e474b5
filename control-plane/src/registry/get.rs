//! GET of one object, linearizable.

use xebec_api::{Status, Subresource};

use super::{Registry, RequestContext, Stored, Target, scale};

impl Registry {
    /// The object as it is now, or a subresource of it that is an object (`status`, `scale`, and other parts).
    pub async fn get(&self, cx: &RequestContext, target: &Target) -> Result<Stored, Status> {
        Self::check_subresource(target)?;
        self.authorize(cx, "get", target)?;
        self.read_barrier(cx.deadline).await?;
        let stored = self.cached(target).ok_or_else(|| Status::not_found(target.kind, &target.name))?;
        match target.subresource {
            None => Ok(stored.seen_as(target.kind)),
            Some(Subresource::Scale) => scale::view(target.kind, &stored),
            Some(part) if part.is_part() => Ok(stored.seen_as(target.kind)),
            Some(_) => Err(Status::method_not_supported(target.kind, "get")),
        }
    }
}
