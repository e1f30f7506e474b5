//! A kind of one's own, defined by a Rust type.

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, CustomResource, CustomResourceExt, Discovery};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A ferry that calls at ports.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(group = "kube-rs.example.com", version = "v1", kind = "Ferry", plural = "ferries", namespaced, shortname = "fy")]
#[kube(status = "FerryStatus")]
#[kube(scale(spec_replicas_path = ".spec.decks", status_replicas_path = ".status.decks"))]
#[kube(printcolumn(name = "Decks", type_ = "integer", json_path = ".spec.decks"))]
#[kube(selectable = ".spec.home")]
pub(crate) struct FerrySpec {
    /// Where it lies at night.
    pub(crate) home: String,
    /// How many decks it has.
    #[schemars(range(min = 1, max = 9))]
    #[serde(default = "two")]
    pub(crate) decks: i32,
}

fn two() -> i32 {
    2
}

/// What the operator has seen to.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub(crate) struct FerryStatus {
    /// The generation that it has seen to.
    #[serde(rename = "observedGeneration")]
    pub(crate) observed_generation: i64,
    /// How many decks there are.
    pub(crate) decks: i32,
}

const NAME: &str = "ferries.kube-rs.example.com";

pub(crate) async fn define(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let apply = PatchParams::apply("kube-rs-scenario").force();
    definitions.patch(NAME, &apply, &Patch::Apply(Ferry::crd())).await.context("apply the definition")?;
    let established = await_condition(definitions, NAME, conditions::is_crd_established());
    crate::soon("the definition is established", established).await??;
    Ok(())
}

/// Finds the kind as programs do that do not know it.
pub(crate) async fn discover(client: &Client) -> Result<()> {
    let kind = GroupVersionKind::gvk("kube-rs.example.com", "v1", "Ferry");
    let aggregated = Discovery::new(client.clone()).run_aggregated().await.context("in one document")?;
    let plain = Discovery::new(client.clone()).run().await.context("group by group")?;
    let (resource, capabilities) = aggregated.resolve_gvk(&kind).context("the kind is discovered")?;
    let (other, _) = plain.resolve_gvk(&kind).context("the kind is discovered group by group")?;
    ensure!(resource == other, "{resource:?} and {other:?}");
    ensure!(capabilities.subresources.len() == 2, "status and scale: {:?}", capabilities.subresources);
    let dynamic: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let none = dynamic.list(&ListParams::default().fields("spec.home=nowhere")).await.context("a selectable field")?;
    ensure!(none.items.is_empty(), "there are no ferries yet");
    Ok(())
}

pub(crate) async fn remove(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let parameters = DeleteParams::default();
    let deleting = kube::runtime::wait::delete::delete_and_finalize(definitions, NAME, &parameters);
    crate::soon("the definition is gone", deleting).await?.context("delete the definition")
}
