//! `metav1.Status`: the one error of the API.
//!
//! Whatever refuses a request says so with a [`Status`]; both faces of the API carry it, REST as the body and gRPC in the
//! status details. Messages follow Kubernetes, since clients match on reasons and people know the texts.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::field::FieldErrors;
use crate::kinds::Kind;

/// Why a request was refused, as a word that programs match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The request cannot be understood.
    BadRequest,
    /// Nobody knows who asks.
    Unauthorized,
    /// The one who asks may not.
    Forbidden,
    /// There is no such object or resource.
    NotFound,
    /// There is such a resource, but not this verb on it.
    MethodNotAllowed,
    /// None of the representations the client accepts can be made.
    NotAcceptable,
    /// An object of that name is there already.
    AlreadyExists,
    /// The object changed since the client read it, or its state forbids this.
    Conflict,
    /// What was there is there no more.
    Gone,
    /// The revision asked for has been compacted away.
    Expired,
    /// The body is in a format nobody here reads.
    UnsupportedMediaType,
    /// Fields of the object break rules.
    Invalid,
    /// The client must slow down, or a budget forbids this at present.
    TooManyRequests,
    /// The body is larger than the limit.
    RequestEntityTooLarge,
    /// The request did not finish in time; its outcome may be unknown.
    Timeout,
    /// The server could not answer in time, and the client may try again.
    ServerTimeout,
    /// A part of the cluster that is needed is not there.
    ServiceUnavailable,
    /// The disks are nearly full: only deletes are taken.
    InsufficientStorage,
    /// An error of ours.
    InternalError,
    /// Another server's reason that has no name here.
    Unknown,
}

const REASONS: &[(Reason, &str, u16)] = &[
    (Reason::BadRequest, "BadRequest", 400),
    (Reason::Unauthorized, "Unauthorized", 401),
    (Reason::Forbidden, "Forbidden", 403),
    (Reason::NotFound, "NotFound", 404),
    (Reason::MethodNotAllowed, "MethodNotAllowed", 405),
    (Reason::NotAcceptable, "NotAcceptable", 406),
    (Reason::AlreadyExists, "AlreadyExists", 409),
    (Reason::Conflict, "Conflict", 409),
    (Reason::Gone, "Gone", 410),
    (Reason::Expired, "Expired", 410),
    (Reason::RequestEntityTooLarge, "RequestEntityTooLarge", 413),
    (Reason::UnsupportedMediaType, "UnsupportedMediaType", 415),
    (Reason::Invalid, "Invalid", 422),
    (Reason::TooManyRequests, "TooManyRequests", 429),
    (Reason::InternalError, "InternalError", 500),
    (Reason::InsufficientStorage, "InsufficientStorage", 507),
    (Reason::ServiceUnavailable, "ServiceUnavailable", 503),
    (Reason::Timeout, "Timeout", 504),
    (Reason::ServerTimeout, "ServerTimeout", 500),
    (Reason::Unknown, "", 500),
];

impl Reason {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        REASONS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The HTTP status code that goes with it.
    pub fn code(self) -> u16 {
        REASONS.iter().find(|row| row.0 == self).map_or(500, |row| row.2)
    }

    fn parse(word: &str) -> Self {
        REASONS.iter().find(|row| row.1 == word).map_or(Self::Unknown, |row| row.0)
    }
}

/// One cause of a refusal: usually one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// A word for programs, such as `FieldValueRequired`.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// The field, if it is about one.
    pub field: String,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// The API group.
    pub group: String,
    /// The resource (`pods`), or the kind (`Pod`) where fields are at fault.
    pub kind: String,
    /// The object's uid.
    pub uid: String,
    /// All causes.
    pub causes: Vec<Cause>,
    /// When to try again, in seconds; zero says nothing.
    pub retry_after_seconds: u32,
    /// Where an expired list may go on, if inconsistently; empty says nothing. Clients find it in the Status' own metadata.
    pub continue_token: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// The word for programs.
    pub reason: Reason,
    /// The sentence for people.
    pub message: String,
    /// What it is about. Boxed, so that results stay small.
    pub details: Option<Box<Details>>,
}

