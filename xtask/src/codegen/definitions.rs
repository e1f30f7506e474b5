//! What the types look like in JSON: names, types, what is required, descriptions and kinds, from `k8s-openapi`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::literal;
use super::sources::Source;

/// A type.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) description: String,
    /// `GROUP/VERSION/PLURAL/SCOPE`, for what has a path of its own.
    pub(super) kind: Option<String>,
    pub(super) fields: BTreeMap<String, FieldDefinition>,
}

/// A field of a type.
#[derive(Debug)]
pub(super) struct FieldDefinition {
    pub(super) description: String,
    /// The type as the table writes it, with full names.
    pub(super) of: String,
    pub(super) required: bool,
}

/// Types that are values rather than structures, and how the table calls them.
const VALUES: &[(&str, &str)] = &[
    ("io.k8s.apimachinery.pkg.api.resource.Quantity", "quantity"),
    ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "intorstring"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.Time", "time"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "microtime"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", "any"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.Patch", "any"),
    ("io.k8s.apimachinery.pkg.runtime.RawExtension", "any"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON", "any"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool", SCHEMA_OR_BOOL),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray", SCHEMA_OR_LIST),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray", SCHEMA_OR_STRINGS),
];
const SCHEMA_OR_BOOL: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps|bool";
const SCHEMA_OR_LIST: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps|[]io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
const SCHEMA_OR_STRINGS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps|[]string";

/// Reads all types of the packages that are generally available.
pub(super) fn read(sources: &[Source]) -> Result<BTreeMap<String, Definition>> {
    let mut out = BTreeMap::new();
    for source in sources.iter().filter(|source| is_stable(&source.package)) {
        let Some(schema) = literal::schema(&source.text) else { continue };
        let name = quoted_after(&source.text, "fn schema_name() -> ").context("a schema without a name")?;
        if VALUES.iter().any(|(value, _)| *value == name) {
            continue;
        }
        let schema = schema.with_context(|| format!("read {name}"))?;
        let definition = definition(&schema, kind(&source.text)).with_context(|| format!("read {name}"))?;
        out.insert(name.to_owned(), definition);
    }
    Ok(out)
}

/// Packages that are served though they are not generally available yet.
const BETA: [&str; 1] = ["io.k8s.api.admissionregistration.v1beta1"];

/// Whether the last part of a package is a version without `alpha` or `beta`, or no version at all.
fn is_stable(package: &str) -> bool {
    BETA.contains(&package)
        || !package.rsplit('.').next().is_some_and(|last| last.contains("alpha") || last.contains("beta"))
}

fn quoted_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark)?.1.split('"').nth(1)
}

fn kind(text: &str) -> Option<String> {
    let constant = |name: &str| quoted_after(text, &format!("const {name}: &'static str = "));
    let (group, version) = (constant("GROUP")?, constant("VERSION")?);
    let plural = constant("URL_PATH_SEGMENT")?;
    let scope = match text.split_once("type Scope = crate::")?.1.split_once(';')?.0 {
        "NamespaceResourceScope" => "namespaced",
        "ClusterResourceScope" => "cluster",
        _ => "part",
    };
    Some(format!("{group}/{version}/{plural}/{scope}"))
}

fn definition(schema: &Value, kind: Option<String>) -> Result<Definition> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = BTreeMap::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let field = FieldDefinition {
            description: text(property, "description"),
            of: type_of(property).with_context(|| format!("field {name}"))?,
            required: required.contains(&name.as_str()),
        };
        fields.insert(name.clone(), field);
    }
    Ok(Definition { description: text(schema, "description"), kind, fields })
}

fn text(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().to_owned()
}

/// The type of a property as the table writes it.
fn type_of(schema: &Value) -> Result<String> {
    if let Some(path) = schema["$ref"].as_str() {
        return Ok(referred(path));
    }
    let format = schema["format"].as_str().unwrap_or_default();
    Ok(match (schema["type"].as_str().unwrap_or_default(), format) {
        ("string", "byte") => "bytes".into(),
        ("string", "") => "string".into(),
        ("boolean", _) => "bool".into(),
        ("integer", "int32") => "int32".into(),
        ("integer", _) => "int64".into(),
        ("number", _) => "double".into(),
        ("array", _) => format!("[]{}", type_of(&schema["items"])?),
        ("object", _) if schema["additionalProperties"].is_object() => {
            format!("{{}}{}", type_of(&schema["additionalProperties"])?)
        }
        (other, format) => bail!("a property of type {other:?}, format {format:?}"),
    })
}

/// The name of a type by its path in Rust, or how the table calls that value.
fn referred(path: &str) -> String {
    let name = path.replacen("crate", "io.k8s", 1).replace("::", ".").replace('_', "-");
    VALUES.iter().find(|(value, _)| *value == name).map_or(name, |(_, called)| (*called).to_owned())
}
