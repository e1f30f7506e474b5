//! ConversionReview: what a conversion webhook is sent, and what its answer means. Plain functions of JSON.

use serde_json::{Value, json};
use xebec_api::value;

const GROUP: &str = "apiextensions.k8s.io";

/// The review in `version` that asks for these objects in the API version `wanted`.
pub(super) fn request(objects: &[Value], wanted: &str, version: &str, uid: &str) -> Value {
    json!({
        "kind": "ConversionReview", "apiVersion": format!("{GROUP}/{version}"),
        "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": objects},
    })
}

/// The converted objects of an answer, in the order in which they were sent; an error says what is wrong with it.
///
/// A webhook may change whatever it likes but what an object is: of the metadata only labels and annotations are taken from it.
pub(super) fn converted(
    sent: &[Value],
    answer: &Value,
    wanted: &str,
    version: &str,
    uid: &str,
) -> Result<Vec<Value>, String> {
    let word = |pointer: &str| value::text(answer, pointer).unwrap_or_default();
    let expected = format!("{GROUP}/{version}");
    if (word("/apiVersion"), word("/kind")) != (expected.as_str(), "ConversionReview") {
        let found = format!("{}, Kind={}", word("/apiVersion"), word("/kind"));
        return Err(format!("expected {expected}, Kind=ConversionReview, got {found}"));
    }
    if answer.get("response").is_none_or(|response| !response.is_object()) {
        return Err("no response provided".to_owned());
    }
    if word("/response/uid") != uid {
        return Err(format!("expected response.uid=\"{uid}\", got \"{}\"", word("/response/uid")));
    }
    if word("/response/result/status") != "Success" {
        let why = word("/response/result/message");
        return Err(if why.is_empty() { "response.result.status was not Success".to_owned() } else { why.to_owned() });
    }
    let objects = value::list(answer, "/response/convertedObjects");
    if objects.len() != sent.len() {
        return Err(format!("expected {} converted objects, got {}", sent.len(), objects.len()));
    }
    sent.iter().zip(objects).enumerate().map(|(index, (sent, object))| one(sent, object, wanted, index)).collect()
}

fn one(sent: &Value, object: &Value, wanted: &str, index: usize) -> Result<Value, String> {
    let same = |pointer: &str| value::text(sent, pointer) == value::text(object, pointer);
    if value::text(object, "/apiVersion") != Some(wanted) {
        let found = value::text(object, "/apiVersion").unwrap_or_default();
        return Err(format!(
            "invalid converted object at index {index}: expected apiVersion {wanted:?}, got {found:?}"
        ));
    }
    for (pointer, field) in [
        ("/kind", "kind"),
        ("/metadata/name", "metadata.name"),
        ("/metadata/namespace", "metadata.namespace"),
        ("/metadata/uid", "metadata.uid"),
    ] {
        if !same(pointer) {
            return Err(format!("invalid converted object at index {index}: {field} must stay as it is"));
        }
    }
    let mut out = object.clone();
    let mut metadata = sent.get("metadata").cloned().unwrap_or_else(|| json!({}));
    for field in ["labels", "annotations"] {
        let Some(all) = metadata.as_object_mut() else { continue };
        match object.pointer(&format!("/metadata/{field}")) {
            Some(said) if said.is_object() => drop(all.insert(field.to_owned(), said.clone())),
            Some(said) if !said.is_null() => return Err(format!("metadata.{field} must be an object, got {said}")),
            _ => drop(all.remove(field)),
        }
    }
    out["metadata"] = metadata;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "u-1";

    fn cart(version: &str, size: &Value) -> Value {
        json!({"apiVersion": format!("shop.example/{version}"), "kind": "Cart", "spec": {"size": size},
            "metadata": {"name": "a", "namespace": "web", "uid": "x", "finalizers": ["keep"], "labels": {"l": "1"}}})
    }

    fn answer(objects: &[Value]) -> Value {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
            "response": {"uid": UID, "result": {"status": "Success"}, "convertedObjects": objects}})
    }

    fn read(answer: &Value) -> Result<Vec<Value>, String> {
        converted(&[cart("v1", &json!(1))], answer, "shop.example/v2", "v1", UID)
    }

    #[test]
    fn a_conversion_changes_all_but_what_an_object_is() {
        let mut good = cart("v2", &json!("one"));
        good["metadata"]["labels"]["l"] = json!("2");
        good["metadata"]["finalizers"] = json!([]);
        let out = read(&answer(&[good])).unwrap();
        assert_eq!(out[0]["spec"]["size"], "one");
        assert_eq!(out[0]["metadata"]["labels"]["l"], "2");
        assert_eq!(
            out[0]["metadata"]["finalizers"],
            json!(["keep"]),
            "of the metadata only labels and annotations count"
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_is_told_why() {
        let mut other_name = cart("v2", &json!("one"));
        other_name["metadata"]["name"] = json!("b");
        let mut other_uid = answer(&[cart("v2", &json!("one"))]);
        other_uid["response"]["uid"] = json!("u-2");
        let mut failed = answer(&[]);
        failed["response"]["result"] = json!({"status": "Failure", "message": "no such size"});
        for (answer, why) in [
            (answer(&[]), "expected 1 converted objects, got 0"),
            (answer(&[cart("v1", &json!(1))]), "expected apiVersion \"shop.example/v2\""),
            (answer(&[other_name]), "metadata.name must stay"),
            (other_uid, "expected response.uid=\"u-1\", got \"u-2\""),
            (failed, "no such size"),
            (json!({"kind": "List"}), "expected apiextensions.k8s.io/v1"),
        ] {
            let told = read(&answer).unwrap_err();
            assert!(told.contains(why), "{told:?} does not say {why:?}");
        }
    }
}
