//! Mutating: policies change the object one after the other, each seeing what the one before has left.

use std::borrow::Cow;
use std::collections::BTreeSet;

use xebec_api::cel::policy::Scene;
use xebec_api::cel::{Budget, PER_OBJECT, Value};
use xebec_api::{Kind, Status};

use super::Policies;
use super::binding::Binding;
use super::request::View;
use crate::admission::webhooks::{Question, Settle, keep_managed_fields};

/// What the policies of one request have done so far.
#[derive(Debug, Default)]
pub struct PolicyRound {
    /// Whether this is the second time.
    again: bool,
    /// Those that want to run again, among those that have run, by policy and binding.
    ran: BTreeSet<(String, String)>,
    /// Those of them that something has changed for since.
    due: BTreeSet<(String, String)>,
}

impl PolicyRound {
    /// Others have, or one of them has, changed the object.
    pub fn changed(&mut self) {
        self.due.extend(self.ran.iter().cloned());
    }

    /// Whether any is to run again, now that all have had their turn.
    pub fn begin_again(&mut self) -> bool {
        self.again = true;
        !self.due.is_empty()
    }
}

/// Why a policy could not do its work.
enum Failure {
    /// Its failure policy decides what that means.
    Policy(String),
    /// The request cannot go on: its object cannot be shown in the version that is asked for.
    Request(Status),
}

impl Policies {
    /// Lets every policy change the object that the question is meant for. Whether any has. `settle` brings what they make of it
    /// into shape.
    pub async fn mutate(
        &self,
        question: &mut Question<'_>,
        round: &mut PolicyRound,
        settle: &Settle<'_>,
    ) -> Result<bool, Status> {
        let current = self.current();
        let mut changed = false;
        for binding in &current.mutating {
            let key = (binding.policy.name.clone(), binding.name.clone());
            if round.again && !round.due.remove(&key) {
                continue;
            }
            // An earlier one may have changed what a selector asks for.
            let meant = self.meant(std::slice::from_ref(binding), question);
            let Some((_, kind)) = meant.first() else { continue };
            if self.apply(binding, kind, question, settle).await? {
                changed = true;
                round.changed();
            }
            if binding.policy.again_if_needed {
                round.ran.insert(key);
            }
        }
        Ok(changed)
    }

    async fn apply(
        &self,
        binding: &Binding,
        kind: &'static Kind,
        question: &mut Question<'_>,
        settle: &Settle<'_>,
    ) -> Result<bool, Status> {
        let before = question.object.clone();
        match self.change(binding, kind, question, settle).await {
            Ok(()) => Ok(question.object != before),
            Err(Failure::Request(status)) => Err(status),
            Err(Failure::Policy(why)) if binding.policy.policy.fails_closed => {
                let (policy, name) = (&binding.policy.name, &binding.name);
                let why = format!("policy '{policy}' with binding '{name}' denied request: {why}");
                Err(Status::forbidden(question.target.kind, &question.target.name, why))
            }
            Err(Failure::Policy(_)) => {
                // All of a policy's changes, or none.
                question.object = before;
                Ok(false)
            }
        }
    }

    async fn change(
        &self,
        binding: &Binding,
        kind: &'static Kind,
        question: &mut Question<'_>,
        settle: &Settle<'_>,
    ) -> Result<(), Failure> {
        let params = binding.params(&self.cache, question.target.namespace.as_deref()).map_err(Failure::Policy)?;
        for params in params.iter() {
            let view = self.view(question, kind).await.map_err(Failure::Request)?;
            if !self.holds(binding, params, question, &view).map_err(Failure::Policy)? {
                continue;
            }
            let mut budget = Budget::new(PER_OBJECT);
            for index in 0..binding.policy.policy.changes() {
                self.step(binding, (index, params), question, (kind, &mut budget), settle).await?;
            }
        }
        Ok(())
    }

    fn holds(
        &self,
        binding: &Binding,
        params: &Value,
        question: &Question<'_>,
        view: &View<'_>,
    ) -> Result<bool, String> {
        let (policy, facts) = (&binding.policy.policy, self.facts(question, view));
        policy.conditions.hold(&Scene::new(policy, &facts, params.clone()))
    }

    /// One change of a policy, on what those before it have left.
    async fn step(
        &self,
        binding: &Binding,
        (index, params): (usize, &Value),
        question: &mut Question<'_>,
        (kind, budget): (&'static Kind, &mut Budget),
        settle: &Settle<'_>,
    ) -> Result<(), Failure> {
        let view = self.view(question, kind).await.map_err(Failure::Request)?;
        let Some(object) = view.object() else { return Ok(()) };
        let changed = {
            let facts = self.facts(question, &view);
            Scene::new(&binding.policy.policy, &facts, params.clone()).mutate(index, kind, object, budget)
        };
        let changed = changed.map_err(Failure::Policy)?;
        let mut object = question.take_back(&self.conversions, kind, changed).await.map_err(Failure::Request)?;
        // What is no object of its kind is the policy's failure.
        settle(&mut object).map_err(|status| Failure::Policy(status.message))?;
        keep_managed_fields(&mut object, question.object.as_deref().unwrap_or(&serde_json::Value::Null));
        drop(view);
        question.object = Some(Cow::Owned(object));
        Ok(())
    }
}
