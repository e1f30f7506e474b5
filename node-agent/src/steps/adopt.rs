//! Takes up a container that another agent process started: its log, and the wait for its end.

use xebec_node_plan::pod::observed::Running;

use super::PodContext;
use super::start::fifo;
use crate::images::chain;
use crate::logs::{LogKey, Pump};

/// Opens the FIFOs of a running container again; without a log it runs on.
pub fn reopen(pod: &PodContext, container: &str, attempt: u32, running: &Running) -> Option<Pump> {
    let key = LogKey::new(&pod.desired.pod, container, attempt);
    let (stdout, stderr) = (fifo(pod, container, attempt, "out"), fifo(pod, container, attempt, "err"));
    match Pump::start(&pod.node, key, &stdout, &stderr) {
        Ok(pump) => Some(pump),
        Err(error) => {
            tracing::warn!(id = %running.id, error = chain(&error), "the log of an adopted container cannot be continued");
            None
        }
    }
}
