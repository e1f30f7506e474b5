//! The operator: a Controller over its own kind that keeps one ConfigMap for each ferry, says in the status what it has done, tells of it in
//! Events, and cleans up before a ferry goes. Its caches are filled by streaming lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event as EventObject;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::finalizer::{Event as Finalizer, finalizer};
use kube::runtime::watcher::Config;
use kube::runtime::{Controller, reflector, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;

use crate::ferry::{Ferry, FerrySpec};
use crate::until;

const FINALIZER: &str = "kube-rs.example.com/harbour";

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the API refused")]
    Api(#[from] kube::Error),
    #[error("the finalizer")]
    Finalizer(#[source] Box<kube::runtime::finalizer::Error<Error>>),
}

struct Harbour {
    client: Client,
    recorder: Recorder,
    cleaned: AtomicUsize,
}

async fn reconcile(ferry: Arc<Ferry>, context: Arc<Harbour>) -> Result<Action, Error> {
    let api: Api<Ferry> = Api::default_namespaced(context.client.clone());
    let decide = async |event| match event {
        Finalizer::Apply(ferry) => sail(&context, &api, &ferry).await,
        Finalizer::Cleanup(_) => {
            context.cleaned.fetch_add(1, Ordering::Relaxed);
            Ok(Action::await_change())
        }
    };
    finalizer(&api, FINALIZER, ferry, decide).await.map_err(|error| Error::Finalizer(Box::new(error)))
}

async fn sail(context: &Harbour, api: &Api<Ferry>, ferry: &Ferry) -> Result<Action, Error> {
    let name = ferry.name_any();
    let config = ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            owner_references: ferry.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some([("home".to_owned(), ferry.spec.home.clone())].into()),
        ..ConfigMap::default()
    };
    let apply = PatchParams::apply("harbour").force();
    let configs: Api<ConfigMap> = Api::default_namespaced(context.client.clone());
    configs.patch(&name, &apply, &Patch::Apply(&config)).await?;
    let status = json!({"status": {"observedGeneration": ferry.metadata.generation, "decks": ferry.spec.decks}});
    api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    let event = Event {
        type_: EventType::Normal,
        reason: "Sailing".to_owned(),
        note: Some(format!("{name} has {} decks", ferry.spec.decks)),
        action: "Sail".to_owned(),
        secondary: None,
    };
    context.recorder.publish(&event, &ferry.object_ref(&())).await?;
    Ok(Action::requeue(Duration::from_secs(300)))
}

pub(crate) async fn play(client: &Client) -> Result<()> {
    let api: Api<Ferry> = Api::default_namespaced(client.clone());
    let first = Ferry::new("first", FerrySpec { home: "Kiel".to_owned(), decks: 3 });
    // It is there before the caches are, so it comes with the initial events.
    api.create(&PostParams::default(), &first).await.context("create a ferry")?;
    let context = Arc::new(Harbour {
        client: client.clone(),
        recorder: Recorder::new(client.clone(), "harbour".into()),
        cleaned: AtomicUsize::new(0),
    });
    let running = tokio::spawn(run(client.clone(), context.clone()));
    let told = story(client, &api, &context).await;
    running.abort();
    told
}

/// Goes on until it is dropped.
async fn run(client: Client, context: Arc<Harbour>) {
    let ferries: Api<Ferry> = Api::default_namespaced(client.clone());
    let configs: Api<ConfigMap> = Api::default_namespaced(client);
    let streaming = Config::default().streaming_lists();
    let retry = |_: Arc<Ferry>, error: &Error, _: Arc<Harbour>| {
        eprintln!("reconcile: {error:?}");
        Action::requeue(Duration::from_millis(500))
    };
    let controller = Controller::new(ferries, streaming.clone()).owns(configs, streaming);
    controller.run(reconcile, retry, context).for_each(|_| std::future::ready(())).await;
}

async fn story(client: &Client, api: &Api<Ferry>, context: &Harbour) -> Result<()> {
    let configs: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let home = async |name: &str| {
        Ok(configs.get_opt(name).await?.and_then(|config| config.data).and_then(|data| data.get("home").cloned()))
    };
    ensure!(until("a ConfigMap for it", async || home("first").await).await? == "Kiel", "its home");
    seen_to(api, "first").await?;
    let owner = configs.get("first").await?.owner_references().first().cloned().context("an owner")?;
    ensure!(owner.kind == "Ferry" && owner.controller == Some(true), "{owner:?}");
    cached(api).await.context("the reflector")?;
    refused(api).await?;

    api.patch("first", &PatchParams::default(), &Patch::Merge(json!({"spec": {"home": "Husum"}}))).await?;
    let moved = async || Ok(home("first").await?.filter(|home| home == "Husum"));
    until("the new home", moved).await?;
    configs.delete("first", &DeleteParams::default()).await.context("take its ConfigMap away")?;
    until("the ConfigMap comes back", async || home("first").await).await?;
    let five = Patch::Merge(json!({"spec": {"replicas": 5}}));
    let scale = api.patch_scale("first", &PatchParams::default(), &five).await.context("scale it")?;
    ensure!(scale.spec.and_then(|spec| spec.replicas) == Some(5), "its scale");
    seen_to(api, "first").await?;
    ensure!(api.get_scale("first").await?.status.map(|status| status.replicas) == Some(5), "the scale's status");

    let events: Api<EventObject> = Api::default_namespaced(client.clone());
    let told = events.list(&ListParams::default().fields("regarding.name=first,reason=Sailing")).await?;
    ensure!(!told.items.is_empty(), "events of it");
    api.delete("first", &DeleteParams::default()).await.context("delete it")?;
    let gone = async || Ok(api.get_opt("first").await?.is_none().then_some(()));
    until("the ferry is gone", gone).await?;
    ensure!(context.cleaned.load(Ordering::Relaxed) >= 1, "it was cleaned up first");
    let collected = async || Ok(configs.get_opt("first").await?.is_none().then_some(()));
    until("its ConfigMap is collected", collected).await
}

/// Until the status says that its newest generation is seen to.
async fn seen_to(api: &Api<Ferry>, name: &str) -> Result<()> {
    let seen = async || {
        let ferry = api.get_status(name).await?;
        let observed = ferry.status.as_ref().map(|status| status.observed_generation);
        Ok((observed == ferry.metadata.generation).then_some(()))
    };
    until("the status", seen).await
}

/// A cache of one's own, by a streaming list, then by pages.
async fn cached(api: &Api<Ferry>) -> Result<()> {
    for config in [Config::default().streaming_lists(), Config::default().page_size(1)] {
        let (reader, writer) = reflector::store::<Ferry>();
        let mut changes = std::pin::pin!(reflector(writer, watcher(api.clone(), config)));
        let filled = async {
            while reader.state().is_empty() {
                changes.try_next().await?.context("the watch goes on")?;
            }
            anyhow::Ok(())
        };
        crate::soon("the cache is filled", filled).await??;
        ensure!(reader.state()[0].spec.home == "Kiel", "what is cached");
    }
    Ok(())
}

async fn refused(api: &Api<Ferry>) -> Result<()> {
    let tall = Ferry::new("tall", FerrySpec { home: "Kiel".to_owned(), decks: 10 });
    let refused = api.create(&PostParams::default(), &tall).await;
    ensure!(
        matches!(&refused, Err(kube::Error::Api(status)) if status.code == 422 && status.message.contains("spec.decks")),
        "{refused:?}"
    );
    Ok(())
}
