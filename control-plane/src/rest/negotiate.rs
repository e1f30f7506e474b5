//! What the client wants to see: the object, a Table, or its metadata only.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName};
use xebec_api::Status;

/// How objects are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Object,
    /// As rows.
    Table,
    /// Their metadata.
    Partial,
}

const OFFERED: &[&str] = &[
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
];

/// One media range with its parameters.
pub(super) struct Range<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Range<'a> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters =
            parts.filter_map(|part| part.split_once('=')).map(|(name, value)| (name.trim(), value.trim())).collect();
        Range { media_type, parameters }
    }

    pub(super) fn parameter(&self, name: &str) -> &'a str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// The type without its parameters.
    pub(super) fn media_type(&self) -> &'a str {
        self.media_type
    }

    /// Whether JSON will do.
    pub(super) fn takes_json(&self) -> bool {
        matches!(self.media_type, "application/json" | "application/*" | "*/*")
    }

    fn form(&self) -> Option<Form> {
        if !self.takes_json() {
            return None;
        }
        let ours = self.parameter("g") == "meta.k8s.io" && matches!(self.parameter("v"), "v1" | "v1beta1");
        match self.parameter("as") {
            "" => Some(Form::Object),
            "Table" if ours => Some(Form::Table),
            "PartialObjectMetadata" | "PartialObjectMetadataList" if ours => Some(Form::Partial),
            _ => None,
        }
    }
}

/// The media ranges of the Accept header, in the client's order; empty when it accepts anything.
pub(super) fn accepted(headers: &HeaderMap) -> Vec<Range<'_>> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| Range::parse(range.trim())).collect()
}

/// The first of the client's forms that we have.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Status> {
    let ranges = accepted(headers);
    if ranges.is_empty() {
        return Ok(Form::Object);
    }
    ranges.iter().find_map(Range::form).ok_or_else(|| Status::not_acceptable(OFFERED))
}

/// The words of a header that is a list.
pub(in crate::rest) fn words(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_we_have_wins() {
        let cases = [
            ("", Some(Form::Object)),
            ("application/json", Some(Form::Object)),
            ("application/vnd.kubernetes.protobuf,application/json", Some(Form::Object)),
            ("application/vnd.kubernetes.protobuf, */*", Some(Form::Object)),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Some(Form::Table)),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Form::Partial)),
            ("application/json;as=Chair;v=v1;g=meta.k8s.io", None),
            ("application/json;as=Table;v=v7;g=meta.k8s.io", None),
            ("text/html", None),
        ];
        for (accept, expected) in cases {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(form(&headers).ok(), expected, "{accept}");
        }
    }
}
