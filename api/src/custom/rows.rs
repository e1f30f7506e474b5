//! From a definition to rows of the kind table.
//!
//! Rows live as long as the process, as those of built-in kinds do, and are interned: a definition that comes again has the rows
//! it had. So what they take is bounded by the different definitions that a process has seen, and [`MAX_BYTES`] bounds that.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::structural::Structural;
use super::{Custom, JsonPath, ScalePaths, apply, read};
use crate::field::FieldPath;
use crate::kinds::{KeptAs, Kind, Scope, Subresource};
use crate::table::{Cell, Column};
use crate::value::{list, text};

/// The most bytes of different definitions that a process takes in. Rows take some ten times that.
pub const MAX_BYTES: usize = 64 << 20;

/// The rows of a definition.
pub struct Rows {
    /// One a version that is served, the preferred one first.
    pub served: Vec<&'static Kind>,
    /// The version that is stored.
    pub stored: &'static Kind,
}

/// A process has taken in as many different definitions as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this server has seen more than {MAX_BYTES} bytes of different definitions since it started; restart it")]
pub struct Full;

struct Interned {
    rows: BTreeMap<String, &'static Rows>,
    bytes: usize,
}

static INTERNED: Mutex<Interned> = Mutex::new(Interned { rows: BTreeMap::new(), bytes: 0 });

/// The rows of a definition that [`super::check`] has nothing against; `None` for any other.
pub fn rows(definition: &Value) -> Result<Option<&'static Rows>, Full> {
    let spec = definition.get("spec").unwrap_or(&Value::Null);
    let text = spec.to_string();
    let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(rows) = interned.rows.get(&text) {
        return Ok(Some(rows));
    }
    if interned.bytes + text.len() > MAX_BYTES {
        return Err(Full);
    }
    let Some(rows) = Maker { spec }.rows() else { return Ok(None) };
    let rows: &'static Rows = Box::leak(Box::new(rows));
    interned.bytes += text.len();
    interned.rows.insert(text, rows);
    Ok(Some(rows))
}

struct Maker<'a> {
    spec: &'a Value,
}

