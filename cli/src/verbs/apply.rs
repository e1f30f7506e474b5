//! `xebec apply`: create what is missing, change what differs, touch nothing else.
//!
//! The cluster merges, knows from the last time what to remove, and refuses to change what others own. With `--server-side=false`
//! the merge is made here, and what was applied is kept in the annotation that `kubectl apply` uses, so that both may take turns.

use anyhow::{Context, Result};
use xebec_proto::v1::Target;

use crate::args::{ApplyArguments, Connection};
use crate::client::{Applier, Kinds, Session};
use crate::manifest::{self, Manifest};
use crate::merge;
use crate::print;

/// Runs it. Objects are applied in the order of the files; the first that fails stops the rest, and says which it was.
pub(crate) async fn run(connection: &Connection, arguments: ApplyArguments) -> Result<()> {
    let manifests = manifest::read_all(&arguments.files)?;
    let session = Session::open(connection).await?;
    let kinds = Kinds::fetch(&session).await?;
    for manifest in &manifests {
        let (name, target) = address(&session, &kinds, manifest)?;
        let done = match arguments.server_side {
            true => on_server(&session, target, manifest, &arguments).await,
            false => on_client(&session, target, manifest, arguments.dry_run).await,
        };
        let done = done.with_context(|| format!("apply {name}"))?;
        let mode = if arguments.dry_run { " (dry run)" } else { "" };
        print::line(&print::escape(&format!("{name} {done}{mode}")))?;
    }
    Ok(())
}

/// The name to print, and where the object goes.
pub(super) fn address(session: &Session, kinds: &Kinds, manifest: &Manifest) -> Result<(String, Target)> {
    let kind = kinds.find_manifest(manifest.api_version(), manifest.kind()).with_context(|| manifest.origin.clone())?;
    let name = print::qualified_name(kind, manifest.name());
    Ok((name, session.target(kind, manifest.namespace(), manifest.name())))
}

async fn on_server(
    session: &Session,
    target: Target,
    manifest: &Manifest,
    arguments: &ApplyArguments,
) -> Result<&'static str> {
    let before = session.find(target.clone()).await?;
    let ApplyArguments { dry_run, force_conflicts, field_manager, .. } = arguments;
    let by = Applier { manager: field_manager, force: *force_conflicts, dry_run: *dry_run };
    let after = session.apply(target, &manifest.object, &by).await?;
    Ok(match before {
        None => "created",
        Some(before) if before == after => "unchanged",
        Some(_) => "configured",
    })
}

async fn on_client(session: &Session, target: Target, manifest: &Manifest, dry_run: bool) -> Result<&'static str> {
    let wanted = merge::remember(&manifest.object);
    let Some(current) = session.find(target.clone()).await? else {
        session.create(target, &wanted, dry_run).await?;
        return Ok("created");
    };
    match merge::three_way(&merge::last_applied(&current), &wanted, &current) {
        None => Ok("unchanged"),
        Some(patch) => {
            session.merge(target, &patch, dry_run).await?;
            Ok("configured")
        }
    }
}
