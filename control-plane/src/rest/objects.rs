//! Methods on collections and objects, turned into the registry's verbs.

use axum::body::Body;
use axum::response::Response;
use http::header::USER_AGENT;
use http::{Method, StatusCode};
use serde_json::Value;
use xebec_api::decode::{self, Lenient};
use xebec_api::patch::PatchKind;
use xebec_api::{Kind, Status, Subresource, schema, table};

use super::negotiate::{self, Form};
use super::path::Resource;
use super::{Call, body, list, logs, respond, streams, watch};
use crate::registry::{Configuration, DeleteOptions, FieldValidation, Patch, Scope, Stored, Target, WriteOptions};

/// The media type of configurations to be applied.
const APPLY: &str = "application/apply-patch+yaml";

/// Serves a collection, an object or a subresource.
pub(super) async fn serve(call: Call, resource: Resource, body: Body) -> Result<Response, Status> {
    let subresource = match resource.subresource.as_deref() {
        Some(word) => Some(subresource(resource.kind, word)?),
        None => None,
    };
    let Resource { kind, namespace, name, .. } = resource;
    match name {
        None => collection(call, Scope { kind, namespace }, body).await,
        Some(name) => object(call, Target { kind, namespace, name, subresource }, body).await,
    }
}

fn subresource(kind: &Kind, word: &str) -> Result<Subresource, Status> {
    Subresource::parse(word).filter(|subresource| kind.has(*subresource)).ok_or_else(Status::no_such_resource)
}

async fn collection(call: Call, scope: Scope, body: Body) -> Result<Response, Status> {
    match call.method {
        Method::GET if call.query.flag("watch") => watch::serve(&call, &scope).await,
        Method::GET => list::serve(&call, &scope).await,
        Method::POST => {
            create(
                &call,
                Target { kind: scope.kind, namespace: scope.namespace, name: String::new(), subresource: None },
                body,
            )
            .await
        }
        Method::DELETE => delete_collection(&call, &scope, body).await,
        _ => Err(Status::method_not_supported(scope.kind, call.method.as_str())),
    }
}

async fn object(call: Call, target: Target, body: Body) -> Result<Response, Status> {
    if target.subresource.is_some_and(streams::carries) {
        return streams::serve(call, target).await;
    }
    match (&call.method, target.subresource) {
        (&Method::GET, Some(Subresource::Log)) => logs::serve(&call, &target).await,
        (&Method::GET, _) => {
            let form = negotiate::form(&call.headers)?;
            let stored = call.state.registry.get_fresh(&call.cx, &target, call.query.get_freshness()?).await?;
            show(&call, StatusCode::OK, form, &target, &stored)
        }
        (&Method::POST, Some(_)) => create(&call, target, body).await,
        (&Method::PUT, _) => update(&call, &target, body).await,
        (&Method::PATCH, _) => patch(&call, &target, body).await,
        (&Method::DELETE, _) => delete(&call, &target, body).await,
        _ => Err(Status::method_not_supported(target.kind, call.method.as_str())),
    }
}

async fn create(call: &Call, target: Target, body: Body) -> Result<Response, Status> {
    let (form, options) = (negotiate::form(&call.headers)?, write_options(call)?);
    if form != Form::Object && !target.kind.is_stored() {
        return Err(Status::not_acceptable(&["application/json"]));
    }
    if target.kind.is_namespaced() && target.namespace.is_none() {
        return Err(Status::method_not_supported(target.kind, "POST"));
    }
    let body = decoded(call, &options, body).await?;
    let stored = call.state.registry.create(&call.cx, &target, body, &options).await?;
    let mut response = match target.subresource {
        None | Some(Subresource::Token) => show(call, StatusCode::CREATED, form, &target, &stored)?,
        Some(_) => respond::json(StatusCode::CREATED, &stored.success(target.kind)),
    };
    respond::warn(&mut response, &call.cx.warnings.all());
    Ok(response)
}

async fn update(call: &Call, target: &Target, body: Body) -> Result<Response, Status> {
    let (form, options) = (negotiate::form(&call.headers)?, write_options(call)?);
    let body = decoded(call, &options, body).await?;
    let stored = call.state.registry.update(&call.cx, target, body, &options).await?;
    let mut response = show(call, StatusCode::OK, form, target, &stored)?;
    respond::warn(&mut response, &call.cx.warnings.all());
    Ok(response)
}

