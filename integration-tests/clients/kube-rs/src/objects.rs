//! Lists in pages, metadata alone, entries, and a lease that only one holds.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

fn config(name: &str) -> ConfigMap {
    let labels = [("part".to_owned(), "list".to_owned())].into();
    ConfigMap {
        metadata: ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() },
        data: Some([("n".to_owned(), name.to_owned())].into()),
        ..ConfigMap::default()
    }
}

pub(crate) async fn read_in_parts(client: &Client) -> Result<()> {
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    for number in 0..5 {
        api.create(&PostParams::default(), &config(&format!("list-{number}"))).await.context("create")?;
    }
    pages(&api).await?;
    let selected = ListParams::default().labels("part=list");
    let metadata = api.list_metadata(&selected).await.context("a list of metadata")?;
    ensure!(metadata.items.len() == 5 && metadata.items[0].uid().is_some(), "{metadata:?}");
    let metadata = api.get_metadata("list-0").await.context("metadata")?;
    ensure!(metadata.labels()["part"] == "list", "{metadata:?}");
    entry(&api).await?;
    patches(&api).await?;
    api.delete_collection(&DeleteParams::default(), &selected).await.context("delete them all")?;
    ensure!(api.list(&selected).await?.items.is_empty(), "they are gone");
    ensure!(api.get_opt("list-0").await?.is_none(), "it is gone");
    Ok(())
}

async fn pages(api: &Api<ConfigMap>) -> Result<()> {
    let mut parameters = ListParams::default().labels("part=list").limit(2);
    let mut names = Vec::new();
    loop {
        let page = api.list(&parameters).await.context("a page")?;
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
        }
    }
    ensure!(names == ["list-0", "list-1", "list-2", "list-3", "list-4"], "{names:?}");
    Ok(())
}

async fn entry(api: &Api<ConfigMap>) -> Result<()> {
    let change = |config: &mut ConfigMap| drop(config.data.get_or_insert_default().insert("n".into(), "entry".into()));
    let mut entry = api.entry("list-1").await?.and_modify(change).or_insert(|| config("list-1"));
    entry.commit(&PostParams::default()).await.context("commit")?;
    // A second writer that read before the first wrote is told so.
    let mut stale = api.get("list-2").await?;
    api.replace("list-2", &PostParams::default(), &stale).await.context("replace")?;
    stale.data.get_or_insert_default().insert("n".into(), "first".into());
    api.replace("list-2", &PostParams::default(), &stale).await.context("replace what is the same still")?;
    let conflict = api.replace("list-2", &PostParams::default(), &stale).await;
    ensure!(matches!(&conflict, Err(kube::Error::Api(status)) if status.is_conflict()), "{conflict:?}");
    Ok(())
}

async fn patches(api: &Api<ConfigMap>) -> Result<()> {
    let parameters = PatchParams::default();
    let merge = Patch::Merge(json!({"data": {"n": "merge"}}));
    ensure!(api.patch("list-3", &parameters, &merge).await?.data.unwrap_or_default()["n"] == "merge", "merge");
    let strategic = Patch::Strategic(json!({"data": {"m": "strategic"}}));
    ensure!(api.patch("list-3", &parameters, &strategic).await?.data.unwrap_or_default().len() == 2, "strategic");
    let apply = PatchParams::apply("a");
    let applied = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"n": value}});
    api.patch("list-4", &PatchParams::apply("a").force(), &Patch::Apply(applied("a"))).await.context("apply")?;
    let conflict = api.patch("list-4", &PatchParams::apply("b"), &Patch::Apply(applied("b"))).await;
    ensure!(matches!(&conflict, Err(kube::Error::Api(status)) if status.is_conflict()), "{conflict:?}");
    let dry = api.patch("list-4", &apply.dry_run(), &Patch::Apply(applied("dry"))).await.context("dry run")?;
    ensure!(dry.data.unwrap_or_default()["n"] == "dry", "a dry run shows what would be");
    ensure!(api.get("list-4").await?.data.unwrap_or_default()["n"] == "a", "a dry run changes nothing");
    Ok(())
}

pub(crate) async fn hold_a_lease(client: &Client) -> Result<()> {
    let api: Api<Lease> = Api::default_namespaced(client.clone());
    let spec = LeaseSpec {
        holder_identity: Some("one".to_owned()),
        lease_duration_seconds: Some(15),
        renew_time: Some(MicroTime(Timestamp::now())),
        ..LeaseSpec::default()
    };
    let lease =
        Lease { metadata: ObjectMeta { name: Some("operator".to_owned()), ..ObjectMeta::default() }, spec: Some(spec) };
    let mut held = api.create(&PostParams::default(), &lease).await.context("take it")?;
    let taken = api.create(&PostParams::default(), &lease).await;
    ensure!(matches!(&taken, Err(kube::Error::Api(status)) if status.is_already_exists()), "{taken:?}");
    // Times of leases are kept to the microsecond.
    let now = MicroTime(Timestamp::from_microsecond(Timestamp::now().as_microsecond())?);
    held.spec.get_or_insert_default().renew_time = Some(now.clone());
    let renewed = api.replace("operator", &PostParams::default(), &held).await.context("renew it")?;
    ensure!(renewed.spec.and_then(|spec| spec.renew_time) == Some(now), "its time");
    api.delete("operator", &DeleteParams::default()).await.context("give it up")?;
    Ok(())
}
