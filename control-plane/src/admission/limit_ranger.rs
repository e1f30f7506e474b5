//! LimitRange: what containers get when they do not say, and how much they, their pods and claims may ask for.

use std::sync::Arc;

use serde_json::{Value, json};
use xebec_api::amounts::{self, Amounts};
use xebec_api::kinds::LIMIT_RANGE;
use xebec_api::quantity::Quantity;
use xebec_api::value::{list, text};
use xebec_api::{Status, Subresource};

use super::{Admission, AdmissionRequest, Operation};
use crate::cache::Cache;

/// Says what was filled in.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// See the module.
pub struct LimitRanger {
    cache: Arc<Cache>,
}

impl LimitRanger {
    /// Looks LimitRanges up in `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    /// The limits of a namespace, from all its LimitRanges in the order of their names.
    fn limits(&self, namespace: Option<&str>) -> Vec<Value> {
        let ranges = self.cache.list(&LIMIT_RANGE, namespace).into_iter().map(|stored| stored.object.to_value());
        ranges.flat_map(|range| list(&range, "/spec/limits").to_vec()).collect()
    }
}

impl Admission for LimitRanger {
    fn name(&self) -> &'static str {
        "LimitRanger"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if request.creates("pods") {
            let limits = self.limits(request.namespace);
            let filled = fill_in(request.object, &limits);
            if !filled.is_empty() {
                let note = format!("LimitRanger plugin set: {}", filled.join("; "));
                request.object["metadata"]["annotations"][ANNOTATION] = json!(note);
            }
        }
        Ok(())
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        let judged = match request.operation {
            Operation::Create => request.subresource.is_none(),
            Operation::Update => matches!(request.subresource.map(Subresource::as_str), None | Some("resize")),
            Operation::Delete | Operation::Connect => false,
        };
        let judge: fn(&Value, &Value) -> Vec<String> = match () {
            () if !judged => return Ok(()),
            () if request.is("pods") => pod_faults,
            () if request.is("persistentvolumeclaims") => claim_faults,
            () => return Ok(()),
        };
        // A pod that is there was judged when it came; what has not changed is not judged again.
        if request.old.is_some_and(|old| old["spec"] == request.object["spec"]) {
            return Ok(());
        }
        let limits = self.limits(request.namespace);
        let faults: Vec<String> = limits.iter().flat_map(|limit| judge(request.object, limit)).collect();
        match faults.as_slice() {
            [] => Ok(()),
            [one] => Err(Status::forbidden(request.kind, request.name, one)),
            several => Err(Status::forbidden(request.kind, request.name, format!("[{}]", several.join(", ")))),
        }
    }
}

/// Gives containers the requests and limits that they do not name. What was given, in words.
fn fill_in(pod: &mut Value, limits: &[Value]) -> Vec<String> {
    let mut filled = Vec::new();
    for limit in limits.iter().filter(|limit| is_for(limit, "Container")) {
        for (field, sort) in [("containers", "container"), ("initContainers", "init container")] {
            let containers = pod.pointer_mut(&format!("/spec/{field}")).and_then(Value::as_array_mut);
            let containers = containers.into_iter().flatten();
            filled.extend(containers.flat_map(|container| fill_in_one(container, sort, limit)));
        }
    }
    filled
}

fn fill_in_one(container: &mut Value, sort: &str, limit: &Value) -> Vec<String> {
    let name = text(container, "/name").unwrap_or_default().to_owned();
    let mut filled = Vec::new();
    for (of, default, what) in [("requests", "defaultRequest", "request"), ("limits", "default", "limit")] {
        let given = give(container, of, &limit[default]);
        filled.extend(given.into_iter().map(|resource| format!("{resource} {what} for {sort} {name}")));
    }
    filled
}

