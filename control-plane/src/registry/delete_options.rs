//! The options of a delete, as requests carry them: in the body, in the query, or within an Eviction.

use serde_json::Value;
use xebec_api::{FieldError, FieldErrors, FieldPath, Status, value};

use super::{DeleteOptions, Preconditions, Propagation, decode};

impl DeleteOptions {
    /// Reads a `meta/v1` DeleteOptions.
    pub fn from_json(body: &Value) -> Result<DeleteOptions, Status> {
        if !body.is_object() {
            return Err(Status::bad_request("the options of a delete must be an object"));
        }
        let text = |pointer: &str| value::text(body, pointer).filter(|text| !text.is_empty());
        let version = text("/preconditions/resourceVersion").map(decode::parse_version).transpose()?;
        let preconditions =
            Preconditions { uid: text("/preconditions/uid").map(str::to_owned), resource_version: version };
        let orphan = body.get("orphanDependents").and_then(Value::as_bool);
        let propagation = Propagation::of(text("/propagationPolicy").unwrap_or_default(), orphan)?;
        let dry_run = value::list(body, "/dryRun");
        if let Some(word) = dry_run.iter().find(|word| *word != "All") {
            return Err(invalid_options("dryRun", word.as_str().unwrap_or_default(), r#"supported values: "All""#));
        }
        Ok(DeleteOptions {
            grace_period_seconds: value::number(body, "/gracePeriodSeconds"),
            preconditions,
            propagation,
            dry_run: !dry_run.is_empty(),
        })
    }
}

impl Propagation {
    /// Reads the word that requests use, or what older clients say instead; `None` when neither is there.
    pub fn of(word: &str, orphan: Option<bool>) -> Result<Option<Propagation>, Status> {
        match (word, orphan) {
            ("", None) => Ok(None),
            ("", Some(true)) => Ok(Some(Propagation::Orphan)),
            ("", Some(false)) => Ok(Some(Propagation::Background)),
            (word, Some(_)) => {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                Err(invalid_options("propagationPolicy", word, why))
            }
            ("Background", None) => Ok(Some(Propagation::Background)),
            ("Foreground", None) => Ok(Some(Propagation::Foreground)),
            ("Orphan", None) => Ok(Some(Propagation::Orphan)),
            (word, None) => {
                let why = r#"supported values: "Background", "Foreground", "Orphan""#;
                Err(invalid_options("propagationPolicy", word, why))
            }
        }
    }
}

fn invalid_options(field: &str, value: &str, why: &str) -> Status {
    let errors = FieldErrors::from_iter([FieldError::invalid(&FieldPath::new(field), value, why)]);
    Status::invalid_options("DeleteOptions", &errors)
}
