//! `xebec events`: what happened, in the order it happened.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio_stream::StreamExt;
use xebec_proto::v1::watch_event::Type;
use xebec_proto::v1::{Kind, Representation};

use crate::args::{Connection, EventsArguments, Filter};
use crate::client::{Kinds, Listed, Session};
use crate::print::{self, Table};

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: EventsArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let kinds = Kinds::fetch(&session).await?;
    let kind = kinds.find("events")?;
    let filter = filter(&kinds, &arguments)?;
    let listed = Listed { kind, name: None, filter: &filter, representation: Representation::Object };
    let answer = session.list(&listed).await?;
    let mut table = table(arguments.all_namespaces);
    rows(&mut table, answer.items, arguments.all_namespaces);
    if table.is_empty() && !arguments.watch {
        eprintln!("No events found in namespace {}.", session.namespace());
        return Ok(());
    }
    print::out(&table.drain(true))?;
    if arguments.watch { follow(&session, &listed, answer.revision, table).await } else { Ok(()) }
}

async fn follow(session: &Session, listed: &Listed<'_>, mut revision: u64, mut table: Table) -> Result<()> {
    loop {
        let mut events = session.watch(listed, revision).await?;
        while let Some(event) = events.next().await {
            let event = event?;
            let object = event.object.clone().unwrap_or_default();
            revision = revision.max(object.revision);
            if matches!(event.r#type(), Type::Added | Type::Modified) {
                let value = serde_json::from_slice(&object.json).context("an event is JSON")?;
                rows(&mut table, vec![value], listed.filter.all_namespaces);
                print::out(&table.drain(false))?;
            }
        }
    }
}

/// What `--for kind/name` means as a field selector.
fn filter(kinds: &Kinds, arguments: &EventsArguments) -> Result<Filter> {
    let about = |word: &String| {
        let (kind, name) = word.split_once('/').context("--for takes KIND/NAME, for example pod/web-1")?;
        Ok::<_, anyhow::Error>(about(kinds.find(kind)?, name))
    };
    let field_selector = arguments.object.as_ref().map(about).transpose()?;
    Ok(Filter { selector: None, field_selector, all_namespaces: arguments.all_namespaces })
}

/// The field selector for the events of one object.
pub(super) fn about(kind: &Kind, name: &str) -> String {
    format!("involvedObject.kind={},involvedObject.name={name}", kind.kind)
}

/// The columns.
pub(super) fn table(namespaces: bool) -> Table {
    let columns = ["NAMESPACE", "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    Table::new(if namespaces { &columns } else { &columns[1..] })
}

/// Appends events, the newest last.
pub(super) fn rows(table: &mut Table, mut events: Vec<Value>, namespaces: bool) {
    events.sort_by_key(|event| last_seen(event).unwrap_or_default());
    let now = jiff::Timestamp::now();
    for event in &events {
        table.push(row(event, namespaces, now));
    }
}

fn row(event: &Value, namespaces: bool, now: jiff::Timestamp) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["involvedObject"];
    let about = format!("{}/{}", text(&object["kind"]).to_lowercase(), text(&object["name"]));
    let times =
        event["count"].as_i64().filter(|count| *count > 1).map(|count| format!(" (x{count})")).unwrap_or_default();
    let seen = last_seen(event).map_or_else(|| "-".to_owned(), |time| format!("{}{times}", age(time, now)));
    let namespace = namespaces.then(|| text(&event["metadata"]["namespace"]));
    let rest = [seen, text(&event["type"]), text(&event["reason"]), about, text(&event["message"]).trim().to_owned()];
    namespace.into_iter().chain(rest).collect()
}

fn last_seen(event: &Value) -> Option<jiff::Timestamp> {
    let fields = [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["eventTime"],
        &event["metadata"]["creationTimestamp"],
    ];
    fields.into_iter().find_map(|field| field.as_str()?.parse().ok())
}

/// Two units at most, as people say it: `5s`, `3m20s`, `2h`.
fn age(then: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{}m{}s", seconds / 60, seconds % 60),
        600..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_told_in_the_order_they_happened() {
        let event = |name: &str, time: &str| json!({"type": "Normal", "reason": name, "message": "m", "lastTimestamp": time, "involvedObject": {"kind": "Pod", "name": "a"}});
        let mut table = table(false);
        rows(&mut table, vec![event("Second", "2020-01-01T00:00:09Z"), event("First", "2020-01-01T00:00:01Z")], false);
        let text = table.drain(false);
        assert!(text.find("First") < text.find("Second"), "{text}");
        assert!(text.contains("pod/a"));
    }

    #[test]
    fn ages_are_told_as_people_do() {
        let then: jiff::Timestamp = "2020-01-01T00:00:00Z".parse().expect("a time");
        for (seconds, expected) in [(5, "5s"), (200, "3m20s"), (3600, "60m"), (7 * 3600, "7h"), (10 * 86_400, "10d")] {
            let now = then + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(age(then, now), expected);
        }
    }
}
