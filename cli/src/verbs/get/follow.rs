//! `get --watch`: what is, then every change, until the reader has seen enough.

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use tokio_stream::StreamExt;
use xebec_proto::v1::watch_event::Type;
use xebec_proto::v1::{Representation, WatchEvent};

use super::{prefix, shown, wants_document};
use crate::args::{GetArguments, Output};
use crate::client::{Listed, Selected, Session};
use crate::print::{self, Shown, Table};

/// Prints events in the form asked for.
struct Printer<'a> {
    selected: &'a Selected,
    arguments: &'a GetArguments,
    shown: Shown,
    table: Table,
    header: bool,
}

/// Lists, then watches from there. A stream that ends is taken up again where it ended.
pub(super) async fn run(session: &Session, selected: &Selected, arguments: &GetArguments) -> Result<()> {
    ensure!(selected.names.len() <= 1, "--watch follows one object or all of a kind");
    let listed = Listed {
        kind: &selected.kind,
        name: selected.names.first().map(String::as_str),
        filter: &arguments.filter,
        representation: representation(arguments.output),
    };
    let shown = shown(arguments, &selected.kind, false);
    let mut printer = Printer { selected, arguments, shown, table: Table::default(), header: !arguments.no_headers };
    let answer = session.list(&listed).await?;
    printer.print(&answer.items)?;
    let mut revision = answer.revision;
    loop {
        let mut events = session.watch(&listed, revision).await?;
        while let Some(event) = events.next().await {
            revision = printer.handle(&event?)?.max(revision);
        }
    }
}

fn representation(output: Output) -> Representation {
    match output {
        Output::Table | Output::Wide => Representation::Table,
        _ => Representation::Object,
    }
}

impl Printer<'_> {
    /// Returns the event's revision.
    fn handle(&mut self, event: &WatchEvent) -> Result<u64> {
        let object = event.object.clone().unwrap_or_default();
        let value: Value = serde_json::from_slice(&object.json).unwrap_or_default();
        match event.r#type() {
            Type::Error => {
                bail!("the watch ended: {}", value["message"].as_str().unwrap_or("the cluster did not say why"))
            }
            Type::Bookmark | Type::Unspecified => {}
            Type::Added | Type::Modified | Type::Deleted => self.print(&[value])?,
        }
        Ok(object.revision)
    }

    fn print(&mut self, items: &[Value]) -> Result<()> {
        match self.arguments.output {
            output if wants_document(output) => self.documents(items, output),
            Output::Name => self.names(items),
            _ => self.rows(items),
        }
    }

    fn documents(&self, items: &[Value], output: Output) -> Result<()> {
        let separator = if output == Output::Yaml { "---\n" } else { "" };
        items.iter().cloned().try_for_each(|mut item| {
            if !self.arguments.show_managed_fields {
                print::hide_managed_fields(&mut item);
            }
            print::out(&format!("{separator}{}", print::document(&item, output)?))
        })
    }

    fn names(&self, items: &[Value]) -> Result<()> {
        let name = |item: &Value| print::qualified_name(&self.selected.kind, print::name(item));
        items.iter().try_for_each(|item| print::line(&print::escape(&name(item))))
    }

    fn rows(&mut self, items: &[Value]) -> Result<()> {
        for item in items {
            self.table.append(item, self.shown, &prefix(&self.selected.kind));
        }
        if self.table.is_empty() {
            return Ok(());
        }
        let header = std::mem::take(&mut self.header);
        print::out(&self.table.drain(header))
    }
}
