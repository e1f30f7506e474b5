//! From JSON and back.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value as Json};

use super::{Key, Value};
use crate::functions::{duration_text, timestamp_text};
use crate::{Budget, EvaluationError};

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => from_number(number),
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => Self::list(items.iter().map(Self::from)),
            Json::Object(fields) => Self::map(fields.iter().map(|(name, value)| (name.as_str(), Self::from(value)))),
        }
    }
}

fn from_number(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Value::Int(number),
        (None, Some(number)) => Value::Uint(number),
        (None, None) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
    }
}

impl Value {
    /// The value as JSON. Times and bytes become text; types and a host's values have no form. It is paid for: what a value holds
    /// many times is one to it, and many in JSON.
    pub fn to_json(&self, budget: &mut Budget) -> Result<Json, EvaluationError> {
        budget.take(1)?;
        Ok(match self {
            Self::Null | Self::Optional(None) => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Int(number) => Json::from(*number),
            Self::Uint(number) => Json::from(*number),
            Self::Double(number) => Number::from_f64(*number)
                .map(Json::Number)
                .ok_or_else(|| EvaluationError::invalid(format!("{number} has no form in JSON")))?,
            Self::String(text) => {
                budget.take_bytes(text.len())?;
                Json::from(&**text)
            }
            Self::Bytes(bytes) => {
                budget.take_bytes(bytes.len())?;
                Json::from(STANDARD.encode(bytes))
            }
            Self::List(items) => items.iter().map(|item| item.to_json(budget)).collect::<Result<_, _>>()?,
            Self::Map(entries) => {
                let mut entry = |(key, value): (&Key, &Self)| {
                    let key = key.to_string();
                    budget.take_bytes(key.len())?;
                    Ok((key, value.to_json(budget)?))
                };
                Json::Object(entries.iter().map(&mut entry).collect::<Result<_, EvaluationError>>()?)
            }
            Self::Duration(span) => Json::from(duration_text(*span)),
            Self::Timestamp(at) => Json::from(timestamp_text(*at)),
            Self::Optional(Some(value)) => value.to_json(budget)?,
            Self::Type(_) | Self::Opaque(_) => {
                return Err(EvaluationError::invalid(format!(
                    "a value of type {} has no form in JSON",
                    self.type_name()
                )));
            }
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(Arc::from(text))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
