//! The rules of a Pod.

use k8s_openapi::api::core::v1::Pod;

use super::pod_spec;
use crate::field::{FieldErrors, FieldPath};

/// What is wrong with a pod, apart from its metadata.
pub fn validate(pod: &Pod, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    match &pod.spec {
        Some(spec) => pod_spec::validate(spec, &path, errors),
        None => errors.push(crate::FieldError::required(&path.child("containers"), "")),
    }
}
