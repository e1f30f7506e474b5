//! CEL rules of custom kinds (`x-kubernetes-validations`).
//!
//! ```text
//!  schema ──declare──▶ types of self ──compile──▶ rules, or errors with paths       (when the definition is written)
//!  object ──convert──▶ values ──────────run─────▶ errors with paths                 (with each write of an object)
//! ```
//!
//! A rule that looks at `oldSelf` is a transition rule: it runs where there is an old value, which is found by the names of fields
//! and the keys of lists. What has not changed may stay even if rules forbid it now, unless a transition rule does.

mod compile;
mod convert;
mod cost;
mod declare;
mod run;

use std::sync::Arc;

use crate::cel::Expression;

pub(super) use compile::{Place, compile};
pub(super) use cost::most;
pub(super) use run::run;

/// The rules of one level of a schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    pub(super) rules: Vec<Arc<Rule>>,
    /// Whether there are any here or below.
    pub(super) within: bool,
    /// How large a value can be.
    most: Option<u64>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    expression: Expression,
    message: Option<String>,
    message_expression: Option<Expression>,
    reason: Reason,
    /// The field that errors name, below where the rule stands.
    field: Option<String>,
    /// Whether it compares with what was.
    transition: bool,
    /// Whether `oldSelf` is optional, so that the rule also runs where there is nothing old.
    optional_old: bool,
}

/// What kind of error a rule that does not hold is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reason {
    #[default]
    Invalid,
    Forbidden,
    Required,
    Duplicate,
}

impl Reason {
    const ALL: [(&str, Self); 4] = [
        ("FieldValueInvalid", Self::Invalid),
        ("FieldValueForbidden", Self::Forbidden),
        ("FieldValueRequired", Self::Required),
        ("FieldValueDuplicate", Self::Duplicate),
    ];
}

/// The name of a field as expressions write it, or `None` if they cannot: words of the language are put between double underscores, and
/// signs that no name may have are spelt.
fn escape(name: &str) -> Option<String> {
    if matches!(name, "true" | "false") || xebec_cel::RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let spelt = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    let plain = spelt.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = !spelt.starts_with(|first: char| first.is_ascii_digit());
    (plain && begins && !spelt.is_empty()).then_some(spelt)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn names_are_escaped_as_clients_know_them() {
        for (name, escaped) in [
            ("replicas", "replicas"),
            ("namespace", "__namespace__"),
            ("foo-bar", "foo__dash__bar"),
            ("a.b/c", "a__dot__b__slash__c"),
            ("x__y", "x__underscores__y"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped));
        }
        assert_eq!(escape("1a"), None);
        assert_eq!(escape("a b"), None);
    }
}