impl std::error::Error for Status {}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Status {
    /// A refusal with the code that belongs to the reason.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { code: reason.code(), reason, message: message.into(), details: None }
    }

    /// The same refusal, with details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The same refusal, telling the client when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    /// The same refusal of an expired list, telling the client how to get the rest at another revision.
    #[must_use]
    pub fn with_continue(mut self, token: String) -> Self {
        self.details.get_or_insert_default().continue_token = token;
        self
    }

    fn about(reason: Reason, kind: &Kind, name: &str, message: String) -> Self {
        Self::new(reason, message).with_details(Details {
            name: name.to_owned(),
            group: kind.group.to_owned(),
            kind: kind.plural.to_owned(),
            ..Details::default()
        })
    }

    /// `pods "web" not found`.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        Self::about(Reason::NotFound, kind, name, format!("{} \"{name}\" not found", kind.resource()))
    }

    /// The path itself leads nowhere.
    pub fn no_such_resource() -> Self {
        Self::new(Reason::NotFound, "the server could not find the requested resource")
    }

    /// `pods "web" already exists`.
    pub fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::about(Reason::AlreadyExists, kind, name, format!("{} \"{name}\" already exists", kind.resource()))
    }

    /// The object's state, or a change by somebody else, forbids this.
    pub fn conflict(kind: &Kind, name: &str, why: impl fmt::Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Self::about(Reason::Conflict, kind, name, message)
    }

    /// The object changed since the client read it.
    pub fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The one who asks may not do this to that object.
    pub fn forbidden(kind: &Kind, name: &str, why: impl fmt::Display) -> Self {
        let subject = if name.is_empty() { kind.resource() } else { format!("{} \"{name}\"", kind.resource()) };
        Self::about(Reason::Forbidden, kind, name, format!("{subject} is forbidden: {why}"))
    }

    /// Fields break rules.
    pub fn invalid(kind: &Kind, name: &str, errors: &FieldErrors) -> Self {
        let subject =
            if kind.group.is_empty() { kind.kind.to_owned() } else { format!("{}.{}", kind.kind, kind.group) };
        let message = format!("{subject} \"{name}\" is invalid: {errors}");
        Self::new(Reason::Invalid, message).with_details(Details {
            name: name.to_owned(),
            group: kind.group.to_owned(),
            kind: kind.kind.to_owned(),
            causes: causes(errors),
            ..Details::default()
        })
    }

    /// Options of a request break rules. `options` is their type, such as `PatchOptions`.
    pub fn invalid_options(options: &str, errors: &FieldErrors) -> Self {
        let message = format!("{options}.meta.k8s.io \"\" is invalid: {errors}");
        Self::new(Reason::Invalid, message).with_details(Details {
            group: "meta.k8s.io".to_owned(),
            kind: options.to_owned(),
            causes: causes(errors),
            ..Details::default()
        })
    }

    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, message)
    }

    /// Nobody knows who asks.
    pub fn unauthorized() -> Self {
        Self::new(Reason::Unauthorized, "Unauthorized")
    }

    /// There is no such verb on this resource.
    pub fn method_not_supported(kind: &Kind, verb: &str) -> Self {
        let message = format!("{verb} is not supported on resources of kind \"{}\"", kind.resource());
        Self::about(Reason::MethodNotAllowed, kind, "", message)
    }

    /// The client must slow down.
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(Reason::TooManyRequests, message).retry_after(retry_after_seconds)
    }

    /// The revision asked for is no longer kept.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(Reason::Expired, message)
    }

    /// It took too long; a write may or may not have happened.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(Reason::Timeout, message)
    }

    /// A part of the cluster that is needed is not there.
    pub fn service_unavailable(message: impl Into<String>) -> Self {
        Self::new(Reason::ServiceUnavailable, message).retry_after(1)
    }

    /// The body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(Reason::RequestEntityTooLarge, format!("Request entity too large: limit is {limit} bytes"))
    }

    /// The body's format is not one of `supported`.
    pub fn unsupported_media_type(got: &str, supported: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format ({got}) - accepted media types include: {}",
            supported.join(", ")
        );
        Self::new(Reason::UnsupportedMediaType, message)
    }

    /// None of the representations the client accepts can be made.
    pub fn not_acceptable(supported: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", supported.join(", "));
        Self::new(Reason::NotAcceptable, message)
    }

    /// An error of ours.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(Reason::InternalError, format!("Internal error occurred: {message}"))
    }

    /// The JSON clients get.
    pub fn to_json(&self) -> Value {
        let mut out = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason.as_str(), "code": self.code,
        });
        let Some(details) = &self.details else { return out };
        if !details.continue_token.is_empty() {
            out["metadata"]["continue"] = json!(details.continue_token);
        }
        let details = details.to_json();
        if details != json!({}) {
            out["details"] = details;
        }
        out
    }

    /// Reads what [`Status::to_json`] or another API server wrote. `None` when it is no refusal.
    pub fn from_json(value: &Value) -> Option<Self> {
        if value.get("kind")?.as_str()? != "Status" || value.get("status")?.as_str()? != "Failure" {
            return None;
        }
        let reason = Reason::parse(value.get("reason").and_then(Value::as_str).unwrap_or_default());
        let code = value.get("code").and_then(Value::as_u64).and_then(|c| u16::try_from(c).ok());
        let status = Self {
            code: code.unwrap_or(reason.code()),
            reason,
            message: string(value, "message"),
            details: value.get("details").map(|d| Box::new(Details::from_json(d))),
        };
        let token = value.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default();
        Some(if token.is_empty() { status } else { status.with_continue(token.to_owned()) })
    }
}

