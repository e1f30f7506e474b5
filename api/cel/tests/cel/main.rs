//! The language from outside: what expressions evaluate to, what is refused, and that nothing users write can hold a thread.

mod bounds;
mod functions;
mod language;
mod types;

use xebec_cel::{Bindings, Budget, Environment, EnvironmentBuilder, Expression, Type, Value, Variables};

/// Some variables of unknown type, and their values.
const OBJECT: &str = r#"{"name": "web", "spec": {"replicas": 3, "ports": [80, 443], "ratio": 0.5, "paused": false, "none": null},
    "labels": {"app": "shop", "tier": "front"}}"#;

pub(crate) fn environment() -> Environment {
    EnvironmentBuilder::standard().build().with("object", Type::Dyn).with("text", Type::String)
}

pub(crate) fn variables() -> Variables {
    let object: serde_json::Value = serde_json::from_str(OBJECT).expect("JSON");
    Variables::new().with("object", Value::from(&object)).with("text", Value::text("hello"))
}

/// What an expression comes to, or why not: as one text, for tables.
pub(crate) fn outcome(text: &str) -> String {
    let variables = variables();
    outcome_with(text, &environment(), &variables)
}

pub(crate) fn outcome_with(text: &str, environment: &Environment, bindings: &dyn Bindings) -> String {
    let expression = match Expression::compile(text, environment) {
        Ok(expression) => expression,
        Err(error) => return format!("refused: {}", error.message),
    };
    match expression.evaluate(bindings, &mut Budget::new(1_000_000)) {
        Ok(Value::Optional(None)) => "optional.none()".to_owned(),
        Ok(value) => value
            .to_json(&mut Budget::new(1_000_000))
            .map_or_else(|_| format!("a {}", value.type_name()), |json| json.to_string()),
        Err(error) => format!("failed: {error}"),
    }
}

/// Each expression beside what it comes to.
pub(crate) fn check(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(text, expected)| {
            let found = outcome(text);
            (found != *expected).then(|| format!("{text}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
