//! `pods/binding`: puts a pod on a node, once.

use serde_json::{Value, json};
use xebec_api::{Object, Status, conditions, value};

use super::ownership::Ownership;
use super::pipeline::Passage;
use super::settle::{Decide, Step};
use super::{Registry, RequestContext, Stored, Target, WriteOptions, decode, rfc3339};
use crate::admission::Operation;

impl Registry {
    /// Sets the pod's node as `body`, a `v1` Binding, says.
    pub(super) async fn bind(
        &self,
        cx: &RequestContext,
        target: &Target,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        self.authorize(cx, "create", target)?;
        node_of(&body)?;
        let body = self.ask_about_call(cx, target, ("", "v1", "Binding"), body, options).await?;
        let node = node_of(&body)?;
        let decide = |current: Stored| {
            let old = current.to_value();
            check(target, &current, &old, &body)?;
            let mut pod = current.object.to_value();
            assign(&mut pod, node, &body, &rfc3339(self.now()));
            let passage = Passage { cx, target, options, old: Some(&old), ownership: Ownership::ByChange };
            self.admit(&passage, Operation::Create, &mut pod)?;
            Object::from_value(pod).map(Step::Put)
        };
        let decide: &Decide<'_> = &|current| Box::pin(std::future::ready(decide(current)));
        Ok(self.settle(cx, target, options.dry_run, decide).await?.stored)
    }
}

fn node_of(body: &Value) -> Result<&str, Status> {
    let kind = value::text(body, "/target/kind").unwrap_or("Node");
    let name = value::text(body, "/target/name").unwrap_or_default();
    if kind != "Node" || name.is_empty() {
        return Err(Status::bad_request("target: Required value: a binding must name a Node"));
    }
    Ok(name)
}

fn check(target: &Target, current: &Stored, pod: &Value, body: &Value) -> Result<(), Status> {
    decode::check_preconditions(target, current, body)?;
    let refuse = |why: String| Err(Status::conflict(target.kind, &target.name, why));
    if current.object.meta().deletion_timestamp.is_some() {
        return refuse(format!("pod {} is being deleted, cannot be assigned to a host", target.name));
    }
    match value::text(pod, "/spec/nodeName").unwrap_or_default() {
        "" => Ok(()),
        node => refuse(format!("pod {} is already assigned to node \"{node}\"", target.name)),
    }
}

fn assign(pod: &mut Value, node: &str, body: &Value, now: &str) {
    pod["spec"]["nodeName"] = json!(node);
    for (key, text) in value::entries(body, "/metadata/annotations") {
        pod["metadata"]["annotations"][key] = text.clone();
    }
    conditions::set(
        pod,
        conditions::Condition { condition_type: "PodScheduled", status: "True", reason: "", message: "" },
        now,
    );
}
