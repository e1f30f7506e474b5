//! A policy in force: what a binding says of it.

use std::sync::Arc;

use serde_json::Value;
use xebec_api::cel::policy::{self, Policy};
use xebec_api::selectors::SelectorError;
use xebec_api::{Kind, LabelSelector, value};

use super::params::Memo;
use crate::admission::matching::{Criteria, Subject};

/// A policy, compiled.
pub(super) struct Compiled {
    pub(super) name: String,
    /// The revision that it was compiled from.
    pub(super) revision: u64,
    pub(super) policy: Policy,
    pub(super) criteria: Criteria,
    /// `apiVersion` and `kind` of its parameters, if it takes some.
    pub(super) param_kind: Option<(String, String)>,
    /// Whether it is to run again when others have changed the object since.
    pub(super) again_if_needed: bool,
}

impl Compiled {
    pub(super) fn read(name: &str, revision: u64, object: &Value) -> Result<Compiled, SelectorError> {
        let spec = &object["spec"];
        let word = |pointer: &str| value::text(spec, pointer).unwrap_or_default().to_owned();
        let takes = spec.get("paramKind").is_some_and(Value::is_object);
        Ok(Compiled {
            name: name.to_owned(),
            revision,
            policy: policy::compile(object),
            criteria: Criteria::of_policy(&spec["matchConstraints"])?,
            param_kind: takes.then(|| (word("/paramKind/apiVersion"), word("/paramKind/kind"))),
            again_if_needed: word("/reinvocationPolicy") == "IfNeeded",
        })
    }
}

/// A policy and one of its bindings.
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) policy: Arc<Compiled>,
    criteria: Option<Criteria>,
    pub(super) params: Option<ParamRef>,
    pub(super) actions: Actions,
    pub(super) memo: Memo,
}

/// Where a policy's parameters are.
#[derive(Debug)]
pub(super) struct ParamRef {
    pub(super) which: Which,
    pub(super) namespace: Option<String>,
    /// Whether a request goes on when there are none.
    pub(super) allows_none: bool,
}

#[derive(Debug)]
pub(super) enum Which {
    Named(String),
    Selected(LabelSelector),
}

/// What is done with what a policy finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Actions {
    pub(super) deny: bool,
    pub(super) warn: bool,
    pub(super) audit: bool,
}

impl Binding {
    pub(super) fn read(name: &str, policy: Arc<Compiled>, object: &Value) -> Result<Binding, SelectorError> {
        let spec = &object["spec"];
        let criteria = spec.get("matchResources").filter(|own| own.is_object()).map(Criteria::of_policy).transpose()?;
        let has = |word: &str| value::list(spec, "/validationActions").iter().any(|action| action == word);
        let actions = Actions { deny: has("Deny"), warn: has("Warn"), audit: has("Audit") };
        let params = spec.get("paramRef").filter(|own| own.is_object()).map(ParamRef::read).transpose()?;
        Ok(Binding { name: name.to_owned(), policy, criteria, params, actions, memo: Memo::default() })
    }

    /// Whether the request is meant, and in which version its objects are shown.
    pub(super) fn matches(&self, subject: &Subject<'_>) -> Option<&'static Kind> {
        let shown = self.policy.criteria.matches(subject)?;
        let own = self.criteria.as_ref().is_none_or(|criteria| criteria.matches(subject).is_some());
        own.then_some(shown)
    }
}

impl ParamRef {
    fn read(reference: &Value) -> Result<ParamRef, SelectorError> {
        let word = |pointer: &str| value::text(reference, pointer);
        let which = match word("/name") {
            Some(name) => Which::Named(name.to_owned()),
            None => Which::Selected(LabelSelector::from_json(reference.get("selector").unwrap_or(&Value::Null))?),
        };
        let namespace = word("/namespace").filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(ParamRef { which, namespace, allows_none: word("/parameterNotFoundAction") == Some("Allow") })
    }
}
