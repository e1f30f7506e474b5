//! What the types look like in protobuf, from `k8s-pb`: tags, and the markers that the comments carry (`+listType=map`).

use std::collections::BTreeMap;

use super::sources::Source;

/// A message.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) markers: Vec<Marker>,
    pub(super) fields: Vec<MessageField>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct MessageField {
    /// The name, folded.
    pub(super) name: String,
    pub(super) tag: u32,
    /// The folded name of the message that it holds, if it holds one, and not many.
    pub(super) single_message: Option<String>,
    pub(super) markers: Vec<Marker>,
}

/// `+name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) name: String,
    pub(super) value: String,
}

/// A name without what JSON, Go and Rust write differently.
pub(super) fn fold(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    name.chars().filter(|letter| !matches!(letter, '_' | '-' | '$')).flat_map(char::to_lowercase).collect()
}

/// All messages by the folded name of their type.
pub(super) fn read(sources: &[Source]) -> BTreeMap<String, Message> {
    let mut out = BTreeMap::new();
    for source in sources {
        let mut reader = Reader::default();
        source.text.lines().map(str::trim).for_each(|line| reader.line(line));
        out.extend(
            reader.done.into_iter().map(|(name, message)| (format!("{}.{name}", fold(&source.package)), message)),
        );
    }
    out
}

#[derive(Default)]
struct Reader {
    markers: Vec<Marker>,
    attribute: String,
    /// A field whose type is on the next line.
    wrapped: String,
    open: Option<String>,
    done: BTreeMap<String, Message>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(comment) = line.strip_prefix("///") {
            self.markers.extend(marker(comment.trim()));
        } else if let Some(attribute) = line.strip_prefix("#[prost(") {
            attribute.clone_into(&mut self.attribute);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            let name = fold(rest.trim_end_matches([' ', '{', '}']));
            let markers = std::mem::take(&mut self.markers);
            self.done.insert(name.clone(), Message { markers, fields: Vec::new() });
            self.open = Some(name);
        } else if line.starts_with("pub ") && line.ends_with(':') {
            line.clone_into(&mut self.wrapped);
        } else if !self.wrapped.is_empty() {
            let joined = format!("{} {line}", std::mem::take(&mut self.wrapped));
            self.line(&joined);
        } else if let Some((name, of)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            self.field(name, of);
        } else if !line.starts_with("#[") {
            self.markers.clear();
        }
    }

    fn field(&mut self, name: &str, of: &str) {
        let attribute = std::mem::take(&mut self.attribute);
        let markers = std::mem::take(&mut self.markers);
        let Some(message) = self.open.as_ref().and_then(|open| self.done.get_mut(open)) else { return };
        let Some(tag) = attribute.split("tag = \"").nth(1).and_then(|rest| rest.split('"').next()?.parse().ok()) else {
            return;
        };
        let single = attribute.starts_with("message, optional");
        let single_message = single.then(|| fold(innermost(of)));
        message.fields.push(MessageField { name: fold(name), tag, single_message, markers });
    }
}

/// The last part of the innermost type argument.
fn innermost(of: &str) -> &str {
    let inner = of.rsplit('<').next().unwrap_or(of);
    inner.trim_end_matches([',', '>']).rsplit("::").next().unwrap_or(inner)
}

fn marker(comment: &str) -> Option<Marker> {
    let (name, value) = comment.strip_prefix('+').map(|rest| rest.split_once('=').unwrap_or((rest, "")))?;
    let name = name.strip_prefix("k8s:").unwrap_or(name);
    Some(Marker { name: name.to_owned(), value: value.replace("\\[", "[").replace("\\]", "]") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_markers_are_read() {
        let text = "/// A list.\n/// +structType=atomic\n#[derive(Clone)]\npub struct IscsiThing {\n/// +listType=map\n/// +listMapKey=name\n#[prost(message, optional, tag = \"2\")]\npub volume_source: ::core::option::Option<VolumeSource>,\n}\n";
        let messages = read(&[Source { package: "io.k8s.api.core.v1".into(), text: text.into() }]);
        let message = &messages["io.k8s.api.core.v1.iscsithing"];
        assert_eq!(message.markers, [Marker { name: "structType".into(), value: "atomic".into() }]);
        let field = &message.fields[0];
        assert_eq!((field.name.as_str(), field.tag), ("volumesource", 2));
        assert_eq!(field.single_message.as_deref(), Some("volumesource"));
        assert_eq!(field.markers.len(), 2);
    }
}