fn give(container: &mut Value, of: &str, defaults: &Value) -> Vec<String> {
    let missing = defaults.as_object().into_iter().flatten().filter(|(resource, _)| {
        container.pointer(&format!("/resources/{of}")).is_none_or(|amounts| amounts.get(resource.as_str()).is_none())
    });
    let missing: Vec<(String, Value)> = missing.map(|(resource, amount)| (resource.clone(), amount.clone())).collect();
    for (resource, amount) in &missing {
        container["resources"][of][resource] = amount.clone();
    }
    missing.into_iter().map(|(resource, _)| resource).collect()
}

fn is_for(limit: &Value, what: &str) -> bool {
    text(limit, "/type") == Some(what)
}

fn pod_faults(pod: &Value, limit: &Value) -> Vec<String> {
    match text(limit, "/type") {
        Some("Container") => {
            let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
            let asked = |container| Asked {
                what: "Container",
                requests: amounts::at(container, "/resources/requests"),
                limits: amounts::at(container, "/resources/limits"),
            };
            containers.flat_map(|container| asked(container).faults(limit)).collect()
        }
        Some("Pod") => {
            let (requests, limits) = (amounts::of_pod(pod, "requests"), amounts::of_pod(pod, "limits"));
            Asked { what: "Pod", requests, limits }.faults(limit)
        }
        _ => Vec::new(),
    }
}

/// A claim has no limits; only what it requests is bounded.
fn claim_faults(claim: &Value, limit: &Value) -> Vec<String> {
    if !is_for(limit, "PersistentVolumeClaim") {
        return Vec::new();
    }
    let requests = amounts::at(claim, "/spec/resources/requests");
    let what = "PersistentVolumeClaim";
    let mut faults = Vec::new();
    for (resource, least) in amounts::at(limit, "/min") {
        match requests.get(&resource) {
            Some(asked) if *asked >= least => {}
            asked => faults.push(format!("minimum {resource} usage per {what} is {least}{}", but("request", asked))),
        }
    }
    for (resource, most) in amounts::at(limit, "/max") {
        match requests.get(&resource) {
            Some(asked) if *asked <= most => {}
            asked => faults.push(format!("maximum {resource} usage per {what} is {most}{}", but("request", asked))),
        }
    }
    faults
}

/// What a container or pod asks for.
struct Asked {
    what: &'static str,
    requests: Amounts,
    limits: Amounts,
}

impl Asked {
    fn faults(&self, limit: &Value) -> Vec<String> {
        let min = amounts::at(limit, "/min").into_iter().filter_map(|(resource, least)| self.below(&resource, least));
        let max = amounts::at(limit, "/max").into_iter().filter_map(|(resource, most)| self.above(&resource, most));
        let ratio = amounts::at(limit, "/maxLimitRequestRatio").into_iter();
        let ratio = ratio.filter_map(|(resource, most)| self.stretched(&resource, most));
        min.chain(max).chain(ratio).collect()
    }

    fn below(&self, resource: &str, least: Quantity) -> Option<String> {
        let told = |rest: String| Some(format!("minimum {resource} usage per {} is {least}{rest}", self.what));
        match (self.requests.get(resource), self.limits.get(resource)) {
            (None, _) => told(but("request", None)),
            (request @ Some(asked), _) if *asked < least => told(but("request", request)),
            (_, limit @ Some(limited)) if *limited < least => told(but("limit", limit)),
            _ => None,
        }
    }

    fn above(&self, resource: &str, most: Quantity) -> Option<String> {
        let told = |rest: String| Some(format!("maximum {resource} usage per {} is {most}{rest}", self.what));
        match (self.requests.get(resource), self.limits.get(resource)) {
            (_, None) => told(but("limit", None)),
            (_, limit @ Some(limited)) if *limited > most => told(but("limit", limit)),
            (request @ Some(asked), _) if *asked > most => told(but("request", request)),
            _ => None,
        }
    }

