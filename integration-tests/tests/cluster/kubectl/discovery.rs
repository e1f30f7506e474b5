//! What there is, and what it means.

use anyhow::Result;

use super::Story;

pub(super) fn play(story: &Story) -> Result<()> {
    story.all(&[
        ("version", "Server Version: v1.35.0"),
        ("cluster-info", "control plane"),
        ("get --raw /readyz", "ok"),
        ("get --raw /openapi/v2", "swagger"),
        ("api-versions", "apps/v1"),
        ("api-resources", "deployments"),
        ("api-resources --namespaced=false -o name", "nodes"),
        ("api-resources --verbs=list,watch --api-group=apps -o wide", "statefulsets"),
        ("explain pod.spec.containers", "imagePullPolicy"),
        ("explain deployment --recursive", "maxSurge"),
        ("explain hpa.spec --api-version=autoscaling/v1", "targetCPUUtilizationPercentage"),
    ])?;
    story.refuses("top nodes", "Metrics API not available")
}
