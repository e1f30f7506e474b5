//! Messages to the registry's words, and objects back.

use xebec_api::patch::PatchKind;
use xebec_api::{Catalogue, FieldSelector, Kind, LabelSelector, Scope as KindScope, Status, Subresource, decode};
use xebec_proto::v1;

use crate::registry::{
    Configuration, FieldValidation, Freshness, ListOptions, Patch, Scope, Stored, Target, WatchFrom, WatchOptions,
    WriteOptions,
};

/// The kind that a target names.
fn kind(kinds: &Catalogue, target: &v1::Target) -> Result<&'static Kind, Status> {
    kinds.find(&target.group, &target.version, &target.resource).ok_or_else(Status::no_such_resource)
}

fn namespace(kind: &Kind, namespace: &str) -> Option<String> {
    let namespaced = kind.scope == KindScope::Namespaced && !namespace.is_empty();
    namespaced.then(|| namespace.to_owned())
}

/// One object; it must be named unless `may_be_new`.
pub(super) fn target(kinds: &Catalogue, message: Option<&v1::Target>, may_be_new: bool) -> Result<Target, Status> {
    let message = message.ok_or_else(|| Status::bad_request("the request names no target"))?;
    let kind = kind(kinds, message)?;
    let subresource = match message.subresource.as_str() {
        "" => None,
        word => Some(Subresource::parse(word).ok_or_else(Status::no_such_resource)?),
    };
    let target =
        Target { kind, namespace: namespace(kind, &message.namespace), name: message.name.clone(), subresource };
    if kind.is_namespaced() && target.namespace.is_none() {
        return Err(Status::bad_request(format!("{} live in namespaces, and the request names none", kind.plural)));
    }
    let named = !target.name.is_empty() || (may_be_new && target.subresource.is_none());
    if !named || target.name.contains('/') {
        return Err(Status::bad_request("the request must name one object"));
    }
    Ok(target)
}

/// A kind, or a namespace's worth of it.
pub(super) fn scope(kinds: &Catalogue, message: Option<&v1::Target>) -> Result<Scope, Status> {
    let message = message.ok_or_else(|| Status::bad_request("the request names no target"))?;
    let kind = kind(kinds, message)?;
    Ok(Scope { kind, namespace: namespace(kind, &message.namespace) })
}

fn selectors(kind: &Kind, labels: &str, fields: &str) -> Result<(LabelSelector, FieldSelector), Status> {
    let parsed = LabelSelector::parse(labels);
    let labels =
        parsed.map_err(|e| Status::bad_request(format!("unable to parse the label selector \"{labels}\": {e}")))?;
    let fields = FieldSelector::parse(fields)?;
    fields.check(kind)?;
    Ok((labels, fields))
}

fn version(text: &str) -> Result<Option<u64>, Status> {
    match text {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Status::bad_request(format!("Invalid value: \"{text}\": invalid resource version"))),
    }
}

/// How fresh a read must be.
pub(super) fn freshness(resource_version: &str) -> Result<Freshness, Status> {
    Ok(match version(resource_version)? {
        None => Freshness::Latest,
        Some(0) => Freshness::Any,
        Some(version) => Freshness::NotOlderThan(version),
    })
}

pub(super) fn list(kind: &Kind, request: &v1::ListRequest) -> Result<ListOptions, Status> {
    let (labels, fields) = selectors(kind, &request.label_selector, &request.field_selector)?;
    let freshness = freshness(&request.resource_version)?;
    let continue_token = Some(request.continue_token.clone()).filter(|token| !token.is_empty());
    Ok(ListOptions { labels, fields, limit: request.limit as usize, continue_token, freshness })
}

pub(super) fn watch(kind: &Kind, request: &v1::WatchRequest) -> Result<WatchOptions, Status> {
    let (labels, fields) = selectors(kind, &request.label_selector, &request.field_selector)?;
    let from = match (request.send_initial_events, version(&request.resource_version)?) {
        (true, version) => WatchFrom::InitialEvents(version.filter(|version| *version > 0)),
        (false, None) => WatchFrom::Latest,
        (false, Some(0)) => WatchFrom::Any,
        (false, Some(version)) => WatchFrom::After(version),
    };
    let timeout = (request.timeout_seconds > 0).then(|| std::time::Duration::from_secs(request.timeout_seconds.into()));
    Ok(WatchOptions { labels, fields, from, bookmarks: request.allow_bookmarks, timeout })
}

pub(super) fn write(options: Option<&v1::WriteOptions>) -> Result<WriteOptions, Status> {
    let Some(options) = options else { return Ok(WriteOptions::default()) };
    let field_validation = match options.field_validation.as_str() {
        "" | "Strict" => FieldValidation::Strict,
        "Warn" => FieldValidation::Warn,
        "Ignore" => FieldValidation::Ignore,
        word => {
            return Err(Status::bad_request(format!(
                "fieldValidation: Unsupported value: \"{word}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
            )));
        }
    };
    Ok(WriteOptions { dry_run: options.dry_run, field_manager: options.field_manager.clone(), field_validation })
}

pub(super) fn patch(request: &v1::PatchRequest) -> Result<Patch, Status> {
    let kind = match request.r#type() {
        v1::patch_request::Type::Json => PatchKind::Json,
        v1::patch_request::Type::Merge => PatchKind::Merge,
        v1::patch_request::Type::Strategic => PatchKind::Strategic,
        other => return Err(Status::unsupported_media_type(other.as_str_name(), &PatchKind::MEDIA_TYPES)),
    };
    if request.force {
        return Err(Status::bad_request("force: Forbidden: may not be specified for non-apply patch"));
    }
    Ok(Patch { kind, body: decode::json_or_yaml(&request.patch)? })
}

pub(super) fn configuration(request: &v1::PatchRequest) -> Result<Configuration, Status> {
    Ok(Configuration { body: decode::json_or_yaml(&request.patch)?, force: request.force })
}

/// That something was done to an object, as a message: the Status that REST clients get.
pub(super) fn success(kind: &Kind, stored: &Stored) -> v1::Object {
    v1::Object { revision: stored.revision, json: stored.success(kind).to_string().into() }
}

/// An object as a message.
pub(super) fn object(stored: &Stored) -> v1::Object {
    v1::Object { revision: stored.revision, json: stored.to_json() }
}

/// A row of the kind table as a message.
pub(super) fn kind_row(kind: &Kind) -> v1::Kind {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    v1::Kind {
        group: kind.group.to_owned(),
        version: kind.version.to_owned(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
        singular: kind.singular.to_owned(),
        short_names: owned(kind.short_names),
        categories: owned(kind.categories),
        namespaced: kind.is_namespaced(),
        verbs: kind.verbs.iter().map(|verb| verb.as_str().to_owned()).collect(),
    }
}
