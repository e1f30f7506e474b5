//! `xebec get`: tables as the server makes them, documents as the server has them.

mod follow;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use xebec_proto::v1::{Kind, Representation};

use super::wants_document;
use crate::args::{Connection, Filter, GetArguments, Output};
use crate::client::{Kinds, Listed, Selected, Session};
use crate::print::{self, Shown, Table};

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: GetArguments) -> Result<()> {
    let session = Session::open(connection).await?.stale(arguments.stale);
    let selected = Kinds::fetch(&session).await?.select(&arguments.what)?;
    ensure!(!arguments.watch || selected.len() == 1, "--watch follows one kind at a time");
    if arguments.watch {
        return follow::run(&session, &selected[0], &arguments).await;
    }
    match arguments.output {
        Output::Table | Output::Wide => tables(&session, &selected, &arguments).await,
        _ => documents(&session, &selected, &arguments).await,
    }
}

async fn tables(session: &Session, selected: &[Selected], arguments: &GetArguments) -> Result<()> {
    let mut printed = 0;
    let several = selected.iter().any(|one| one.kind != selected[0].kind);
    for one in selected {
        let mut table = Table::default();
        for served in find(session, one, &arguments.filter, Representation::Table).await? {
            table.append(&served, shown(arguments, &one.kind, several), &prefix(&one.kind));
        }
        if table.is_empty() {
            continue;
        }
        let gap = if printed > 0 { "\n" } else { "" };
        print::out(&format!("{gap}{}", table.drain(!arguments.no_headers)))?;
        printed += 1;
    }
    if printed == 0 {
        eprintln!("{}", nothing(session, selected, &arguments.filter));
    }
    Ok(())
}

fn shown(arguments: &GetArguments, kind: &Kind, several: bool) -> Shown {
    Shown {
        wide: arguments.output == Output::Wide,
        namespace: arguments.filter.all_namespaces && kind.namespaced,
        labels: arguments.show_labels,
        kind: several,
    }
}

fn prefix(kind: &Kind) -> String {
    print::qualified_name(kind, "").trim_end_matches('/').to_owned()
}

fn nothing(session: &Session, selected: &[Selected], filter: &Filter) -> String {
    let namespaced = selected.iter().any(|one| one.kind.namespaced);
    if namespaced && !filter.all_namespaces {
        format!("No objects found in namespace {}.", session.namespace())
    } else {
        "No objects found.".to_owned()
    }
}

async fn documents(session: &Session, selected: &[Selected], arguments: &GetArguments) -> Result<()> {
    let output = arguments.output;
    let mut objects = Vec::new();
    for one in selected {
        let found = find(session, one, &arguments.filter, Representation::Object).await?;
        objects.extend(found.into_iter().map(|object| (one.kind.clone(), object)));
    }
    if !wants_document(output) {
        let names = objects.iter().map(|(kind, object)| print::qualified_name(kind, print::name(object)) + "\n");
        return print::out(&print::escape(&names.collect::<String>()));
    }
    let single = matches!(selected, [one] if one.names.len() == 1);
    let mut items: Vec<Value> = objects.into_iter().map(|(_, object)| object).collect();
    if !arguments.show_managed_fields {
        items.iter_mut().for_each(print::hide_managed_fields);
    }
    let document = match items.pop() {
        Some(only) if single && items.is_empty() => only,
        last => {
            items.extend(last);
            json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items })
        }
    };
    print::out(&print::document(&document, output)?)
}

/// The objects named, or all that the filter leaves.
async fn find(
    session: &Session,
    one: &Selected,
    filter: &Filter,
    representation: Representation,
) -> Result<Vec<Value>> {
    if one.names.is_empty() {
        let listed = Listed { kind: &one.kind, name: None, filter, representation };
        return Ok(session.list(&listed).await?.items);
    }
    ensure!(!filter.all_namespaces, "names and --all-namespaces exclude each other: a name is one in a namespace");
    let mut items = Vec::new();
    for name in &one.names {
        items.push(session.get(session.target(&one.kind, None, name), representation).await?);
    }
    Ok(items)
}
