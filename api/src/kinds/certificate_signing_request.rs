//! CertificateSigningRequest: a certificate that somebody asks for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, age, cells};
use crate::validation::rule::Rule;
use crate::value::{self, list, number, text};
use crate::{FieldErrors, conditions, names, validation};

/// CertificateSigningRequest.
pub static CERTIFICATE_SIGNING_REQUEST: Kind = Kind {
    group: "certificates.k8s.io",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    singular: "certificatesigningrequest",
    short_names: &["csr"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status, Subresource::Approval],
    name_rule: names::path_segment,
    columns: &[
        Column::NAME,
        Column::AGE,
        Column::text("SignerName", "Who is to sign.", |o, _| cells::plain(o, "/spec/signerName")),
        Column::text("Requestor", "Who asks.", |o, _| cells::plain(o, "/spec/username")),
        Column::text("RequestedDuration", "For how long.", requested_duration),
        Column::text("Condition", "What became of it.", |o, _| json!(condition(o))),
    ],
    selectable: |o| vec![("spec.signerName", text(o, "/spec/signerName").unwrap_or_default().to_owned())],
    rules: &[
        Rule::required("spec.request"),
        Rule::required("spec.signerName"),
        Rule::required("spec.usages"),
        Rule::one_of("spec.usages[]", &validation::certificate::USAGES),
        Rule::at_least("spec.expirationSeconds", 600),
        Rule::immutable("spec"),
    ],
    strategy: &CertificateStrategy,
    ..Kind::BASE
};

fn requested_duration(request: &Value, _: Timestamp) -> Value {
    match number(request, "/spec/expirationSeconds") {
        Some(seconds) => json!(age::human(seconds)),
        None => json!("<none>"),
    }
}

fn condition(request: &Value) -> String {
    let is = |condition| conditions::find(request, condition).is_some();
    let decision = match (is("Denied"), is("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        (false, false) => "Pending",
    };
    let failed = if is("Failed") { ",Failed" } else { "" };
    let issued = if text(request, "/status/certificate").is_some() { ",Issued" } else { "" };
    format!("{decision}{failed}{issued}")
}

/// Who approves decides only that; the rest of the status is the signer's.
struct CertificateStrategy;

impl Strategy for CertificateStrategy {
    fn take_part(&self, part: Subresource, request: &mut Value, proposed: &Value) {
        if part != Subresource::Approval {
            return;
        }
        if let Some(status) = value::child(request, "status") {
            status["conditions"] = json!(list(proposed, "/status/conditions"));
        }
    }

    fn prepare_status_update(&self, new: &mut Value, old: &Value) {
        validation::certificate::keep_decisions(new, old);
    }

    fn validate(&self, request: &Value) -> FieldErrors {
        validation::certificate::validate(request)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::certificate::validate_update(new, old)
    }
}
