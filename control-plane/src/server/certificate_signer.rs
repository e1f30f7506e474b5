//! Signs CertificateSigningRequests that are approved, approves those of nodes that may have a certificate by their right, and
//! removes old ones. On the leader only; each turn looks at all requests, which are few, when one of them has changed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use xebec_api::kinds::CERTIFICATE_SIGNING_REQUEST;
use xebec_api::patch::PatchKind;
use xebec_api::{Kind, Reason, Status, Subresource};
use xebec_store::Leadership;

use super::certificate_requests::{Step, step};
use crate::authn::User;
use crate::authz::{Attributes, Authorizer, Decision};
use crate::bootstrap::names::Names;
use crate::pki::Pki;
use crate::pki::signing::{self, Asked, Signable, Signer, Subject};
use crate::registry::{DeleteOptions, Patch, Registry, RequestContext, Stored, Target, WriteOptions, rfc3339};

const GROUP: &str = "certificates.k8s.io";
const DEADLINE: Duration = Duration::from_secs(5);
/// After a failure.
const RETRY: Duration = Duration::from_secs(1);
/// With nothing due, the clock is looked at so often.
const REVIEW: Duration = Duration::from_secs(600);

/// Keeps certificate requests moving whenever this master leads.
pub(super) struct CertificateSigner {
    pub(super) registry: Registry,
    pub(super) authorizer: Arc<dyn Authorizer>,
    pub(super) pki: Arc<Pki>,
    pub(super) names: Names,
    pub(super) leadership: watch::Receiver<Leadership>,
}

