//! GET of one object, linearizable unless the caller is content with less.

use xebec_api::{Status, Subresource};

use super::{Freshness, Registry, RequestContext, Stored, Target, scale};

impl Registry {
    /// The object as it is now, or a subresource of it that is an object (`status`, `scale`, and other parts).
    pub async fn get(&self, cx: &RequestContext, target: &Target) -> Result<Stored, Status> {
        self.get_fresh(cx, target, Freshness::Latest).await
    }

    /// The same, as fresh as asked for: [`Freshness::Any`] works without a majority of the masters.
    pub async fn get_fresh(
        &self,
        cx: &RequestContext,
        target: &Target,
        freshness: Freshness,
    ) -> Result<Stored, Status> {
        Self::check_subresource(target)?;
        self.authorize(cx, "get", target)?;
        match freshness {
            Freshness::Latest => drop(self.read_barrier(cx.deadline).await?),
            Freshness::Any => {}
            Freshness::NotOlderThan(revision) | Freshness::Exact(revision) => self.wait_for(cx, revision).await?,
        }
        let stored = self.cached(target).ok_or_else(|| Status::not_found(target.kind, &target.name))?;
        match target.subresource {
            None => self.seen(target.kind, stored, cx.deadline).await,
            Some(Subresource::Scale) => scale::view(target.kind, &self.seen(target.kind, stored, cx.deadline).await?),
            Some(part) if part.is_part() => self.seen(target.kind, stored, cx.deadline).await,
            Some(_) => Err(Status::method_not_supported(target.kind, "get")),
        }
    }
}
