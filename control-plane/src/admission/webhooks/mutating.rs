//! Mutating webhooks: asked one after the other, each about what the one before has left.
//!
//! When one has changed the object, the plugins run again, and so do once more those that were asked before the change and want to be
//! asked again: what a later one adds may be what an earlier one is there to complete.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use xebec_api::{Kind, Status, decode, patch};

use super::Webhooks;
use super::configurations::Configurations;
use super::hook::Hook;
use super::metrics::Role;
use super::question::Question;

/// What the webhooks of one request have done so far.
pub struct Round {
    /// All webhooks, as they were when the request came to them.
    all: Arc<Configurations>,
    /// Whether this is the second time.
    again: bool,
    /// Those that want to be asked again, among those that were asked.
    asked: BTreeSet<usize>,
    /// Those of them that something has changed for since.
    due: BTreeSet<usize>,
}

impl Round {
    /// Whether there is nobody to ask.
    pub fn is_empty(&self) -> bool {
        self.all.mutating.is_empty()
    }

    /// The object was changed, by a webhook or otherwise.
    pub fn changed(&mut self) {
        self.due.extend(&self.asked);
    }

    /// The plugins have run again, and have changed the object or not. Whether anybody is to be asked again.
    pub fn begin_again(&mut self, changed: bool) -> bool {
        self.again = true;
        if changed {
            self.changed();
        }
        !self.due.is_empty()
    }
}

/// Brings an object that a webhook has changed into shape, or says what is wrong with it.
pub type Settle<'a> = dyn Fn(&mut Value) -> Result<(), Status> + Send + Sync + 'a;

impl Webhooks {
    /// The first round, in which nobody has been asked.
    pub fn round(&self) -> Round {
        Round { all: self.current(), again: false, asked: BTreeSet::new(), due: BTreeSet::new() }
    }

    /// Asks the mutating webhooks that the question is meant for, in order; in the second round only those that are due. Whether the
    /// object was changed. Where nothing settles changes, none may be made.
    pub async fn mutate(
        &self,
        question: &mut Question<'_>,
        round: &mut Round,
        settle: Option<&Settle<'_>>,
    ) -> Result<bool, Status> {
        let mut changed = false;
        for (index, hook) in round.all.clone().mutating.iter().enumerate() {
            if round.again && !round.due.remove(&index) {
                continue;
            }
            let Some(shown) = self.shown(hook, question) else { continue };
            if self.apply(hook, shown, question, settle).await? {
                changed = true;
                round.changed();
            }
            if hook.again_if_needed {
                round.asked.insert(index);
            }
        }
        Ok(changed)
    }

    fn shown(&self, hook: &Hook, question: &Question<'_>) -> Option<&'static Kind> {
        question.with_subject(&self.parts.cache, |subject| match subject.is_configuration() {
            true => None,
            false => hook.criteria.matches(subject),
        })
    }

    /// Asks one, and does what it says. Whether that changed the object.
    async fn apply(
        &self,
        hook: &Arc<Hook>,
        shown: &'static Kind,
        question: &mut Question<'_>,
        settle: Option<&Settle<'_>>,
    ) -> Result<bool, Status> {
        let objects = question.show(&self.parts.conversions, shown).await?;
        let verdict = self.consult(hook, Role::Mutates, shown, question, &objects).await?;
        let Some(text) = verdict.and_then(|verdict| verdict.patch) else { return Ok(false) };
        let (Some(settle), Some(before), Some(object)) = (settle, &objects.object, question.object.as_deref()) else {
            let why = "attempted to modify the object, which is not supported for this operation";
            return Err(self.unusable(hook, question, why));
        };
        let changed = async {
            let mut changed = question.take_back(&self.parts.conversions, shown, patched(before, &text)?).await?;
            settle(&mut changed).map(|()| changed)
        };
        let mut changed = changed.await.map_err(|status| self.unusable(hook, question, &status.message))?;
        // Who owns what is for the registry to say.
        keep_managed_fields(&mut changed, object);
        let differs = changed != *object;
        question.object = Some(Cow::Owned(changed));
        Ok(differs)
    }

    /// An answer that cannot be carried out.
    fn unusable(&self, hook: &Hook, question: &Question<'_>, why: &str) -> Status {
        let status = Status::internal(format!("admission webhook \"{}\": {why}", hook.name));
        self.parts.metrics.rejected(hook, Role::Mutates, question.operation, "apiserver_internal_error", status.code);
        status
    }
}

fn patched(shown: &Value, text: &[u8]) -> Result<Value, Status> {
    patch::json::apply(shown, &decode::json(text)?)
}

/// Who owns what stays as it was before.
pub(in crate::admission) fn keep_managed_fields(changed: &mut Value, before: &Value) {
    let Some(metadata) = changed.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    match before.pointer("/metadata/managedFields") {
        Some(fields) => drop(metadata.insert("managedFields".into(), fields.clone())),
        None => drop(metadata.remove("managedFields")),
    }
}
