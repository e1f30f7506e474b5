//! What a table shows of an autoscaler: what it scales, and how far the load is from its targets.

use serde_json::{Value, json};

use crate::value::{list, number, text};

/// `Deployment/web`.
pub(super) fn reference(autoscaler: &Value) -> Value {
    let part = |pointer| text(autoscaler, pointer).unwrap_or_default();
    json!(format!("{}/{}", part("/spec/scaleTargetRef/kind"), part("/spec/scaleTargetRef/name")))
}

/// `cpu: 12%/80%`, for the first two metrics.
pub(super) fn targets(autoscaler: &Value) -> Value {
    const SHOWN: usize = 2;
    let metrics = list(autoscaler, "/spec/metrics");
    let current = list(autoscaler, "/status/currentMetrics");
    let shown: Vec<String> =
        metrics.iter().take(SHOWN).enumerate().map(|(index, metric)| target(metric, current.get(index))).collect();
    match metrics.len().saturating_sub(SHOWN) {
        _ if metrics.is_empty() => json!("<none>"),
        0 => json!(shown.join(", ")),
        more => json!(format!("{} + {more} more...", shown.join(", "))),
    }
}

fn target(metric: &Value, current: Option<&Value>) -> String {
    let (field, named) = match text(metric, "/type") {
        Some("Resource") => ("resource", true),
        Some("ContainerResource") => ("containerResource", true),
        Some("Pods") => ("pods", false),
        Some("Object") => ("object", false),
        Some("External") => ("external", false),
        _ => return "<unknown type>".to_owned(),
    };
    let Some(wanted) = metric.pointer(&format!("/{field}/target")) else { return "<unknown>".to_owned() };
    let current = current.and_then(|status| status.pointer(&format!("/{field}/current"))).unwrap_or(&Value::Null);
    let text = pair(field, wanted, current);
    match self::text(metric, &format!("/{field}/name")).filter(|_| named) {
        Some(name) => format!("{name}: {text}"),
        None => text,
    }
}

fn pair(field: &str, wanted: &Value, current: &Value) -> String {
    let known = |key: &str| text(current, &format!("/{key}")).unwrap_or("<unknown>").to_owned();
    if let Some(average) = text(wanted, "/averageValue") {
        let sign = if matches!(field, "object" | "external") { " (avg)" } else { "" };
        return format!("{}/{average}{sign}", known("averageValue"));
    }
    if let Some(percent) = number(wanted, "/averageUtilization") {
        let now = number(current, "/averageUtilization").map_or("<unknown>".to_owned(), |now| format!("{now}%"));
        return format!("{now}/{percent}%");
    }
    format!("{}/{}", known("value"), text(wanted, "/value").unwrap_or("<auto>"))
}
