//! Bodies and manifests, good and hostile.

use serde_json::json;
use xebec_api::{decode, schema};

use crate::{kind, yaml};

#[test]
fn json_and_yaml_say_the_same() {
    let expect =
        json!({ "kind": "Pod", "metadata": { "name": "a" }, "n": 1, "f": 1.5, "t": true, "z": null, "s": "1" });
    let text = "kind: Pod\nmetadata: {name: a}\nn: 1\nf: 1.5\nt: true\nz: null\ns: \"1\"\n";
    assert_eq!(decode::json_or_yaml(text.as_bytes()).unwrap(), expect);
    assert_eq!(decode::json_or_yaml(expect.to_string().as_bytes()).unwrap(), expect);
    assert_eq!(decode::json_or_yaml(b"{kind: Pod}").unwrap(), json!({ "kind": "Pod" }));
}

#[test]
fn hostile_bodies_are_refused() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &(b'b'..b'k')
            .map(|c| format!("{0}: &{0} [{1}]\n", c as char, vec![format!("*{}", (c - 1) as char); 9].join(",")))
            .collect::<String>();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(decode::MAX_BYTES));
    for (body, code) in [
        ("{\"a\":1,\"a\":2}", 400),
        ("a: 1\na: 2\n", 400),
        (&deep, 400),
        (&bomb, 400),
        (&long, 413),
        ("", 400),
        ("{", 400),
        ("\u{0}", 400),
        ("a: 1\n---\nb: 2\n", 400),
    ] {
        let status = decode::json_or_yaml(body.as_bytes()).unwrap_err();
        assert_eq!(status.code, code, "{}", &body[..body.len().min(40)]);
        assert!(!status.message.is_empty());
    }
    assert_eq!(decode::json_or_yaml(&[0xff, 0xfe]).unwrap_err().code, 400);
}

/// Regression: a YAML body of 128 levels overflowed the stack of a 2 MiB thread, which ends the whole process.
#[test]
fn deep_yaml_does_not_overflow_the_stack() {
    let flow = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let block = |n: usize| (0..n).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    let text = block(decode::MAX_YAML_DEPTH);
    assert!(decode::yaml(text.as_bytes()).is_ok());
    for text in [flow(decode::MAX_YAML_DEPTH + 1), flow(100_000), block(decode::MAX_YAML_DEPTH + 2), block(1000)] {
        assert_eq!(decode::yaml(text.as_bytes()).unwrap_err().code, 400);
    }
    assert_eq!(decode::json(flow(100_000).as_bytes()).unwrap_err().code, 400);
}

/// Regression: a `defaultMode: 0644` must be the file mode 420, not the number 644.
#[test]
fn yaml_is_read_as_kubernetes_manifests_are_written() {
    let expect =
        json!({ "mode": 420, "new": 420, "hex": 255, "yes": true, "off": false, "text": "0644", "date": "2030-01-01" });
    let text = "mode: 0644\nnew: 0o644\nhex: 0xff\n'yes': yes\n'off': off\ntext: '0644'\ndate: 2030-01-01\n";
    assert_eq!(decode::yaml(text.as_bytes()).unwrap(), expect);
    let text = "base: &base {a: 1, b: 2}\nmerged: {<<: *base, b: 3}\nmulti: |\n  x\n  y\nempty:\n1: one\n";
    let expect = json!({ "base": { "a": 1, "b": 2 }, "merged": { "a": 1, "b": 3 }, "multi": "x\ny\n", "empty": null, "1": "one" });
    assert_eq!(decode::yaml(text.as_bytes()).unwrap(), expect);
}

#[test]
fn a_duplicate_is_named() {
    let status = decode::json(br#"{"spec":{"replicas":1,"replicas":2}}"#).unwrap_err();
    assert!(status.message.contains("duplicate field \"replicas\""), "{status}");
}

#[test]
fn a_lenient_reader_notes_duplicates_and_takes_the_last() {
    let text = br#"{"spec":{"replicas":1,"list":[{"a":1},{"a":1,"b":{},"a":2}],"replicas":2}}"#;
    let lenient = decode::lenient_json(text).unwrap();
    assert_eq!(lenient.value, json!({ "spec": { "replicas": 2, "list": [{ "a": 1 }, { "a": 2, "b": {} }] } }));
    assert_eq!(
        schema::complaints(&lenient.duplicates, &[]),
        ["duplicate field \"spec.list[1].a\"", "duplicate field \"spec.replicas\""]
    );
    assert!(decode::lenient_json(b"{} {}").is_err());
    let many = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(1000));
    assert_eq!(decode::lenient_json(many.as_bytes()).unwrap().duplicates.len(), decode::MAX_DUPLICATES);
}

#[test]
fn manifests_hold_many_objects() {
    let text = "---\nkind: A\n---\n# nothing here\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n...\n";
    let kinds: Vec<_> = decode::manifests(text.as_bytes()).unwrap().iter().map(|m| m["kind"].clone()).collect();
    assert_eq!(kinds, ["A", "B", "C"]);
    assert_eq!(decode::manifests(br#"{"kind":"A"}"#).unwrap().len(), 1);
    assert!(decode::manifests(b"").unwrap().is_empty());
}

#[test]
fn unknown_fields_are_found_named_and_pruned() {
    let mut object = yaml(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, colour: red}\nspec:\n  replica: 3\n  selector: {}\n  template:\n    spec:\n      containers:\n      - {name: c, a/b: 1, resources: {limits: {cpu: 1}}}\n",
    );
    let unknown = kind("deploy").check_schema(&object).unwrap();
    let message = schema::strict_error(&unknown).to_string();
    assert_eq!(
        message,
        "strict decoding error: unknown field \"metadata.colour\", unknown field \"spec.replica\", \
         unknown field \"spec.template.spec.containers[0].a/b\""
    );
    schema::prune(&mut object, &unknown);
    assert_eq!(kind("deploy").check_schema(&object).unwrap(), []);
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["name"], "c");
}

#[test]
fn a_wrong_type_is_refused_with_its_path() {
    let object = yaml("apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: three, template: {}, selector: {}}\n");
    let status = kind("deploy").check_schema(&object).unwrap_err();
    assert_eq!(status.code, 400);
    assert_eq!(
        status.message,
        "Deployment in version \"v1\" cannot be handled as a Deployment: spec.replicas: invalid type: string \"three\", expected i32"
    );
}

#[test]
fn words_find_kinds() {
    for (word, expect) in [
        ("po", "Pod"),
        ("PODS", "Pod"),
        ("Deployment", "Deployment"),
        ("deployments.apps", "Deployment"),
        ("deploy.v1.apps", "Deployment"),
    ] {
        assert_eq!(kind(word).kind, expect, "{word}");
    }
    assert!(xebec_api::resolve("pods.apps").is_none() && xebec_api::resolve("").is_none());
    assert_eq!(xebec_api::find("apps", "v1", "replicasets").map(|k| k.kind), Some("ReplicaSet"));
    assert_eq!(xebec_api::find("", "v2", "pods"), None);
}
