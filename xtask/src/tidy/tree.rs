//! The files of the workspace: those that git knows or would take.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xebec_integration_tests::command;

/// All text files.
pub(crate) struct Tree {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// Sorted by path.
    pub(crate) files: Vec<File>,
}

/// One file.
pub(crate) struct File {
    /// From the root, with slashes.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl Tree {
    /// Reads them; what is not UTF-8 is no text and is left out.
    pub(crate) fn read(root: &Path) -> Result<Tree> {
        let folder = root.display().to_string();
        let listed = command::run("git", &["-C", &folder, "ls-files", "--cached", "--others", "--exclude-standard"])?;
        let mut files = Vec::new();
        for path in listed.lines().filter(|path| root.join(path).is_file()) {
            let bytes = std::fs::read(root.join(path)).with_context(|| format!("read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File { path: path.to_owned(), text });
            }
        }
        Ok(Tree { root: root.to_owned(), files })
    }

    /// Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

impl File {
    /// Whether all of it is test code.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|folder| ["tests", "testdata", "benches"].contains(&folder)) || name == "tests.rs"
    }

    /// The lines before the unit tests, which stand at the end of a file.
    pub(crate) fn lines_outside_tests(&self) -> usize {
        let marker = "#[cfg(test)]\nmod ";
        let code = self.text.find(marker).map_or(self.text.as_str(), |start| &self.text[..start]);
        code.trim_end().lines().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_tests_do_not_count_as_code() {
        let text = "//! Why.\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n}\n".to_owned();
        let file = File { path: "a/src/b.rs".to_owned(), text };
        assert_eq!(file.lines_outside_tests(), 2);
        assert!(!file.is_test());
    }
}
