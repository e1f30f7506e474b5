//! The page, from what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::operations::{Operation, Operations};

const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// What the clients of the scenarios are called, and are.
const CLIENTS: [(&str, &str); 6] = [
    ("kubectl-1-28", "kubectl 1.28"),
    ("kubectl", "kubectl 1.35"),
    ("helm", "helm"),
    ("client-go", "client-go"),
    ("kube-rs", "kube-rs"),
    ("python", "Python"),
];

/// What comes together on the page.
pub(super) struct Facts {
    /// What Kubernetes has.
    pub(super) upstream: Operations,
    /// What masters say that they have.
    pub(super) served: Operations,
    /// What the contract does.
    pub(super) done: Operations,
    /// What clients do.
    pub(super) clients: BTreeMap<String, Operations>,
}

/// How an operation stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Works,
    Untested,
    NotServed,
}

impl Facts {
    fn standing(&self, operation: &Operation) -> Option<Standing> {
        let is_done = self.done.contains(operation) || self.clients.values().any(|done| done.contains(operation));
        match (self.served.contains(operation), is_done) {
            (true, true) => Some(Standing::Works),
            (true, false) => Some(Standing::Untested),
            (false, _) => self.upstream.contains(operation).then_some(Standing::NotServed),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Operation> {
        let counts = |operation: &&Operation| is_stable(&operation.version) || self.served.contains(*operation);
        self.upstream.union(&self.served).filter(counts)
    }

    fn count(&self, standing: Standing) -> usize {
        self.all().filter(|operation| self.standing(operation) == Some(standing)).count()
    }
}

/// Neither alpha nor beta.
fn is_stable(version: &str) -> bool {
    let number = version.rsplit('/').next().unwrap_or_default();
    !number.contains("alpha") && !number.contains("beta")
}

/// All of it.
pub(super) fn page(facts: &Facts) -> String {
    let mut page = head(facts);
    // Core has no group and comes first.
    let versions: BTreeSet<(bool, &str)> =
        facts.all().map(|operation| (operation.version.contains('/'), operation.version.as_str())).collect();
    for (_, version) in versions {
        page.push_str(&table(facts, version));
    }
    page.push_str(&documents(facts));
    page.push_str(&unstable(facts));
    page
}

fn head(facts: &Facts) -> String {
    let [works, untested, missing] =
        [Standing::Works, Standing::Untested, Standing::NotServed].map(|standing| facts.count(standing));
    format!(
        "# Kubernetes compatibility

Written by `cargo xtask compatibility`; a test holds it to what is so, so do not edit it. It compares the stable API of Kubernetes 1.35 with
what a master serves, be it stable or beta, and with what tests have asked for and got, as the masters' audit logs have it: the contract
(`cargo test -p xebec-control-plane --test masters contract`) and other people's clients on a whole cluster
([operations.md](operations.md#clients)). The lists are in `docs/compatibility/`.

An operation is a verb on a resource or subresource. **{works}** work, {untested} are served and no test uses them, {missing} are not
served. *yes*: a test asks for it and gets it. *untested*: served, but neither of these two asks for it. *no*: Kubernetes has it, Xebec does not.
Whether something acts on what is kept is another question: the [changelog](../CHANGELOG.md) says which controllers there are.
"
    )
}

fn table(facts: &Facts, version: &str) -> String {
    let mut table =
        format!("\n## {version}\n\n| | {} | clients |\n|{}\n", VERBS.join(" | "), " --- |".repeat(VERBS.len() + 2));
    let of_version = || facts.all().filter(|operation| operation.version == version);
    let resources: BTreeSet<&str> = of_version().map(|operation| operation.resource.as_str()).collect();
    for resource in resources {
        let cells = VERBS.map(|verb| match facts.standing(&Operation::new(version, resource, verb)) {
            Some(Standing::Works) => "yes",
            Some(Standing::Untested) => "untested",
            Some(Standing::NotServed) => "**no**",
            None => "",
        });
        let clients = clients(facts, |done| done.version == version && done.resource == resource);
        writeln!(table, "| {resource} | {} | {clients} |", cells.join(" | ")).expect("a string takes all");
    }
    table
}

/// Those that have done what is looked for.
fn clients(facts: &Facts, looked_for: impl Fn(&Operation) -> bool) -> String {
    let has_done = |client: &str| facts.clients.get(client).is_some_and(|done| done.iter().any(&looked_for));
    let names: Vec<&str> = CLIENTS.into_iter().filter(|(key, _)| has_done(key)).map(|(_, name)| name).collect();
    names.join(", ")
}

fn documents(facts: &Facts) -> String {
    let mut text = "\n## Discovery, OpenAPI and other documents\n\n| path | clients |\n| --- | --- |\n".to_owned();
    let paths: BTreeSet<&str> = facts
        .clients
        .values()
        .flatten()
        .filter(|done| done.version.is_empty())
        .map(|done| done.resource.as_str())
        .collect();
    for path in paths {
        let clients = clients(facts, |done| done.version.is_empty() && done.resource == path);
        writeln!(text, "| `{path}` | {clients} |").expect("a string takes all");
    }
    text
}

fn unstable(facts: &Facts) -> String {
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for operation in facts.upstream.difference(&facts.served).filter(|operation| !is_stable(&operation.version)) {
        let resource = operation.resource.split('/').next().unwrap_or_default();
        kinds.entry(&operation.version).or_default().insert(resource);
    }
    let mut text = "\n## Alpha and beta versions that are not served\n\n".to_owned();
    for (version, resources) in kinds {
        let resources: Vec<&str> = resources.into_iter().collect();
        writeln!(text, "- {version}: {}", resources.join(", ")).expect("a string takes all");
    }
    text
}
