//! What types and fields mean, in words.
//!
//! Half a megabyte of text that only `explain` and documentation ask for. It stays in the executable's file until then: nothing
//! is parsed or copied before somebody holds a [`Descriptions`].

use std::borrow::Cow;

const TEXT: &str = include_str!("descriptions.tsv");

/// The descriptions of the built-in schema, for as long as they are needed.
#[derive(Debug)]
pub struct Descriptions {
    lines: Vec<&'static str>,
}

impl Descriptions {
    /// Finds where each one begins.
    pub fn builtin() -> Self {
        Self { lines: TEXT.lines().collect() }
    }

    /// The description of what stands in that line of the table.
    pub fn of(&self, line: usize) -> Cow<'static, str> {
        let text = self.lines.get(line).copied().unwrap_or_default();
        if text.contains('\\') { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text) }
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next().map(|escaped| match escaped {
                'n' => '\n',
                't' => '\t',
                other => other,
            })),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builtin;

    #[test]
    fn lines_stand_beside_the_table() {
        let (schema, words) = (builtin(), Descriptions::builtin());
        let pod = schema.get(schema.of_kind("", "v1", "Pod").unwrap());
        assert!(words.of(pod.line).starts_with("Pod is a collection of containers"));
        assert!(
            words.of(pod.field("spec").unwrap().line).starts_with("Specification of the desired behavior of the pod")
        );
    }
}
