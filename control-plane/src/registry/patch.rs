//! PATCH: changes parts of an object, its status, or its scale.
//!
//! The patch is laid over the newest object, and again over a newer one if that was too slow, so that patches of
//! different parts never conflict.

use xebec_api::{Status, Subresource};

use super::{Patch, Registry, RequestContext, Stored, Target, WriteOptions};

impl Registry {
    /// Lays `patch` over the target.
    pub async fn patch(
        &self,
        cx: &RequestContext,
        target: &Target,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        Self::check_subresource(target)?;
        if target.subresource.is_some_and(|part| !part.is_part() && part != Subresource::Scale) {
            return Err(Status::method_not_supported(target.kind, "patch"));
        }
        options.check_manager("PatchOptions")?;
        self.authorize(cx, "patch", target)?;
        self.edit(cx, target, options, &|old| xebec_api::patch::apply(target.kind, patch.kind, old, &patch.body)).await
    }
}
