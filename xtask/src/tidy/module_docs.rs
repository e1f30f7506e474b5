//! Every module opens with why it exists.

use anyhow::Result;

use super::{Finding, Tree};

/// Shorter than this, a sentence says nothing.
const SHORTEST: usize = 10;

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    // Unit tests in a file of their own are explained by the module they test.
    let modules = tree.rust().filter(|file| !file.path.ends_with("tests.rs"));
    let silent = modules.filter(|file| !explains(&file.text));
    let problem = "opens without a `//!` that says why this module exists".to_owned();
    Ok(silent.map(|file| Finding { rule: "module-docs", path: file.path.clone(), problem: problem.clone() }).collect())
}

fn explains(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    first.and_then(|line| line.strip_prefix("//!")).is_some_and(|said| said.trim().len() >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_asked_for_and_attributes_may_stand_before_it() {
        assert!(explains("//! Where the anchors are kept.\n"));
        assert!(explains("#![allow(x)]\n//! Where the anchors are kept.\n"));
        assert!(!explains("//! Anchor.\n"));
        assert!(!explains("use std::io;\n//! Where the anchors are kept.\n"));
    }
}
