//! Clients: one writer and one reader for each member, for as long as a story lasts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cluster::{ALL, Cluster};
use super::ledger::{Ledger, WRITERS};

/// Before a question is asked of a member that is away, or again.
const BREATH: Duration = Duration::from_millis(5);

/// Ends the clients, however the story ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Plays a story while clients write and read.
pub(crate) fn under_load(cluster: &Cluster, ledger: &Ledger, story: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    let writing = |writer: usize| {
        while !stop.load(Ordering::SeqCst) {
            write(cluster, ledger, writer);
        }
    };
    let reading = || {
        while !stop.load(Ordering::SeqCst) {
            ALL.iter().for_each(|at| read(cluster, ledger, *at));
        }
    };
    std::thread::scope(|scope| {
        (0..WRITERS).for_each(|writer| {
            drop(scope.spawn({
                let writing = &writing;
                move || writing(writer)
            }))
        });
        scope.spawn(reading);
        let _stop = Stop(&stop);
        story();
    });
}

/// One write through the writer's own member. Whatever is no acknowledgement may have happened or not.
fn write(cluster: &Cluster, ledger: &Ledger, writer: usize) {
    let Some(member) = cluster.member(writer) else { return std::thread::sleep(BREATH) };
    let (n, before) = (ledger.attempt(writer), ledger.highest());
    let answer = member.ask(&format!("write {writer} {n}"));
    match answer.as_deref().and_then(|answer| answer.strip_prefix("ok ")) {
        Some(revision) => {
            let revision = revision.parse().expect("a revision");
            assert!(revision > before, "a write got revision {revision} after somebody was told of {before}");
            ledger.acknowledged(writer, n, revision);
        }
        None => std::thread::sleep(BREATH),
    }
}

/// One fresh read: it sees all that anybody was told of before.
fn read(cluster: &Cluster, ledger: &Ledger, at: usize) {
    std::thread::sleep(BREATH);
    let Some(member) = cluster.member(at) else { return };
    let before = ledger.highest();
    let answer = member.ask("barrier");
    if let Some(revision) = answer.as_deref().and_then(|answer| answer.strip_prefix("ok ")) {
        let revision = revision.parse().expect("a revision");
        assert!(revision >= before, "member {at} read revision {revision} after somebody was told of {before}");
        ledger.seen(revision);
    }
}
