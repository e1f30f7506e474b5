//! Errors that teach: what went wrong, then what to do about it.
//!
//! Errors keep their types up to here; this is the one place that knows what a person can do about each.

use std::fmt::Write;

use serde_json::Value;
use tonic::Code;
use xebec_proto::dial::DialError;
use xebec_proto::status::details_json;

use crate::client::UnknownKind;
use crate::kubeconfig::KubeconfigError;
use crate::print::escape;

/// Everything to be shown of an error.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}", escape(&message(error)));
    for cause in field_causes(error) {
        let _infallible = write!(text, "\n  {}", escape(&cause));
    }
    if let Some(advice) = advice(error) {
        let _infallible = write!(text, "\nhint: {}", escape(&advice));
    }
    text
}

/// The chain, each link once: many Display their source already.
fn message(error: &anyhow::Error) -> String {
    let mut links: Vec<String> = Vec::new();
    for cause in error.chain() {
        let said = cause.downcast_ref::<tonic::Status>().map_or_else(|| cause.to_string(), said);
        if !said.is_empty() && !links.iter().any(|link| link.contains(&said)) {
            links.push(said);
        }
    }
    links.join(": ")
}

fn said(status: &tonic::Status) -> String {
    let reason = kubernetes_status(status).and_then(|details| details["reason"].as_str().map(str::to_owned));
    match reason {
        Some(reason) => format!("{} ({reason})", status.message()),
        None if status.message().is_empty() => status.code().description().to_owned(),
        None => status.message().to_owned(),
    }
}

fn kubernetes_status(status: &tonic::Status) -> Option<Value> {
    serde_json::from_slice(details_json(status)?).ok()
}

/// Whether an apply would have changed what others own. Its message names every field.
fn is_conflict_of_managers(status: &tonic::Status) -> bool {
    let causes = kubernetes_status(status).unwrap_or_default()["details"]["causes"].take();
    causes.as_array().is_some_and(|causes| causes.iter().any(|cause| cause["reason"] == "FieldManagerConflict"))
}

/// One line a field, where there are several; a single one is in the message already.
fn field_causes(error: &anyhow::Error) -> Vec<String> {
    let refused = find::<tonic::Status>(error).filter(|status| !is_conflict_of_managers(status));
    let status = refused.and_then(kubernetes_status).unwrap_or_default();
    let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
    let line = |cause: &Value| Some(format!("{}: {}", cause["field"].as_str()?, cause["message"].as_str()?));
    if causes.len() < 2 { Vec::new() } else { causes.iter().filter_map(line).collect() }
}

fn find<T: std::error::Error + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&T> {
    error.chain().find_map(|cause| cause.downcast_ref::<T>())
}

fn advice(error: &anyhow::Error) -> Option<String> {
    if let Some(unknown) = find::<UnknownKind>(error) {
        return Some(format!("the kinds are {}", unknown.known.join(", ")));
    }
    if let Some(status) = find::<tonic::Status>(error) {
        let reason = kubernetes_status(status).unwrap_or_default()["reason"].clone();
        if reason == "InsufficientStorage" {
            return Some("free space on the disk of the master that leads; it is noticed within a second".to_owned());
        }
        if is_conflict_of_managers(status) {
            let take = "--force-conflicts takes these fields over";
            return Some(format!("{take}; else leave them out of the file, or give them the values that they have"));
        }
        return of_status(status.code()).map(str::to_owned);
    }
    if let Some(dial) = find::<DialError>(error) {
        return Some(of_dial(dial).to_owned());
    }
    find::<KubeconfigError>(error).and_then(of_kubeconfig).map(str::to_owned)
}

fn of_status(code: Code) -> Option<&'static str> {
    match code {
        Code::NotFound => Some("is it in another namespace? -n NAME looks there, -A looks in all"),
        Code::AlreadyExists => Some("`xebec apply` changes what exists; `xebec create` does not"),
        Code::PermissionDenied => Some("this user's roles do not allow it; --context chooses another user"),
        Code::Unauthenticated => Some(
            "the cluster does not know this user; does the kubeconfig belong to it, and is its certificate still valid?",
        ),
        Code::Aborted => Some("somebody else changed it meanwhile; look at it again and repeat"),
        Code::ResourceExhausted => Some("the cluster is busy; wait a little and repeat"),
        Code::Unavailable => Some(
            "a part of the cluster does not answer; `xebec cluster status` shows the masters, `xebec get nodes` the nodes",
        ),
        Code::DeadlineExceeded | Code::Cancelled => {
            Some("the answer did not come in time; a write may still have happened. --request-timeout waits longer")
        }
        _ => None,
    }
}

fn of_dial(error: &DialError) -> &'static str {
    match error {
        DialError::Tls { .. } => "does the kubeconfig belong to this cluster? A cluster made anew has a new CA",
        _ => "is the master running? --context chooses another cluster, --kubeconfig another file",
    }
}

fn of_kubeconfig(error: &KubeconfigError) -> Option<&'static str> {
    match error {
        KubeconfigError::NotFound { .. } => Some(
            "name one with --kubeconfig or KUBECONFIG; a master keeps the administrator's in <data-dir>/admin.kubeconfig",
        ),
        KubeconfigError::Read { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Some("it holds a key, so only its owner may read it; use sudo, or a kubeconfig of your own")
        }
        KubeconfigError::NoContext { .. } => Some("choose one with --context"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_with_its_reason_and_what_to_do() {
        let json = br#"{"kind":"Status","reason":"NotFound","code":404}"#;
        let status = xebec_proto::status::to_tonic(404, json.to_vec().into(), "pods \"a\" not found");
        let text = explain(&anyhow::Error::new(status));
        assert!(
            text.starts_with("error: pods \"a\" not found (NotFound)\nhint: is it in another namespace?"),
            "{text}"
        );
    }

    #[test]
    fn several_wrong_fields_are_listed() {
        let json = br#"{"reason":"Invalid","details":{"causes":[{"field":"a","message":"Required value"},{"field":"b.c","message":"Too long"}]}}"#;
        let status = xebec_proto::status::to_tonic(422, json.to_vec().into(), "Pod \"x\" is invalid");
        assert_eq!(
            explain(&anyhow::Error::new(status)),
            "error: Pod \"x\" is invalid (Invalid)\n  a: Required value\n  b.c: Too long"
        );
    }

    #[test]
    fn who_meets_fields_of_others_learns_how_to_take_them() {
        let json = br#"{"reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","field":".a","message":"x"},{"reason":"FieldManagerConflict","field":".b","message":"x"}]}}"#;
        let status = xebec_proto::status::to_tonic(409, json.to_vec().into(), "Apply failed with 2 conflicts");
        let text = explain(&anyhow::Error::new(status));
        assert!(text.starts_with("error: Apply failed with 2 conflicts (Conflict)\nhint: --force-conflicts"), "{text}");
    }

    #[test]
    fn a_terminal_is_safe_from_what_a_server_says() {
        let text = explain(&anyhow::anyhow!("evil \u{1b}[31m name"));
        assert_eq!(text, "error: evil \\u{1b}[31m name");
    }
}
