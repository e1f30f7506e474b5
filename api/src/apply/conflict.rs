//! Fields that others own and an applier would change.

use std::collections::BTreeMap;

use super::element::{self, Element};
use super::managers::{Entry, ManagedFields, Manager, Operation};
use super::path_set::PathSet;
use crate::status::{Cause, Details, Reason, Status};

/// One field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Whose it is, in words.
    pub manager: String,
    /// Which.
    pub path: Vec<Element>,
}

/// What of `taken` others than the applier own.
pub(super) fn conflicts(managed: &ManagedFields, applier: &Manager, taken: &PathSet) -> Vec<Conflict> {
    let others = managed.entries().iter().filter(|entry| !entry.manager.is(applier));
    let each = others.flat_map(|entry| {
        let manager = describe(entry);
        let paths = entry.fields.intersection(taken).paths();
        paths.into_iter().map(move |path| Conflict { manager: manager.clone(), path })
    });
    each.collect()
}

/// The manager as messages name it.
fn describe(entry: &Entry) -> String {
    let Manager { name, operation, api_version, subresource } = &entry.manager;
    let through = if subresource.is_empty() { String::new() } else { format!(" with subresource \"{subresource}\"") };
    let version = if *operation == Operation::Update { format!(" using {api_version}") } else { String::new() };
    format!("\"{name}\"{through}{version}")
}

/// The refusal of an apply that would change what others own.
pub(super) fn refusal(conflicts: &[Conflict]) -> Status {
    let cause = |conflict: &Conflict| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {}", conflict.manager),
        field: element::display(&conflict.path),
    };
    let details = Details { causes: conflicts.iter().map(cause).collect(), ..Details::default() };
    Status::new(Reason::Conflict, message(conflicts)).with_details(details)
}

fn message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        let path = element::display(&only.path);
        return format!("Apply failed with 1 conflict: conflict with {}: {path}", only.manager);
    }
    let mut by_manager: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for conflict in conflicts {
        by_manager.entry(&conflict.manager).or_default().push(format!("- {}", element::display(&conflict.path)));
    }
    let lines =
        by_manager.into_iter().map(|(manager, paths)| format!("conflicts with {manager}:\n{}", paths.join("\n")));
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.collect::<Vec<_>>().join("\n"))
}
