//! The layer table: a crate uses only crates of lower layers, and pure crates use nothing that does IO.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::{Finding, Tree};

/// A crate and its place.
struct Place {
    name: &'static str,
    layer: u8,
    /// Decides, and does nothing: no IO, no clock, no randomness.
    pure: bool,
    /// Lower crates that it must do without all the same.
    never: &'static [&'static str],
}

const fn place(name: &'static str, layer: u8) -> Place {
    Place { name, layer, pure: false, never: &[] }
}

const fn pure(name: &'static str, layer: u8) -> Place {
    Place { name, layer, pure: true, never: &[] }
}

const TABLE: [Place; 17] = [
    // A language: it does not know what an object is either.
    Place { never: &["xebec-api"], ..pure("xebec-cel", 0) },
    pure("xebec-api", 1),
    place("xebec-proto", 0),
    // Bytes in, bytes out: it does not know what an object is.
    Place { never: &["xebec-api"], ..pure("xebec-kv", 0) },
    // What openraft counts its batches in.
    pure("base2histogram", 0),
    pure("xebec-scheduler", 2),
    pure("xebec-controllers", 2),
    pure("xebec-node-plan", 2),
    Place { never: &["xebec-api"], ..place("xebec-store", 3) },
    place("xebec-control-plane", 4),
    // A node has no handle on the store.
    Place { never: &["xebec-store", "xebec-kv"], ..place("xebec-node-agent", 4) },
    Place { never: &["xebec-store", "xebec-kv"], ..place("xebec", 5) },
    place("till", 0),
    // From outside only.
    Place {
        never: &[
            "xebec-api",
            "xebec-cel",
            "xebec-kv",
            "xebec-scheduler",
            "xebec-controllers",
            "xebec-node-plan",
            "xebec-store",
            "xebec-control-plane",
            "xebec-node-agent",
            "xebec",
        ],
        ..place("xebec-integration-tests", 6)
    },
    // The store beside etcd: it knows the store alone.
    Place { never: &["xebec-api", "xebec-control-plane"], ..place("xebec-bench", 6) },
    // The store in a simulated world.
    Place { never: &["xebec-api", "xebec-control-plane"], ..place("xebec-sim", 6) },
    place("xtask", 7),
];

/// Crates that touch the world. A pure crate may use none of them, in tests neither.
const IO: [&str; 20] = [
    "async-trait",
    "axum",
    "containerd-client",
    "futures",
    "hyper",
    "hyper-util",
    "libc",
    "netlink-packet-route",
    "nix",
    "openraft",
    "rand",
    "reqwest",
    "rtnetlink",
    "rustls",
    "sled",
    "tokio",
    "tokio-stream",
    "tokio-util",
    "tonic",
    "tracing-subscriber",
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let manifest = tree.root.join("Cargo.toml");
    let metadata =
        MetadataCommand::new().manifest_path(manifest).no_deps().exec().context("ask cargo for the crates")?;
    let mut findings: Vec<_> = metadata.packages.iter().flat_map(|package| check_package(&metadata, package)).collect();
    findings.extend(absent(&metadata));
    Ok(findings)
}

fn absent(metadata: &Metadata) -> Vec<Finding> {
    let exists = |place: &&Place| metadata.packages.iter().any(|package| package.name.as_str() == place.name);
    let gone = TABLE.iter().filter(|place| !exists(place));
    gone.map(|place| {
        finding("xtask/src/tidy/layers.rs", format!("{} is in the table and not in the workspace", place.name))
    })
    .collect()
}

fn check_package(metadata: &Metadata, package: &Package) -> Vec<Finding> {
    let root = metadata.workspace_root.as_str();
    let manifest =
        package.manifest_path.as_str().strip_prefix(root).unwrap_or_default().trim_start_matches('/').to_owned();
    let Some(place) = find(package.name.as_str()) else {
        return vec![finding(&manifest, format!("{} has no place in the layer table", package.name))];
    };
    let dependencies = package.dependencies.iter().map(|dependency| (dependency.name.as_str(), dependency.kind));
    dependencies
        .filter_map(|(name, kind)| problem(place, name, kind))
        .map(|problem| finding(&manifest, problem))
        .collect()
}

fn find(name: &str) -> Option<&'static Place> {
    TABLE.iter().find(|place| place.name == name)
}

fn finding(path: &str, problem: String) -> Finding {
    Finding { rule: "layers", path: path.to_owned(), problem }
}

fn problem(place: &Place, dependency: &str, kind: DependencyKind) -> Option<String> {
    if place.pure && IO.contains(&dependency) {
        return Some(format!("a pure crate must not use {dependency}: hand in what it would fetch"));
    }
    if place.never.contains(&dependency) {
        return Some(format!("{} must not know {dependency}", place.name));
    }
    let other = find(dependency)?;
    let too_high = other.layer >= place.layer && kind != DependencyKind::Development;
    too_high.then(|| format!("layer {} must not use {dependency} of layer {}", place.layer, other.layer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, dependency: &str, allowed: bool) {
        let place = find(name).expect("in the table");
        assert_eq!(problem(place, dependency, DependencyKind::Normal).is_none(), allowed, "{name} -> {dependency}");
    }

    #[test]
    fn the_table_holds_the_invariants() {
        check("xebec-control-plane", "xebec-store", true);
        check("xebec-store", "xebec-control-plane", false);
        check("xebec-node-agent", "xebec-store", false);
        check("xebec-node-agent", "xebec-control-plane", false);
        check("xebec-kv", "tokio", false);
        check("xebec-kv", "imbl", true);
        check("xebec-api", "xebec-cel", true);
        check("xebec-cel", "xebec-api", false);
        check("xebec-integration-tests", "xebec-api", false);
    }
}
