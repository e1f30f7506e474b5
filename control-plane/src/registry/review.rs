//! Creates of kinds that are not kept: the object is a question, and what comes back is the question with its answer.

use serde_json::Value;
use xebec_api::{Object, Status};

use super::ownership::Ownership;
use super::pipeline::{Passage, check_fields, refuse};
use super::{Registry, RequestContext, Stored, Target, WriteOptions};
use crate::authz::reviews;

impl Registry {
    /// Answers a review.
    pub(super) fn answer(
        &self,
        cx: &RequestContext,
        target: &Target,
        mut review: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        check_fields(&Passage { cx, target, options, old: None, ownership: Ownership::ByChange }, &mut review)?;
        target.kind.apply_defaults(&mut review);
        refuse(target, &target.kind.strategy.validate(&review))?;
        review["status"] = reviews::answer(target.kind, &review, &cx.user, self.parts.authorizer.as_ref())?;
        Ok(Stored { object: Object::from_value(review)?, revision: 0 })
    }
}
