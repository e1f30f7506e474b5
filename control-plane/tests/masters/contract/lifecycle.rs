//! Each kind of the table goes the whole way over REST on a real master: created, read, listed, tabled, watched, changed, its parts read and
//! written, deleted, and deleted with others.

use http_body_util::BodyExt;
use serde_json::{Value, json};
use xebec_api::{Kind, Subresource, kinds};

use super::faces::{Reply, Rest};
use crate::support::{TIMEOUT, eventually};

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");

/// One good object of each kind that is stored, as the kinds' own tests have it, but with no owner: one that is not there would have it
/// collected.
fn objects() -> Vec<(&'static Kind, Value)> {
    let all = include_str!("../../../../api/tests/api/kinds.yaml").split("\n---\n");
    all.map(|text| {
        let mut object = xebec_api::decode::yaml(text.as_bytes()).unwrap();
        object["metadata"].as_object_mut().unwrap().remove("ownerReferences");
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        (kinds::find_api_version(version, kind).unwrap(), object)
    })
    .collect()
}

/// Plays all of it; returns how many requests that were.
pub(super) async fn play(rest: &Rest) -> usize {
    let mut played = 0;
    for (kind, object) in objects() {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let mut trip = Trip { rest, kind, uri: format!("{}/{name}", collection(kind)), name, played: 0 };
        trip.go(&object).await;
        played += trip.played;
    }
    played + parts(rest).await + reviews(rest).await
}

fn collection(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "api".to_owned() } else { format!("apis/{}", kind.group) };
    let namespace = if kind.is_namespaced() { "/namespaces/default" } else { "" };
    format!("/{root}/{}{namespace}/{}", kind.version, kind.plural)
}

/// One object's way.
struct Trip<'a> {
    rest: &'a Rest,
    kind: &'static Kind,
    uri: String,
    name: String,
    played: usize,
}

