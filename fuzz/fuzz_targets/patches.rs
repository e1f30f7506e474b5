//! Patches of every format, on a pod.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use xebec_api::patch::{self, PatchKind};

fuzz_target!(|bytes: &[u8]| {
    let Ok(patch) = xebec_api::decode::json_or_yaml(bytes) else { return };
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "finalizers": ["a/b"], "labels": {"x": "y"}},
        "spec": {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 80}]}], "volumes": []},
    });
    let kind = xebec_api::find("", "v1", "pods").expect("there are pods");
    for format in [PatchKind::Json, PatchKind::Merge, PatchKind::Strategic] {
        drop(patch::apply(kind, format, &pod, &patch));
    }
});
