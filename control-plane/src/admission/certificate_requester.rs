//! A CertificateSigningRequest says who asks, truly; and it does not ask for the power of `system:masters`.

use k8s_openapi::ByteString;
use serde_json::{Value, json};
use xebec_api::Status;

use super::{Admission, AdmissionRequest, Operation};
use crate::authn::user::MASTERS;
use crate::pki::signing::{self, Subject};

const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// See the module.
pub struct CertificateRequester;

impl Admission for CertificateRequester {
    fn name(&self) -> &'static str {
        "CertificateSubjectRestriction"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        if !is_new_request(request) {
            return Ok(());
        }
        let user = request.user;
        let Some(spec) = request.object.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
        spec.insert("username".into(), json!(user.name));
        spec.insert("groups".into(), json!(user.groups));
        spec.remove("uid");
        spec.remove("extra");
        if let Some(uid) = &user.uid {
            spec.insert("uid".into(), json!(uid));
        }
        if !user.extra.is_empty() {
            spec.insert("extra".into(), json!(user.extra));
        }
        Ok(())
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        if !is_new_request(request) || request.object["spec"]["signerName"] != CLIENT_SIGNER {
            return Ok(());
        }
        if requested_subject(request.object).is_some_and(|asked| asked.is_master()) {
            let why = format!("use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed");
            return Err(Status::forbidden(request.kind, request.name, why));
        }
        Ok(())
    }
}

/// Whom a certificate is asked for. What cannot be read is left to validation.
pub(crate) fn requested_subject(request: &Value) -> Option<Subject> {
    let encoded = request.pointer("/spec/request")?.clone();
    let ByteString(pem) = serde_json::from_value(encoded).ok()?;
    signing::subject(&pem).ok()
}

fn is_new_request(request: &AdmissionRequest<'_>) -> bool {
    request.operation == Operation::Create && request.subresource.is_none() && super::is_certificate_request(request)
}