impl Trip<'_> {
    async fn go(&mut self, object: &Value) {
        // What a kind before this one brought with it has to go first: a definition brings an APIService.
        self.gone().await;
        let start = self.call("GET", &collection(self.kind), &[], "").await;
        let start = start["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let created = self.created(object).await;
        self.listed().await;
        self.changed(&created).await;
        self.statuses().await;
        self.scaled().await;
        self.deleted().await;
        self.watched(&start).await;
        if self.kind.allows("deletecollection") {
            self.created(object).await;
            let one = format!("{}?fieldSelector=metadata.name%3D{}", collection(self.kind), self.name);
            self.call("DELETE", &one, &[JSON], "").await;
            self.gone().await;
        }
    }

    async fn ask(&mut self, method: &str, uri: &str, headers: &[(&str, &str)], body: String) -> Reply {
        self.played += 1;
        self.rest.send(method, uri, headers, body).await
    }

    async fn call(&mut self, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let reply = self.ask(method, uri, headers, body.to_owned()).await;
        assert!((200..300).contains(&reply.code), "{:?}: {method} {uri}: {}", self.kind, reply.json());
        reply.json()
    }

    async fn created(&mut self, object: &Value) -> Value {
        let strict = format!("{}?fieldValidation=Strict", collection(self.kind));
        let created = self.call("POST", &strict, &[JSON], &object.to_string()).await;
        assert_eq!(created["apiVersion"], self.kind.api_version());
        let read = self.call("GET", &self.uri.clone(), &[], "").await;
        assert_eq!(read["metadata"]["uid"], created["metadata"]["uid"], "{:?}", self.kind);
        created
    }

    async fn listed(&mut self) {
        let list = self.call("GET", &collection(self.kind), &[], "").await;
        assert_eq!(
            (&list["kind"], &list["apiVersion"]),
            (&json!(self.kind.list_kind()), &json!(self.kind.api_version()))
        );
        let own = |item: &&Value| item["metadata"]["name"] == self.name.as_str();
        let found = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(own)
            .unwrap_or_else(|| panic!("{:?} is not in its list", self.kind));
        assert_eq!(found["apiVersion"], self.kind.api_version());
        let table = self.call("GET", &collection(self.kind), &[TABLE], "").await;
        let (columns, rows) = (table["columnDefinitions"].as_array().unwrap(), table["rows"].as_array().unwrap());
        let all = |row: &Value| row["cells"].as_array().is_some_and(|cells| cells.len() == columns.len());
        assert!(!rows.is_empty() && rows.iter().all(all), "{:?}: {table}", self.kind);
    }

    async fn changed(&mut self, created: &Value) {
        let updated = self.updated("", |object| object["metadata"]["labels"]["checked"] = json!("yes")).await;
        assert_eq!(updated["metadata"]["labels"]["checked"], "yes");
        assert_ne!(updated["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);
        let patch = json!({"metadata": {"annotations": {"note": "x"}}}).to_string();
        let patched = self.call("PATCH", &self.uri.clone(), &[MERGE], &patch).await;
        assert_eq!(patched["metadata"]["annotations"]["note"], "x");
        for key in created.as_object().unwrap().keys().filter(|key| !["metadata", "status"].contains(&key.as_str())) {
            assert!(holds(&patched[key], &created[key]), "{:?}: {key} of {created} became {patched}", self.kind);
        }
    }

    /// Replaces the object, or a part of it, by what `edit` makes of it; again when a controller was quicker.
    async fn updated(&mut self, part: &str, edit: impl Fn(&mut Value)) -> Value {
        let uri = format!("{}{part}", self.uri);
        for _ in 0..20 {
            let mut object = self.call("GET", &uri, &[], "").await;
            edit(&mut object);
            let reply = self.ask("PUT", &uri, &[JSON], object.to_string()).await;
            match reply.code {
                200 => return reply.json(),
                409 => continue,
                other => panic!("{:?}: PUT {uri}: {other} {}", self.kind, reply.json()),
            }
        }
        panic!("{:?}: somebody else is always quicker", self.kind);
    }

    async fn statuses(&mut self) {
        if !self.kind.has(Subresource::Status) {
            return;
        }
        let uri = format!("{}/status", self.uri);
        let status = self.updated("/status", |_| {}).await;
        assert_eq!(status["metadata"]["name"], self.name.as_str());
        let patched = self.call("PATCH", &uri, &[MERGE], "{}").await;
        assert_eq!(patched["metadata"]["uid"], status["metadata"]["uid"]);
    }

    async fn scaled(&mut self) {
        if !self.kind.has(Subresource::Scale) {
            return;
        }
        let scale = self.updated("/scale", |scale| scale["spec"]["replicas"] = json!(2)).await;
        assert_eq!((&scale["kind"], &scale["spec"]["replicas"]), (&json!("Scale"), &json!(2)));
        let none = json!({"spec": {"replicas": 0}}).to_string();
        let scale = self.call("PATCH", &format!("{}/scale", self.uri), &[MERGE], &none).await;
        assert_eq!(scale["spec"]["replicas"], 0);
    }

    async fn deleted(&mut self) {
        self.call("DELETE", &self.uri.clone(), &[JSON], "").await;
        self.gone().await;
    }

    /// At once, or when a controller has taken its finalizer away.
    async fn gone(&mut self) {
        let (rest, uri) = (self.rest, self.uri.as_str());
        eventually("it is gone", async || (rest.get(uri).await.code == 404).then_some(())).await;
    }

    /// What a watch from before the object's time shows of it.
    async fn watched(&mut self, start: &str) {
        self.played += 1;
        let uri = format!("{}?watch=1&resourceVersion={start}", collection(self.kind));
        let mut body = self.rest.open("GET", &uri, &[], "").await.into_body();
        let (mut text, mut seen) = (String::new(), Vec::new());
        while seen.last().is_none_or(|change| change != "DELETED") {
            let frame = tokio::time::timeout(TIMEOUT, body.frame()).await;
            let frame = frame.expect("the watch shows it in time").expect("the watch goes on").unwrap();
            text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            while let Some((line, rest)) = text.split_once('\n') {
                let event: Value = serde_json::from_str(line).unwrap();
                let is_own = event["object"]["metadata"]["name"] == self.name.as_str();
                seen.extend(is_own.then(|| event["type"].as_str().unwrap().to_owned()));
                text = rest.to_owned();
            }
        }
        assert_eq!((seen[0].as_str(), seen[1].as_str()), ("ADDED", "MODIFIED"), "{:?}: {seen:?}", self.kind);
    }
}

/// Whether a value has all of another. Controllers may have added to it.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| holds(whole, part)))
        }
        _ => whole == part,
    }
}

