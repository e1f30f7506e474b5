//! `xebec create`: new objects from files.

use anyhow::{Context, Result};

use super::apply::address;
use crate::args::{Connection, CreateArguments};
use crate::client::{Kinds, Session};
use crate::manifest;
use crate::print;

/// Runs it. The first object that fails stops the rest.
pub(crate) async fn run(connection: &Connection, arguments: CreateArguments) -> Result<()> {
    let manifests = manifest::read_all(&arguments.files)?;
    let session = Session::open(connection).await?;
    let kinds = Kinds::fetch(&session).await?;
    for manifest in &manifests {
        let (name, target) = address(&session, &kinds, manifest)?;
        let created = session.create(target, &manifest.object, arguments.dry_run).await;
        let created = created.with_context(|| format!("create {name}"))?;
        // The server completes a `generateName`.
        let kind = kinds.find_manifest(manifest.api_version(), manifest.kind())?;
        let mode = if arguments.dry_run { " (dry run)" } else { "" };
        let name = print::qualified_name(kind, print::name(&created));
        print::line(&print::escape(&format!("{name} created{mode}")))?;
    }
    Ok(())
}
