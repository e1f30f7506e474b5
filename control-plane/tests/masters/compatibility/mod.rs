//! `docs/kubernetes-compatibility.md`: every operation of Kubernetes' API, and whether it works here. Nothing is said to work that no test does.
//!
//! Four lists come together: what Kubernetes has (`docs/compatibility/upstream.tsv`), what a master says in discovery, what the contract does
//! (`contract.tsv`, read off that master's audit log), and what clients do on a whole cluster (`clients.tsv`, which
//! `integration-tests` holds to the audit logs there). `cargo xtask compatibility` writes all of them and the page.

mod operations;
mod page;

use std::path::Path;

use expect_test::expect_file;
use serde_json::Value;
use xebec_api::kinds;

use crate::contract::faces::Rest;
use crate::support::eventually;
use operations::{Operation, Operations};

const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/// Asked for last, so that all is in the audit log when this is.
const LAST: &str = "/api/v1/namespaces?limit=1&labelSelector=the.last%3Drequest";

/// Holds the contract's list and the page to what a master has done and says of itself.
pub(crate) async fn check(rest: &Rest, audit: &Path) {
    let served = served(rest).await;
    assert_eq!(rest.get(LAST).await.code, 200);
    let log = async || std::fs::read_to_string(audit).ok().filter(|log| log.contains(LAST));
    let log = eventually("the audit log is complete", log).await;
    let done: Operations = operations::of_audit(&log).intersection(&served).cloned().collect();
    expect_file!["../../../../docs/compatibility/contract.tsv"].assert_eq(&operations::text(&done));

    let upstream = operations::parse(&read("upstream.tsv"));
    let clients = operations::of_clients(&read("clients.tsv"));
    let page = page::page(&page::Facts { upstream, served, done, clients });
    expect_file!["../../../../docs/kubernetes-compatibility.md"].assert_eq(&page);
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What discovery offers of the kinds that every cluster has.
async fn served(rest: &Rest) -> Operations {
    let mut served = Operations::new();
    for root in ["/api", "/apis"] {
        let document = rest.send("GET", root, &[("accept", DISCOVERY)], "").await.json();
        for group in document["items"].as_array().unwrap() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for version in group["versions"].as_array().unwrap() {
                of_version(name, version, &mut served);
            }
        }
    }
    served
}

fn of_version(group: &str, version: &Value, served: &mut Operations) {
    let number = version["version"].as_str().unwrap();
    let api_version = if group.is_empty() { number.to_owned() } else { format!("{group}/{number}") };
    for resource in version["resources"].as_array().unwrap() {
        let plural = resource["resource"].as_str().unwrap();
        if !kinds().iter().any(|kind| kind.api_version() == api_version && kind.plural == plural) {
            continue;
        }
        let mut add = |resource: String, verbs: &Value| {
            let verbs = verbs.as_array().unwrap().iter().map(|verb| verb.as_str().unwrap());
            served.extend(verbs.map(|verb| Operation::new(&api_version, &resource, verb)));
        };
        add(plural.to_owned(), &resource["verbs"]);
        for part in resource["subresources"].as_array().unwrap_or(&Vec::new()) {
            add(format!("{plural}/{}", part["subresource"].as_str().unwrap()), &part["verbs"]);
        }
    }
}
