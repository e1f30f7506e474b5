//! The page of compatibility and its lists: what Kubernetes has, read off the Python client, which is generated from its OpenAPI; what
//! clients and the contract do; and the page, all written anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::artifacts::workspace;
use xebec_integration_tests::clients::Clients;

use crate::cargo;

/// Writes all of it.
pub(crate) fn run() -> Result<()> {
    let operations = upstream(&apis(&Clients::build()?)?)?;
    let text: String = operations.iter().map(|columns| format!("{}\n", columns.join("\t"))).collect();
    let path = workspace().join("docs/compatibility/upstream.tsv");
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    cargo::updating("what clients do", &["test", "--package", "xebec-integration-tests", "--test", "cluster"])?;
    let contract =
        ["test", "--package", "xebec-control-plane", "--test", "masters", "the_contract_holds_over_both_faces"];
    cargo::updating("what the contract does, and the page", &contract)
}

/// The folder of the Python client that has a file for each group and version.
fn apis(clients: &Clients) -> Result<PathBuf> {
    let packages = clients.python().with_file_name("../lib");
    let pythons = std::fs::read_dir(&packages).with_context(|| format!("list {}", packages.display()))?;
    let candidates = pythons.filter_map(|entry| Some(entry.ok()?.path().join("site-packages/kubernetes/client/api")));
    candidates.into_iter().find(|folder| folder.is_dir()).context("the Python client is installed")
}

/// API version, resource and verb of each operation.
fn upstream(folder: &Path) -> Result<BTreeSet<[String; 3]>> {
    let mut operations = BTreeSet::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry.context("list the client's files")?.path();
        if path.extension().is_some_and(|extension| extension == "py") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            operations.extend(text.lines().filter_map(call).flat_map(|(path, method)| operations_of(path, method)));
        }
    }
    ensure!(operations.len() > 500, "only {} operations: the client is written in another way now", operations.len());
    Ok(operations)
}

/// `'/api/v1/nodes', 'GET',` is a call.
fn call(line: &str) -> Option<(&str, &str)> {
    let (path, method) = line.trim().strip_prefix('\'')?.strip_suffix("',")?.split_once("', '")?;
    path.starts_with("/api").then_some((path, method))
}

/// What a call does, in the words of authorization.
fn operations_of(path: &str, method: &str) -> Vec<[String; 3]> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return Vec::new(),
    };
    if version.contains('{') {
        return Vec::new(); // of objects of any kind, not of one
    }
    let rest = match rest {
        ["namespaces", "{namespace}", rest @ ..] => rest,
        rest => rest,
    };
    let (resource, is_many) = match rest {
        [resource] => ((*resource).to_owned(), true),
        [resource, "{name}"] => ((*resource).to_owned(), false),
        [resource, "{name}", part, ..] => (format!("{resource}/{part}"), false),
        _ => return Vec::new(),
    };
    verbs(method, is_many).iter().map(|verb| [version.clone(), resource.clone(), (*verb).to_owned()]).collect()
}

fn verbs(method: &str, is_many: bool) -> &'static [&'static str] {
    match (method, is_many) {
        ("GET", true) => &["list", "watch"],
        ("GET", false) => &["get"],
        ("POST", _) => &["create"],
        ("PUT", _) => &["update"],
        ("PATCH", _) => &["patch"],
        ("DELETE", true) => &["deletecollection"],
        ("DELETE", false) => &["delete"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        let (path, method) = call(line).expect("a call");
        let words: Vec<String> = operations_of(path, method).iter().map(|columns| columns.join(" ")).collect();
        assert_eq!(words, expected, "{line}");
    }

    #[test]
    fn a_call_is_an_operation() {
        check("            '/api/v1/namespaces/{namespace}/pods', 'GET',", &["v1 pods list", "v1 pods watch"]);
        check(
            "'/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale', 'PUT',",
            &["apps/v1 deployments/scale update"],
        );
        check("'/api/v1/namespaces/{name}', 'DELETE',", &["v1 namespaces delete"]);
        check("'/api/v1/namespaces/{namespace}/pods/{name}/proxy/{path}', 'POST',", &["v1 pods/proxy create"]);
        check("'/api/v1/', 'GET',", &[]);
        check("'/apis/{group}/{version}/{plural}', 'GET',", &[]);
        assert_eq!(call("x = 1"), None);
    }
}
