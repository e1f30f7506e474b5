//! The rules of a `clientConfig`: where a webhook is, of admission or of conversion.

use serde_json::Value;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::text;

/// The review versions that masters speak.
pub const REVIEWS: [&str; 2] = ["v1", "v1beta1"];

/// The first of the versions that a webhook offers which masters speak; the best if there is none.
pub fn spoken(offered: &[Value]) -> &'static str {
    offered.iter().find_map(|word| REVIEWS.into_iter().find(|own| word == own)).unwrap_or(REVIEWS[0])
}

/// Where the server is: a service of the cluster, or a URL.
pub fn validate(client: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let found = text(client, "/url");
    errors.require(found.is_some() != client.get("service").is_some(), || {
        FieldError::required(path, "exactly one of url or service is required")
    });
    if let Some(found) = found {
        url(found, &path.child("url"), errors);
    }
    if let Some(found) = text(client, "/service/path") {
        service_path(found, &path.child("service").child("path"), errors);
    }
}

fn url(url: &str, path: &FieldPath, errors: &mut FieldErrors) {
    let rest = url.strip_prefix("https://");
    errors.require(rest.is_some(), || FieldError::invalid(path, url, "'https' is the only allowed URL scheme"));
    let host = rest.unwrap_or(url).split(['/', ':', '?', '#']).next().unwrap_or_default();
    errors.require(rest.is_none() || !host.is_empty(), || FieldError::invalid(path, url, "host must be specified"));
    let tricks = [
        ('@', "user information is not permitted in the URL"),
        ('?', "query parameters are not permitted in the URL"),
        ('#', "fragments are not permitted in the URL"),
    ];
    for (sign, why) in tricks {
        errors.require(!url.contains(sign), || FieldError::invalid(path, url, why));
    }
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    errors
        .require(is_plain, || FieldError::invalid(path, url, "must be ASCII without spaces, other characters escaped"));
}

/// Segments between slashes, each of them a name; the last may be empty.
fn service_path(found: &str, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(rest) = found.strip_prefix('/') else {
        return errors.push(FieldError::invalid(path, found, "must start with a '/'"));
    };
    let segments = rest.strip_suffix('/').unwrap_or(rest);
    for (index, segment) in segments.split('/').enumerate().filter(|_| !segments.is_empty()) {
        if let Err(why) = names::dns_subdomain(segment) {
            errors.push(FieldError::invalid(path, found, format!("segment[{index}]: {why}")));
        }
    }
}

/// At least one of the versions must be one that masters speak, and each may be there once.
pub fn versions(listed: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    let known = listed.is_empty() || listed.iter().any(|version| REVIEWS.iter().any(|own| version == own));
    errors.require(known, || {
        FieldError::invalid(path, listed.to_vec(), format!("must include at least one of {}", REVIEWS.join(", ")))
    });
    for (index, version) in listed.iter().enumerate() {
        errors
            .require(!listed[..index].contains(version), || FieldError::duplicate(&path.index(index), version.clone()));
    }
}