/// The JSON of a success that has no object to show, as a DELETE answers it.
pub fn success(details: &Details) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details.to_json() })
}

fn causes(errors: &FieldErrors) -> Vec<Cause> {
    let cause = |e: &crate::field::FieldError| Cause {
        reason: e.reason().to_owned(),
        message: e.body(),
        field: e.path.to_string(),
    };
    errors.iter().map(cause).collect()
}

fn string(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Details {
    fn to_json(&self) -> Value {
        let mut out = Map::new();
        let texts = [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            out.insert(key.to_owned(), json!(text));
        }
        if !self.causes.is_empty() {
            out.insert("causes".to_owned(), self.causes.iter().map(Cause::to_json).collect());
        }
        if self.retry_after_seconds > 0 {
            out.insert("retryAfterSeconds".to_owned(), json!(self.retry_after_seconds));
        }
        Value::Object(out)
    }

    fn from_json(value: &Value) -> Self {
        let retry = value.get("retryAfterSeconds").and_then(Value::as_u64).and_then(|s| u32::try_from(s).ok());
        Self {
            name: string(value, "name"),
            group: string(value, "group"),
            kind: string(value, "kind"),
            uid: string(value, "uid"),
            causes: crate::value::list(value, "/causes").iter().map(Cause::from_json).collect(),
            retry_after_seconds: retry.unwrap_or_default(),
            continue_token: String::new(),
        }
    }
}

impl Cause {
    fn to_json(&self) -> Value {
        let mut out = Map::new();
        let texts = [("reason", &self.reason), ("message", &self.message), ("field", &self.field)];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            out.insert(key.to_owned(), json!(text));
        }
        Value::Object(out)
    }

    fn from_json(value: &Value) -> Self {
        Self { reason: string(value, "reason"), message: string(value, "message"), field: string(value, "field") }
    }
}
