//! What only HTTP can say: media types, forms, compression, discovery, odd spellings.

use std::io::Read;

use serde_json::{Value, json};

use super::faces::{Reply, Rest};

const MAPS: &str = "/api/v1/namespaces/encodings/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const DISCOVERY_BETA: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
const GNOSTIC: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const OLD_GNOSTIC: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// Counts what it checks.
struct Checks<'a> {
    rest: &'a Rest,
    played: usize,
}

impl Checks<'_> {
    async fn check(
        &mut self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
        expect: u16,
    ) -> Reply {
        let reply = self.rest.send(method, path, headers, body.to_owned()).await;
        self.played += 1;
        assert_eq!(reply.code, expect, "{method} {path} {headers:?}: {}", String::from_utf8_lossy(&reply.body));
        if expect >= 400 {
            assert_eq!(reply.json()["kind"], "Status", "{method} {path}");
        }
        reply
    }

    async fn read(&mut self, path: &str, accept: &str, expect: u16) -> Reply {
        self.check(("GET", path), &[("accept", accept)], "", expect).await
    }

    async fn write(&mut self, content_type: &str, body: &str, expect: u16) -> Reply {
        self.check(("POST", MAPS), &[("content-type", content_type)], body, expect).await
    }
}

pub(super) async fn play(rest: &Rest) -> usize {
    let mut checks = Checks { rest, played: 0 };
    let namespace = json!({"metadata": {"name": "encodings"}}).to_string();
    checks.check(("POST", "/api/v1/namespaces"), &[("content-type", "application/json")], &namespace, 201).await;
    bodies(&mut checks).await;
    forms(&mut checks).await;
    acceptable(&mut checks).await;
    compression(&mut checks).await;
    discovery(&mut checks).await;
    aggregated_discovery(&mut checks).await;
    openapi(&mut checks).await;
    spellings(&mut checks).await;
    checks.played
}

async fn bodies(checks: &mut Checks<'_>) {
    let json = r#"{"metadata":{"name":"json"},"data":{"k":"v"}}"#;
    checks.write("application/json", json, 201).await;
    checks.write("application/json; charset=utf-8", &json.replace("json\"", "charset\""), 201).await;
    checks.write("application/yaml", "metadata: {name: yaml}\ndata: {k: v}\n", 201).await;
    checks.write("", "metadata: {name: untyped}\n", 201).await;
    checks.write("application/cbor", "x", 415).await;
    checks.write("text/plain", json, 415).await;
    checks.write("application/json", "{", 400).await;
    checks.write("application/json", "", 400).await;
    checks.write("application/json", r#"{"metadata":{"name":"trail"}} {}"#, 400).await;
    checks.write("application/yaml", "a: [", 400).await;
    checks.write("application/yaml", "metadata: {name: one}\n---\nmetadata: {name: two}\n", 400).await;
    checks.write("application/vnd.kubernetes.protobuf", "no protobuf", 400).await;
    checks.write("application/vnd.kubernetes.protobuf", "k8s\0", 400).await;
    let patch = ("PATCH", "/api/v1/namespaces/encodings/configmaps/json");
    checks.check(patch, &[("content-type", "application/json")], "{}", 415).await;
    checks.check(patch, &[("content-type", "application/merge-patch+json")], "{", 400).await;
    let warned = checks.write("application/json", r#"{"metadata":{"name":"warned"},"dta":{},"data":{}}"#, 201).await;
    assert!(warned.headers["warning"].to_str().unwrap().contains("unknown field"));
    let twice = r#"{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}"#;
    let strict = ("POST", "/api/v1/namespaces/encodings/configmaps?fieldValidation=Strict");
    checks.check(strict, &[("content-type", "application/json")], twice, 400).await;
}

async fn forms(checks: &mut Checks<'_>) {
    let one = "/api/v1/namespaces/encodings/configmaps/json";
    let table = checks.read(MAPS, TABLE, 200).await.json();
    assert_eq!(
        (&table["kind"], &table["rows"][0]["object"]["kind"]),
        (&json!("Table"), &json!("PartialObjectMetadata"))
    );
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
    let whole = checks.read(&format!("{MAPS}?includeObject=Object"), TABLE, 200).await.json();
    assert_eq!(whole["rows"][0]["object"]["kind"], "ConfigMap");
    let none = checks.read(&format!("{MAPS}?includeObject=None"), TABLE, 200).await.json();
    assert_eq!(none["rows"][0].get("object"), None);
    checks.read(&format!("{MAPS}?includeObject=Some"), TABLE, 400).await;
    assert_eq!(checks.read(one, TABLE, 200).await.json()["rows"].as_array().unwrap().len(), 1);
    let list = checks.read(MAPS, PARTIAL_LIST, 200).await.json();
    assert_eq!((&list["kind"], list["items"][0].get("data")), (&json!("PartialObjectMetadataList"), None));
    assert_eq!(checks.read(one, PARTIAL, 200).await.json()["kind"], "PartialObjectMetadata");
}

async fn acceptable(checks: &mut Checks<'_>) {
    let one = "/api/v1/namespaces/encodings/configmaps/json";
    checks.read(one, "text/html", 406).await;
    checks.read(one, "application/json;as=Chair;v=v1;g=meta.k8s.io", 406).await;
    checks.read(one, "application/json;as=Table;v=v9;g=meta.k8s.io", 406).await;
    checks.read(one, "application/vnd.kubernetes.protobuf,application/json", 200).await;
    checks.read(one, "application/vnd.kubernetes.protobuf, */*", 200).await;
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}).to_string();
    let reviews = ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    let json = ("content-type", "application/json");
    checks.check(reviews, &[json, ("accept", TABLE)], &review, 406).await;
    checks.check(reviews, &[json], &review, 201).await;
    let pretty = checks.read(&format!("{one}?pretty=true"), "application/json", 200).await;
    assert!(pretty.body.starts_with(b"{\n  \""));
}

