//! AdmissionReview: what a webhook is sent, and what its answer means. Plain functions of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xebec_api::{Kind, Reason, Status, value};

use super::question::{Question, Shown};

const GROUP: &str = "admission.k8s.io";
/// Of a warning so many bytes are passed on.
const WARNING: usize = 256;

/// The review in `version` of a request with the objects that are `shown`.
pub(super) fn document(mut request: Value, shown: &Shown<'_>, version: &str) -> Value {
    request["object"] = json!(shown.object.as_deref());
    request["oldObject"] = json!(shown.old.as_deref());
    json!({"kind": "AdmissionReview", "apiVersion": format!("{GROUP}/{version}"), "request": request})
}

/// The request of a review that asks the question about objects of `kind`, without these objects.
pub(in crate::admission) fn request(question: &Question<'_>, kind: &Kind, uid: &str) -> Value {
    let (target, user) = (question.target, &question.cx.user);
    let resource = |kind: &Kind| json!({"group": kind.group, "version": kind.version, "resource": kind.plural});
    let mut request = json!({
        "uid": uid,
        "kind": question.group_version_kind(kind), "resource": resource(kind),
        "requestKind": question.group_version_kind(target.kind), "requestResource": resource(target.kind),
        "operation": question.operation.as_str(),
        "userInfo": {"username": user.name, "groups": user.groups},
        "dryRun": question.dry_run, "options": question.options,
    });
    let is_namespace = target.kind.group.is_empty() && target.kind.plural == "namespaces";
    let namespace = if is_namespace { Some(target.name.as_str()) } else { target.namespace.as_deref() };
    let subresource = question.subresource();
    let words = [
        ("name", target.name.as_str()),
        ("namespace", namespace.unwrap_or_default()),
        ("subResource", subresource),
        ("requestSubResource", subresource),
    ];
    for (field, word) in words.into_iter().filter(|(_, word)| !word.is_empty()) {
        request[field] = json!(word);
    }
    if let Some(uid) = &user.uid {
        request["userInfo"]["uid"] = json!(uid);
    }
    if !user.extra.is_empty() {
        request["userInfo"]["extra"] = json!(user.extra);
    }
    request
}

/// What a webhook says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Verdict {
    pub(super) allowed: bool,
    /// Why not, as a Status in parts.
    pub(super) result: Value,
    /// The text of a JSON patch.
    pub(super) patch: Option<Vec<u8>>,
    pub(super) warnings: Vec<String>,
    /// For the audit record: keys without the webhook's name, and texts.
    pub(super) annotations: Vec<(String, String)>,
}

/// Reads the answer to the review of that version and uid; an error says what is wrong with it.
pub(super) fn verdict(answer: &Value, version: &str, uid: &str) -> Result<Verdict, String> {
    let expected = (format!("{GROUP}/{version}"), "AdmissionReview");
    let found =
        (value::text(answer, "/apiVersion").unwrap_or_default(), value::text(answer, "/kind").unwrap_or_default());
    let is_old_without_type = version == "v1beta1" && found == ("", "");
    if found != (expected.0.as_str(), expected.1) && !is_old_without_type {
        let (version, kind) = expected;
        return Err(format!("expected webhook response of {version}, Kind={kind}, got {}, Kind={}", found.0, found.1));
    }
    let Some(response) = answer.get("response").filter(|response| response.is_object()) else {
        return Err("webhook response was absent".to_owned());
    };
    let echoed = value::text(response, "/uid").unwrap_or_default();
    if version == "v1" && echoed != uid {
        return Err(format!("expected response.uid=\"{uid}\", got \"{echoed}\""));
    }
    let Some(allowed) = response.get("allowed").unwrap_or(&Value::Bool(false)).as_bool() else {
        return Err("response.allowed must be true or false".to_owned());
    };
    Ok(Verdict {
        allowed,
        result: response.get("status").cloned().unwrap_or_default(),
        patch: patch(response, version)?,
        warnings: value::list(response, "/warnings").iter().filter_map(Value::as_str).map(shortened).collect(),
        annotations: value::entries(response, "/auditAnnotations")
            .filter_map(|(key, text)| Some((key.clone(), text.as_str()?.to_owned())))
            .collect(),
    })
}

fn shortened(warning: &str) -> String {
    warning[..warning.floor_char_boundary(WARNING)].to_owned()
}

