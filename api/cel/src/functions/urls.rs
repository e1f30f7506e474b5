//! URLs: their parts.

use crate::signature::{Arguments, Library, Row};
use crate::{EvaluationError, Opaque, Value};

type Answer = Result<Value, EvaluationError>;

pub(super) const LIBRARY: Library = &[
    Row::new("url(string) -> url", |a| {
        let text = a.text(0)?;
        Url::parse(text)
            .map(Value::opaque)
            .map_err(|why| EvaluationError::invalid(format!("URL parse error during conversion from string: {why}")))
    }),
    Row::new("isURL(string) -> bool", |a| Ok(Value::Bool(is_url(a.text(0)?)))),
    Row::new("url.getScheme() -> string", |a| part(a, |url| url.scheme.clone())),
    Row::new("url.getHost() -> string", |a| part(a, |url| url.host.clone())),
    Row::new("url.getHostname() -> string", |a| part(a, |url| hostname(&url.host).0.to_owned())),
    Row::new("url.getPort() -> string", |a| part(a, |url| hostname(&url.host).1.to_owned())),
    Row::new("url.getEscapedPath() -> string", |a| part(a, |url| url.path.clone())),
    Row::new("url.getQuery() -> map<string, list<string>>", query),
];

/// Whether a text is a URL: one with a scheme, or a path that begins with a slash.
pub fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok()
}

/// A URL with a scheme, or a path that begins with a slash.
#[derive(Debug, PartialEq, Eq)]
struct Url {
    scheme: String,
    host: String,
    path: String,
    query: String,
}

impl Opaque for Url {
    fn type_name(&self) -> &'static str {
        "url"
    }

    fn is_equal(&self, other: &dyn Opaque) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref() == Some(self)
    }
}

impl Url {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().any(|char| char.is_ascii_control()) {
            return Err("invalid control character in URL");
        }
        let (scheme, rest) = split_scheme(text)?;
        if scheme.is_empty() && !rest.starts_with('/') {
            return Err("invalid URI for request");
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        check_host(host)?;
        if !scheme.is_empty() && host.is_empty() && !path.starts_with('/') {
            // `mailto:a@b` has neither host nor path.
            return Ok(Self {
                scheme: scheme.to_ascii_lowercase(),
                host: String::new(),
                path: String::new(),
                query: query.to_owned(),
            });
        }
        check_escapes(path)?;
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            path: escaped(path),
            query: query.to_owned(),
        })
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), &'static str> {
    let Some(at) = text.find(|char: char| !char.is_ascii_alphanumeric() && !"+-.".contains(char)) else {
        return Ok(("", text));
    };
    if !text[at..].starts_with(':') {
        return Ok(("", text));
    }
    match text.chars().next() {
        Some(':') | None => Err("missing protocol scheme"),
        Some(first) if first.is_ascii_alphabetic() => Ok((&text[..at], &text[at + 1..])),
        Some(_) => Err("first path segment in URL cannot contain colon"),
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(inner) => {
            let (six, after) = inner.split_once(']').ok_or("missing ']' in host")?;
            if six.split('%').next().is_none_or(|six| six.parse::<std::net::Ipv6Addr>().is_err()) {
                return Err("invalid host");
            }
            ("", if after.is_empty() { "" } else { after.strip_prefix(':').ok_or("invalid port after host")? })
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("invalid port after host");
    }
    if name.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}', '[', ']']) {
        return Err("invalid character in host name");
    }
    check_escapes(name)
}

fn check_escapes(text: &str) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let good = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if (0..bytes.len()).filter(|at| bytes[*at] == b'%').all(good) { Ok(()) } else { Err("invalid URL escape") }
}

/// A path with everything escaped that has to be.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@%!'()*[]".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Name and port of a host; the brackets of IPv6 are taken off.
fn hostname(host: &str) -> (&str, &str) {
    if let Some((six, after)) = host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (six, after.trim_start_matches(':'));
    }
    host.split_once(':').unwrap_or((host, ""))
}

fn part(a: &mut Arguments<'_>, part: fn(&Url) -> String) -> Answer {
    let text = part(a.opaque::<Url>(0)?);
    a.give(text)
}

/// Each name of the query with its values, in their order.
fn query(a: &mut Arguments<'_>) -> Answer {
    let url = a.opaque::<Url>(0)?;
    a.budget.take_bytes(url.query.len())?;
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    for pair in url.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (unescaped(name), unescaped(value)) else { continue };
        a.budget.take_items(found.len())?;
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(Value::text(value)),
            None => found.push((name, vec![Value::text(value)])),
        }
    }
    Ok(Value::map(found.into_iter().map(|(name, values)| (name, Value::list(values)))))
}

fn unescaped(text: &str) -> Option<String> {
    check_escapes(text).ok()?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
