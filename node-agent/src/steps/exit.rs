//! Waits for the end of a container, and says how it ended.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use xebec_node_plan::moment::Moment;
use xebec_node_plan::pod::event::{ContainerEvent, Event};
use xebec_node_plan::pod::observed::Exit;

use super::PodContext;
use super::start::termination_log;
use crate::containerd::TaskEnd;
use crate::images::chain;
use crate::logs::Pump;
use crate::node::now;

/// A runtime that does not answer is asked again after this.
const AGAIN: Duration = Duration::from_millis(250);
/// A termination message is cut after so many bytes.
const LONGEST_MESSAGE: u64 = 4096;
const KILLED: i32 = 137;

/// Waits; the log is complete when this returns.
pub async fn watch(pod: PodContext, container: String, id: String, started_at: Moment, pump: Option<Pump>) -> Event {
    let end = end(&pod, &id).await;
    if let Some(pump) = pump {
        pump.finish().await;
    }
    let exit = match end {
        Some(end) => Exit {
            reason: reason(&pod, &id, end.code).to_owned(),
            message: message(&pod, &container),
            id,
            code: end.code,
            started_at,
            finished_at: Moment::from(end.at),
        },
        None => lost(id, started_at),
    };
    Event::Container(container, ContainerEvent::Exited(exit))
}

/// Absent: the runtime does not know the container (the machine was restarted, or its shim was killed).
async fn end(pod: &PodContext, id: &str) -> Option<TaskEnd> {
    loop {
        match pod.node.runtime.wait(id).await {
            Ok(end) => return Some(end),
            Err(error) if error.is_not_found() => return None,
            Err(error) => {
                tracing::debug!(%id, error = chain(&error), "waiting for a container was cut short; asking again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn reason(pod: &PodContext, id: &str, code: i32) -> &'static str {
    match code {
        0 => "Completed",
        KILLED if pod.node.cgroups.oom_kills(&pod.node.cgroups.container(pod.uid(), id)) > 0 => "OOMKilled",
        _ => "Error",
    }
}

fn message(pod: &PodContext, container: &str) -> String {
    beginning(&termination_log(pod, container)).unwrap_or_default()
}

/// The container may have written gigabytes; no more is read than is kept.
fn beginning(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST_MESSAGE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn lost(id: String, started_at: Moment) -> Exit {
    Exit {
        id,
        code: KILLED,
        reason: "ContainerStatusUnknown".to_owned(),
        message: "The container could not be located".to_owned(),
        started_at,
        finished_at: now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_endless_message_only_the_beginning_is_read() {
        assert_eq!(beginning(Path::new("/dev/zero")).map(|text| text.len()).ok(), Some(4096));
    }
}
