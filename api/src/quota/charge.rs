//! Charging a quota for a change: a plain function of the quota, and of the object before and after.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{scope, usage};
use crate::Kind;
use crate::amounts::{self, Amounts};
use crate::quantity::Quantity;
use crate::value::{list, text};

/// An object before and after a change; absent where it does not exist.
pub struct Change<'a> {
    kind: &'a Kind,
    old: Option<Counted<'a>>,
    new: Option<Counted<'a>>,
}

/// An object and what it counts for, which is the same for every quota.
struct Counted<'a> {
    object: &'a Value,
    used: Amounts,
}

impl<'a> Change<'a> {
    /// Of an object of this kind, from what it was to what it is to be.
    pub fn new(kind: &'a Kind, old: Option<&'a Value>, new: Option<&'a Value>) -> Self {
        let counted = |object| Counted { object, used: usage::of(kind, object) };
        Self { kind, old: old.map(counted), new: new.map(counted) }
    }
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaRefusal {
    /// The quota has only just been made or changed; what is used is being counted.
    #[error("status unknown for quota: {quota}, resources: {resources}")]
    Uncounted {
        /// Which quota.
        quota: String,
        /// Which resources.
        resources: String,
    },
    /// It would be more than there may be.
    #[error("exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {limited}")]
    Exceeded {
        /// Which quota.
        quota: String,
        /// What the change asks for.
        requested: String,
        /// What is used already.
        used: String,
        /// What there may be.
        limited: String,
    },
    /// A bounded resource must be named by every container.
    #[error("failed quota: {quota}: must specify {what}")]
    Unspecified {
        /// Which quota.
        quota: String,
        /// What is missing, and where.
        what: String,
    },
}

/// The quota as it is to be after the change; `None` where the change does not concern it.
pub fn charge(quota: &Value, change: &Change<'_>) -> Result<Option<Value>, QuotaRefusal> {
    let covered = |counted: &&Counted<'_>| scope::covers(quota, change.kind, counted.object);
    let (old, new) = (change.old.as_ref().filter(covered), change.new.as_ref().filter(covered));
    let hard = amounts::at(quota, "/spec/hard");
    let bounded = |counted: Option<&Counted<'_>>| within(counted.into_iter().flat_map(|one| &one.used), &hard);
    let (before, after) = (bounded(old), bounded(new));
    if let (None, Some(pod)) = (old, new) {
        demand_specified(quota, change.kind, pod.object, &hard)?;
    }
    if before == after {
        return Ok(None);
    }
    let used = amounts::at(quota, "/status/used");
    let grown: Amounts =
        difference(&after, &before).into_iter().filter(|(_, amount)| *amount > Quantity::whole(0)).collect();
    demand_counted(quota, &used, &grown)?;
    demand_room(quota, &hard, &used, &grown)?;
    Ok(Some(with_used(quota, &used, &before, &after)))
}

/// What a new or changed quota's status is, when these objects are all that it counts.
pub fn count<'a>(quota: &Value, objects: impl Iterator<Item = (&'a Kind, Value)>) -> Value {
    let hard = amounts::at(quota, "/spec/hard");
    let mut used: Amounts = hard.keys().map(|name| (name.clone(), Quantity::whole(0))).collect();
    for (kind, object) in objects {
        if scope::covers(quota, kind, &object) {
            amounts::add(&mut used, &within(&usage::of(kind, &object), &hard));
        }
    }
    json!({"hard": quota["spec"]["hard"], "used": shown(&used)})
}

/// Whether the quota's status has been counted for what the quota says now.
pub fn is_counted(quota: &Value) -> bool {
    let counted = quota["status"]["used"].is_object() || amounts::at(quota, "/spec/hard").is_empty();
    counted && quota["status"]["hard"] == quota["spec"]["hard"]
}

fn within<'a>(amounts: impl IntoIterator<Item = (&'a String, &'a Quantity)>, hard: &Amounts) -> Amounts {
    let bounded = amounts.into_iter().filter(|(name, _)| hard.contains_key(*name));
    bounded.map(|(name, amount)| (name.clone(), *amount)).collect()
}

fn difference(of: &Amounts, and: &Amounts) -> Amounts {
    let zero = Quantity::whole(0);
    let names: BTreeSet<&String> = of.keys().chain(and.keys()).collect();
    let minus = |name: &String| *of.get(name).unwrap_or(&zero) - *and.get(name).unwrap_or(&zero);
    names.into_iter().map(|name| (name.clone(), minus(name))).collect()
}

fn demand_counted(quota: &Value, used: &Amounts, grown: &Amounts) -> Result<(), QuotaRefusal> {
    let unknown: Vec<&str> = grown.keys().filter(|name| !used.contains_key(*name)).map(String::as_str).collect();
    if unknown.is_empty() && (grown.is_empty() || is_counted(quota)) {
        return Ok(());
    }
    let resources = if unknown.is_empty() { grown.keys().map(String::as_str).collect() } else { unknown };
    Err(QuotaRefusal::Uncounted { quota: name(quota), resources: resources.join(",") })
}

fn demand_room(quota: &Value, hard: &Amounts, used: &Amounts, grown: &Amounts) -> Result<(), QuotaRefusal> {
    let total = |name: &str, amount: Quantity| amount + *used.get(name).unwrap_or(&Quantity::whole(0));
    let full: Vec<&String> =
        grown.iter().filter(|(name, amount)| total(name, **amount) > hard[*name]).map(|(name, _)| name).collect();
    if full.is_empty() {
        return Ok(());
    }
    let told = |amounts: &Amounts| {
        let each = full.iter().filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?)));
        each.collect::<Vec<_>>().join(",")
    };
    Err(QuotaRefusal::Exceeded { quota: name(quota), requested: told(grown), used: told(used), limited: told(hard) })
}

