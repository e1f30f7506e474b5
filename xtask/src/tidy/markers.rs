//! Nothing unfinished: work is in the tree or in an issue, not in a comment.

use anyhow::Result;

use super::tree::File;
use super::{Finding, Tree};

/// Split, so that this file does not find itself.
const MARKERS: [&str; 8] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("for ", "now"),
    concat!("not yet ", "implemented"),
    concat!("not ", "implemented yet"),
];
const KINDS: [&str; 7] = [".rs", ".toml", ".md", ".proto", ".yaml", ".yml", ".sh"];

pub(super) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let texts = tree.files.iter().filter(|file| KINDS.iter().any(|kind| file.path.ends_with(kind)));
    Ok(texts.flat_map(find).collect())
}

fn find(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let marked = lines
        .filter_map(|(index, line)| MARKERS.iter().find(|marker| holds(line, marker)).map(|marker| (index, marker)));
    let finding = |(index, marker): (usize, &&str)| Finding {
        rule: "markers",
        path: file.path.clone(),
        problem: format!("line {} says {marker:?}; finish it, or file an issue", index + 1),
    };
    marked.map(finding).collect()
}

/// As a word of its own.
fn holds(line: &str, marker: &str) -> bool {
    line.match_indices(marker).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + marker.len()..].chars().next();
        let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        !is_part(before) && (marker.ends_with(['(', ':']) || !is_part(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_as_words() {
        assert!(holds(concat!("// TO", "DO: later"), MARKERS[0]));
        assert!(!holds("MASTODON", "TODON"));
        assert!(!holds(concat!("waits for ", "nowhere"), MARKERS[5]));
    }
}
