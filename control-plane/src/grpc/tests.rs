//! The service, called as the listener calls it.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use tonic::{Code, Request};
use xebec_api::Subresource;
use xebec_proto::v1::objects_server::Objects;
use xebec_proto::v1::{self, Representation, watch_event::Type};

use super::*;
use crate::registry::testing::{Fixture, target};
use crate::rest::tests::EchoNode;

fn service(fixture: &Fixture) -> ObjectsService {
    ObjectsService { registry: fixture.registry.clone(), streams: Arc::new(EchoNode) }
}

fn by<T>(user: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Arc::new(User::new(user, [])));
    request
}

fn on(group: &str, resource: &str, name: &str) -> Option<v1::Target> {
    Some(v1::Target {
        group: group.into(),
        version: "v1".into(),
        resource: resource.into(),
        namespace: "default".into(),
        name: name.into(),
        subresource: String::new(),
    })
}

fn create(resource: &str, body: &Value) -> Request<v1::CreateRequest> {
    by("jane", v1::CreateRequest { target: on("", resource, ""), json: Bytes::from(body.to_string()), options: None })
}

fn status(refused: &tonic::Status) -> Value {
    serde_json::from_slice(xebec_proto::status::details_json(refused).unwrap()).unwrap()
}

#[tokio::test]
async fn a_configuration_is_applied() {
    let f = Fixture::new().await;
    let s = service(&f);
    let apply = |manager: &str, data: &Value, force: bool| {
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        let options = v1::WriteOptions { field_manager: manager.into(), ..Default::default() };
        let request = v1::PatchRequest {
            target: on("", "configmaps", "a"),
            r#type: v1::patch_request::Type::Apply.into(),
            patch: Bytes::from(config.to_string()),
            options: Some(options),
            force,
        };
        by("jane", request)
    };
    s.patch(apply("one", &json!({"k": "v"}), false)).await.unwrap();
    let refused = s.patch(apply("two", &json!({"k": "w"}), false)).await.unwrap_err();
    assert_eq!(
        (refused.code(), &status(&refused)["details"]["causes"][0]["field"]),
        (Code::Aborted, &json!(".data.k"))
    );
    let nobody = s.patch(apply("", &json!({"k": "w"}), true)).await.unwrap_err();
    assert_eq!((nobody.code(), &status(&nobody)["code"]), (Code::InvalidArgument, &json!(422)));
    let forced = s.patch(apply("two", &json!({"k": "w"}), true)).await.unwrap().into_inner();
    let object: Value = serde_json::from_slice(&forced.json).unwrap();
    assert_eq!((&object["data"]["k"], object["metadata"]["managedFields"].as_array().unwrap().len()), (&json!("w"), 1));
    let mut merge = apply("two", &json!({}), true);
    merge.get_mut().r#type = v1::patch_request::Type::Merge.into();
    assert_eq!(s.patch(merge).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_object_lives_from_create_to_delete() {
    let f = Fixture::new().await;
    let s = service(&f);
    let created = s
        .create(create("configmaps", &json!({"metadata": {"name": "a"}, "data": {"k": "v"}})))
        .await
        .unwrap()
        .into_inner();
    let mut body: Value = serde_json::from_slice(&created.json).unwrap();
    assert_eq!(body["metadata"]["resourceVersion"], created.revision.to_string());
    body["data"]["k"] = json!("w");
    let update =
        v1::UpdateRequest { target: on("", "configmaps", "a"), json: Bytes::from(body.to_string()), options: None };
    s.update(by("jane", update.clone())).await.unwrap();
    let stale = s.update(by("jane", update)).await.unwrap_err();
    assert_eq!((stale.code(), &status(&stale)["reason"]), (Code::Aborted, &json!("Conflict")));
    let patch = v1::PatchRequest {
        target: on("", "configmaps", "a"),
        r#type: v1::patch_request::Type::Merge.into(),
        patch: Bytes::from(r#"{"data":{"m":"1"}}"#),
        ..Default::default()
    };
    s.patch(by("jane", patch)).await.unwrap();
    let get = v1::GetRequest {
        target: on("", "configmaps", "a"),
        representation: Representation::Table.into(),
        ..Default::default()
    };
    let table: Value =
        serde_json::from_slice(&s.get(by("jane", get.clone())).await.unwrap().into_inner().json).unwrap();
    assert_eq!((&table["kind"], &table["rows"][0]["cells"][1]), (&json!("Table"), &json!(2)), "{table}");
    let delete = v1::DeleteRequest { target: on("", "configmaps", "a"), options_json: Bytes::new() };
    let gone: Value = serde_json::from_slice(&s.delete(by("jane", delete)).await.unwrap().into_inner().json).unwrap();
    assert_eq!(gone["status"], "Success");
    assert_eq!(s.get(by("jane", get)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn every_refusal_carries_its_status_and_stores_nothing() {
    let f = Fixture::new().await;
    let s = service(&f);
    let before = f.cache.revision();
    let cases = [
        ("widgets", json!({}), 404, "NotFound", ""),
        ("configmaps", json!({"metadata": {"name": "Not_A_Label"}}), 422, "Invalid", "metadata.name"),
        ("configmaps", json!([]), 400, "BadRequest", ""),
        ("configmaps", json!({"metadata": {"name": "a"}, "dta": {}}), 400, "BadRequest", ""),
        ("pods", json!({"metadata": {"name": "a"}, "spec": {}}), 422, "Invalid", "spec.containers"),
        ("pods", json!({"metadata": {"name": "a"}, "spec": {"containers": 7}}), 400, "BadRequest", ""),
    ];
    for (resource, body, code, reason, field) in cases {
        let refused = s.create(create(resource, &body)).await.unwrap_err();
        let status = status(&refused);
        assert_eq!((&status["code"], &status["reason"]), (&json!(code), &json!(reason)), "{body}: {status}");
        let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
        assert!(field.is_empty() || causes.iter().any(|cause| cause["field"] == field), "{status}");
    }
    let malformed =
        v1::CreateRequest { target: on("", "configmaps", ""), json: Bytes::from_static(b"a: ["), options: None };
    assert_eq!(s.create(by("jane", malformed)).await.unwrap_err().code(), Code::InvalidArgument);
    let list = v1::ListRequest { target: on("", "configmaps", ""), ..Default::default() };
    assert_eq!(s.list(Request::new(list.clone())).await.err().unwrap().code(), Code::Unauthenticated);
    assert_eq!(s.list(by("nobody", list)).await.err().unwrap().code(), Code::PermissionDenied);
    assert_eq!(f.cache.revision(), before);
}

#[tokio::test]
async fn lists_and_watches_stream() {
    let f = Fixture::new().await;
    let s = service(&f);
    let empty = v1::ListRequest { target: on("", "configmaps", ""), ..Default::default() };
    let chunks: Vec<_> = s.list(by("jane", empty.clone())).await.unwrap().into_inner().collect().await;
    assert_eq!(chunks.len(), 1);
    let large = "x".repeat(400_000);
    for name in ["a", "b", "c"] {
        f.config_map(name, &large).await.unwrap();
    }
    let chunks: Vec<_> = s.list(by("jane", empty)).await.unwrap().into_inner().collect().await;
    assert_eq!(chunks.iter().map(|chunk| chunk.as_ref().unwrap().items.len()).collect::<Vec<_>>(), [2, 1]);
    let watch = v1::WatchRequest { target: on("", "configmaps", ""), send_initial_events: true, ..Default::default() };
    let mut events = s.watch(by("jane", watch)).await.unwrap().into_inner();
    f.config_map("d", "x").await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 5 {
        seen.push(events.next().await.unwrap().unwrap().r#type());
    }
    assert_eq!(seen, [Type::Added, Type::Added, Type::Added, Type::Bookmark, Type::Added]);
}

#[tokio::test]
async fn logs_and_commands_come_from_the_node() {
    let f = Fixture::new().await;
    let s = service(&f);
    s.create(create(
        "pods",
        &json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app", "image": "i"}]}}),
    ))
    .await
    .unwrap();
    let bind = target("pods", Some("default"), "p").subresource(Subresource::Binding);
    f.create(&bind, json!({"target": {"kind": "Node", "name": "n1"}})).await.unwrap();
    let logs = v1::LogsRequest { namespace: "default".into(), pod: "p".into(), ..Default::default() };
    let chunks: Vec<_> = s.logs(by("jane", logs)).await.unwrap().into_inner().collect().await;
    assert_eq!(chunks[0].as_ref().unwrap().data, "app on n1\n");

    let input = |input| Ok(v1::ExecInput { input: Some(input) });
    let open = v1::ExecOpen {
        namespace: "default".into(),
        pod: "p".into(),
        command: vec!["cat".into()],
        stdin: true,
        ..Default::default()
    };
    let inputs = vec![
        input(v1::exec_input::Input::Open(open)),
        input(v1::exec_input::Input::Stdin(Bytes::from_static(b"hello"))),
        input(v1::exec_input::Input::StdinClosed(true)),
    ];
    let cx = context(&by("jane", ())).unwrap();
    let outputs = s.run(&cx, Box::pin(futures::stream::iter(inputs))).await.unwrap();
    let outputs: Vec<_> = outputs.map(|output| output.unwrap().output.unwrap()).collect().await;
    let expected = [
        v1::exec_output::Output::Stdout(Bytes::from_static(b"app on n1\n")),
        v1::exec_output::Output::Stdout(Bytes::from_static(b"hello")),
        v1::exec_output::Output::ExitCode(3),
    ];
    assert_eq!(outputs, expected);

    let forward = |port: u32| {
        let open = v1::PortForwardOpen { namespace: "default".into(), pod: "p".into(), port };
        let open = v1::PortForwardInput { input: Some(v1::port_forward_input::Input::Open(open)) };
        s.forward(&cx, Box::pin(futures::stream::iter([Ok(open)])))
    };
    let chunks: Vec<_> = forward(80).await.unwrap().collect().await;
    assert_eq!(chunks[0].as_ref().unwrap().data, " on n1\n", "no container, and the right node");
    assert_eq!(forward(65_536).await.err().unwrap().code, 400);
}

#[tokio::test]
async fn the_cli_learns_the_kinds() {
    let f = Fixture::new().await;
    let kinds = service(&f).kinds(by("jane", v1::KindsRequest {})).await.unwrap().into_inner().kinds;
    assert!(kinds.iter().any(|kind| kind.plural == "deployments" && kind.group == "apps" && kind.namespaced));
}
