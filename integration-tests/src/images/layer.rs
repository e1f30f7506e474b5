//! One layer: a tar whose bytes depend on its content alone (no times, no owners), so the same content has the same digest.

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

/// A layer while it is filled.
pub(super) struct Layer {
    tar: Builder<Vec<u8>>,
}

impl Layer {
    pub(super) fn new() -> Layer {
        Layer { tar: Builder::new(Vec::new()) }
    }

    pub(super) fn folder(&mut self, path: &str, mode: u32) -> Result<()> {
        let mut header = header(EntryType::Directory, mode, 0);
        self.tar.append_data(&mut header, path, std::io::empty()).with_context(|| format!("add {path}"))
    }

    pub(super) fn file(&mut self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let mut header = header(EntryType::Regular, mode, bytes.len());
        self.tar.append_data(&mut header, path, bytes).with_context(|| format!("add {path}"))
    }

    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let mut header = header(EntryType::Symlink, 0o777, 0);
        self.tar.append_link(&mut header, path, target).with_context(|| format!("add {path}"))
    }

    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.tar.into_inner().context("finish a layer")
    }
}

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
