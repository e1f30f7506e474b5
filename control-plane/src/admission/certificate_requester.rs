//! Who asks for a certificate is who makes the request, whatever the request says: signers decide by that.

use serde_json::{Value, json};
use xebec_api::kinds::CERTIFICATE_SIGNING_REQUEST;
use xebec_api::{Status, value};

use super::{Admission, AdmissionRequest, Operation};

/// See the module.
pub struct CertificateRequester;

impl Admission for CertificateRequester {
    fn name(&self) -> &'static str {
        "CertificateRequester"
    }

    fn mutate(&self, request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        let creates = request.operation == Operation::Create && *request.kind == CERTIFICATE_SIGNING_REQUEST;
        let user = request.user;
        if !creates {
            return Ok(());
        }
        let Some(spec) = value::child(request.object, "spec") else { return Ok(()) };
        spec["username"] = json!(user.name);
        spec["groups"] = json!(user.groups);
        let fields = spec.as_object_mut();
        fields.into_iter().for_each(|fields| fields.retain(|field, _| field != "uid" && field != "extra"));
        if let Some(uid) = &user.uid {
            spec["uid"] = Value::from(uid.as_str());
        }
        Ok(())
    }
}
