//! No file is longer than a reader's patience.

use anyhow::Result;

use super::{Finding, Tree};

/// Lines outside tests. The model codebases' longest decent files end here.
const LONGEST: usize = 500;

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let code = tree.rust().filter(|file| !file.is_test());
    let long = code.map(|file| (file, file.lines_outside_tests())).filter(|(_, lines)| *lines > LONGEST);
    let finding = |path: &str, lines: usize| Finding {
        rule: "length",
        path: path.to_owned(),
        problem: format!("{lines} lines outside tests; split it by concepts, {LONGEST} are the most"),
    };
    Ok(long.map(|(file, lines)| finding(&file.path, lines)).collect())
}
