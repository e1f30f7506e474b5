//! Makes the pod's volumes, and keeps them current.

use std::sync::Arc;

use xebec_node_plan::pod::action::Desired;
use xebec_node_plan::pod::event::{Event, Problem};
use xebec_node_plan::tokens::{TokenKey, Tokens};

use super::PodContext;
use crate::link::{TokenAsked, TokenError};
use crate::node::now;
use crate::volumes::{self, VolumeError};

/// Makes all volumes. `tokens` are those that the pod has.
pub async fn prepare(pod: &PodContext, tokens: &Tokens) -> Event {
    let worker = with_tokens(pod, tokens);
    let prepared = blocking(move || {
        let directory = worker.volumes();
        std::fs::create_dir_all(&directory).map_err(|source| VolumeError::Io {
            volume: String::new(),
            operation: "create",
            path: directory.clone(),
            source,
        })?;
        volumes::prepare(&directory, &worker.desired, &worker.surroundings())
    });
    match prepared.await {
        Ok(()) => Event::VolumesReady,
        Err(error) => {
            pod.node.warning(&pod.desired.pod, "FailedMount", &error.to_string());
            Event::VolumesFailed(Problem { reason: "FailedMount".to_owned(), message: error.to_string() })
        }
    }
}

/// Gets the tokens that the pod's volumes show, where they are missing or have aged. Whether there is a new one; one that cannot be
/// had is told of, left as it was, and not asked for again at once.
pub async fn get_tokens(pod: &PodContext, tokens: &mut Tokens) -> bool {
    let mut news = false;
    for key in tokens.due(pod.desired.spec(), now()) {
        match ask(pod, &key).await {
            Ok((token, life)) => {
                tokens.put(key, token, life, now());
                news = true;
            }
            Err(error) => {
                let message = format!("no token of the service account: {error}");
                pod.node.warning(&pod.desired.pod, "FailedToken", &message);
                tokens.refused(key, now());
            }
        }
    }
    news
}

async fn ask(pod: &PodContext, key: &TokenKey) -> Result<(String, std::time::Duration), TokenError> {
    let account = pod.desired.spec().service_account_name.as_deref().unwrap_or("default");
    let asked = TokenAsked {
        namespace: pod.namespace(),
        account,
        pod: pod.name(),
        uid: pod.uid(),
        audience: &key.audience,
        seconds: key.seconds,
    };
    let granted = pod.node.tokens.token(&asked).await?;
    Ok((granted.token, granted.life))
}

fn with_tokens(pod: &PodContext, tokens: &Tokens) -> PodContext {
    let desired = &pod.desired;
    let references = desired.references.with_tokens(tokens.clone());
    PodContext { desired: Arc::new(Desired { references, ..Desired::clone(desired) }), ..pod.clone() }
}

/// Renews what volumes show of ConfigMaps, Secrets and tokens.
pub async fn refresh(pod: &PodContext, tokens: &Tokens) {
    let worker = with_tokens(pod, tokens);
    let refreshed =
        blocking(move || volumes::refresh(&worker.volumes(), &worker.desired, &worker.surroundings())).await;
    if let Err(error) = refreshed {
        pod.node.warning(&pod.desired.pod, "FailedMount", &error.to_string());
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), VolumeError> + Send + 'static) -> Result<(), VolumeError> {
    tokio::task::spawn_blocking(work).await.expect("making volumes does not panic, and is not cancelled")
}
