//! Everything that goes to standard output.

mod escape;
mod objects;
mod table;

pub(crate) use escape::escape;
pub(crate) use objects::{document, hide_managed_fields, name, qualified_name};
pub(crate) use table::{Shown, Table};

use std::io::Write;

/// Writes all of it, or says why not.
pub(crate) fn out(text: &str) -> anyhow::Result<()> {
    raw(text.as_bytes())
}

/// A line of its own.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    out(&format!("{text}\n"))
}

/// Bytes as they are: what containers write.
pub(crate) fn raw(bytes: &[u8]) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()?;
    Ok(())
}

/// Whether whoever read our output has gone, which is no failure of ours.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
