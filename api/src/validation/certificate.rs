//! The rules of a CertificateSigningRequest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Unique, named};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{self, list, text};

/// What a certificate may be for.
pub const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

const DECISIONS: [&str; 2] = ["Approved", "Denied"];

/// What is wrong with a request, apart from its row's rules.
pub fn validate(request: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let encoded = text(request, "/spec/request").unwrap_or_default();
    errors.require(encoded.is_empty() || is_request(encoded), || {
        let why = "must be a PEM block of type CERTIFICATE REQUEST";
        FieldError::invalid(&path.child("request"), encoded, why)
    });
    if let Some(signer) = text(request, "/spec/signerName") {
        named(&mut errors, &path.child("signerName"), signer, names::prefixed_path);
    }
    conditions(request, &mut errors);
    errors
}

fn is_request(encoded: &str) -> bool {
    let decoded = STANDARD.decode(encoded).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded);
    let begin = ["-----BEGIN CERTIFICATE REQUEST-----", "-----BEGIN NEW CERTIFICATE REQUEST-----"];
    begin.iter().any(|line| text.trim_start().starts_with(line)) && text.contains("CERTIFICATE REQUEST-----\n")
}

fn conditions(request: &Value, errors: &mut FieldErrors) {
    let path = FieldPath::new("status.conditions");
    let (mut types, all) = (Unique::default(), list(request, "/status/conditions"));
    for (index, condition) in all.iter().enumerate() {
        let path = path.index(index);
        let name = text(condition, "/type").unwrap_or_default();
        errors.require(!name.is_empty(), || FieldError::required(&path.child("type"), ""));
        types.add(errors, &path.child("type"), name);
        let decided = DECISIONS.contains(&name) || name == "Failed";
        let status = text(condition, "/status").unwrap_or_default();
        errors.require(!decided || status == "True", || {
            FieldError::not_supported(&path.child("status"), status, &["True"])
        });
    }
    let both = DECISIONS.iter().all(|name| types.contains(name));
    errors.require(!both, || {
        FieldError::invalid(&path, Value::Null, "Approved and Denied conditions are mutually exclusive")
    });
}

/// A decision, once made, stays; so does a certificate.
pub fn validate_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let has = |request: &Value, name: &str| crate::conditions::find(request, name).is_some();
    for name in ["Approved", "Denied", "Failed"] {
        errors.require(!has(old, name) || has(new, name), || {
            let why = format!("updates may not remove a condition of type \"{name}\"");
            FieldError::forbidden(&path.child("conditions"), why)
        });
    }
    let certificate = text(old, "/status/certificate");
    errors.require(certificate.is_none() || certificate == text(new, "/status/certificate"), || {
        let why = "updates may not change a certificate that was issued";
        FieldError::forbidden(&path.child("certificate"), why)
    });
    errors
}

/// Whoever writes the status does not decide: decisions are those that there were.
pub fn keep_decisions(new: &mut Value, old: &Value) {
    let decides = |condition: &&Value| text(condition, "/type").is_some_and(|name| DECISIONS.contains(&name));
    let before = list(old, "/status/conditions").iter().filter(decides);
    let others = list(new, "/status/conditions").iter().filter(|condition| !decides(condition));
    let all: Vec<Value> = before.chain(others).cloned().collect();
    if let Some(status) = value::child(new, "status").filter(|_| !all.is_empty()) {
        status["conditions"] = json!(all);
    }
}
