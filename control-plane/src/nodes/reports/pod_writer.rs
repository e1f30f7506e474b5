//! Writes pods' statuses, and removes pods that have stopped.
//!
//! The newest report of each pod waits; a few are written at a time, never two of the same pod. The number that waits is
//! bounded by the pods of a node.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use xebec_api::{Status, Subresource};
use xebec_proto::v1::{PodStatus, PodTerminated};

use super::retry::until_done;
use super::{FIELD_MANAGER, Reporter, kind, pod};
use crate::registry::{DeleteOptions, Preconditions, Stored, Target, WriteOptions};

/// Writes at a time. Each waits for the disks of a majority, which take many at once.
const AT_ONCE: usize = 16;
/// A node that reports on more pods than this is not one of ours; what is beyond it is dropped.
const MOST_PODS: usize = 4096;

/// What an agent says of a pod.
pub(super) enum PodReport {
    Status(PodStatus),
    Terminated(PodTerminated),
}

/// What waits for one pod.
#[derive(Default)]
struct Due {
    status: Option<PodStatus>,
    terminated: Option<PodTerminated>,
}

#[derive(Default)]
struct Queue {
    due: BTreeMap<String, Due>,
    writing: BTreeSet<String>,
}

impl Queue {
    fn put(&mut self, report: PodReport) {
        let uid = match &report {
            PodReport::Status(status) => &status.uid,
            PodReport::Terminated(ended) => &ended.uid,
        };
        if self.due.len() >= MOST_PODS && !self.due.contains_key(uid) {
            return;
        }
        let due = self.due.entry(uid.clone()).or_default();
        match report {
            PodReport::Status(status) => due.status = Some(status),
            PodReport::Terminated(ended) => due.terminated = Some(ended),
        }
    }

    /// The next pod that nobody is writing.
    fn take(&mut self) -> Option<(String, Due)> {
        let uid = self.due.keys().find(|uid| !self.writing.contains(*uid))?.clone();
        let due = self.due.remove(&uid)?;
        self.writing.insert(uid.clone());
        Some((uid, due))
    }
}

pub(super) async fn run(reporter: Reporter, mut reports: mpsc::Receiver<PodReport>) {
    let (mut queue, mut writes) = (Queue::default(), JoinSet::new());
    loop {
        while writes.len() < AT_ONCE
            && let Some((uid, due)) = queue.take()
        {
            writes.spawn(write(reporter.clone(), uid, due));
        }
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) if concerns(&reporter, &report) => queue.put(report),
                Some(_) => {}
                None => return,
            },
            Some(written) = writes.join_next() => {
                if let Ok(uid) = written {
                    queue.writing.remove(&uid);
                }
            }
        }
    }
}

/// Returns the pod's uid when nothing is left to do for it.
async fn write(reporter: Reporter, uid: String, due: Due) -> String {
    if let Some(status) = &due.status {
        match serde_json::from_slice::<Value>(&status.status_json) {
            Ok(reported) => until_done("a pod's status", || write_status(&reporter, status, &reported)).await,
            Err(error) => tracing::warn!(pod = status.name, %error, "a status that cannot be read is ignored"),
        }
    }
    if let Some(ended) = &due.terminated {
        until_done("a pod's removal", || remove(&reporter, ended)).await;
    }
    uid
}

/// Whether the cluster has the pod that is reported on: what an agent makes up takes no memory.
fn concerns(reporter: &Reporter, report: &PodReport) -> bool {
    let (namespace, name, uid) = match report {
        PodReport::Status(status) => (&status.namespace, &status.name, &status.uid),
        PodReport::Terminated(ended) => (&ended.namespace, &ended.name, &ended.uid),
    };
    current(reporter, namespace, name, uid).is_some()
}

/// The pod, if the cluster still has the one of that uid.
fn current(reporter: &Reporter, namespace: &str, name: &str, uid: &str) -> Option<Stored> {
    let stored = reporter.cached(kind("Pod"), Some(namespace), name)?;
    (stored.object.meta().uid == uid).then_some(stored)
}

async fn write_status(reporter: &Reporter, status: &PodStatus, reported: &Value) -> Result<(), Status> {
    let Some(stored) = current(reporter, &status.namespace, &status.name, &status.uid) else { return Ok(()) };
    let Some(merged) = pod::merged(&stored.to_value(), reported) else { return Ok(()) };
    let target = Target::new(kind("Pod"), Some(&status.namespace), &status.name).subresource(Subresource::Status);
    let registry = &reporter.shared.registry;
    registry.update(&reporter.context(), &target, merged, &WriteOptions::by(FIELD_MANAGER)).await.map(drop)
}

async fn remove(reporter: &Reporter, ended: &PodTerminated) -> Result<(), Status> {
    if current(reporter, &ended.namespace, &ended.name, &ended.uid).is_none() {
        return Ok(());
    }
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        preconditions: Preconditions { uid: Some(ended.uid.clone()), resource_version: None },
        ..DeleteOptions::default()
    };
    let target = Target::new(kind("Pod"), Some(&ended.namespace), &ended.name);
    reporter.shared.registry.delete(&reporter.context(), &target, &options).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(uid: &str, text: &'static str) -> PodReport {
        PodReport::Status(PodStatus {
            uid: uid.into(),
            status_json: bytes::Bytes::from_static(text.as_bytes()),
            ..Default::default()
        })
    }

    #[test]
    fn the_newest_report_waits_while_an_older_one_is_written() {
        let mut queue = Queue::default();
        queue.put(status("a", "1"));
        assert_eq!(queue.take().unwrap().0, "a");
        queue.put(status("a", "2"));
        queue.put(status("a", "3"));
        assert!(queue.take().is_none());
        queue.writing.remove("a");
        assert_eq!(queue.take().unwrap().1.status.unwrap().status_json, "3");
    }
}
