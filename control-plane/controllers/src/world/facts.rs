//! What is parsed of an object beside its metadata: only what is asked for at every change.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use xebec_api::object::{Object, ObjectError};
use xebec_api::selectors::LabelSelector;

use super::node::NodeFacts;
use super::pod::PodFacts;
use crate::resource::Resource;

/// Facts by kind.
#[derive(Clone, Debug)]
pub enum Facts {
    /// Of a pod.
    Pod(Box<PodFacts>),
    /// Of a node.
    Node(Box<NodeFacts>),
    /// Of a Deployment or ReplicaSet: what it selects. `None` if the selector cannot be read: it selects nothing.
    Workload(Option<Box<LabelSelector>>),
    /// Of a Service: the labels it selects; empty: none of our business.
    Service(BTreeMap<String, String>),
    /// Of a ClusterRole: what chooses the parts that it is the sum of; empty: it is none.
    Sum(Vec<LabelSelector>),
    /// Of a definition: whether another has the names that it asks for.
    Definition {
        /// It waits for them.
        names_are_taken: bool,
    },
    /// Nothing but metadata matters.
    None,
}

#[derive(Deserialize)]
struct Selecting<T> {
    spec: SelectingSpec<T>,
}

#[derive(Deserialize)]
struct SelectingSpec<T> {
    selector: Option<T>,
}

impl Facts {
    /// Reads the facts of a kind. An object that cannot be read as its kind has none.
    pub(super) fn read(resource: Resource, object: &Object) -> (Self, Option<ObjectError>) {
        let facts = match resource {
            Resource::PODS => PodFacts::read(object).map(|facts| Self::Pod(Box::new(facts))),
            Resource::NODES => NodeFacts::read(object).map(|facts| Self::Node(Box::new(facts))),
            Resource::DEPLOYMENTS | Resource::REPLICA_SETS => selector::<Value>(object)
                .map(|value| Self::Workload(value.and_then(|v| LabelSelector::from_json(&v).ok()).map(Box::new))),
            Resource::SERVICES => {
                selector::<BTreeMap<String, String>>(object).map(|labels| Self::Service(labels.unwrap_or_default()))
            }
            Resource::CLUSTER_ROLES => object.decode::<Summing>().map(|role| Self::Sum(role.selectors())),
            Resource::DEFINITIONS => object
                .decode::<Accepted>()
                .map(|definition| Self::Definition { names_are_taken: definition.names_are_taken() }),
            _ => Ok(Self::None),
        };
        facts.map_or_else(|error| (Self::None, Some(error)), |facts| (facts, None))
    }

    /// A pod's.
    pub fn pod(&self) -> Option<&PodFacts> {
        if let Self::Pod(facts) = self { Some(facts) } else { None }
    }

    /// A node's.
    pub fn node(&self) -> Option<&NodeFacts> {
        if let Self::Node(facts) = self { Some(facts) } else { None }
    }

    /// What a Deployment or ReplicaSet selects.
    pub fn selector(&self) -> Option<&LabelSelector> {
        if let Self::Workload(selector) = self { selector.as_deref() } else { None }
    }

    /// What chooses the parts of a ClusterRole that is a sum; of others nothing.
    pub fn summed(&self) -> &[LabelSelector] {
        if let Self::Sum(selectors) = self { selectors } else { &[] }
    }

    /// Whether a definition waits for names that another has.
    pub fn names_are_taken(&self) -> bool {
        matches!(self, Self::Definition { names_are_taken: true })
    }

    /// Whether a Service selects these labels.
    pub fn serves(&self, labels: &BTreeMap<String, String>) -> bool {
        let Self::Service(selector) = self else { return false };
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summing {
    aggregation_rule: Option<AggregationRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregationRule {
    cluster_role_selectors: Option<Vec<Value>>,
}

impl Summing {
    /// A selector that cannot be read chooses nothing.
    fn selectors(&self) -> Vec<LabelSelector> {
        let all = self.aggregation_rule.iter().flat_map(|rule| rule.cluster_role_selectors.iter().flatten());
        all.filter_map(|one| LabelSelector::from_json(one).ok()).collect()
    }
}

#[derive(Deserialize)]
struct Accepted {
    status: Option<AcceptedStatus>,
}

#[derive(Deserialize)]
struct AcceptedStatus {
    conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    of: String,
    status: String,
}

impl Accepted {
    fn names_are_taken(&self) -> bool {
        let mut conditions = self.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|condition| condition.of == "NamesAccepted" && condition.status == "False")
    }
}

fn selector<T: DeserializeOwned>(object: &Object) -> Result<Option<T>, ObjectError> {
    object.decode::<Selecting<T>>().map(|read| read.spec.selector)
}
