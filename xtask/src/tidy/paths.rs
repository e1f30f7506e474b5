//! Nothing in the tree depends on the machine it was written on.

use anyhow::Result;

use super::tree::File;
use super::{Finding, Tree};

/// Split, so that this file does not find itself.
const FOREIGN: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("crates", ".io"),
    concat!("proxy.golang", ".org"),
    concat!("pypi", ".org"),
];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let written = tree.files.iter().filter(|file| !file.path.ends_with("Cargo.lock"));
    Ok(written.flat_map(find).collect())
}

fn find(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let foreign =
        lines.filter_map(|(index, line)| FOREIGN.iter().find(|path| holds(line, path)).map(|path| (index, path)));
    let finding = |(index, path): (usize, &&str)| Finding {
        rule: "paths",
        path: file.path.clone(),
        problem: format!("line {} names {path:?}, which other machines do not have", index + 1),
    };
    foreign.map(finding).collect()
}

/// At the start of a path, not in the middle of one.
fn holds(line: &str, path: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || "._-*".contains(letter);
    line.match_indices(path).any(|(start, _)| !line[..start].chars().next_back().is_some_and(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_start_of_a_path_counts() {
        assert!(holds(&format!("cd {}x", FOREIGN[0]), FOREIGN[0]));
        assert!(!holds(&format!("src{}x", FOREIGN[0]), FOREIGN[0]));
    }
}
