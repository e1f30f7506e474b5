//! Every pod tolerates a node that is not ready, or cannot be reached, for a while: the time after which its controller
//! may replace it.

use std::time::Duration;

use serde_json::{Value, json};
use xebec_api::Status;

use super::{Admission, AdmissionRequest};

const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// See the module.
pub struct DefaultTolerations {
    seconds: u64,
}

impl DefaultTolerations {
    /// Pods without a toleration of their own stay for this long.
    pub fn new(toleration: Duration) -> DefaultTolerations {
        DefaultTolerations { seconds: toleration.as_secs() }
    }
}

impl Admission for DefaultTolerations {
    fn name(&self) -> &'static str {
        "DefaultTolerationSeconds"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if !request.creates("pods") {
            return Ok(());
        }
        let Some(spec) = request.object.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
        let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
        let Some(tolerations) = tolerations.as_array_mut() else { return Ok(()) };
        for taint in TAINTS {
            if !tolerations.iter().any(|toleration| tolerates(toleration, taint)) {
                let seconds = self.seconds;
                tolerations.push(
                    json!({"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}),
                );
            }
        }
        Ok(())
    }
}

/// An empty key tolerates every taint, an empty effect every effect.
fn tolerates(toleration: &Value, taint: &str) -> bool {
    let field = |name: &str| toleration.get(name).and_then(Value::as_str).unwrap_or_default();
    let key = field("key");
    let effect = field("effect");
    (key.is_empty() || key == taint) && (effect.is_empty() || effect == "NoExecute")
}
