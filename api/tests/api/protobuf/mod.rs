//! Protobuf bodies become the JSON that the same client would have written.

mod encoder;

use proptest::prelude::*;
use serde_json::{Value, json};
use xebec_api::{protobuf, schema};

use crate::schema::full;

fn decoded(bytes: &[u8]) -> Value {
    protobuf::decode(bytes).expect("a good body")
}

#[test]
fn every_kind_goes_there_and_back() {
    let schema = schema::builtin();
    for (id, of) in schema.types().filter(|(_, of)| of.resource.is_some()) {
        let depth = if of.short_name() == "CustomResourceDefinition" { 6 } else { 8 };
        let mut object = full(schema, id, depth);
        // An object within an object is written without its kind.
        for place in ["/spec/volumeClaimTemplates/0", "/deleteOptions", "/groups/0"] {
            if let Some(inner) = object.pointer_mut(place).and_then(Value::as_object_mut) {
                inner.retain(|key, _| key != "apiVersion" && key != "kind");
            }
        }
        let back = decoded(&encoder::body(&object));
        assert!(back == object, "{}: {:#?}", of.name, json_patch::diff(&object, &back));
    }
}

#[test]
fn zeros_of_plain_fields_are_fields_not_set() {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "", "generation": 0, "uid": ""},
        "spec": {
            "replicas": 0, "paused": false, "minReadySeconds": 0, "selector": {},
            "template": {"metadata": {}, "spec": {
                "containers": [{"name": "c", "image": "", "tty": false, "securityContext": {"privileged": false}}],
                "runtimeClassName": "", "terminationGracePeriodSeconds": 0,
            }},
        },
        "status": {"replicas": 0},
    });
    let expected = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 0, "selector": {},
            "template": {"metadata": {}, "spec": {
                "containers": [{"name": "c", "securityContext": {"privileged": false}}],
                "runtimeClassName": "", "terminationGracePeriodSeconds": 0,
            }},
        },
        "status": {},
    });
    assert_eq!(decoded(&encoder::body(&object)), expected);
}

#[test]
fn options_and_unions_are_read() {
    let raw = [b"\x08\x00".as_slice(), b"\x22\x0aBackground".as_slice()].concat();
    let options = decoded(&encoder::envelope("apps/v1", "DeleteOptions", &raw));
    let expected = json!({
        "apiVersion": "apps/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "propagationPolicy": "Background",
    });
    assert_eq!(options, expected);
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "web"}, {"port": 82, "targetPort": 0}]},
    });
    let ports = json!([{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "web"}, {"port": 82}]);
    assert_eq!(decoded(&encoder::body(&service))["spec"]["ports"], ports);
}

#[test]
fn what_go_writes_around_it_does_no_harm() {
    // A time that is not set is an empty message; one field is newer than the schema; a message comes in two pieces.
    let meta: &[u8] = b"\x0a\x01a\x42\x00\xfa\x3f\x01x";
    let more: &[u8] = b"\x1a\x02ns";
    let mut raw = vec![0x0a, u8::try_from(meta.len()).unwrap()];
    raw.extend(meta);
    raw.extend([0x0a, u8::try_from(more.len()).unwrap()]);
    raw.extend(more);
    let object = decoded(&encoder::envelope("v1", "ConfigMap", &raw));
    assert_eq!(object["metadata"], json!({"name": "a", "namespace": "ns"}));
}

#[test]
fn malformed_bodies_are_refused() {
    let deep = (0..500).fold(Vec::new(), |inner: Vec<u8>, _| {
        // JSONSchemaProps { not: { not: … } }
        let mut out = vec![0xe2, 0x01];
        let mut length = inner.len();
        while length >= 0x80 {
            out.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend(inner);
        out
    });
    let in_schema = |inner: &[u8]| {
        let wrap = |tag: u8, inner: Vec<u8>| {
            let mut out = vec![tag << 3 | 2];
            let length = inner.len();
            out.extend([(length & 0x7f) as u8 | 0x80, (length >> 7 & 0x7f) as u8 | 0x80, (length >> 14) as u8]);
            out.extend(inner);
            out
        };
        wrap(2, wrap(7, wrap(4, wrap(1, inner.to_vec()))))
    };
    let crd = encoder::envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", &in_schema(&deep));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"{}".to_vec(), "magic bytes"),
        (b"k8s\0\x0a\x7f".to_vec(), "ends too early"),
        (b"k8s\0".to_vec(), "there is no kind \"\""),
        (encoder::envelope("v1", "Widget", b""), "there is no kind \"Widget\" in version \"v1\""),
        (encoder::envelope("v1", "Pod", b"\x08\x01"), "wire type 0"),
        (encoder::envelope("v1", "Pod", b"\x0b"), "wire type 3"),
        (encoder::envelope("v1", "Pod", b"\x00\x01"), "number"),
        (encoder::envelope("v1", "Pod", b"\x0a\x03\x0a\x01\xff"), "not UTF-8"),
        (encoder::envelope("v1", "Pod", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "longer than ten bytes"),
        (crd, "nested deeper"),
    ];
    for (body, expected) in cases {
        let status = protobuf::decode(&body).expect_err(expected);
        assert_eq!(status.code, 400);
        assert!(status.message.contains(expected), "{expected}: {}", status.message);
    }
    assert_eq!(protobuf::decode(&vec![0; 4 << 20]).expect_err("too large").code, 413);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let kinds = ["Pod", "Service", "Secret", "Event"];
        for kind in kinds {
            drop(protobuf::decode(&encoder::envelope("v1", kind, &raw)));
        }
        drop(protobuf::decode(&raw));
    }

    #[test]
    fn no_damage_makes_it_panic(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let schema = schema::builtin();
        let id = schema.of_kind("apps", "v1", "Deployment").expect("a kind");
        let mut body = encoder::body(&full(schema, id, 6));
        let at = at.index(body.len());
        body[at] = byte;
        drop(protobuf::decode(&body));
        body.truncate(cut.index(body.len()));
        drop(protobuf::decode(&body));
    }
}
