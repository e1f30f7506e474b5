//! Amounts of resources, by name: what containers, pods and claims ask for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::quantity::Quantity;
use crate::value::{entries, list, text};

/// How much of what.
pub type Amounts = BTreeMap<String, Quantity>;

/// The amounts at a JSON pointer, such as `/resources/requests`. What is no quantity is left to validation.
pub fn at(object: &Value, pointer: &str) -> Amounts {
    let read = |(name, amount): (&String, &Value)| {
        let amount = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
        Some((name.clone(), Quantity::parse(&amount).ok()?))
    };
    entries(object, pointer).filter_map(read).collect()
}

/// What a pod needs at its busiest: `of` is `requests` or `limits`. Containers run together, and with those init containers that go
/// on; the other init containers run one after the other, before. What the pod as a whole says counts before its containers.
pub fn of_pod(pod: &Value, of: &str) -> Amounts {
    let pointer = format!("/resources/{of}");
    let (mut beside, mut peak) = (Amounts::new(), Amounts::new());
    for container in list(pod, "/spec/initContainers") {
        let own = at(container, &pointer);
        if text(container, "/restartPolicy") == Some("Always") {
            add(&mut beside, &own);
            raise(&mut peak, &beside);
        } else {
            let mut alone = beside.clone();
            add(&mut alone, &own);
            raise(&mut peak, &alone);
        }
    }
    let mut together = beside;
    list(pod, "/spec/containers").iter().for_each(|container| add(&mut together, &at(container, &pointer)));
    raise(&mut peak, &together);
    peak.extend(at(pod, &format!("/spec/resources/{of}")));
    add_overhead(&mut peak, &at(pod, "/spec/overhead"), of);
    peak
}

/// A pod without a limit has none for its overhead either.
fn add_overhead(amounts: &mut Amounts, overhead: &Amounts, of: &str) {
    for (name, amount) in overhead {
        match amounts.get_mut(name) {
            Some(there) => *there += *amount,
            None if of == "requests" => drop(amounts.insert(name.clone(), *amount)),
            None => {}
        }
    }
}

/// Adds each amount.
pub fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let there = to.entry(name.clone()).or_insert_with(|| Quantity::whole(0));
        *there += *amount;
    }
}

/// Raises each amount to at least the other.
fn raise(to: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        let there = to.entry(name.clone()).or_insert(*amount);
        *there = (*there).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(cpu: &str, goes_on: bool) -> Value {
        let policy = if goes_on { json!("Always") } else { Value::Null };
        json!({"restartPolicy": policy, "resources": {"requests": {"cpu": cpu}}})
    }

    fn check<const N: usize, const M: usize>(
        init: [&Value; N],
        containers: [&Value; M],
        overhead: Value,
        expect: &str,
    ) {
        let spec = json!({"initContainers": init.to_vec(), "containers": containers.to_vec(), "overhead": overhead});
        let amounts = of_pod(&json!({ "spec": spec }), "requests");
        assert_eq!(amounts["cpu"], Quantity::parse(expect).unwrap());
    }

    #[test]
    fn a_pod_needs_what_it_needs_at_its_busiest() {
        let (one, two, half) = (container("1", false), container("2", false), container("500m", true));
        check([], [&one, &two], Value::Null, "3");
        check([&two], [&one], Value::Null, "2");
        check([&half, &two], [&one], Value::Null, "2500m");
        check([&two, &half], [&two], json!({"cpu": "100m"}), "2600m");
    }

    #[test]
    fn the_pods_own_word_counts_first() {
        let spec = json!({"resources": {"requests": {"cpu": "4"}}, "containers": [container("1", false)]});
        assert_eq!(of_pod(&json!({ "spec": spec }), "requests")["cpu"], Quantity::whole(4));
    }
}