fn patch(response: &Value, version: &str) -> Result<Option<Vec<u8>>, String> {
    let kind = value::text(response, "/patchType");
    let Some(encoded) = value::text(response, "/patch") else {
        return match kind {
            Some(_) if version == "v1" => Err("webhook returned response.patchType but not response.patch".to_owned()),
            _ => Ok(None),
        };
    };
    match kind {
        Some("JSONPatch") => {}
        None if version == "v1beta1" => {}
        None => return Err("webhook returned response.patch but not response.patchType".to_owned()),
        Some(other) => return Err(format!("webhook returned invalid response.patchType of {other:?}")),
    }
    let decoded = STANDARD.decode(encoded).map_err(|error| format!("response.patch is not base64: {error}"))?;
    Ok(Some(decoded))
}

/// The refusal of a webhook, as the caller is told it. Its code is an error's, whatever the webhook says.
pub(super) fn denial(name: &str, result: &Value) -> Status {
    let text = |pointer: &str| value::text(result, pointer);
    let denied = format!("admission webhook \"{name}\" denied the request");
    let message = match text("/message").or(text("/reason")) {
        Some(why) => format!("{denied}: {why}"),
        None => format!("{denied} without explanation"),
    };
    let code = value::number(result, "/code").and_then(|code| u16::try_from(code).ok());
    let code = code.filter(|code| (400..600).contains(code)).unwrap_or(Reason::BadRequest.code());
    let mut as_status = json!({"kind": "Status", "status": "Failure", "code": code, "message": message});
    for field in ["reason", "details"] {
        if let Some(said) = result.get(field) {
            as_status[field] = said.clone();
        }
    }
    Status::from_json(&as_status).unwrap_or_else(|| Status::bad_request(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: &str, response: Value) -> Value {
        json!({"apiVersion": format!("{GROUP}/{version}"), "kind": "AdmissionReview", "response": response})
    }

    #[test]
    fn an_answer_must_be_one_to_the_question() {
        let patch = STANDARD.encode("[]");
        let cases = [
            ("v1", answer("v1", json!({"uid": "u", "allowed": true})), Ok(true)),
            ("v1", answer("v1", json!({"uid": "u", "allowed": false})), Ok(false)),
            ("v1", answer("v1", json!({"uid": "u"})), Ok(false)),
            ("v1", answer("v1", json!({"allowed": true})), Err("expected response.uid")),
            ("v1", answer("v1beta1", json!({"uid": "u", "allowed": true})), Err("expected webhook response of")),
            ("v1", answer("v1", json!(null)), Err("webhook response was absent")),
            ("v1", answer("v1", json!({"uid": "u", "allowed": "yes"})), Err("must be true or false")),
            ("v1", answer("v1", json!({"uid": "u", "patchType": "JSONPatch"})), Err("but not response.patch")),
            ("v1", answer("v1", json!({"uid": "u", "patch": patch})), Err("but not response.patchType")),
            (
                "v1",
                answer("v1", json!({"uid": "u", "patch": patch, "patchType": "Diff"})),
                Err("invalid response.patchType"),
            ),
            ("v1", answer("v1", json!({"uid": "u", "patch": "*", "patchType": "JSONPatch"})), Err("is not base64")),
            ("v1beta1", answer("v1beta1", json!({"allowed": true, "patch": patch})), Ok(true)),
            ("v1beta1", json!({"response": {"allowed": true}}), Ok(true)),
        ];
        for (version, answer, expect) in cases {
            match (verdict(&answer, version, "u"), expect) {
                (Ok(verdict), Ok(allowed)) => assert_eq!(verdict.allowed, allowed, "{answer}"),
                (Err(why), Err(words)) => assert!(why.contains(words), "{answer}: {why}"),
                (found, _) => panic!("{answer}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_denial_is_an_error_whatever_the_webhook_says() {
        let told = |result: Value| {
            let status = denial("w", &result);
            (status.code, status.message.replace("admission webhook \"w\" denied the request", "-"))
        };
        assert_eq!(told(json!(null)), (400, "- without explanation".to_owned()));
        assert_eq!(told(json!({"code": 200, "message": "no"})), (400, "-: no".to_owned()));
        assert_eq!(told(json!({"code": 429, "reason": "TooManyRequests"})), (429, "-: TooManyRequests".to_owned()));
        assert_eq!(told(json!({"code": 70_000, "message": "no"})).0, 400);
        assert_eq!(denial("w", &json!({"reason": "Forbidden"})).reason, Reason::Forbidden);
    }
}