async fn patch(call: &Call, target: &Target, body: Body) -> Result<Response, Status> {
    let kind = match body::media_type(&call.headers) {
        "" => PatchKind::Strategic,
        APPLY => return apply(call, target, body).await,
        named => {
            let supported = [&PatchKind::MEDIA_TYPES[..], &[APPLY]].concat();
            PatchKind::from_media_type(named).ok_or_else(|| Status::unsupported_media_type(named, &supported))?
        }
    };
    let (form, options) = (negotiate::form(&call.headers)?, write_options(call)?);
    call.query.refuse_force()?;
    let bytes = body::read(body, call.cx.deadline).await?;
    let patch = Patch { kind, body: judged(call, &options, decode::lenient_json(&bytes)?)? };
    let stored = call.state.registry.patch(&call.cx, target, &patch, &options).await?;
    let mut response = show(call, StatusCode::OK, form, target, &stored)?;
    respond::warn(&mut response, &call.cx.warnings.all());
    Ok(response)
}

async fn apply(call: &Call, target: &Target, body: Body) -> Result<Response, Status> {
    let (form, options, force) = (negotiate::form(&call.headers)?, call.query.write()?, call.query.flag("force"));
    let bytes = body::read(body, call.cx.deadline).await?;
    let configuration = Configuration { body: decode::json_or_yaml(&bytes)?, force };
    let applied = call.state.registry.apply(&call.cx, target, &configuration, &options).await?;
    let code = if applied.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = show(call, code, form, target, &applied.stored)?;
    respond::warn(&mut response, &call.cx.warnings.all());
    Ok(response)
}

/// How to write. Who does not name its field manager is known by its user agent.
fn write_options(call: &Call) -> Result<WriteOptions, Status> {
    let mut options = call.query.write()?;
    if options.field_manager.is_empty() {
        let user_agent = call.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        options.field_manager = WriteOptions::manager_of_user_agent(user_agent);
    }
    Ok(options)
}

async fn delete(call: &Call, target: &Target, body: Body) -> Result<Response, Status> {
    let options = delete_options(call, body).await?;
    let deleted = call.state.registry.delete(&call.cx, target, &options).await?;
    Ok(respond::deleted(&deleted, target.kind))
}

async fn delete_collection(call: &Call, scope: &Scope, body: Body) -> Result<Response, Status> {
    let list = call.query.list(scope.kind)?;
    let options = delete_options(call, body).await?;
    let deleted = call.state.registry.delete_collection(&call.cx, scope, &list, &options).await?;
    let revision = call.state.registry.cache().revision();
    Ok(match deleted.shown {
        Some(items) => list::of_deleted(call, scope, items, revision),
        None => respond::json(StatusCode::OK, &respond::deleted_many(scope.kind)),
    })
}

async fn delete_options(call: &Call, body: Body) -> Result<DeleteOptions, Status> {
    let bytes = body::read(body, call.cx.deadline).await?;
    let options = match bytes.is_empty() {
        true => DeleteOptions::default(),
        false => DeleteOptions::from_json(&body::decode(&call.headers, &bytes)?)?,
    };
    call.query.delete(options)
}

async fn decoded(call: &Call, options: &WriteOptions, body: Body) -> Result<Value, Status> {
    let bytes = body::read(body, call.cx.deadline).await?;
    judged(call, options, body::lenient(&call.headers, &bytes)?)
}

/// The body, unless it has fields twice and its caller wants to be refused for that, as for unknown fields, which the registry sees.
fn judged(call: &Call, options: &WriteOptions, body: Lenient) -> Result<Value, Status> {
    let complaints = schema::complaints(&body.duplicates, &[]);
    match options.field_validation {
        FieldValidation::Strict if !complaints.is_empty() => return Err(schema::strict_refusal(&complaints)),
        FieldValidation::Warn => complaints.into_iter().for_each(|complaint| call.cx.warnings.add(complaint)),
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    Ok(body.value)
}

/// One object in the form that the client wants.
fn show(call: &Call, code: StatusCode, form: Form, target: &Target, stored: &Stored) -> Result<Response, Status> {
    Ok(match form {
        Form::Object => respond::json_bytes(code, stored.to_json()),
        Form::Partial => respond::json(code, &table::partial(&stored.to_value())),
        Form::Table => {
            let (object, include, now) =
                ((&stored.object, stored.revision), call.query.include_object()?, call.state.registry.now());
            let mut rows = match target.subresource {
                Some(Subresource::Scale) => table::of_scale(object, include, now),
                _ => table::table(target.kind, &[object], include, now),
            };
            rows["metadata"]["resourceVersion"] = stored.revision.to_string().into();
            respond::json(code, &rows)
        }
    })
}
