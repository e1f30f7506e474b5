//! `xebec delete`: say goodbye, and by default wait until they are gone.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use xebec_proto::v1::{Kind, Representation, Target};

use crate::args::{Connection, DeleteArguments, Filter};
use crate::client::{Kinds, Listed, Selected, Session};
use crate::manifest;
use crate::print;

/// Between two looks at an object that terminates.
const INTERVAL: Duration = Duration::from_millis(200);

/// One object to delete.
struct Doomed {
    name: String,
    target: Target,
}

/// Runs it.
pub(crate) async fn run(connection: &Connection, arguments: DeleteArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let kinds = Kinds::fetch(&session).await?;
    let doomed = find(&session, &kinds, &arguments).await?;
    let options = options(&arguments);
    let mut terminating = Vec::new();
    for one in doomed {
        let answer =
            session.delete(one.target.clone(), &options).await.with_context(|| format!("delete {}", one.name))?;
        print::line(&print::escape(&format!("{} deleted", one.name)))?;
        terminating.extend(uid(&answer).map(|uid| (one, uid)));
    }
    if arguments.no_wait {
        return Ok(());
    }
    wait(&session, &terminating, arguments.timeout.0).await
}

fn options(arguments: &DeleteArguments) -> Value {
    let grace = if arguments.force { Some(0) } else { arguments.grace_period };
    let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
    if let Some(seconds) = grace {
        options["gracePeriodSeconds"] = json!(seconds);
    }
    options
}

async fn find(session: &Session, kinds: &Kinds, arguments: &DeleteArguments) -> Result<Vec<Doomed>> {
    if !arguments.files.is_empty() {
        return named_by_files(session, kinds, arguments);
    }
    let mut doomed = Vec::new();
    for one in kinds.select(&arguments.what)? {
        if one.names.is_empty() {
            doomed.extend(matching(session, &one.kind, arguments).await?);
        } else {
            doomed.extend(named(session, &one));
        }
    }
    Ok(doomed)
}

/// In reverse: what was made last goes first.
fn named_by_files(session: &Session, kinds: &Kinds, arguments: &DeleteArguments) -> Result<Vec<Doomed>> {
    let manifests = manifest::read_all(&arguments.files)?;
    let addresses = manifests.iter().rev().map(|manifest| super::apply::address(session, kinds, manifest));
    addresses.map(|address| address.map(|(name, target)| Doomed { name, target })).collect()
}

fn named(session: &Session, one: &Selected) -> Vec<Doomed> {
    let doom = |name: &String| doom(session, &one.kind, None, name);
    one.names.iter().map(doom).collect()
}

async fn matching(session: &Session, kind: &Kind, arguments: &DeleteArguments) -> Result<Vec<Doomed>> {
    let filter: &Filter = &arguments.filter;
    let chosen = arguments.all || filter.selector.is_some() || filter.field_selector.is_some();
    ensure!(chosen, "name the {} to delete, choose them with -l, or say --all", kind.plural);
    let listed = Listed { kind, name: None, filter, representation: Representation::Object };
    let found = session.list(&listed).await?.items;
    Ok(found
        .iter()
        .map(|object| doom(session, kind, object["metadata"]["namespace"].as_str(), print::name(object)))
        .collect())
}

fn doom(session: &Session, kind: &Kind, namespace: Option<&str>, name: &str) -> Doomed {
    Doomed { name: print::qualified_name(kind, name), target: session.target(kind, namespace, name) }
}

/// Of an object that is still there; a Status says that it is gone.
fn uid(answer: &Value) -> Option<String> {
    (answer["kind"] != "Status").then(|| answer["metadata"]["uid"].as_str().map(str::to_owned))?
}

async fn wait(session: &Session, terminating: &[(Doomed, String)], timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    for (one, uid) in terminating {
        while is_there(session, one, uid).await? {
            if Instant::now() >= deadline {
                bail!(
                    "{} still terminates after {} s; `xebec describe` says what it waits for",
                    one.name,
                    timeout.as_secs()
                );
            }
            sleep(INTERVAL).await;
        }
    }
    Ok(())
}

/// An object of the same name made anew is another.
async fn is_there(session: &Session, one: &Doomed, uid: &str) -> Result<bool> {
    let found = session.find(one.target.clone()).await?;
    Ok(found.is_some_and(|object| object["metadata"]["uid"] == uid))
}
