//! DELETE of one object.

use xebec_api::Status;

use super::ownership::Ownership;
use super::pipeline::Passage;
use super::settle::{Decide, Step};
use super::{DeleteOptions, Deleted, Registry, RequestContext, Stored, Target, WriteOptions, decode, deletion};
use crate::admission::Operation;

/// Whether webhooks have been asked about a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// They are to be.
    Not,
    /// They have been, about the call that leads to it.
    Already,
}

impl Registry {
    /// Removes the target, or marks it so that it goes once its finalizers and its grace period are done.
    pub async fn delete(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        if target.subresource.is_some() {
            return Err(Status::method_not_supported(target.kind, "delete"));
        }
        self.authorize(cx, "delete", target)?;
        Ok(match self.remove(cx, target, options, Asked::Not).await? {
            Deleted::Removed(stored) => Deleted::Removed(self.last_seen(target.kind, stored, cx.deadline).await),
            Deleted::Terminating(stored) => {
                Deleted::Terminating(self.last_seen(target.kind, stored, cx.deadline).await)
            }
        })
    }

    /// The delete itself, once it is allowed.
    pub(super) async fn remove(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &DeleteOptions,
        asked: Asked,
    ) -> Result<Deleted, Status> {
        let decide: &Decide<'_> = &|current| Box::pin(self.decide_delete(cx, target, options, asked, current));
        let settled = self.settle(cx, target, options.dry_run, decide).await?;
        Ok(if settled.removed { Deleted::Removed(settled.stored) } else { Deleted::Terminating(settled.stored) })
    }

    async fn decide_delete(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &DeleteOptions,
        asked: Asked,
        current: Stored,
    ) -> Result<Step, Status> {
        let wanted = &options.preconditions;
        if wanted.resource_version.is_some_and(|version| version != current.revision) {
            return Err(Status::modified(target.kind, &target.name));
        }
        decode::check_uid(target, &current, wanted.uid.as_deref().unwrap_or_default())?;
        let old = current.to_value();
        let passage =
            Passage { cx, target, options: &WriteOptions::default(), old: Some(&old), ownership: Ownership::ByChange };
        self.admit(&passage, Operation::Delete, &mut old.clone())?;
        if asked == Asked::Not {
            self.ask_about_delete(cx, target, options, &old).await?;
        }
        deletion::plan(target.kind, &current, options, self.now())
    }
}
