//! What programs on kube-rs do to a cluster, as one story: an operator brings its own kind and keeps ConfigMaps for it, then somebody goes
//! into a pod. Ends with the first thing that is not as it should be.
//!
//! It takes the cluster from `KUBECONFIG` and works in that context's namespace.

mod ferry;
mod objects;
mod operator;
mod pods;

use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;

/// For one thing to come about.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let client = Client::try_default().await.context("the kubeconfig")?;
    ferry::define(&client).await.context("the kind")?;
    ferry::discover(&client).await.context("discovery")?;
    objects::read_in_parts(&client).await.context("lists and metadata")?;
    objects::hold_a_lease(&client).await.context("the lease")?;
    operator::play(&client).await.context("the operator")?;
    pods::play(&client).await.context("the pod")?;
    ferry::remove(&client).await.context("the kind's end")
}

/// Waits for what must come within [`PATIENCE`].
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, future).await.with_context(|| format!("{what}: not within {PATIENCE:?}"))
}

/// Tries until it is so.
async fn until<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let tries = async {
        loop {
            if let Some(found) = attempt().await? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    soon(what, tries).await?
}
