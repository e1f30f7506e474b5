//! Operations: a verb on a resource or subresource of an API version.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One; in the order of the page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation {
    /// `v1`, `apps/v1`.
    pub(super) version: String,
    /// `pods`, `pods/exec`.
    pub(super) resource: String,
    pub(super) verb: String,
}

/// Many, in order.
pub(super) type Operations = BTreeSet<Operation>;

impl Operation {
    pub(super) fn new(version: &str, resource: &str, verb: &str) -> Operation {
        Operation { version: version.to_owned(), resource: resource.to_owned(), verb: verb.to_owned() }
    }

    fn of_line(line: &str) -> Option<Operation> {
        let [version, resource, verb] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        Some(Operation::new(version, resource, verb))
    }
}

/// A line each, tabs between the columns.
pub(super) fn text(operations: &Operations) -> String {
    operations.iter().map(|one| format!("{}\t{}\t{}\n", one.version, one.resource, one.verb)).collect()
}

/// From that form.
pub(super) fn parse(text: &str) -> Operations {
    text.lines().filter_map(Operation::of_line).collect()
}

/// What each client has done: a line has the client before the operation. Documents have no version, and their path for a resource.
pub(super) fn of_clients(text: &str) -> BTreeMap<String, Operations> {
    let mut clients: BTreeMap<String, Operations> = BTreeMap::new();
    for (client, line) in text.lines().filter_map(|line| line.split_once('\t')) {
        clients.entry(client.to_owned()).or_default().extend(Operation::of_line(line));
    }
    clients
}

/// The requests over REST that were answered as asked.
pub(super) fn of_audit(log: &str) -> Operations {
    log.lines().filter_map(|line| of_event(&serde_json::from_str(line).ok()?)).collect()
}

fn of_event(event: &Value) -> Option<Operation> {
    let code = event["responseStatus"]["code"].as_u64()?;
    let is_good = code == 101 || (200..300).contains(&code);
    let is_rest = event["requestURI"].as_str()?.starts_with("/api");
    let object = event.get("objectRef").filter(|_| is_good && is_rest)?;
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let joined = |first: &str, second: &str| {
        [first, second].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    };
    let version = joined(text("apiGroup"), text("apiVersion"));
    Some(Operation::new(&version, &joined(text("resource"), text("subresource")), event["verb"].as_str()?))
}
