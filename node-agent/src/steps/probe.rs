//! Tries a probe of a container, or runs one of its hooks.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;
use xebec_node_plan::moment::Moment;
use xebec_node_plan::pod::event::{ContainerEvent, Event, container_of};
use xebec_node_plan::probe::ProbeKind;

use super::PodContext;
use crate::images::chain;
use crate::node::now;
use crate::probes::{Target, attempt, hook};

/// A hook that never ends is given up after this.
const POST_START: Duration = Duration::from_secs(300);

/// Tries a probe once.
pub async fn probe(pod: PodContext, container: String, id: String, kind: ProbeKind) -> Event {
    let target = target(&pod, &container, id);
    let wanted = target.as_ref().and_then(|target| kind.of(&target.container).map(|probe| (target, probe)));
    let success = match wanted {
        None => false,
        Some((target, probe)) => match attempt(target, probe).await {
            Ok(()) => true,
            Err(error) => {
                let message = format!("{} probe failed: {}", kind.word(), chain(&error));
                pod.node.warning(&pod.desired.pod, "Unhealthy", &message);
                false
            }
        },
    };
    Event::Container(container, ContainerEvent::ProbeDone(kind, success))
}

/// Runs the `postStart` hook.
pub async fn post_start(pod: PodContext, container: String, id: String) -> Event {
    let target = target(&pod, &container, id);
    let handler = |target: &Target| target.container.lifecycle.as_ref().and_then(|hooks| hooks.post_start.clone());
    let success = run(&pod, target, handler, POST_START, "FailedPostStartHook").await;
    Event::Container(container, ContainerEvent::PostStartDone(success))
}

/// Runs the `preStop` hook until it ends or the deadline comes.
pub async fn pre_stop(pod: PodContext, container: String, id: String, deadline: Moment) -> Event {
    let target = target(&pod, &container, id);
    let handler = |target: &Target| target.container.lifecycle.as_ref().and_then(|hooks| hooks.pre_stop.clone());
    run(&pod, target, handler, deadline.since(now()), "FailedPreStopHook").await;
    Event::Container(container, ContainerEvent::PreStopDone)
}

async fn run(
    pod: &PodContext,
    target: Option<Target>,
    handler: impl Fn(&Target) -> Option<LifecycleHandler>,
    timeout: Duration,
    reason: &str,
) -> bool {
    let Some(target) = target else { return false };
    let Some(handler) = handler(&target) else { return true };
    match hook(&target, &handler, timeout).await {
        Ok(()) => true,
        Err(error) => {
            pod.node.warning(&pod.desired.pod, reason, &chain(&error));
            false
        }
    }
}

fn target(pod: &PodContext, container: &str, id: String) -> Option<Target> {
    Some(Target {
        runtime: pod.node.runtime.clone(),
        id,
        container: container_of(pod.desired.spec(), container)?.clone(),
        address: pod.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    })
}
