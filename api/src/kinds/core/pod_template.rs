//! PodTemplate: a pod to be made, kept for whoever makes it.

use serde_json::Value;

use crate::kinds::{Kind, Strategy};
use crate::table::{Column, cells};
use crate::value::{list, text};
use crate::{FieldErrors, defaults, validation};

/// PodTemplate.
pub static POD_TEMPLATE: Kind = Kind {
    kind: "PodTemplate",
    plural: "podtemplates",
    singular: "podtemplate",
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Containers", "The names of the containers.", |o, _| containers(o, "/name")),
        Column::text("Images", "The images of the containers.", |o, _| containers(o, "/image")),
        Column::text("Pod Labels", "The labels of the pods.", |o, _| cells::map(o, "/template/metadata/labels")),
    ],
    strategy: &PodTemplateStrategy,
    ..Kind::BASE
};

fn containers(object: &Value, field: &str) -> Value {
    cells::join(list(object, "/template/spec/containers").iter().filter_map(|container| text(container, field)))
}

struct PodTemplateStrategy;

impl Strategy for PodTemplateStrategy {
    fn default(&self, object: &mut Value) {
        defaults::pod::template(object);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, validation::workload::pod_template)
    }
}