/// 160 KiB of one object is worth compressing, a small one is not.
async fn compression(checks: &mut Checks<'_>) {
    let large = json!({"metadata": {"name": "large"}, "data": {"k": "x".repeat(160 * 1024)}}).to_string();
    checks.write("application/json", &large, 201).await;
    for path in [MAPS, "/api/v1/namespaces/encodings/configmaps/large"] {
        let packed = checks.check(("GET", path), &[("accept-encoding", "gzip")], "", 200).await;
        assert_eq!(packed.headers["content-encoding"], "gzip", "{path}");
        assert!(packed.body.len() < 20 * 1024, "{path}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).unwrap();
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{path}");
        let plain = checks.check(("GET", path), &[], "", 200).await;
        assert_eq!(plain.headers.get("content-encoding"), None);
    }
    let small = ("GET", "/api/v1/namespaces/encodings/configmaps/json");
    let small = checks.check(small, &[("accept-encoding", "gzip")], "", 200).await;
    assert_eq!(small.headers.get("content-encoding"), None);
}

async fn discovery(checks: &mut Checks<'_>) {
    for (place, kind) in [("/api", "APIVersions"), ("/apis", "APIGroupList"), ("/apis/apps", "APIGroup")] {
        assert_eq!(checks.read(place, "application/json", 200).await.json()["kind"], kind);
    }
    for place in ["/api/v1", "/apis/apps/v1"] {
        let list = checks.read(place, "application/json", 200).await.json();
        assert_eq!(list["kind"], "APIResourceList");
        assert!(list["resources"].as_array().unwrap().iter().all(|resource| !resource["verbs"].is_null()));
    }
    for place in ["/apis/none", "/apis/none/v1", "/api/v9"] {
        checks.read(place, "application/json", 404).await;
    }
    checks.check(("POST", "/apis"), &[], "", 405).await;
    for (path, text) in [("/livez", "ok"), ("/readyz", "ok")] {
        assert_eq!(checks.read(path, "*/*", 200).await.body, text);
    }
    assert_eq!(checks.read("/version", "*/*", 200).await.json()["minor"], "35");
}

async fn aggregated_discovery(checks: &mut Checks<'_>) {
    for accept in [DISCOVERY, DISCOVERY_BETA] {
        for place in ["/api", "/apis"] {
            let reply = checks.read(place, &format!("{accept},application/json"), 200).await;
            assert_eq!(reply.headers["content-type"], accept);
            assert_eq!(reply.json()["kind"], "APIGroupDiscoveryList");
            assert!(reply.headers.get_all("vary").iter().any(|value| value == "Accept"));
            let tag = format!("\"other\", {}", reply.headers["etag"].to_str().unwrap());
            let unchanged = checks.check(("GET", place), &[("accept", accept), ("if-none-match", &tag)], "", 304).await;
            assert!(unchanged.body.is_empty() && unchanged.headers.get("content-type").is_none());
        }
    }
}

async fn openapi(checks: &mut Checks<'_>) {
    let index = checks.read("/openapi/v3", "application/json", 200).await.json();
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    let document = checks.read(&url, "application/json", 200).await;
    let tag = document.headers["etag"].to_str().unwrap().to_owned();
    assert!(document.json()["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"].is_object());
    checks.check(("GET", &url), &[("if-none-match", &tag)], "", 304).await;
    checks.read("/openapi/v3/apis/none/v1", "application/json", 404).await;
    let whole = checks.read("/openapi/v2", "application/json", 200).await.json();
    assert!(whole["definitions"]["io.k8s.api.core.v1.Pod"]["properties"]["spec"].is_object());
    for accept in [GNOSTIC, OLD_GNOSTIC] {
        let reply = checks.read("/openapi/v2", accept, 200).await;
        assert_eq!(reply.headers["content-type"], GNOSTIC);
        assert!(reply.body.starts_with(b"\x0a\x032.0\x12"));
    }
    checks.read("/openapi/v2", "text/html", 406).await;
}

async fn spellings(checks: &mut Checks<'_>) {
    let queries = [
        ("limit=many", 422),
        ("limit=-1", 422),
        ("resourceVersion=x", 422),
        ("watch=1&sendInitialEvents=true", 422),
        ("watch=1&resourceVersionMatch=Exact&resourceVersion=1", 422),
        ("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", 422),
        ("watch=1&timeoutSeconds=soon", 422),
        ("watch=1&labelSelector=%21%21", 400),
        ("a=%zz", 400),
    ];
    for (query, expect) in queries {
        checks.read(&format!("{MAPS}?{query}"), "application/json", expect).await;
    }
    for query in ["dryRun=Some", "fieldValidation=Loudly"] {
        let path = format!("{MAPS}?{query}");
        checks.check(("POST", &path), &[("content-type", "application/json")], "{}", 422).await;
    }
    let paths = [
        ("/api/v1/namespaces/encodings/configmaps/", 200),
        ("/api/v1/namespaces/encodings/configmaps/..", 400),
        ("/api/v1/namespaces/encodings/configmaps/%2e%2e", 400),
        ("/api/v1/namespaces/encodings/configmaps/%2E%2E/secrets", 400),
        ("/api/v1/namespaces/encodings%2Fconfigmaps/json", 400),
        ("/api/v1/namespaces/encodings//configmaps", 400),
        ("/api/v1/namespaces/encodings/configmaps/%00", 400),
        ("/api/v1/namespaces/encodings/configmaps/%ff", 400),
        ("/api/v1/namespaces/encodings/configmaps/a%5cb", 400),
        ("//api/v1/configmaps", 400),
        ("/api/v1/./configmaps", 400),
        ("/api/v1/namespaces/encodings/nodes/x", 404),
        ("/api/v1/configmaps/json", 404),
        ("/apis//v1/configmaps", 400),
        ("/nothing/here", 404),
    ];
    for (path, expect) in paths {
        checks.read(path, "application/json", expect).await;
    }
    for (method, path) in [("PUT", MAPS), ("PATCH", MAPS), ("POST", "/api/v1/configmaps"), ("POST", "/api/v1/nodes/x")]
    {
        checks.check((method, path), &[("content-type", "application/json")], "{}", 405).await;
    }
}
