//! Label selectors: the text form of clients and the structured form within objects.
//!
//! ```text
//! app=web,tier!=db,env in (a,b),zone notin (x),gpu,!legacy,cores>4
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as metav1;
use serde_json::Value;
use thiserror::Error;

use crate::names;

/// How a requirement compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there with one of these values.
    In(BTreeSet<String>),
    /// The label is not there, or has none of these values.
    NotIn(BTreeSet<String>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The label is a number above this.
    GreaterThan(i64),
    /// The label is a number below this.
    LessThan(i64),
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What must hold of it.
    pub operator: Operator,
}

impl Requirement {
    /// Whether these labels satisfy the requirement.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.key);
        let number = || label.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => label.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => label.is_none_or(|value| !values.contains(value)),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan(bound) => number().is_some_and(|n| n > *bound),
            Operator::LessThan(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

/// Why a selector cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectorError {
    /// Something else was expected here.
    #[error("found '{found}', expected {expected}")]
    Unexpected {
        /// What is there.
        found: String,
        /// What may be there.
        expected: &'static str,
    },
    /// The key is no label key.
    #[error("invalid label key \"{key}\": {why}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The value is no label value.
    #[error("invalid label value \"{value}\": {why}")]
    Value {
        /// The value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The operator of a structured selector does not exist.
    #[error("\"{0}\" is not a valid label selector operator")]
    Operator(String),
    /// `In` and `NotIn` need values; `Exists` and `DoesNotExist` may have none.
    #[error("values do not suit the operator {0}")]
    Values(&'static str),
    /// The JSON is no LabelSelector.
    #[error("malformed label selector: {0}")]
    Malformed(String),
}

impl From<SelectorError> for crate::Status {
    fn from(error: SelectorError) -> Self {
        Self::bad_request(format!("unable to parse the label selector: {error}"))
    }
}

/// A label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

impl Default for LabelSelector {
    fn default() -> Self {
        Self::everything()
    }
}

impl LabelSelector {
    /// The selector that means every object.
    pub fn everything() -> Self {
        Self { requirements: Vec::new(), nothing: false }
    }

    /// The selector that means no object.
    pub fn nothing() -> Self {
        Self { requirements: Vec::new(), nothing: true }
    }

    /// Reads the text form. The empty text means every object.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Parser::new(text).selector()
    }

    /// The selector that asks for exactly these labels, as a Service's `spec.selector` does.
    pub fn from_map(labels: &BTreeMap<String, String>) -> Self {
        let one = |(key, value): (&String, &String)| Requirement {
            key: key.clone(),
            operator: Operator::In(BTreeSet::from([value.clone()])),
        };
        Self { requirements: labels.iter().map(one).collect(), nothing: false }
    }

    /// Reads a `metav1.LabelSelector`. `null` means no object, an empty selector every object.
    pub fn from_json(value: &Value) -> Result<Self, SelectorError> {
        if value.is_null() {
            return Ok(Self::nothing());
        }
        let typed = <metav1::LabelSelector as serde::Deserialize>::deserialize(value);
        Self::from_typed(&typed.map_err(|e| SelectorError::Malformed(e.to_string()))?)
    }

    /// Reads a typed `metav1.LabelSelector`. An empty selector means every object.
    pub fn from_typed(selector: &metav1::LabelSelector) -> Result<Self, SelectorError> {
        let mut out = selector.match_labels.as_ref().map_or_else(Self::everything, Self::from_map);
        for expression in selector.match_expressions.iter().flatten() {
            out.requirements.push(from_expression(expression)?);
        }
        for requirement in &out.requirements {
            check(requirement)?;
        }
        Ok(out)
    }

    /// Whether an object with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.nothing && self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Whether every object is meant.
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// The requirements, all of which must hold.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

fn from_expression(e: &metav1::LabelSelectorRequirement) -> Result<Requirement, SelectorError> {
    let values: BTreeSet<String> = e.values.iter().flatten().cloned().collect();
    let operator = match (e.operator.as_str(), values.is_empty()) {
        ("In", false) => Operator::In(values),
        ("NotIn", false) => Operator::NotIn(values),
        ("Exists", true) => Operator::Exists,
        ("DoesNotExist", true) => Operator::DoesNotExist,
        ("In", true) => return Err(SelectorError::Values("In")),
        ("NotIn", true) => return Err(SelectorError::Values("NotIn")),
        ("Exists", false) => return Err(SelectorError::Values("Exists")),
        ("DoesNotExist", false) => return Err(SelectorError::Values("DoesNotExist")),
        (other, _) => return Err(SelectorError::Operator(other.to_owned())),
    };
    Ok(Requirement { key: e.key.clone(), operator })
}

fn check(requirement: &Requirement) -> Result<(), SelectorError> {
    let key = &requirement.key;
    names::qualified_name(key).map_err(|why| SelectorError::Key { key: key.clone(), why })?;
    let (Operator::In(values) | Operator::NotIn(values)) = &requirement.operator else { return Ok(()) };
    for value in values {
        names::label_value(value).map_err(|why| SelectorError::Value { value: value.clone(), why })?;
    }
    Ok(())
}

/// A reader of the text form: words, and the symbols between them.
struct Parser<'a> {
    tokens: std::iter::Peekable<Tokens<'a>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { tokens: Tokens { rest: text }.peekable() }
    }

    fn selector(mut self) -> Result<LabelSelector, SelectorError> {
        let mut out = LabelSelector::everything();
        if self.tokens.peek().is_none() {
            return Ok(out);
        }
        loop {
            let requirement = self.requirement()?;
            check(&requirement)?;
            out.requirements.push(requirement);
            match self.tokens.next() {
                None => return Ok(out),
                Some(",") => {}
                Some(other) => return Err(unexpected(Some(other), "',' or the end")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        if self.tokens.next_if_eq(&"!").is_some() {
            return Ok(Requirement { key: self.word("a label key")?, operator: Operator::DoesNotExist });
        }
        let key = self.word("a label key")?;
        let operator = match self.tokens.peek().copied() {
            None | Some(",") => return Ok(Requirement { key, operator: Operator::Exists }),
            Some(symbol) => symbol,
        };
        self.tokens.next();
        let operator = match operator {
            "=" | "==" => Operator::In(self.one_value()),
            "!=" => Operator::NotIn(self.one_value()),
            "in" => Operator::In(self.values()?),
            "notin" => Operator::NotIn(self.values()?),
            ">" => Operator::GreaterThan(self.number()?),
            "<" => Operator::LessThan(self.number()?),
            other => return Err(unexpected(Some(other), "one of =, ==, !=, in, notin, >, <")),
        };
        Ok(Requirement { key, operator })
    }

    fn word(&mut self, expected: &'static str) -> Result<String, SelectorError> {
        let token = self.tokens.next();
        token.filter(|t| is_word(t)).map(str::to_owned).ok_or_else(|| unexpected(token, expected))
    }

    /// The value after `=`, which may be empty.
    fn one_value(&mut self) -> BTreeSet<String> {
        BTreeSet::from([self.tokens.next_if(|t| is_word(t)).unwrap_or_default().to_owned()])
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        let word = self.word("an integer")?;
        word.parse().map_err(|_| unexpected(Some(&word), "an integer"))
    }

    /// `(a,b,c)`, where a value may be empty.
    fn values(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        let open = self.tokens.next();
        if open != Some("(") {
            return Err(unexpected(open, "'('"));
        }
        let mut values = BTreeSet::new();
        loop {
            values.extend(self.one_value());
            match self.tokens.next() {
                Some(",") => {}
                Some(")") => return Ok(values),
                other => return Err(unexpected(other, "',' or ')'")),
            }
        }
    }
}

fn unexpected(found: Option<&str>, expected: &'static str) -> SelectorError {
    SelectorError::Unexpected { found: found.unwrap_or_default().to_owned(), expected }
}

fn is_symbol(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_word(token: &str) -> bool {
    !token.starts_with(is_symbol)
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next()?;
        let length = if !is_symbol(first) {
            rest.find(|c: char| is_symbol(c) || c.is_whitespace()).unwrap_or(rest.len())
        } else if rest.starts_with("==") || rest.starts_with("!=") {
            2
        } else {
            1
        };
        let (token, rest) = rest.split_at(length);
        self.rest = rest;
        Some(token)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let join = |values: &BTreeSet<String>| values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        match &self.operator {
            Operator::In(values) if values.len() == 1 => write!(f, "{key}={}", join(values)),
            Operator::NotIn(values) if values.len() == 1 => write!(f, "{key}!={}", join(values)),
            Operator::In(values) => write!(f, "{key} in ({})", join(values)),
            Operator::NotIn(values) => write!(f, "{key} notin ({})", join(values)),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan(bound) => write!(f, "{key}>{bound}"),
            Operator::LessThan(bound) => write!(f, "{key}<{bound}"),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.requirements.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}
