//! `xebec scale`: how many.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::args::{Connection, ScaleArguments};
use crate::client::{Kinds, Session};
use crate::print;

/// Runs it, through the `scale` subresource: who may scale need not be allowed to change anything else.
pub(crate) async fn run(connection: &Connection, arguments: ScaleArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let selected = Kinds::fetch(&session).await?.select(&arguments.what)?;
    for one in &selected {
        ensure!(!one.names.is_empty(), "name what to scale, for example deployment/web");
        for name in &one.names {
            let mut target = session.target(&one.kind, None, name);
            target.subresource = "scale".to_owned();
            let shown = print::qualified_name(&one.kind, name);
            let patch = json!({ "spec": { "replicas": arguments.replicas } });
            session.merge(target, &patch, false).await.with_context(|| format!("scale {shown}"))?;
            print::line(&print::escape(&format!("{shown} scaled")))?;
        }
    }
    Ok(())
}