impl Maker<'_> {
    fn rows(&self) -> Option<Rows> {
        let mut versions: Vec<&Value> = list(self.spec, "/versions").iter().collect();
        versions.sort_by_key(|version| Reverse(priority(text(version, "/name").unwrap_or_default())));
        let is_stored = |version: &&&Value| version["storage"] == true;
        let stored = *versions.iter().find(is_stored)?;
        let stored_row = leak(self.row(stored, None)?);
        let kept: &'static KeptAs = leak(KeptAs { kind: stored_row, read: |_| {}, write: |_| {} });
        let mut served = Vec::new();
        for version in versions.iter().filter(|version| version["served"] == true) {
            served.push(if std::ptr::eq(*version, stored) { stored_row } else { leak(self.row(version, Some(kept))?) });
        }
        Some(Rows { served, stored: stored_row })
    }

    fn row(&self, version: &Value, kept_as: Option<&'static KeptAs>) -> Option<Kind> {
        let name = |pointer: &str| leaked(text(self.spec, pointer).unwrap_or_default());
        let custom = leak(custom(version, self.conversion())?);
        Some(Kind {
            group: name("/group"),
            version: leaked(text(version, "/name")?),
            kind: name("/names/kind"),
            list_kind: name("/names/listKind"),
            plural: name("/names/plural"),
            singular: name("/names/singular"),
            short_names: self.words("/names/shortNames"),
            categories: self.words("/names/categories"),
            scope: if self.spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
            subresources: subresources(version),
            generation: true,
            needs_version: true,
            columns: columns(version)?,
            strategy: custom,
            custom: Some(custom),
            kept_as,
            ..Kind::BASE
        })
    }

    fn conversion(&self) -> Option<&'static Value> {
        let webhook = self.spec.pointer("/conversion/webhook").cloned();
        let webhook = webhook.filter(|_| text(self.spec, "/conversion/strategy") == Some("Webhook"));
        webhook.map(|webhook| leak(webhook) as &Value)
    }

    fn words(&self, pointer: &str) -> &'static [&'static str] {
        let words = list(self.spec, pointer).iter().filter_map(Value::as_str).map(leaked);
        words.collect::<Vec<_>>().leak()
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn leaked(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// Which version clients should prefer: `v2` to `v1`, both to `v1beta2`, that to `v1alpha1`, and any to other names, which
/// come in reverse order of the alphabet.
fn priority(version: &str) -> (bool, u8, u64, u64, Reverse<String>) {
    let other = (false, 0, 0, 0, Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return other };
    let (major, stage, minor) = match (rest.split_once("beta"), rest.split_once("alpha")) {
        (Some((major, minor)), _) => (major, 1, minor),
        (_, Some((major, minor))) => (major, 0, minor),
        _ => (rest, 2, "0"),
    };
    match (major.parse(), minor.parse()) {
        (Ok(major), Ok(minor)) => (true, stage, major, minor, Reverse(String::new())),
        _ => other,
    }
}

fn custom(version: &Value, conversion: Option<&'static Value>) -> Option<Custom> {
    let openapi = version.pointer("/schema/openAPIV3Schema")?;
    let structural: Structural = read::read(openapi, &FieldPath::default()).ok()?;
    let (schema, root) = apply::schema(&structural);
    let path = |pointer: &str| text(version, pointer).and_then(|path| JsonPath::parse(path).ok());
    let scale = path("/subresources/scale/specReplicasPath").zip(path("/subresources/scale/statusReplicasPath"));
    let selector = path("/subresources/scale/labelSelectorPath");
    let selectable = list(version, "/selectableFields").iter().filter_map(|field| {
        let path = text(field, "/jsonPath")?;
        Some((leaked(path.trim_start_matches('.')), JsonPath::parse(path).ok()?))
    });
    Some(Custom {
        fills: structural.has_defaults(),
        schema,
        root,
        openapi: openapi.clone(),
        scale: scale.map(|(wanted, present)| ScalePaths { wanted, present, selector }),
        conversion,
        selectable: selectable.collect(),
        structural,
    })
}

fn subresources(version: &Value) -> &'static [Subresource] {
    let has = |pointer: &str| version.pointer(pointer).is_some();
    match (has("/subresources/status"), has("/subresources/scale")) {
        (true, true) => &[Subresource::Status, Subresource::Scale],
        (true, false) => &[Subresource::Status],
        (false, true) => &[Subresource::Scale],
        (false, false) => &[],
    }
}

/// The name, then the columns that the definition lists; none where it lists none.
fn columns(version: &Value) -> Option<&'static [Column]> {
    let listed = list(version, "/additionalPrinterColumns");
    let columns: Option<Vec<Column>> = listed.iter().map(column).collect();
    let mut columns = columns?;
    if !columns.is_empty() {
        columns.insert(0, Column::NAME);
    }
    Some(columns.leak())
}

fn column(listed: &Value) -> Option<Column> {
    let word = |pointer: &str| leaked(text(listed, pointer).unwrap_or_default());
    let path = leak(JsonPath::parse(text(listed, "/jsonPath")?).ok()?);
    let wide = listed["priority"].as_i64().unwrap_or_default();
    Some(Column {
        name: word("/name"),
        data_type: word("/type"),
        format: word("/format"),
        priority: u8::try_from(wide.clamp(0, i64::from(u8::MAX))).unwrap_or_default(),
        description: word("/description"),
        cell: Cell::At(path),
    })
}

#[cfg(test)]
mod tests {
    use super::priority;

    #[test]
    fn versions_are_preferred_by_how_settled_they_are() {
        let mut versions = ["v1alpha1", "foo", "v1", "v2beta1", "v10", "v1beta2", "bar", "v2"];
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
        assert_eq!(versions, ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "bar", "foo"]);
    }
}
