//! Every `clippy.toml` has the thresholds of the root's: a nested one replaces it whole, and would loosen them silently.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::tree::File;
use super::{Finding, Tree};

type Thresholds = BTreeMap<String, toml::Value>;

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let files: Vec<_> = tree.files.iter().filter(|file| file.path.rsplit('/').next() == Some("clippy.toml")).collect();
    let root = files.iter().find(|file| file.path == "clippy.toml").context("the workspace has a clippy.toml")?;
    let expected = thresholds(root)?;
    let mut findings = Vec::new();
    for file in files {
        if thresholds(file)? != expected {
            let problem = "its thresholds differ from those of the root's clippy.toml".to_owned();
            findings.push(Finding { rule: "thresholds", path: file.path.clone(), problem });
        }
    }
    Ok(findings)
}

fn thresholds(file: &File) -> Result<Thresholds> {
    let table: Thresholds = toml::from_str(&file.text).with_context(|| format!("read {}", file.path))?;
    Ok(table.into_iter().filter(|(key, _)| key.ends_with("-threshold")).collect())
}
