//! Validating webhooks: all that a request is meant for are asked at once, and each may refuse it.

use std::sync::Arc;

use futures::future::try_join_all;
use xebec_api::{Kind, Status};

use super::Webhooks;
use super::hook::Hook;
use super::metrics::Role;
use super::question::Question;

impl Webhooks {
    /// Asks every validating webhook that the question is meant for. The first refusal that comes ends it.
    pub async fn validate(&self, question: &Question<'_>) -> Result<(), Status> {
        let asked = self.meant(&self.current().validating, question);
        let ask = |(hook, shown): &(Arc<Hook>, &'static Kind)| {
            let (hook, shown) = (hook.clone(), *shown);
            async move {
                let objects = question.show(&self.parts.conversions, shown).await?;
                self.consult(&hook, Role::Validates, shown, question, &objects).await
            }
        };
        try_join_all(asked.iter().map(ask)).await.map(drop)
    }

    /// Those of `hooks` that the question is meant for, and the versions in which they are shown the object.
    fn meant(&self, hooks: &[Arc<Hook>], question: &Question<'_>) -> Vec<(Arc<Hook>, &'static Kind)> {
        question.with_subject(&self.parts.cache, |subject| {
            let is_exempt = subject.is_configuration();
            let of = |hook: &Arc<Hook>| hook.criteria.matches(subject).map(|shown| (hook.clone(), shown));
            if is_exempt { Vec::new() } else { hooks.iter().filter_map(of).collect() }
        })
    }
}
