//! The rules for names: DNS labels and subdomains, label keys and values, port names, keys of maps.
//!
//! Each check gives the reason in a sentence, ready for [`crate::FieldError`].

/// The result of a check: nothing, or what is wrong.
pub type NameResult = Result<(), String>;

const LABEL: &str = "must be a lowercase RFC 1123 label: letters, digits and '-', with a letter or digit at both ends";
const SUBDOMAIN: &str = "must be a lowercase RFC 1123 subdomain: labels of letters, digits and '-', separated by '.', with a \
                         letter or digit at both ends of each";
const LABEL_1035: &str = "must be a DNS-1035 label: lowercase letters, digits and '-', with a letter first and a letter or \
                          digit last";
const QUALIFIED: &str =
    "the name part must consist of letters, digits, '-', '_' and '.', with a letter or digit at both ends";
const LABEL_VALUE: &str = "a label value must be empty or consist of letters, digits, '-', '_' and '.', with a letter or digit \
                           at both ends";

const DOMAIN_PATH: &str = "must be a domain and a path, such as example.com/ingress-controller";

fn too_long(max: usize) -> String {
    format!("must be no more than {max} bytes")
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Whether `text` has only bytes that are `end` or `middle`, and an `end` first and last.
fn framed(text: &str, end: fn(u8) -> bool, middle: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(|b| end(*b)) && bytes.last().is_some_and(|b| end(*b));
    ends && bytes.iter().all(|b| end(*b) || middle.contains(b))
}

fn check(text: &str, max: usize, well_formed: bool, why: &str) -> NameResult {
    match text.len() {
        0 => Err(why.to_owned()),
        n if n > max => Err(too_long(max)),
        _ if well_formed => Ok(()),
        _ => Err(why.to_owned()),
    }
}

/// A lowercase RFC 1123 label, at most 63 bytes.
pub fn dns_label(text: &str) -> NameResult {
    check(text, 63, framed(text, is_lower_alphanumeric, b"-"), LABEL)
}

/// A lowercase RFC 1123 subdomain, at most 253 bytes.
pub fn dns_subdomain(text: &str) -> NameResult {
    let well_formed = text.split('.').all(|label| framed(label, is_lower_alphanumeric, b"-"));
    check(text, 253, well_formed, SUBDOMAIN)
}

/// A DNS-1035 label, at most 63 bytes: begins with a letter.
pub fn dns_1035_label(text: &str) -> NameResult {
    let letter_first = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    check(text, 63, letter_first && framed(text, is_lower_alphanumeric, b"-"), LABEL_1035)
}

/// A name that may stand in a path: not `.`, not `..`, no `/`, no `%`.
pub fn path_segment(text: &str) -> NameResult {
    match text {
        "" => Err("must not be empty".to_owned()),
        "." | ".." => Err(format!("may not be '{text}'")),
        _ if text.contains(['/', '%']) => Err("may not contain '/' or '%'".to_owned()),
        _ => Ok(()),
    }
}

/// The key of a label, annotation or taint: an optional DNS subdomain and `/`, then a name of at most 63 bytes.
pub fn qualified_name(text: &str) -> NameResult {
    let name = match text.split_once('/') {
        None => text,
        Some(("", _)) => return Err("the prefix part must not be empty".to_owned()),
        Some((prefix, name)) => {
            dns_subdomain(prefix).map_err(|why| format!("the prefix part {why}"))?;
            name
        }
    };
    check(name, 63, framed(name, |b| b.is_ascii_alphanumeric(), b"-_."), QUALIFIED)
}

/// The value of a label.
pub fn label_value(text: &str) -> NameResult {
    if text.is_empty() {
        return Ok(());
    }
    check(text, 63, framed(text, |b| b.is_ascii_alphanumeric(), b"-_."), LABEL_VALUE)
}

/// A key in a ConfigMap or Secret.
pub fn config_key(text: &str) -> NameResult {
    let well_formed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    check(text, 253, well_formed, "must consist of letters, digits, '-', '_' and '.'")?;
    match text {
        "." => Err("may not be '.'".to_owned()),
        _ if text.starts_with("..") => Err("may not begin with '..'".to_owned()),
        _ => Ok(()),
    }
}

/// The name of a port: at most 15 lowercase letters, digits and '-', at least one letter, no '-' at an end or twice in a row.
pub fn port_name(text: &str) -> NameResult {
    let well_formed = framed(text, is_lower_alphanumeric, b"-")
        && !text.contains("--")
        && text.bytes().any(|b| b.is_ascii_lowercase());
    let why =
        "must consist of lowercase letters, digits and '-', with at least one letter, and no '-' at an end or doubled";
    check(text, 15, well_formed, why)
}

/// The name of an environment variable: printable ASCII without '='.
pub fn env_name(text: &str) -> NameResult {
    let well_formed = text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=');
    check(text, usize::MAX, well_formed, "must consist of printable ASCII characters other than '='")
}

/// An IP address in its canonical form.
pub fn ip_address(text: &str) -> NameResult {
    match text.parse::<std::net::IpAddr>() {
        Ok(address) if address.to_string() == text => Ok(()),
        Ok(address) => Err(format!("must be in canonical form ({address})")),
        Err(_) => Err("must be an IP address, such as 10.42.0.7".to_owned()),
    }
}

/// A range of IP addresses, written with its first address.
pub fn cidr(text: &str) -> NameResult {
    match text.parse::<ipnetwork::IpNetwork>() {
        Ok(range) if text.contains('/') && range.network() == range.ip() => Ok(()),
        Ok(range) if text.contains('/') => {
            Err(format!("must be in canonical form ({}/{})", range.network(), range.prefix()))
        }
        _ => Err("must be a range of IP addresses, such as 10.42.0.0/16".to_owned()),
    }
}

/// A DNS subdomain, `/`, and a path, such as `example.com/ingress-controller`.
pub fn prefixed_path(text: &str) -> NameResult {
    let (domain, path) = text.split_once('/').unwrap_or((text, ""));
    dns_subdomain(domain)?;
    let well_formed = !path.is_empty() && path.bytes().all(|b| b.is_ascii_graphic() && !b"?#%\\".contains(&b));
    if well_formed && text.len() <= 250 { Ok(()) } else { Err(DOMAIN_PATH.to_owned()) }
}

/// A port number.
pub fn port_number(number: i64) -> NameResult {
    if (1..=65535).contains(&number) { Ok(()) } else { Err("must be between 1 and 65535, inclusive".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        for good in ["a", "web-1", "0", &"a".repeat(63)] {
            assert_eq!(dns_label(good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(64)] {
            assert!(dns_label(bad).is_err(), "{bad}");
        }
        assert_eq!(dns_subdomain("a.b-c.d"), Ok(()));
        assert!(dns_subdomain("a..b").is_err());
        assert!(dns_subdomain(&"a.".repeat(127)).is_err());
        assert!(dns_1035_label("1a").is_err());
    }

    #[test]
    fn label_keys_and_values() {
        for good in ["app", "app.kubernetes.io/name", "A_b.c-1"] {
            assert_eq!(qualified_name(good), Ok(()), "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "UP.io/a b", "_a"] {
            assert!(qualified_name(bad).is_err(), "{bad}");
        }
        assert_eq!(label_value(""), Ok(()));
        assert!(label_value("a b").is_err());
    }

    #[test]
    fn ports_and_keys() {
        assert_eq!(port_name("http-1"), Ok(()));
        for bad in ["", "80", "a--b", "-a", "this-is-far-too-long"] {
            assert!(port_name(bad).is_err(), "{bad}");
        }
        assert!(config_key("..data").is_err());
        assert_eq!(config_key("app.properties"), Ok(()));
        assert!(port_number(0).is_err() && port_number(65536).is_err());
        assert_eq!(port_number(65535), Ok(()));
    }
}
