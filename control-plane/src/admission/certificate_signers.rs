//! Whoever approves a CertificateSigningRequest, or signs it, must be allowed to do so for its signer: the verbs `approve` and `sign`
//! on `signers` of that name, or of `<domain>/*`.

use std::sync::Arc;

use xebec_api::{Status, Subresource};

use super::{Admission, AdmissionRequest, Operation};
use crate::authz::{Attributes, Authorizer, Decision};

/// See the module.
pub struct CertificateSigners {
    authorizer: Arc<dyn Authorizer>,
}

impl CertificateSigners {
    /// By what this says.
    pub fn new(authorizer: Arc<dyn Authorizer>) -> Self {
        Self { authorizer }
    }

    fn may(&self, request: &AdmissionRequest<'_>, verb: &str, signer: &str) -> bool {
        let of_domain = signer.split_once('/').map(|(domain, _)| format!("{domain}/*"));
        let names = std::iter::once(signer).chain(of_domain.as_deref());
        let question = |name| Attributes {
            group: request.kind.group,
            resource: "signers",
            name: Some(name),
            ..Attributes::blank(request.user, verb)
        };
        names.map(question).any(|question| self.authorizer.authorize(&question) == Decision::Allow)
    }
}

impl Admission for CertificateSigners {
    fn name(&self) -> &'static str {
        "CertificateApproval"
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        if request.operation != Operation::Update || !super::is_certificate_request(request) {
            return Ok(());
        }
        let changes =
            |pointer: &str| request.old.and_then(|old| old.pointer(pointer)) != request.object.pointer(pointer);
        let verb = match request.subresource.map(Subresource::as_str) {
            Some("approval") => "approve",
            Some("status") if changes("/status/certificate") || changes("/status/conditions") => "sign",
            _ => return Ok(()),
        };
        let signer = request.old.and_then(|old| old["spec"]["signerName"].as_str()).unwrap_or_default();
        if self.may(request, verb, signer) {
            return Ok(());
        }
        let why = format!("user not permitted to {verb} requests with signerName \"{signer}\"");
        Err(Status::forbidden(request.kind, request.name, why))
    }
}
