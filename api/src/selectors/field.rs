//! Field selectors: `status.phase=Running,spec.nodeName!=n1`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::kinds::Kind;
use crate::status::Status;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

/// A field selector. The empty one means every object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<Term>,
}

impl FieldSelector {
    /// Reads a selector. A `\` before `,`, `=` or `\` takes that character literally.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let terms: Result<Vec<Term>, Status> = split(text).filter(|part| !part.is_empty()).map(parse_term).collect();
        Ok(Self { terms: terms? })
    }

    /// Whether the selector means every object.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Refuses fields that the kind does not offer for selection.
    pub fn check(&self, kind: &Kind) -> Result<(), Status> {
        let offered = kind.selectable_fields(&Value::Null);
        match self.terms.iter().find(|term| !offered.contains_key(term.field.as_str())) {
            Some(term) => Err(Status::bad_request(format!("field label not supported: {}", term.field))),
            None => Ok(()),
        }
    }

    /// Whether an object with these fields is meant. A field that is not there counts as empty.
    pub fn matches(&self, fields: &BTreeMap<&'static str, String>) -> bool {
        self.terms.iter().all(|term| {
            let found = fields.get(term.field.as_str()).map_or("", String::as_str);
            (found == term.value) == term.equal
        })
    }

    /// The value the field must have, if the selector asks for exactly one.
    pub fn required(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|term| term.equal && term.field == field).map(|term| term.value.as_str())
    }
}

/// Splits at commas that no `\` precedes.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c: char| {
        let here = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        here
    })
}

fn parse_term(text: &str) -> Result<Term, Status> {
    let bad = || Status::bad_request(format!("invalid field selector: '{text}': can't understand it"));
    let at = text.find(['=', '!']).ok_or_else(bad)?;
    let (field, rest) = text.split_at(at);
    let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
        (false, value)
    } else if let Some(value) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        (true, value)
    } else {
        return Err(bad());
    };
    Ok(Term { field: field.trim().to_owned(), equal, value: unescape(value).ok_or_else(bad)? })
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|next| matches!(next, '\\' | ',' | '='))?),
            '=' => return None,
            _ => out.push(c),
        }
    }
    Some(out)
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=")
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.terms.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let operator = if term.equal { "=" } else { "!=" };
            write!(f, "{comma}{}{operator}{}", term.field, escape(&term.value))?;
        }
        Ok(())
    }
}
