//! `codegen`: writes the schema table of the API.
//!
//! Three sources: `k8s-openapi` knows the types in JSON, `k8s-pb` their tags in protobuf and the markers of the API's
//! conventions, and `supplement.tsv` what both lack. The first two are read as text, as cargo unpacked them; neither is compiled
//! for this, and `k8s-pb` never is. What comes out is committed, so builds need none of it.
//!
//! ```text
//!  k8s-openapi ─ literal ─ definitions ─┐
//!  k8s-pb ───────────────── messages ───┼─ join ─ write ─► api/src/schema/{table,descriptions}.tsv
//!  supplement.tsv ──────── supplement ──┘
//! ```

mod definitions;
mod join;
mod literal;
mod messages;
mod sources;
mod supplement;
mod write;

use anyhow::{Context, Result};
use xebec_integration_tests::artifacts::workspace;

/// Writes both files.
pub(crate) fn run() -> Result<()> {
    let types = sources::dependency("Cargo.toml", "k8s-openapi")?.join("v1_35");
    let definitions = definitions::read(&sources::read(&types)?)?;
    let wire = sources::dependency("xtask/codegen-sources/Cargo.toml", "k8s-pb")?;
    let messages = messages::read(&sources::read(&wire)?);
    let supplement = supplement::Supplement::read(include_str!("supplement.tsv"))?;
    let rows = join::Join { definitions: &definitions, messages: &messages, supplement }.rows()?;
    let files = write::files(&rows);
    let folder = workspace().join("api/src/schema");
    std::fs::write(folder.join("table.tsv"), files.table).context("write table.tsv")?;
    std::fs::write(folder.join("descriptions.tsv"), files.descriptions).context("write descriptions.tsv")?;
    eprintln!("── codegen: {} types, {} fields", rows.len(), rows.iter().map(|row| row.fields.len()).sum::<usize>());
    Ok(())
}
