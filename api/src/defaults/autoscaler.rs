//! Defaults of autoscalers: a load of four fifths of the CPU, and how fast replicas come and go.

use serde_json::{Value, json};

use super::canonical;
use crate::value::{child, existing, fill, items, list};

/// What one autoscaler may do in a quarter of a minute.
const PERIOD_SECONDS: i64 = 15;

/// The defaults of an autoscaler.
pub fn fill_in(autoscaler: &mut Value) {
    let Some(spec) = child(autoscaler, "spec") else { return };
    if list(spec, "/metrics").is_empty() {
        let target = json!({ "type": "Utilization", "averageUtilization": 80 });
        spec["metrics"] = json!([{ "type": "Resource", "resource": { "name": "cpu", "target": target } }]);
    }
    items(spec, "metrics").for_each(metric);
    let Some(behavior) = existing(spec, "behavior") else { return };
    let all = json!({ "type": "Percent", "value": 100, "periodSeconds": PERIOD_SECONDS });
    let four = json!({ "type": "Pods", "value": 4, "periodSeconds": PERIOD_SECONDS });
    if let Some(up) = child(behavior, "scaleUp") {
        fill(up, "stabilizationWindowSeconds", 0);
        rules(up, json!([four, all]));
    }
    if let Some(down) = child(behavior, "scaleDown") {
        rules(down, json!([all]));
    }
}

fn rules(rules: &mut Value, policies: Value) {
    fill(rules, "selectPolicy", "Max");
    if list(rules, "/policies").is_empty() {
        rules["policies"] = policies;
    }
    rules.get_mut("tolerance").into_iter().for_each(canonical);
}

fn metric(metric: &mut Value) {
    for source in ["containerResource", "external", "object", "pods", "resource"] {
        let Some(target) = existing(metric, source).and_then(|source| existing(source, "target")) else { continue };
        for field in ["averageValue", "value"] {
            target.get_mut(field).into_iter().for_each(canonical);
        }
    }
}
