//! `tidy`: what compilers cannot check, one rule a file.
//!
//! A rule looks at the tree and returns what is wrong with it. What a rule must overlook for a reason stands in
//! `tidy-exceptions.toml`; that list may only shrink: an exception that is no longer needed is an error too, and so is one more
//! than there were.

mod exceptions;
mod layers;
mod lengths;
mod markers;
mod module_docs;
mod paths;
mod thresholds;
mod tree;

use anyhow::{Result, bail};

use tree::Tree;

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The rule's name.
    pub(crate) rule: &'static str,
    /// The file, from the workspace's root.
    pub(crate) path: String,
    /// What, and what to do.
    pub(crate) problem: String,
}

/// Looks at a whole tree.
type Rule = fn(&Tree) -> Result<Vec<Finding>>;

const RULES: [Rule; 6] =
    [layers::check, lengths::check, markers::check, module_docs::check, paths::check, thresholds::check];

/// Checks the workspace.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read(&xebec_integration_tests::artifacts::workspace())?;
    let mut findings = Vec::new();
    for rule in RULES {
        findings.extend(rule(&tree)?);
    }
    let mut findings = exceptions::apply(&tree, findings)?;
    findings.sort();
    for finding in &findings {
        eprintln!("{}: {} [{}]", finding.path, finding.problem, finding.rule);
    }
    if findings.is_empty() {
        eprintln!("── tidy: good, {} files", tree.files.len());
        return Ok(());
    }
    bail!("tidy found {} things", findings.len())
}
