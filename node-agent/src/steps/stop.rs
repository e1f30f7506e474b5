//! Sends a signal to a container.

use k8s_openapi::api::core::v1::Container;
use xebec_node_plan::image::normalize;
use xebec_node_plan::pod::action::{Signal, StopCause};
use xebec_node_plan::process::stop_signal;

use super::PodContext;
use crate::containerd::RuntimeError;

const SIGKILL: u32 = 9;

/// Sends it; a container that is gone is stopped enough.
pub async fn signal(
    pod: &PodContext,
    container: &Container,
    id: &str,
    signal: Signal,
    cause: &StopCause,
) -> Result<(), RuntimeError> {
    let number = match signal {
        Signal::Kill => SIGKILL,
        Signal::Terminate => {
            let message = match cause {
                StopCause::Unhealthy(kind) => {
                    let kind = kind.word().to_lowercase();
                    format!("Container {} failed {kind} probe, will be restarted", container.name)
                }
                _ => format!("Stopping container {}", container.name),
            };
            pod.node.normal(&pod.desired.pod, "Killing", &message);
            terminating_signal(pod, container).await
        }
    };
    pod.node.runtime.kill(id, number).await
}

async fn terminating_signal(pod: &PodContext, container: &Container) -> u32 {
    let named = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.stop_signal.clone());
    if let Some(name) = named {
        return stop_signal(&name);
    }
    let name = normalize(container.image.as_deref().unwrap_or_default());
    match pod.node.runtime.image(&name).await {
        Ok(Some(image)) => stop_signal(&image.config.stop_signal),
        Ok(None) | Err(_) => stop_signal(""),
    }
}
