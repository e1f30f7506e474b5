//! Keeps the APIServices of what masters serve, on the leader: those of built-in groups from the start, those of definitions for as long
//! as these are served.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use xebec_api::kinds::{API_SERVICE, CUSTOM_RESOURCE_DEFINITION};
use xebec_api::{Kind, Reason, Status, value};
use xebec_store::Leadership;

use super::follow::{context, write_status};
use super::local::{self, Act};
use crate::registry::{DeleteOptions, Registry, Target, WriteOptions, rfc3339};

/// Who owns what is written here, as Kubernetes names it.
pub(super) const FIELD_MANAGER: &str = "kube-apiserver";
/// So that many changes make one turn.
const PAUSE: Duration = Duration::from_millis(200);
/// After a failure.
const RETRY: Duration = Duration::from_secs(2);

/// Whenever this master leads, until shutdown.
pub async fn keep(registry: Registry, mut leadership: watch::Receiver<Leadership>, shutdown: CancellationToken) {
    let work = async {
        while leadership.wait_for(|now| now.is_leader).await.is_ok() {
            let seen = watched().map(|kind| registry.cache().kind_revision(kind));
            let retry = match turn(&registry).await {
                Turn::Nothing => Duration::MAX,
                Turn::Done => Duration::ZERO,
                Turn::Failed => RETRY,
            };
            tokio::time::sleep(PAUSE).await;
            tokio::select! {
                () = tokio::time::sleep(retry) => {}
                () = change(&registry, seen) => {}
                changed = leadership.changed() => if changed.is_err() { return },
            }
        }
    };
    shutdown.run_until_cancelled(work).await;
}

fn watched() -> [&'static Kind; 2] {
    [&API_SERVICE, &CUSTOM_RESOURCE_DEFINITION]
}

/// Waits until there is something that was not `seen`.
async fn change(registry: &Registry, seen: [u64; 2]) {
    let cache = registry.cache();
    let follow = |index: usize| cache.subscribe(watched()[index], None, Some(seen[index]));
    // Changes that are not kept any more are changes too.
    let (Ok(mut services), Ok(mut definitions)) = (follow(0), follow(1)) else { return };
    tokio::select! {
        _ = services.next() => {}
        _ = definitions.next() => {}
    }
}

/// What came of looking at everything.
enum Turn {
    Nothing,
    Done,
    Failed,
}

/// Does what is to be done. What fails keeps nothing else from being done.
async fn turn(registry: &Registry) -> Turn {
    let cache = registry.cache();
    let present: Vec<_> = cache.list(&API_SERVICE, None).iter().map(|stored| stored.to_value()).collect();
    let acts = local::plan(&cache.catalogue(), &present, &rfc3339(registry.now()));
    let mut turn = if acts.is_empty() { Turn::Nothing } else { Turn::Done };
    for act in acts {
        let Err(status) = perform(registry, act).await else { continue };
        // Somebody else may have been first; the next turn looks again.
        if !matches!(status.reason, Reason::Conflict | Reason::AlreadyExists | Reason::NotFound) {
            tracing::debug!(%status, "cannot keep the APIServices of what is served here");
            turn = Turn::Failed;
        }
    }
    turn
}

async fn perform(registry: &Registry, act: Act) -> Result<(), Status> {
    let target = |object: &serde_json::Value| {
        Target::new(&API_SERVICE, None, value::text(object, "/metadata/name").unwrap_or_default())
    };
    let options = WriteOptions::by(FIELD_MANAGER);
    match act {
        Act::Create(object) => registry.create(&context(), &target(&object), object, &options).await.map(drop),
        Act::Update(object) => registry.update(&context(), &target(&object), object, &options).await.map(drop),
        Act::MarkAvailable(object) => write_status(registry, &target(&object).name, object).await.map(drop),
        Act::Delete(name) => {
            let target = Target::new(&API_SERVICE, None, &name);
            registry.delete(&context(), &target, &DeleteOptions::default()).await.map(drop)
        }
    }
}
