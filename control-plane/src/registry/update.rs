//! UPDATE: replaces an object, a part of it such as its status, or its scale.
//!
//! A body with a resource version replaces that version and no other; one without replaces whatever is there.

use std::borrow::Cow;

use serde_json::Value;
use xebec_api::{Object, Status, Subresource};

use super::ownership::Ownership;
use super::pipeline::Passage;
use super::settle::{Decide, Step};
use super::versions::stored_row;
use super::{Registry, RequestContext, Stored, Target, WriteOptions, decode, deletion, scale};

/// A change of an object that is there: made on what is stored, and made again if that was not the newest.
pub(super) struct Change<'a> {
    /// How it comes to own fields.
    pub(super) ownership: Ownership,
    /// What it makes of the object, in the form that it is shown it in: an apply in that of the store, anything else in that of the
    /// version that the request is about.
    pub(super) propose: &'a (dyn Fn(&Stored, &Value) -> Result<Value, Status> + Send + Sync),
}

impl Registry {
    /// Replaces the target by `body`. An update that changes nothing writes nothing.
    pub async fn update(
        &self,
        cx: &RequestContext,
        target: &Target,
        mut body: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        Self::check_subresource(target)?;
        match target.subresource {
            None => decode::envelope(target, &mut body)?,
            Some(Subresource::Scale) => {}
            Some(part) if part.is_part() => decode::envelope(target, &mut body)?,
            Some(_) => return Err(Status::method_not_supported(target.kind, "update")),
        }
        options.check_manager("UpdateOptions")?;
        self.authorize(cx, "update", target)?;
        let versioned = target.subresource.is_none().then(|| decode::check_version(target, &body));
        versioned.transpose()?;
        self.edit(cx, target, options, &|_| Ok(body.clone())).await
    }

    /// Changes the target to what `edit` makes of it: the object, or its scale where the target is the scale.
    pub(super) async fn edit(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &WriteOptions,
        edit: &(dyn Fn(&Value) -> Result<Value, Status> + Send + Sync),
    ) -> Result<Stored, Status> {
        let propose = |current: &Stored, old: &Value| match target.subresource {
            Some(Subresource::Scale) => scale::apply(target, current, old, edit),
            _ => edit(old),
        };
        let change = Change { ownership: Ownership::ByChange, propose: &propose };
        self.rewrite(cx, target, options, &change).await
    }

    /// Carries out a change of an object that is there.
    pub(super) async fn rewrite(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &WriteOptions,
        change: &Change<'_>,
    ) -> Result<Stored, Status> {
        let decide: &Decide<'_> = &|current| Box::pin(self.decide_change(cx, target, options, change, current));
        let settled = self.settle(cx, target, options.dry_run, decide).await?;
        let seen = self.seen(target.kind, settled.stored, cx.deadline).await?;
        match target.subresource {
            Some(Subresource::Scale) => scale::view(target.kind, &seen),
            _ => Ok(seen),
        }
    }

    async fn decide_change(
        &self,
        cx: &RequestContext,
        target: &Target,
        options: &WriteOptions,
        change: &Change<'_>,
        current: Stored,
    ) -> Result<Step, Status> {
        let row = stored_row(target.kind);
        let present = self.seen(row, current.clone(), cx.deadline).await?;
        let old = present.to_value();
        let applies = change.ownership == Ownership::Applied;
        let shown = match applies {
            true => Cow::Borrowed(&old),
            false => self.parts.conversions.served(target.kind, &old, cx.deadline).await?,
        };
        let mut proposed = (change.propose)(&present, &shown)?;
        let form = if applies { Target { kind: row, ..target.clone() } } else { target.clone() };
        decode::envelope(&form, &mut proposed)?;
        decode::check_preconditions(target, &current, &proposed)?;
        let passage = Passage { cx, target, options, old: Some(&old), ownership: change.ownership };
        let object = self.pass_update(&passage, proposed).await?;
        Ok(step_for(target, &current, object))
    }
}

/// An object that was waiting for its last finalizer goes with the update that takes the finalizer away.
fn step_for(target: &Target, current: &Stored, object: Object) -> Step {
    if deletion::is_complete(target.kind, &object) {
        return Step::Remove(object);
    }
    if object == current.object { Step::Keep } else { Step::Put(object) }
}
