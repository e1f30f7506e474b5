//! FlowSchema and PriorityLevelConfiguration: whose requests wait for whose.

use serde_json::{Value, json};

use super::{Kind, Scope, Strategy, Subresource};
use crate::defaults::Fill;
use crate::table::{Column, cells};
use crate::validation::flow_control::{FLOW_SCHEMA_RULES, PRIORITY_LEVEL_RULES};
use crate::value::{self, text};
use crate::{FieldErrors, conditions, validation};

const GROUP: &str = "flowcontrol.apiserver.k8s.io";

/// FlowSchema.
pub static FLOW_SCHEMA: Kind = Kind {
    group: GROUP,
    kind: "FlowSchema",
    plural: "flowschemas",
    singular: "flowschema",
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("PriorityLevel", "How important its requests are.", |o, _| {
            cells::plain(o, "/spec/priorityLevelConfiguration/name")
        }),
        Column::number("MatchingPrecedence", "Which schema is asked first.", |o, _| {
            cells::count(o, "/spec/matchingPrecedence")
        }),
        Column::text("DistinguisherMethod", "What tells flows apart.", |o, _| {
            cells::or_none(o, "/spec/distinguisherMethod/type")
        }),
        Column::AGE,
        Column::text("MissingPL", "Whether its priority level is missing.", |o, _| {
            json!(conditions::find(o, "Dangling").and_then(|condition| text(condition, "/status")).unwrap_or("?"))
        }),
    ],
    defaults: &[Fill::number("spec.matchingPrecedence", 1000)],
    rules: FLOW_SCHEMA_RULES,
    strategy: &FlowSchemaStrategy,
    ..Kind::BASE
};

/// PriorityLevelConfiguration.
pub static PRIORITY_LEVEL_CONFIGURATION: Kind = Kind {
    group: GROUP,
    kind: "PriorityLevelConfiguration",
    plural: "prioritylevelconfigurations",
    singular: "prioritylevelconfiguration",
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Type", "Whether its requests are limited.", |o, _| cells::plain(o, "/spec/type")),
        Column::text("NominalConcurrencyShares", "Its share of what can be done at once.", |o, _| {
            limited(o, "nominalConcurrencyShares")
        }),
        Column::text("Queues", "How many queues it has.", |o, _| limited(o, "limitResponse/queuing/queues")),
        Column::text("HandSize", "Between how many queues a flow chooses.", |o, _| {
            limited(o, "limitResponse/queuing/handSize")
        }),
        Column::text("QueueLengthLimit", "How many requests a queue holds.", |o, _| {
            limited(o, "limitResponse/queuing/queueLengthLimit")
        }),
        Column::AGE,
    ],
    rules: PRIORITY_LEVEL_RULES,
    strategy: &PriorityLevelStrategy,
    ..Kind::BASE
};

fn limited(level: &Value, field: &str) -> Value {
    cells::scalar(level, &format!("/spec/limited/{field}"), "<none>")
}

struct FlowSchemaStrategy;

impl Strategy for FlowSchemaStrategy {
    fn validate(&self, schema: &Value) -> FieldErrors {
        validation::flow_control::flow_schema(schema)
    }
}

struct PriorityLevelStrategy;

impl Strategy for PriorityLevelStrategy {
    fn default(&self, level: &mut Value) {
        let Some(spec) = value::child(level, "spec") else { return };
        let is_exempt = spec["type"] == "Exempt";
        if let Some(exempt) = Some(&mut *spec).filter(|_| is_exempt).and_then(|spec| value::child(spec, "exempt")) {
            value::fill(exempt, "nominalConcurrencyShares", 0);
            value::fill(exempt, "lendablePercent", 0);
        }
        let Some(limited) = value::existing(spec, "limited") else { return };
        value::fill(limited, "nominalConcurrencyShares", 30);
        value::fill(limited, "lendablePercent", 0);
        let Some(response) = value::existing(limited, "limitResponse") else { return };
        if let Some(queuing) = value::existing(response, "queuing") {
            [("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)]
                .iter()
                .for_each(|(field, number)| value::fill_number(queuing, field, *number));
        }
    }

    fn validate(&self, level: &Value) -> FieldErrors {
        validation::flow_control::priority_level(level)
    }
}
