//! Server-side apply: ownership to the leaf, told as stories of people who write the same object.

mod algebra;
mod sets;
mod stories;

use serde_json::{Value, json};
use xebec_api::apply::{self, ManagedFields, Operation, Writer};
use xebec_api::{Kind, Status, Subresource};

use crate::kind;

/// An object that several people write.
struct Shared {
    kind: &'static Kind,
    object: Value,
    /// Seconds since the story began.
    clock: u32,
}

impl Shared {
    /// Nothing yet of that kind.
    fn new(word: &str) -> Shared {
        Shared { kind: kind(word), object: json!({}), clock: 0 }
    }

    /// What somebody applies to it, without force.
    fn apply(&mut self, manager: &str, config: Value) -> Result<&Value, Status> {
        self.apply_through(manager, None, config, false)
    }

    fn force(&mut self, manager: &str, config: Value) -> &Value {
        self.apply_through(manager, None, config, true).expect("force has no conflicts")
    }

    fn apply_through(
        &mut self,
        manager: &str,
        subresource: Option<Subresource>,
        config: Value,
        force: bool,
    ) -> Result<&Value, Status> {
        let now = self.now();
        let writer = Writer { manager, subresource, now: &now };
        self.object = apply::apply(self.kind, &self.object, &complete(self.kind, config), &writer, force)?;
        Ok(&self.object)
    }

    /// What somebody changes it to.
    fn update(&mut self, manager: &str, change: impl FnOnce(&mut Value)) -> &Value {
        let now = self.now();
        let mut new = complete(self.kind, self.object.clone());
        change(&mut new);
        let old = Some(&self.object).filter(|object| **object != json!({}));
        let writer = Writer { manager, subresource: None, now: &now };
        apply::track(self.kind, old, &mut new, &writer).expect("managed fields that can be read");
        self.object = new;
        &self.object
    }

    fn now(&mut self) -> String {
        self.clock += 1;
        format!("2030-01-01T00:{:02}:{:02}Z", self.clock / 60, self.clock % 60)
    }

    fn managed(&self) -> ManagedFields {
        ManagedFields::decode(self.object.pointer("/metadata/managedFields")).expect("managed fields that can be read")
    }

    /// What a manager owns, as `fieldsV1`; null if nothing.
    fn owns(&self, manager: &str, operation: Operation) -> Value {
        let managed = self.managed();
        let of = |entry: &&apply::Entry| entry.manager.name == manager && entry.manager.operation == operation;
        managed.entries().iter().find(of).map_or(Value::Null, |entry| entry.fields.encode())
    }

    /// The fields that a refusal names.
    fn conflicts(&mut self, manager: &str, config: Value) -> Vec<String> {
        let status = self.apply(manager, config).expect_err("a conflict");
        assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"), "{status}");
        let causes = status.details.expect("causes").causes;
        assert!(causes.iter().all(|cause| cause.reason == "FieldManagerConflict"), "{causes:?}");
        causes.into_iter().map(|cause| cause.field).collect()
    }
}

/// The object as the registry hands it on: with what says which it is.
fn complete(kind: &Kind, mut object: Value) -> Value {
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.kind);
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = json!("it");
    object
}

fn config_map(data: Value) -> Value {
    json!({ "data": data })
}

fn pod_template(containers: Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": containers } } } })
}
