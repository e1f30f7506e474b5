//! Formats of texts and numbers. One that is not known here holds nothing to it, as JSON Schema has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Whether a text is of that format.
pub(crate) fn fits(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "byte" => STANDARD.decode(text).is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => text.contains('/') && text.parse::<ipnetwork::IpNetwork>().is_ok(),
        "uri" => xebec_cel::is_url(text),
        "duration" => xebec_cel::parse_duration(text).is_some(),
        "uuid" => is_uuid(text),
        _ => true,
    }
}

/// Whether a number has room in that format.
pub(super) fn holds(format: &str, number: &Value) -> bool {
    match format {
        "int32" => number.as_f64().is_some_and(|n| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&n)),
        "int64" => number.as_i64().is_some() || number.as_u64().is_none(),
        _ => true,
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let plain = text.len() == 32 && parts.len() == 1;
    (plain || lengths == [8, 4, 4, 4, 12]) && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}
