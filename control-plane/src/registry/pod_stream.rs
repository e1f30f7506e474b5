//! Finding the container whose output, or in which a command, somebody wants: permission, node and container of a
//! stream.

use serde_json::Value;
use xebec_api::{Reason, Status, value};

use super::{Registry, RequestContext, Stored, Target};

/// Where a stream leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPlace {
    /// The node that the pod is bound to.
    pub node: String,
    /// The pod's uid.
    pub uid: String,
    /// The container's name.
    pub container: String,
}

/// Where a pod runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPlace {
    /// The node that the pod is bound to.
    pub node: String,
    /// The pod's uid.
    pub uid: String,
}

/// What is wanted of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// To read what it says.
    Read,
    /// To be connected, with options of this kind, such as `PodExecOptions`.
    Connect(&'static str, Value),
}

impl Registry {
    /// Where the pod that `target` names runs, for a caller who has that access to the target's subresource.
    pub async fn locate_pod(&self, cx: &RequestContext, access: Access, target: &Target) -> Result<PodPlace, Status> {
        let stored = self.pod_for_stream(cx, access, target).await?;
        place(target, &stored, &stored.object.to_value())
    }

    /// Where the container of the pod that `target` names runs. The target carries the subresource (`log`, `exec`) that
    /// is asked for.
    pub async fn locate_container(
        &self,
        cx: &RequestContext,
        access: Access,
        target: &Target,
        container: &str,
    ) -> Result<ContainerPlace, Status> {
        let stored = self.pod_for_stream(cx, access, target).await?;
        let pod = stored.object.to_value();
        let container = choose(&target.name, &pod, container)?;
        let PodPlace { node, uid } = place(target, &stored, &pod)?;
        Ok(ContainerPlace { node, uid, container })
    }

    async fn pod_for_stream(&self, cx: &RequestContext, access: Access, target: &Target) -> Result<Stored, Status> {
        Self::check_subresource(target)?;
        let verb = if access == Access::Read { "get" } else { "create" };
        self.authorize(cx, verb, target)?;
        self.read_barrier(cx.deadline).await?;
        if let Access::Connect(kind, options) = access {
            self.ask_about_connect(cx, target, kind, options).await?;
        }
        self.cached(target).ok_or_else(|| Status::not_found(target.kind, &target.name))
    }
}

fn place(target: &Target, stored: &Stored, pod: &Value) -> Result<PodPlace, Status> {
    match value::text(pod, "/spec/nodeName").unwrap_or_default() {
        "" => Err(Status::new(Reason::BadRequest, format!("pod {} does not have a host assigned", target.name))),
        node => Ok(PodPlace { node: node.to_owned(), uid: stored.object.meta().uid.clone() }),
    }
}

/// The Status that a node sent in place of output.
pub fn node_refusal(json: &[u8]) -> Status {
    let parsed = serde_json::from_slice(json).ok().as_ref().and_then(Status::from_json);
    parsed.unwrap_or_else(|| Status::internal("the node failed without saying why"))
}

/// The container that is named, or the only one.
fn choose(pod_name: &str, pod: &Value, wanted: &str) -> Result<String, Status> {
    let names = |list: &str| {
        value::list(pod, list)
            .iter()
            .filter_map(|item| value::text(item, "/name"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let containers = names("/spec/containers");
    let others = ["/spec/initContainers", "/spec/ephemeralContainers"].map(names).concat();
    if !wanted.is_empty() {
        let found = containers.iter().chain(&others).any(|name| name == wanted);
        let refusal = || Status::bad_request(format!("container {wanted} is not valid for pod {pod_name}"));
        return found.then(|| wanted.to_owned()).ok_or_else(refusal);
    }
    match containers.as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let several = several.join(" ");
            Err(Status::bad_request(format!(
                "a container name must be specified for pod {pod_name}, choose one of: [{several}]"
            )))
        }
    }
}
