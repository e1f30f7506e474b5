//! `xebec describe`: an object in words, whatever its kind, and what happened to it.
//!
//! There is no layout per kind: fields are shown as a tree under readable names, conditions and events as tables. So a kind that
//! is added tomorrow is described as well as a pod.

mod tree;

use anyhow::Result;
use serde_json::Value;
use xebec_proto::v1::{Kind, Representation};

use super::events;
use crate::args::{Connection, DescribeArguments, Filter};
use crate::client::{Kinds, Listed, Selected, Session};
use crate::print;

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: DescribeArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let kinds = Kinds::fetch(&session).await?;
    let mut first = true;
    for one in kinds.select(&arguments.what)? {
        for object in find(&session, &one, &arguments.filter).await? {
            let gap = if std::mem::take(&mut first) { "" } else { "\n\n" };
            let events = about(&session, &kinds, &one.kind, &object).await?;
            print::out(&format!("{gap}{}{events}", print::escape(&tree::render(&object))))?;
        }
    }
    if first {
        eprintln!("No objects found.");
    }
    Ok(())
}

async fn find(session: &Session, one: &Selected, filter: &Filter) -> Result<Vec<Value>> {
    if one.names.is_empty() {
        let listed = Listed { kind: &one.kind, name: None, filter, representation: Representation::Object };
        return Ok(session.list(&listed).await?.items);
    }
    let mut objects = Vec::new();
    for name in &one.names {
        objects.push(session.get(session.target(&one.kind, None, name), Representation::Object).await?);
    }
    Ok(objects)
}

/// The events of one object, as a table. A node's are in no namespace of its own, so all are looked at.
async fn about(session: &Session, kinds: &Kinds, kind: &Kind, object: &Value) -> Result<String> {
    let filter = Filter {
        selector: None,
        field_selector: Some(events::about(kind, print::name(object))),
        all_namespaces: !kind.namespaced,
    };
    let listed =
        Listed { kind: kinds.find("events")?, name: None, filter: &filter, representation: Representation::Object };
    let found = session.list(&listed).await?.items;
    let namespace = object["metadata"]["namespace"].as_str();
    let own =
        found.into_iter().filter(|event| namespace.is_none() || event["metadata"]["namespace"].as_str() == namespace);
    let mut table = events::table(false);
    events::rows(&mut table, own.collect(), false);
    Ok(if table.is_empty() { "Events:  <none>\n".to_owned() } else { format!("Events:\n{}", table.drain(true)) })
}
