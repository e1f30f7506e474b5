//! Secret: what only those who need it may read.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::field::FieldErrors;
use crate::kinds::{Kind, Strategy};
use crate::table::{Column, cells};
use crate::validation;
use crate::value::{self, entries, text};

/// Secret.
pub static SECRET: Kind = Kind {
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    columns: &[
        Column::NAME,
        Column::text("Type", "What the secret is for.", |o, _| cells::or_none(o, "/type")),
        Column::number("Data", "How many entries there are.", |o, _| json!(entries(o, "/data").count())),
        Column::AGE,
    ],
    selectable: |o| vec![("type", text(o, "/type").unwrap_or_default().to_owned())],
    strategy: &SecretStrategy,
    ..Kind::BASE
};

/// `stringData` is a convenience for writing: it is moved to `data` and never shown again.
struct SecretStrategy;

impl Strategy for SecretStrategy {
    fn default(&self, secret: &mut Value) {
        value::fill(secret, "type", "Opaque");
        let Some(plain) = secret.as_object_mut().and_then(|map| map.remove("stringData")) else { return };
        let encoded: Vec<(String, Value)> =
            entries(&plain, "").map(|(key, text)| (key.clone(), encode(text))).collect();
        if encoded.is_empty() {
            return;
        }
        let Some(data) = value::child(secret, "data").and_then(Value::as_object_mut) else { return };
        data.extend(encoded);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, validation::data::secret)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::data::secret_type(new, old)
    }
}

fn encode(text: &Value) -> Value {
    json!(ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec()))
}