impl CertificateSigner {
    /// Until shutdown.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let kind = &CERTIFICATE_SIGNING_REQUEST;
        let work = async {
            while self.leadership.wait_for(|now| now.is_leader).await.is_ok() {
                let seen = self.registry.cache().kind_revision(kind);
                let pause = self.turn(kind).await;
                // Either may be first; both lead to another look.
                let cache = self.registry.cache();
                let changed = cache.wait_until(|| cache.kind_revision(kind) != seen);
                drop(tokio::time::timeout(pause, changed).await);
            }
        };
        shutdown.run_until_cancelled(work).await;
    }

    /// Does what is due. How long to wait before looking again.
    async fn turn(&self, kind: &'static Kind) -> Duration {
        let mut pause = REVIEW;
        for stored in self.registry.cache().list(kind, None) {
            let target = Target::new(kind, None, &stored.object.meta().name);
            match self.attend(&target, &stored).await {
                Ok(wait) => pause = pause.min(wait),
                Err(status) => {
                    tracing::warn!(name = target.name, %status, "a certificate request could not be dealt with yet");
                    pause = pause.min(RETRY);
                }
            }
        }
        pause
    }

    async fn attend(&self, target: &Target, stored: &Stored) -> Result<Duration, Status> {
        let request = stored.to_value();
        match step(&request, self.registry.now()) {
            Step::Wait(wait) => return Ok(wait),
            Step::Remove => self.remove(target).await?,
            Step::Decide => self.decide(target, stored).await?,
            Step::Sign(signer) => self.sign(target, stored, signer).await?,
        }
        Ok(REVIEW)
    }

    async fn remove(&self, target: &Target) -> Result<(), Status> {
        match self.registry.delete(&context(), target, &DeleteOptions::default()).await {
            Err(status) if status.reason != Reason::NotFound => Err(status),
            _ => Ok(()),
        }
    }

    /// A node is approved if it may ask for a node's certificate (`nodeclient`), or for its own anew (`selfnodeclient`).
    async fn decide(&self, target: &Target, stored: &Stored) -> Result<(), Status> {
        let spec = spec(stored)?;
        let Ok(subject) = signing::subject(&spec.request.0) else { return Ok(()) };
        let user = User {
            name: spec.username.clone().unwrap_or_default(),
            uid: spec.uid.clone(),
            groups: spec.groups.clone().unwrap_or_default(),
            extra: spec.extra.clone().unwrap_or_default(),
        };
        let subresource = if subject.common_name == user.name { "selfnodeclient" } else { "nodeclient" };
        let resource = "certificatesigningrequests";
        let question = Attributes { group: GROUP, resource, subresource, ..Attributes::blank(&user, "create") };
        if self.authorizer.authorize(&question) != Decision::Allow || signable(&spec, Signer::KubeletClient).is_err() {
            return Ok(());
        }
        let condition = self.condition("Approved", "AutoApproved", "a node may have a certificate by its right");
        self.add_condition(target, stored, Subresource::Approval, condition).await
    }

    async fn sign(&self, target: &Target, stored: &Stored, signer: Signer) -> Result<(), Status> {
        let spec = spec(stored)?;
        let signed = match signable(&spec, signer) {
            Ok(signable) => self.bind_and_sign(&spec, signer, &signable).await?,
            Err(error) => Err(error.to_string()),
        };
        match signed {
            Ok(chain) => {
                let certificate = json!(ByteString(chain.into_bytes()));
                tracing::info!(name = target.name, signer = spec.signer_name, "a certificate request is signed");
                self.patch(target, stored, Subresource::Status, json!({ "certificate": certificate })).await
            }
            Err(why) => {
                let condition = self.condition("Failed", "SignerValidationFailure", &why);
                self.add_condition(target, stored, Subresource::Status, condition).await
            }
        }
    }

    /// A node's name belongs to the key that it is known by; a certificate for another key would be worth nothing.
    async fn bind_and_sign(
        &self,
        spec: &CertificateSigningRequestSpec,
        signer: Signer,
        signable: &Signable,
    ) -> Result<Result<String, String>, Status> {
        let names = Some(&signable.subject).filter(|_| signer == Signer::KubeletClient);
        if let Some(node) = names.and_then(Subject::node_name) {
            let is_own = spec.username.as_deref() == Some(signable.subject.common_name.as_str());
            let deadline = Instant::now() + DEADLINE;
            let bound = self.names.approve(node, &signable.key_hash, is_own, Timestamp::now(), deadline).await;
            match bound {
                Ok(()) => {}
                Err(error) if error.is_final() => return Ok(Err(error.to_string())),
                Err(error) => return Err(Status::service_unavailable(error.to_string())),
            }
        }
        Ok(self.pki.authorities.client.sign_request(signable).map_err(|error| error.to_string()))
    }

    fn condition(&self, condition: &str, reason: &str, message: &str) -> Value {
        let now = rfc3339(self.registry.now());
        json!({
            "type": condition, "status": "True", "reason": reason, "message": message,
            "lastUpdateTime": now, "lastTransitionTime": now,
        })
    }

    async fn add_condition(
        &self,
        target: &Target,
        stored: &Stored,
        part: Subresource,
        condition: Value,
    ) -> Result<(), Status> {
        let present = stored.to_value();
        let mut conditions = present["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.push(condition);
        self.patch(target, stored, part, json!({ "conditions": conditions })).await
    }

    /// Only as long as the request is as it was looked at.
    async fn patch(&self, target: &Target, stored: &Stored, part: Subresource, status: Value) -> Result<(), Status> {
        let version = stored.revision.to_string();
        let body = json!({"metadata": {"resourceVersion": version}, "status": status});
        let patch = Patch { kind: PatchKind::Merge, body };
        let target = target.clone().subresource(part);
        self.registry.patch(&context(), &target, &patch, &WriteOptions::default()).await.map(drop)
    }
}

fn context() -> RequestContext {
    RequestContext::new(Arc::new(User::api_server()), Instant::now() + DEADLINE)
}

fn spec(stored: &Stored) -> Result<CertificateSigningRequestSpec, Status> {
    let decoded = stored.object.decode::<CertificateSigningRequest>();
    decoded.map(|request| request.spec).map_err(|error| Status::internal(format!("a request cannot be read: {error}")))
}

fn signable(spec: &CertificateSigningRequestSpec, signer: Signer) -> Result<Signable, signing::SigningError> {
    let asked = Asked {
        signer,
        request: &spec.request.0,
        usages: spec.usages.as_deref().unwrap_or_default(),
        username: spec.username.as_deref().unwrap_or_default(),
        expiration_seconds: spec.expiration_seconds.map(i64::from),
    };
    signing::check(&asked, Timestamp::now())
}

#[cfg(test)]
#[path = "certificate_signer_tests.rs"]
mod tests;
