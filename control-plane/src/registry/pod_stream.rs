//! Finding the container whose output, or in which a command, somebody wants: permission, node and container of a
//! stream.

use serde_json::Value;
use xebec_api::{Reason, Status, value};

use super::{Registry, RequestContext, Target};

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

impl Registry {
    /// Where the container of the pod that `target` names runs. The target carries the subresource (`log`, `exec`) that
    /// is asked for, `verb` what is done with it.
    pub async fn locate_container(
        &self,
        cx: &RequestContext,
        verb: &str,
        target: &Target,
        container: &str,
    ) -> Result<ContainerPlace, Status> {
        Self::check_subresource(target)?;
        self.authorize(cx, verb, target)?;
        self.read_barrier(cx.deadline).await?;
        let stored = self.cached(target).ok_or_else(|| Status::not_found(target.kind, &target.name))?;
        let pod = stored.object.to_value();
        let container = choose(&target.name, &pod, container)?;
        match value::text(&pod, "/spec/nodeName").unwrap_or_default() {
            "" => Err(Status::new(Reason::BadRequest, format!("pod {} does not have a host assigned", target.name))),
            node => Ok(ContainerPlace { node: node.to_owned(), uid: stored.object.meta().uid.clone(), container }),
        }
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
    let init = names("/spec/initContainers");
    if !wanted.is_empty() {
        let found = containers.iter().chain(&init).any(|name| name == wanted);
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
