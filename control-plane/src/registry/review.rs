//! Creates of kinds that are not kept: the object is a question, and what comes back is the question with its answer.

use serde_json::Value;
use xebec_api::kinds::TOKEN_REVIEW;
use xebec_api::{Object, Status};

use super::ownership::Ownership;
use super::pipeline::{Passage, check_fields, refuse};
use super::{Registry, RequestContext, Stored, Target, WriteOptions};
use crate::authz::reviews;

impl Registry {
    /// Answers a review.
    pub(super) async fn answer(
        &self,
        cx: &RequestContext,
        target: &Target,
        mut review: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        check_fields(&Passage { cx, target, options, old: None, ownership: Ownership::ByChange }, &mut review)?;
        target.kind.apply_defaults(&mut review);
        let kind = target.kind;
        let mut review =
            self.ask_about_call(cx, target, (kind.group, kind.version, kind.kind), review, options).await?;
        refuse(target, &kind.strategy.validate(&review))?;
        if target.kind == &TOKEN_REVIEW {
            // Whoever asks will not ask again: a token that is good must not be called bad by a master that is behind.
            self.read_barrier(cx.deadline).await?;
        }
        let desk =
            reviews::Desk { authorizer: self.parts.authorizer.as_ref(), tokens: &self.parts.tokens, now: self.now() };
        review["status"] = desk.answer(target.kind, &review, &cx.user)?;
        Ok(Stored { object: Object::from_value(review)?, revision: 0 })
    }
}