/// What only some kinds have: parts that are written by themselves.
async fn parts(rest: &Rest) -> usize {
    let of = |kind: &str| objects().into_iter().find(|(found, _)| found.kind == kind).unwrap();
    let mut played = 0;
    for (kind, parts) in [
        ("Pod", &["ephemeralcontainers", "resize"][..]),
        ("CertificateSigningRequest", &["approval"]),
        ("Namespace", &["finalize"]),
        ("ServiceAccount", &["token"]),
    ] {
        let (kind, object) = of(kind);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let mut trip = Trip { rest, kind, uri: format!("{}/{name}", collection(kind)), name, played: 0 };
        trip.created(&object).await;
        for part in parts {
            trip.part(part).await;
        }
        trip.deleted().await;
        played += trip.played;
    }
    played + bound_and_evicted(rest, of("Pod")).await
}

impl Trip<'_> {
    async fn part(&mut self, part: &str) {
        let uri = format!("{}/{part}", self.uri);
        match part {
            "token" => {
                let token = self.call("POST", &uri, &[JSON], r#"{"spec": {"audiences": ["vault"]}}"#).await;
                assert_eq!(token["status"]["token"].as_str().unwrap().split('.').count(), 3);
            }
            "finalize" => {
                let object = self.call("GET", &self.uri.clone(), &[], "").await;
                let finalized = self.call("PUT", &uri, &[JSON], &object.to_string()).await;
                assert_eq!(finalized["spec"]["finalizers"], object["spec"]["finalizers"]);
            }
            _ => {
                let whole = self.updated(&format!("/{part}"), |_| {}).await;
                let patched = self.call("PATCH", &uri, &[MERGE], "{}").await;
                assert_eq!(patched["metadata"]["uid"], whole["metadata"]["uid"]);
            }
        }
    }
}

async fn bound_and_evicted(rest: &Rest, (kind, pod): (&'static Kind, Value)) -> usize {
    let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
    let mut trip = Trip { rest, kind, uri: format!("{}/{name}", collection(kind)), name, played: 0 };
    trip.created(&pod).await;
    let binding = json!({"target": {"kind": "Node", "name": "n1"}}).to_string();
    trip.call("POST", &format!("{}/binding", trip.uri), &[JSON], &binding).await;
    let eviction = json!({"metadata": {"name": trip.name}, "deleteOptions": {"gracePeriodSeconds": 0}}).to_string();
    trip.call("POST", &format!("{}/eviction", trip.uri), &[JSON], &eviction).await;
    trip.gone().await;
    trip.played
}

/// Kinds that are answers and never kept.
async fn reviews(rest: &Rest) -> usize {
    let attributes = json!({"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}});
    let mut of_jane = attributes.clone();
    of_jane["user"] = json!("jane");
    let cases = [
        ("authentication.k8s.io/v1/selfsubjectreviews", json!({}), "/status/userInfo/username"),
        ("authentication.k8s.io/v1/tokenreviews", json!({"token": "x"}), "/status/error"),
        ("authorization.k8s.io/v1/selfsubjectaccessreviews", attributes, "/status/allowed"),
        ("authorization.k8s.io/v1/selfsubjectrulesreviews", json!({"namespace": "default"}), "/status/resourceRules"),
        ("authorization.k8s.io/v1/subjectaccessreviews", of_jane.clone(), "/status/allowed"),
        ("authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews", of_jane, "/status/allowed"),
    ];
    for (path, spec, answer) in &cases {
        let reply = rest.send("POST", &format!("/apis/{path}"), &[JSON], json!({"spec": spec}).to_string()).await;
        assert_eq!(reply.code, 201, "{path}: {}", reply.json());
        assert!(reply.json().pointer(answer).is_some(), "{path}: {}", reply.json());
    }
    cases.len()
}
