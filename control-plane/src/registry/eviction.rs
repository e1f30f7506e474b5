//! `pods/eviction`: a delete that asks the pod's disruption budget first.

use serde_json::Value;
use xebec_api::{Status, value};

use super::{
    DeleteOptions, Preconditions, Propagation, Registry, RequestContext, Stored, Target, WriteOptions, decode,
};

impl Registry {
    /// Deletes the pod as `body`, a `policy/v1` Eviction, says.
    pub(super) async fn evict(
        &self,
        cx: &RequestContext,
        target: &Target,
        body: &Value,
        options: &WriteOptions,
    ) -> Result<Stored, Status> {
        self.authorize(cx, "create", target)?;
        let mut delete =
            body.get("deleteOptions").map_or_else(|| Ok(DeleteOptions::default()), DeleteOptions::from_json)?;
        delete.dry_run |= options.dry_run;
        let pod = Target { subresource: None, ..target.clone() };
        let stored = match self.cached(&pod) {
            Some(stored) => stored,
            None => {
                self.read_barrier(cx.deadline).await?;
                self.cached(&pod).ok_or_else(|| Status::not_found(pod.kind, &pod.name))?
            }
        };
        decode::check_uid(&pod, &stored, delete.preconditions.uid.as_deref().unwrap_or_default())?;
        self.disrupt(cx, &pod, &stored, delete.dry_run).await?;
        // Whoever else is of that name by now was not asked about.
        delete.preconditions.uid = Some(stored.object.meta().uid.clone());
        Ok(self.remove(cx, &pod, &delete).await?.stored().clone())
    }
}

impl DeleteOptions {
    /// Reads a `meta/v1` DeleteOptions.
    pub fn from_json(body: &Value) -> Result<DeleteOptions, Status> {
        let text = |pointer: &str| value::text(body, pointer).filter(|text| !text.is_empty());
        let version = text("/preconditions/resourceVersion").map(decode::parse_version).transpose()?;
        let preconditions =
            Preconditions { uid: text("/preconditions/uid").map(str::to_owned), resource_version: version };
        let propagation = match (text("/propagationPolicy"), body.get("orphanDependents").and_then(Value::as_bool)) {
            (Some(policy), _) => Some(Propagation::parse(policy)?),
            (None, Some(true)) => Some(Propagation::Orphan),
            (None, Some(false)) => Some(Propagation::Background),
            (None, None) => None,
        };
        Ok(DeleteOptions {
            grace_period_seconds: value::number(body, "/gracePeriodSeconds"),
            preconditions,
            propagation,
            dry_run: !value::list(body, "/dryRun").is_empty(),
        })
    }
}

impl Propagation {
    /// Reads the word that requests use.
    pub fn parse(word: &str) -> Result<Propagation, Status> {
        match word {
            "Background" => Ok(Propagation::Background),
            "Foreground" => Ok(Propagation::Foreground),
            "Orphan" => Ok(Propagation::Orphan),
            other => {
                let supported = r#""Background", "Foreground", "Orphan""#;
                let why = format!("Unsupported value: \"{other}\": supported values: {supported}");
                let message = format!("propagationPolicy: {why}");
                Err(Status::bad_request(message))
            }
        }
    }
}
