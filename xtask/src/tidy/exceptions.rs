//! The exceptions: each with its reason, none that is not needed, and never more than there were.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Finding, Tree};

const FILE: &str = "xtask/tidy-exceptions.toml";
/// How many there are. Lower it with each that goes; raising it is what review is for.
const MOST: usize = 0;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    reason: String,
}

/// The findings that no exception covers, and what is wrong with the exceptions themselves.
pub(super) fn apply(tree: &Tree, findings: Vec<Finding>) -> Result<Vec<Finding>> {
    let text = tree.files.iter().find(|file| file.path == FILE).map(|file| file.text.as_str()).unwrap_or_default();
    let list: List = toml::from_str(text).with_context(|| format!("read {FILE}"))?;
    Ok(filter(&list, findings, MOST))
}

fn filter(list: &List, findings: Vec<Finding>, most: usize) -> Vec<Finding> {
    let problem = |problem: String| Finding { rule: "exceptions", path: FILE.to_owned(), problem };
    let covers = |one: &Exception, found: &Finding| one.rule == found.rule && one.path == found.path;
    let unneeded = list.exception.iter().filter(|one| !findings.iter().any(|found| covers(one, found)));
    let mut left: Vec<_> =
        unneeded.map(|one| problem(format!("{} in {} is no longer needed; remove it", one.rule, one.path))).collect();
    let unexplained = list.exception.iter().filter(|one| one.reason.trim().is_empty());
    left.extend(unexplained.map(|one| problem(format!("{} in {} has no reason", one.rule, one.path))));
    if list.exception.len() != most {
        left.push(problem(format!(
            "{} exceptions, and {most} are counted in exceptions.rs; the list may only shrink",
            list.exception.len()
        )));
    }
    left.extend(findings.into_iter().filter(|found| !list.exception.iter().any(|one| covers(one, found))));
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Finding {
        Finding { rule: "length", path: "a.rs".to_owned(), problem: "long".to_owned() }
    }

    fn list(path: &str) -> List {
        List {
            exception: vec![Exception { rule: "length".to_owned(), path: path.to_owned(), reason: "old".to_owned() }],
        }
    }

    #[test]
    fn an_exception_covers_its_finding() {
        assert_eq!(filter(&list("a.rs"), vec![found()], 1), []);
    }

    #[test]
    fn an_exception_that_is_not_needed_or_not_counted_is_an_error() {
        assert_eq!(filter(&list("b.rs"), vec![found()], 1).len(), 2);
        assert_eq!(filter(&list("a.rs"), vec![found()], 0).len(), 1);
    }
}