    fn stretched(&self, resource: &str, most: Quantity) -> Option<String> {
        let what = self.what;
        let told = |rest: &str| Some(format!("{resource} max limit to request ratio per {what} is {most}, but {rest}"));
        let (Some(request), Some(limit)) = (self.requests.get(resource), self.limits.get(resource)) else {
            return told("no request or no limit is specified");
        };
        if request.is_zero() {
            return told("the request is 0");
        }
        let ratio = limit.milli_value() as f64 / request.milli_value() as f64;
        if ratio <= most.milli_value() as f64 / 1000.0 { None } else { told(&format!("provided ratio is {ratio:.6}")) }
    }
}

fn but(what: &str, found: Option<&Quantity>) -> String {
    match found {
        Some(found) => format!(", but {what} is {found}"),
        None => format!(".  No {what} is specified"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(requests: Value, limits: Value) -> Value {
        let resources = json!({"requests": requests, "limits": limits});
        json!({"metadata": {}, "spec": {"containers": [{"name": "c", "resources": resources}]}})
    }

    fn faults(pod: &Value, limit: Value) -> Vec<String> {
        pod_faults(pod, &limit)
    }

    #[test]
    fn containers_get_what_they_do_not_name() {
        let mut pod = pod(json!({"cpu": "1"}), json!({}));
        let limit = json!({"type": "Container", "default": {"cpu": "2", "memory": "1Gi"},
            "defaultRequest": {"cpu": "500m", "memory": "1Mi"}});
        let filled = fill_in(&mut pod, std::slice::from_ref(&limit));
        let expect = ["memory request for container c", "cpu limit for container c", "memory limit for container c"];
        assert_eq!(filled, expect);
        let resources = json!({"requests": {"cpu": "1", "memory": "1Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}});
        assert_eq!(pod["spec"]["containers"][0]["resources"], resources);
        assert!(fill_in(&mut pod, &[limit]).is_empty());
    }

    #[test]
    fn a_container_stays_within_its_bounds() {
        let pod = pod(json!({"cpu": "100m"}), json!({"cpu": "2"}));
        let container = |limit: Value| {
            let mut limit = limit;
            limit["type"] = json!("Container");
            faults(&pod, limit)
        };
        assert_eq!(container(json!({"max": {"cpu": "2"}, "min": {"cpu": "100m"}})), Vec::<String>::new());
        assert_eq!(container(json!({"max": {"cpu": "1"}})), ["maximum cpu usage per Container is 1, but limit is 2"]);
        assert_eq!(
            container(json!({"min": {"cpu": "200m"}})),
            ["minimum cpu usage per Container is 200m, but request is 100m"]
        );
        assert_eq!(
            container(json!({"max": {"memory": "1Gi"}})),
            ["maximum memory usage per Container is 1Gi.  No limit is specified"]
        );
        let ratio = container(json!({"maxLimitRequestRatio": {"cpu": "10"}}));
        assert_eq!(ratio, ["cpu max limit to request ratio per Container is 10, but provided ratio is 20.000000"]);
        assert!(container(json!({"maxLimitRequestRatio": {"cpu": "20"}})).is_empty());
    }

    #[test]
    fn a_pod_is_the_sum_of_its_containers() {
        let mut two = pod(json!({"cpu": "1"}), json!({"cpu": "1"}));
        let again = two["spec"]["containers"][0].clone();
        two["spec"]["containers"].as_array_mut().unwrap().push(again);
        let limit = json!({"type": "Pod", "max": {"cpu": "1500m"}});
        assert_eq!(faults(&two, limit), ["maximum cpu usage per Pod is 1500m, but limit is 2"]);
    }

    #[test]
    fn a_claim_stays_within_its_bounds() {
        let claim = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}});
        let limit = |limit: Value| json!({"type": "PersistentVolumeClaim", "max": limit["max"], "min": limit["min"]});
        assert!(claim_faults(&claim, &limit(json!({"max": {"storage": "2Gi"}, "min": {"storage": "1Gi"}}))).is_empty());
        let expect = ["maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"];
        assert_eq!(claim_faults(&claim, &limit(json!({"max": {"storage": "1Gi"}}))), expect);
    }
}