/// A quota of cpu or memory can only be kept if every container says how much it wants.
fn demand_specified(quota: &Value, kind: &Kind, pod: &Value, hard: &Amounts) -> Result<(), QuotaRefusal> {
    if !(kind.group.is_empty() && kind.plural == "pods") {
        return Ok(());
    }
    let mut missing = Vec::new();
    for bounded in hard.keys() {
        let Some(pointer) = pointer_of(bounded) else { continue };
        if pod.pointer(&format!("/spec{pointer}")).is_some() {
            continue;
        }
        let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
        let silent = containers.filter(|container| container.pointer(&pointer).is_none());
        let names: Vec<&str> = silent.filter_map(|container| text(container, "/name")).collect();
        if !names.is_empty() {
            missing.push(format!("{bounded} for: {}", names.join(",")));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(QuotaRefusal::Unspecified { quota: name(quota), what: missing.join("; ") })
}

/// Where a container says how much it wants of a bounded resource that it must name.
fn pointer_of(bounded: &str) -> Option<String> {
    let (of, resource) = bounded.split_once('.').unwrap_or(("requests", bounded));
    let must = matches!(resource, "cpu" | "memory") && matches!(of, "requests" | "limits");
    must.then(|| format!("/resources/{of}/{resource}"))
}

fn with_used(quota: &Value, used: &Amounts, before: &Amounts, after: &Amounts) -> Value {
    let mut now = used.clone();
    for (name, amount) in difference(after, before) {
        // What has not been counted yet is counted later, with this change in it.
        if let Some(there) = now.get_mut(&name) {
            *there = (*there + amount).max(Quantity::whole(0));
        }
    }
    let mut quota = quota.clone();
    quota["status"]["used"] = shown(&now);
    quota
}

fn shown(amounts: &Amounts) -> Value {
    amounts.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect()
}

fn name(quota: &Value) -> String {
    text(quota, "/metadata/name").unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(hard: Value, used: Value) -> Value {
        json!({"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}})
    }

    fn pod(cpu: &str) -> Value {
        json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}})
    }

    fn check(quota: &Value, old: Option<&Value>, new: Option<&Value>) -> Result<Option<Value>, String> {
        let change = Change::new(crate::resolve("pods").unwrap(), old, new);
        let charged = charge(quota, &change).map_err(|refusal| refusal.to_string())?;
        Ok(charged.map(|quota| quota["status"]["used"].clone()))
    }

    #[test]
    fn what_is_used_follows_every_change() {
        let quota = quota(json!({"pods": "2", "requests.cpu": "3"}), json!({"pods": "1", "requests.cpu": "1"}));
        let (one, two) = (pod("1"), pod("2"));
        assert_eq!(check(&quota, None, Some(&two)), Ok(Some(json!({"pods": "2", "requests.cpu": "3"}))));
        assert_eq!(check(&quota, Some(&one), None), Ok(Some(json!({"pods": "0", "requests.cpu": "0"}))));
        assert_eq!(check(&quota, Some(&one), Some(&two)), Ok(Some(json!({"pods": "1", "requests.cpu": "2"}))));
        assert_eq!(check(&quota, Some(&one), Some(&one)), Ok(None));
        let mut over = one.clone();
        over["status"]["phase"] = json!("Failed");
        assert_eq!(check(&quota, Some(&one), Some(&over)), Ok(Some(json!({"pods": "0", "requests.cpu": "0"}))));
    }

    #[test]
    fn more_than_there_may_be_is_refused_with_numbers() {
        let quota = quota(json!({"pods": "1", "requests.cpu": "3"}), json!({"pods": "1", "requests.cpu": "1"}));
        let refused = check(&quota, None, Some(&pod("5"))).unwrap_err();
        assert_eq!(
            refused,
            "exceeded quota: q, requested: pods=1,requests.cpu=5, used: pods=1,requests.cpu=1, \
             limited: pods=1,requests.cpu=3"
        );
    }

    #[test]
    fn a_bounded_resource_must_be_named() {
        let quota = quota(json!({"limits.memory": "1Gi"}), json!({"limits.memory": "0"}));
        assert_eq!(
            check(&quota, None, Some(&pod("1"))).unwrap_err(),
            "failed quota: q: must specify limits.memory for: c"
        );
    }

    #[test]
    fn nothing_grows_while_it_is_being_counted_but_everything_may_go() {
        let mut fresh = quota(json!({"pods": "2"}), Value::Null);
        fresh["status"] = Value::Null;
        let refused = check(&fresh, None, Some(&pod("1"))).unwrap_err();
        assert_eq!(refused, "status unknown for quota: q, resources: pods");
        assert_eq!(check(&fresh, Some(&pod("1")), None).map(|_| ()), Ok(()));
        let mut raised = quota(json!({"pods": "2"}), json!({"pods": "1"}));
        raised["spec"]["hard"]["pods"] = json!("9");
        assert!(check(&raised, None, Some(&pod("1"))).unwrap_err().starts_with("status unknown"));
    }

    #[test]
    fn counting_begins_with_what_is_there() {
        let kind = crate::resolve("pods").unwrap();
        let quota = quota(json!({"pods": "5", "requests.cpu": "9", "secrets": "1"}), Value::Null);
        let counted = count(&quota, [(kind, pod("1")), (kind, pod("2"))].into_iter());
        assert_eq!(counted["used"], json!({"pods": "2", "requests.cpu": "3", "secrets": "0"}));
        assert_eq!(counted["hard"], quota["spec"]["hard"]);
    }
}
