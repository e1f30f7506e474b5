//! A node: described, marked, emptied of some pods, and given back.

use anyhow::Result;

use super::Story;

pub(super) fn play(story: &Story) -> Result<()> {
    let node = &story.worker;
    let steps = [
        ("get nodes -o wide".to_owned(), "Ready"),
        (format!("describe node {node}"), "Allocated resources"),
        (format!("cordon {node}"), "cordoned"),
        (format!("get node {node}"), "SchedulingDisabled"),
        (format!("drain {node} --pod-selector=app=web --timeout=90s"), "drained"),
        (format!("uncordon {node}"), "uncordoned"),
        (format!("taint node {node} look=here:PreferNoSchedule"), "tainted"),
        (format!("taint node {node} look-"), "untainted"),
        (format!("label node {node} seen=yes"), "labeled"),
        (format!("label node {node} seen-"), "unlabeled"),
    ];
    steps.iter().try_for_each(|(command, expected)| story.says(command, expected).map(drop))
}
