//! The operations of a document: for each kind its collection, its objects and their subresources.

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{group_version_kind, place};
use crate::kinds::{Kind, Subresource, Verb};
use crate::patch::PatchKind;

/// Adds the paths of a kind.
pub(super) fn add(paths: &mut Map<String, Value>, kind: &Kind, schemas: &mut Schemas) {
    let root = format!("/{}", place(kind.group, kind.version));
    let namespace = if kind.is_namespaced() { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{root}{namespace}/{}", kind.plural);
    let object = format!("{collection}/{{name}}");
    let Some(body) = schemas.of(kind) else { return };
    let mut writer = Writer { kind, schemas };
    if kind.is_namespaced() {
        let everywhere = Map::from_iter(writer.list("ForAllNamespaces"));
        paths.insert(format!("{root}/{}", kind.plural), everywhere.into());
    }
    paths.insert(collection, with_parameters(writer.collection(&body), kind.is_namespaced(), false));
    for subresource in kind.subresources {
        let path = format!("{object}/{}", subresource.as_str());
        if let Some(operations) = writer.subresource(*subresource) {
            paths.insert(path, with_parameters(operations, kind.is_namespaced(), true));
        }
    }
    if kind.is_stored() {
        paths.insert(object, with_parameters(writer.object(&body), kind.is_namespaced(), true));
    }
}

struct Writer<'a> {
    kind: &'a Kind,
    schemas: &'a mut Schemas,
}

/// Method and operation.
type Operation = (String, Value);

impl Writer<'_> {
    fn list(&mut self, suffix: &str) -> Option<Operation> {
        let answer = self.can(Verb::List).then(|| self.schemas.list(self.kind)).flatten()?;
        Some(("get".into(), self.operation("list", suffix, &answer, &[])))
    }

    fn collection(&mut self, body: &Value) -> Map<String, Value> {
        let mut out = Map::from_iter(self.list(""));
        if self.can(Verb::Create) {
            out.insert("post".into(), self.operation("post", "", body, WRITES));
        }
        if let Some(status) = self.status_of(Verb::DeleteCollection) {
            out.insert("delete".into(), self.operation("deletecollection", "", &status, &[]));
        }
        out
    }

    /// What that verb answers, if the kind has it.
    fn status_of(&mut self, verb: Verb) -> Option<Value> {
        self.can(verb).then(|| self.schemas.meta("Status")).flatten()
    }

    fn object(&mut self, body: &Value) -> Map<String, Value> {
        let mut out = self.read_and_change("", body);
        if let Some(status) = self.status_of(Verb::Delete) {
            let mut delete = self.operation("delete", "", &status, &[]);
            if let Some(options) = self.schemas.meta("DeleteOptions") {
                delete["requestBody"] = json!({"content": {"application/json": {"schema": options}}});
            }
            out.insert("delete".into(), delete);
        }
        out
    }

    fn read_and_change(&mut self, suffix: &str, body: &Value) -> Map<String, Value> {
        let patches = &PatchKind::MEDIA_TYPES[..];
        // Without merge keys in the schema clients must not make strategic patches.
        let patches = if self.kind.merges_strategically() { patches } else { &patches[..2] };
        let operations = [(Verb::Get, "get", &[][..]), (Verb::Update, "put", WRITES), (Verb::Patch, "patch", patches)];
        let served = operations.into_iter().filter(|(verb, ..)| self.can(*verb));
        served.map(|(_, method, bodies)| (method.to_owned(), self.operation(method, suffix, body, bodies))).collect()
    }

    fn subresource(&mut self, subresource: Subresource) -> Option<Map<String, Value>> {
        let kind = self.kind;
        match subresource {
            Subresource::Status => {
                let body = self.schemas.of(kind)?;
                Some(self.read_and_change("Status", &body))
            }
            Subresource::Approval | Subresource::Finalize | Subresource::EphemeralContainers | Subresource::Resize => {
                let body = self.schemas.of(kind)?;
                let suffix = capital(subresource.as_str());
                Some(self.read_and_change(&suffix, &body))
            }
            Subresource::Scale => {
                let body = self.schemas.kind("autoscaling", "v1", "Scale")?;
                Some(self.read_and_change("Scale", &body))
            }
            Subresource::Binding => self.action(("", "Binding")),
            Subresource::Eviction => self.action(("policy", "Eviction")),
            _ => None,
        }
    }

    /// A subresource that things are posted to.
    fn action(&mut self, (group, name): (&str, &str)) -> Option<Map<String, Value>> {
        let body = self.schemas.kind(group, "v1", name)?;
        let mut post = self.operation("post", name, &body, WRITES);
        post["x-kubernetes-group-version-kind"] = json!({"group": group, "version": "v1", "kind": name});
        Some(Map::from_iter([("post".to_owned(), post)]))
    }

    fn can(&self, verb: Verb) -> bool {
        self.kind.verbs.contains(&verb)
    }

    fn operation(&self, action: &str, suffix: &str, answer: &Value, bodies: &[&str]) -> Value {
        let shape = json!({"schema": answer});
        let mut out = json!({
            "operationId": format!("{action}{}{suffix}", operation_name(self.kind)),
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": group_version_kind(self.kind),
            "responses": {"200": {"description": "OK", "content": {"application/json": shape}}},
        });
        if !bodies.is_empty() {
            let patch = json!({"schema": {"type": "object"}});
            let shape = if action == "patch" { &patch } else { &shape };
            let content: Map<String, Value> = bodies.iter().map(|media| ((*media).to_owned(), shape.clone())).collect();
            out["requestBody"] = json!({"content": content, "required": true});
            out["parameters"] = json!(["dryRun", "fieldManager", "fieldValidation"].map(query_parameter));
        }
        out
    }
}

const WRITES: &[&str] = &["application/json", "application/yaml", crate::protobuf::MEDIA_TYPE];

/// `CoreV1NamespacedPod`, `AppsV1NamespacedDeployment`.
fn operation_name(kind: &Kind) -> String {
    let group = kind.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
    let scope = if kind.is_namespaced() { "Namespaced" } else { "" };
    format!("{}{}{scope}{}", capital(group), capital(kind.version), kind.kind)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn with_parameters(mut operations: Map<String, Value>, namespaced: bool, named: bool) -> Value {
    let names = [("name", named), ("namespace", namespaced)];
    let parameters: Vec<Value> =
        names.iter().filter(|(_, there)| *there).map(|(name, _)| path_parameter(name)).collect();
    if !parameters.is_empty() {
        operations.insert("parameters".into(), parameters.into());
    }
    operations.into()
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}})
}

fn query_parameter(name: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
}
