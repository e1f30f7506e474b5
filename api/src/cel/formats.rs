//! Named formats: `format.dns1123Label().validate(text)` gives what is wrong, or nothing.

use xebec_cel::{Library, Opaque, Row, Value};

use crate::custom::is_format;
use crate::names;

/// What a format holds a text to.
type Check = fn(&str) -> Result<(), String>;

#[derive(Debug)]
struct Format {
    name: &'static str,
    check: Check,
}

impl Opaque for Format {
    fn type_name(&self) -> &'static str {
        "format"
    }

    fn is_equal(&self, other: &dyn Opaque) -> bool {
        let other: &dyn std::any::Any = other;
        other.downcast_ref::<Self>().is_some_and(|other| other.name == self.name)
    }
}

const FORMATS: [(&str, Check); 13] = [
    ("dns1123Label", names::dns_label),
    ("dns1123Subdomain", names::dns_subdomain),
    ("dns1035Label", names::dns_1035_label),
    ("qualifiedName", names::qualified_name),
    ("dns1123LabelPrefix", |text| names::dns_label(&prefix(text))),
    ("dns1123SubdomainPrefix", |text| names::dns_subdomain(&prefix(text))),
    ("dns1035LabelPrefix", |text| names::dns_1035_label(&prefix(text))),
    ("labelValue", names::label_value),
    ("uri", |text| of("uri", text)),
    ("uuid", |text| of("uuid", text)),
    ("byte", |text| of("byte", text)),
    ("date", |text| of("date", text)),
    ("datetime", |text| of("datetime", text)),
];

pub(super) const LIBRARY: Library = &[
    Row::new("format::dns1123Label() -> format", |_| Ok(at(0))),
    Row::new("format::dns1123Subdomain() -> format", |_| Ok(at(1))),
    Row::new("format::dns1035Label() -> format", |_| Ok(at(2))),
    Row::new("format::qualifiedName() -> format", |_| Ok(at(3))),
    Row::new("format::dns1123LabelPrefix() -> format", |_| Ok(at(4))),
    Row::new("format::dns1123SubdomainPrefix() -> format", |_| Ok(at(5))),
    Row::new("format::dns1035LabelPrefix() -> format", |_| Ok(at(6))),
    Row::new("format::labelValue() -> format", |_| Ok(at(7))),
    Row::new("format::uri() -> format", |_| Ok(at(8))),
    Row::new("format::uuid() -> format", |_| Ok(at(9))),
    Row::new("format::byte() -> format", |_| Ok(at(10))),
    Row::new("format::date() -> format", |_| Ok(at(11))),
    Row::new("format::datetime() -> format", |_| Ok(at(12))),
    Row::new("format::named(string) -> optional<format>", |a| {
        let name = a.text(0)?;
        let index = FORMATS.iter().position(|(known, _)| *known == name);
        Ok(index.map_or(Value::Optional(None), |index| Value::some(at(index))))
    }),
    Row::new("format.validate(string) -> optional<list<string>>", |a| {
        let format: &Format = a.opaque(0)?;
        Ok(match (format.check)(a.text(1)?) {
            Ok(()) => Value::Optional(None),
            Err(why) => Value::some(Value::list([Value::text(why)])),
        })
    }),
];

fn at(index: usize) -> Value {
    let (name, check) = FORMATS[index];
    Value::opaque(Format { name, check })
}

/// The beginning of a generated name: a hyphen may stand at its end.
fn prefix(text: &str) -> String {
    text.strip_suffix('-').map_or_else(|| text.to_owned(), |stem| format!("{stem}a"))
}

fn of(format: &str, text: &str) -> Result<(), String> {
    if is_format(format, text) { Ok(()) } else { Err(format!("does not match the format {format}")) }
}
