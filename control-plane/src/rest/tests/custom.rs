//! Kinds that a definition adds: served from the write on that defines them, like any other kind.

use serde_json::{Value, json};

use super::kubectl::Kubectl;
use super::*;

const JSON: (&str, &str) = ("content-type", "application/json");
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CARTS: &str = "/apis/shop.example/v1/namespaces/default/carts";

const CART: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.shop.example}
spec:
  group: shop.example
  scope: Namespaced
  names: {plural: carts, kind: Cart, shortNames: [ct], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.wheels, statusReplicasPath: .status.wheels, labelSelectorPath: .status.selector}
    selectableFields: [{jsonPath: .spec.color}]
    additionalPrinterColumns:
    - {name: Color, type: string, jsonPath: .spec.color, description: Of the frame.}
    - {name: Wheels, type: integer, jsonPath: .spec.wheels}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            description: What the cart shall be.
            required: [color]
            properties:
              color: {type: string, enum: [red, blue], description: The color of the frame.}
              wheels: {type: integer, minimum: 1, maximum: 8, default: 4}
              label: {type: string, pattern: '^[a-z]+$', maxLength: 5}
              port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
              note: {type: string, nullable: true}
              extra: {type: object, x-kubernetes-preserve-unknown-fields: true}
              labels: {type: object, additionalProperties: {type: string}}
              items:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, count: {type: integer, default: 1}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - name: v1beta1
    served: true
    storage: false
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
"#;

async fn define(app: &Router, definition: &str) -> (u16, Value) {
    call(app, "POST", DEFINITIONS, &[("content-type", "application/yaml")], definition.to_owned()).await
}

async fn shop() -> (Fixture, Router) {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let (code, definition) = define(&app, CART).await;
    assert_eq!(code, 201, "{definition}");
    (fixture, app)
}

fn cart(name: &str, spec: &Value) -> String {
    json!({"apiVersion": "shop.example/v1", "kind": "Cart", "metadata": {"name": name}, "spec": spec}).to_string()
}

#[tokio::test]
async fn a_definition_is_established_and_its_kind_is_discovered() {
    let (_fixture, app) = shop().await;
    let (_, definition) = call(&app, "GET", &format!("{DEFINITIONS}/carts.shop.example"), &[], "").await;
    let holds = |of: &str| xebec_api::conditions::is_true(&definition, of);
    assert!(holds("NamesAccepted") && holds("Established"), "{definition}");
    assert_eq!(definition["status"]["storedVersions"], json!(["v1"]));
    assert_eq!(definition["status"]["acceptedNames"]["listKind"], "CartList");

    let (_, group) = call(&app, "GET", "/apis/shop.example", &[], "").await;
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let (_, list) = call(&app, "GET", "/apis/shop.example/v1", &[], "").await;
    let names: Vec<&Value> = list["resources"].as_array().unwrap().iter().map(|kind| &kind["name"]).collect();
    assert_eq!(names, ["carts", "carts/status", "carts/scale"]);
    let aggregated = [("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")];
    let (_, all) = call(&app, "GET", "/apis", &aggregated, "").await;
    assert!(all.to_string().contains("\"resource\":\"carts\""), "{all}");
    let (_, openapi) = call(&app, "GET", "/openapi/v3/apis/shop.example/v1", &[], "").await;
    let schema = &openapi["components"]["schemas"]["example.shop.v1.Cart"];
    assert_eq!(schema["properties"]["spec"]["properties"]["color"]["description"], "The color of the frame.");
    assert!(!openapi["paths"].to_string().contains("strategic"));
}

#[tokio::test]
async fn objects_are_defaulted_pruned_and_validated_by_their_schema() {
    let (_fixture, app) = shop().await;
    let spec = json!({"color": "red", "note": null, "port": "http", "items": [{"name": "a"}], "extra": {"any": {"x": 1}}, "bad": 1});
    let (code, refused) =
        call(&app, "POST", &format!("{CARTS}?fieldValidation=Strict"), &[JSON], cart("c", &spec)).await;
    assert_eq!((code, &refused["message"]), (400, &json!("strict decoding error: unknown field \"spec.bad\"")));
    let (code, made) = call(&app, "POST", CARTS, &[JSON], cart("c", &spec)).await;
    assert_eq!(code, 201, "{made}");
    let expected = json!({"color": "red", "note": null, "port": "http", "items": [{"name": "a", "count": 1}], "extra": {"any": {"x": 1}}, "wheels": 4});
    assert_eq!(made["spec"], expected);
    assert_eq!(made["metadata"]["generation"], 1);

    let wrong = json!({"color": "green", "wheels": 0, "label": "TOOLONG", "port": 1.5, "labels": {"a": 1}, "items": [{"name": "a"}, {"name": "a"}, {}]});
    let (code, refused) = call(&app, "POST", CARTS, &[JSON], cart("d", &wrong)).await;
    assert_eq!((code, &refused["reason"]), (422, &json!("Invalid")));
    let causes: Vec<String> = refused["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| format!("{}: {}", cause["field"].as_str().unwrap(), cause["message"].as_str().unwrap()))
        .collect();
    expect_test::expect![[r#"
        spec.color: Unsupported value: "green": supported values: "red", "blue"
        spec.items[2].name: Required value
        spec.items[1]: Duplicate value: {"name":"a"}
        spec.label: Too long: may not be more than 5 bytes
        spec.label: Invalid value: "TOOLONG": spec.label in body should match '^[a-z]+$'
        spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"
        spec.port: Invalid value: "number": spec.port in body must be of type integer or string: "number"
        spec.wheels: Invalid value: 0: spec.wheels in body should be greater than or equal to 1"#]]
    .assert_eq(&causes.join("\n"));
    let (code, _) = call(&app, "POST", CARTS, &[JSON], json!({"metadata": {"name": "e"}}).to_string()).await;
    assert_eq!(code, 422);
}

#[tokio::test]
async fn parts_versions_selectors_and_tables_work() {
    let (_fixture, app) = shop().await;
    call(&app, "POST", CARTS, &[JSON], cart("r", &json!({"color": "red"}))).await;
    call(&app, "POST", CARTS, &[JSON], cart("b", &json!({"color": "blue"}))).await;

    let scale = format!("{CARTS}/r/scale");
    let (code, scaled) = call(&app, "PATCH", &scale, &[MERGE], r#"{"spec":{"replicas":6}}"#).await;
    assert_eq!((code, &scaled["spec"]["replicas"]), (200, &json!(6)), "{scaled}");
    let status = json!({"status": {"wheels": 6, "selector": "a=b", "conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"color": "blue"}});
    let (_, after) = call(&app, "PATCH", &format!("{CARTS}/r/status"), &[MERGE], status.to_string()).await;
    assert_eq!((&after["spec"]["color"], &after["metadata"]["generation"]), (&json!("red"), &json!(2)), "{after}");
    let (_, scaled) = call(&app, "GET", &scale, &[], "").await;
    assert_eq!(scaled["status"], json!({"replicas": 6, "selector": "a=b"}));

    let (_, reds) = call(&app, "GET", &format!("{CARTS}?fieldSelector=spec.color%3Dred"), &[], "").await;
    assert_eq!((&reds["kind"], reds["items"].as_array().unwrap().len()), (&json!("CartList"), 1));
    let (code, _) = call(&app, "GET", &format!("{CARTS}?fieldSelector=spec.wheels%3D4"), &[], "").await;
    assert_eq!(code, 400);
    let (_, table) = call(&app, "GET", CARTS, &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], "").await;
    let cells: Vec<&Value> = table["rows"].as_array().unwrap().iter().map(|row| &row["cells"]).collect();
    assert_eq!(cells, [&json!(["b", "blue", 4, null]), &json!(["r", "red", 6, "True"])]);

    let (_, old) = call(&app, "GET", &CARTS.replace("/v1/", "/v1beta1/"), &[], "").await;
    assert_eq!(old["items"][0]["apiVersion"], "shop.example/v1beta1");
    let other = format!("{}/r", CARTS.replace("/v1/", "/v1beta1/"));
    let (code, patched) = call(&app, "PATCH", &other, &[MERGE], r#"{"spec":{"label":"new"}}"#).await;
    assert_eq!((code, &patched["apiVersion"]), (200, &json!("shop.example/v1beta1")), "{patched}");
    let (_, now) = call(&app, "GET", &format!("{CARTS}/r"), &[], "").await;
    assert_eq!((&now["spec"]["label"], &now["apiVersion"]), (&json!("new"), &json!("shop.example/v1")));
}

#[tokio::test]
async fn appliers_own_keyed_items_and_strategic_patches_are_refused() {
    let (_fixture, app) = shop().await;
    let apply = |manager: &str, items: Value| {
        let body = cart("c", &json!({"color": "red", "items": items}));
        let (app, uri) = (app.clone(), format!("{CARTS}/c?fieldManager={manager}"));
        async move { call(&app, "PATCH", &uri, &[APPLY], body).await }
    };
    let (code, made) = apply("one", json!([{"name": "a", "count": 1}])).await;
    assert_eq!(code, 201, "{made}");
    let (_, both) = apply("two", json!([{"name": "b", "count": 2}])).await;
    assert_eq!(both["spec"]["items"], json!([{"name": "a", "count": 1}, {"name": "b", "count": 2}]));
    let (code, conflict) = apply("two", json!([{"name": "a", "count": 3}])).await;
    assert_eq!(code, 409, "{conflict}");
    let strategic = [("content-type", "application/strategic-merge-patch+json")];
    let (code, refused) = call(&app, "PATCH", &format!("{CARTS}/c"), &strategic, "{}").await;
    assert_eq!((code, &refused["reason"]), (415, &json!("UnsupportedMediaType")));
}

#[tokio::test]
async fn rules_hold_from_the_write_on_that_defines_them() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let rules = "x-kubernetes-validations: [{rule: 'self.color == oldSelf.color', message: a cart keeps its color}, {rule: '!has(self.label) || self.wheels > 2'}]";
    let (code, made) = define(&app, &CART.replace("description: What the cart shall be.", rules)).await;
    assert_eq!(code, 201, "{made}");
    let (code, refused) =
        call(&app, "POST", CARTS, &[JSON], cart("c", &json!({"color": "red", "label": "a", "wheels": 2}))).await;
    assert_eq!(code, 422, "{refused}");
    let cause = &refused["details"]["causes"][0];
    let expected = json!({"reason": "FieldValueInvalid", "field": "spec", "message": "Invalid value: \"object\": failed rule: !has(self.label) || self.wheels > 2"});
    assert_eq!(*cause, expected);
    let (code, made) = call(&app, "POST", CARTS, &[JSON], cart("c", &json!({"color": "red"}))).await;
    assert_eq!(code, 201, "{made}");
    let (code, refused) = call(&app, "PATCH", &format!("{CARTS}/c"), &[MERGE], r#"{"spec": {"color": "blue"}}"#).await;
    assert_eq!(code, 422, "{refused}");
    assert_eq!(
        refused["message"],
        "Cart.shop.example \"c\" is invalid: spec: Invalid value: \"object\": a cart keeps its color"
    );
    let (code, changed) = call(&app, "PATCH", &format!("{CARTS}/c"), &[MERGE], r#"{"spec": {"wheels": 6}}"#).await;
    assert_eq!(code, 200, "{changed}");
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_the_field() {
    let fixture = Fixture::new().await;
    let app = app(&fixture, "jane");
    let cases = [
        ("type: object\n        required: [spec]", "type: string", "spec.versions[0].schema.openAPIV3Schema.type"),
        (
            "color: {type: string,",
            "color: {",
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[color].type",
        ),
        (
            "default: 4",
            "default: 9",
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[wheels].default",
        ),
        ("'^[a-z]+$'", "'('", "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[label].pattern"),
        (
            "maxLength: 5",
            "x-kubernetes-validations: [{rule: 'self > 1'}]",
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[label].x-kubernetes-validations[0].rule",
        ),
        ("jsonPath: .spec.wheels", "jsonPath: spec", "spec.versions[0].additionalPrinterColumns[1].jsonPath"),
        (".spec.wheels, status", ".status.wheels, status", "spec.versions[0].subresources.scale.specReplicasPath"),
        (
            "  scope: Namespaced",
            "  scope: Namespaced\n  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: 'http://a.b'}}}",
            "spec.conversion.webhook.clientConfig.url",
        ),
    ];
    for (from, to, field) in cases {
        assert!(CART.contains(from), "{from}");
        let (code, refused) = define(&app, &CART.replace(from, to)).await;
        assert_eq!(code, 422, "{to}: {refused}");
        let causes = refused["details"]["causes"].as_array().unwrap();
        assert!(causes.iter().any(|cause| cause["field"] == field), "{to}: {refused}");
    }
}

#[tokio::test]
async fn a_second_kind_of_the_same_name_waits() {
    let (_fixture, app) = shop().await;
    let other = CART.replace("carts", "trolleys");
    let (code, made) = define(&app, &other).await;
    assert_eq!(code, 201, "{made}");
    let accepted = xebec_api::conditions::find(&made, "NamesAccepted").unwrap();
    assert_eq!((&accepted["status"], &accepted["reason"]), (&json!("False"), &json!("NamesConflict")));
    assert_eq!(call(&app, "GET", &CARTS.replace("carts", "trolleys"), &[], "").await.0, 404);
}

#[tokio::test]
async fn a_change_of_the_definition_ends_watches_and_shows_in_objects() {
    let (fixture, app) = shop().await;
    call(&app, "POST", CARTS, &[JSON], cart("c", &json!({"color": "red"}))).await;
    let kind = fixture.cache.catalogue().find("shop.example", "v1", "carts").unwrap();
    let mut events = fixture.cache.subscribe(kind, None, Some(fixture.cache.revision())).unwrap();
    let patch = json!([
        {"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/bell", "value": {"type": "boolean", "default": true}},
        {"op": "replace", "path": "/spec/versions/0/storage", "value": false},
        {"op": "replace", "path": "/spec/versions/1/storage", "value": true},
    ]);
    let (code, after) = call(
        &app,
        "PATCH",
        &format!("{DEFINITIONS}/carts.shop.example"),
        &[("content-type", "application/json-patch+json")],
        patch.to_string(),
    )
    .await;
    assert_eq!((code, &after["status"]["storedVersions"]), (200, &json!(["v1", "v1beta1"])), "{after}");
    assert!(events.next().await.is_err(), "readers of the old form are expired");
    let (_, found) = call(&app, "GET", &format!("{CARTS}/c"), &[], "").await;
    assert_eq!((&found["apiVersion"], &found["spec"]["bell"]), (&json!("shop.example/v1"), &json!(true)));
    let (code, gone) = call(&app, "DELETE", &format!("{CARTS}/c"), &[], "").await;
    assert_eq!(code, 200, "{gone}");
}

#[tokio::test]
async fn an_update_may_keep_what_was_wrong_before_a_schema_became_stricter() {
    let (_fixture, app) = shop().await;
    call(&app, "POST", CARTS, &[JSON], cart("c", &json!({"color": "red", "wheels": 8}))).await;
    let stricter = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/wheels/maximum", "value": 6}]);
    let json_patch = [("content-type", "application/json-patch+json")];
    let (code, _) =
        call(&app, "PATCH", &format!("{DEFINITIONS}/carts.shop.example"), &json_patch, stricter.to_string()).await;
    assert_eq!(code, 200);
    let uri = format!("{CARTS}/c");
    assert_eq!(call(&app, "PATCH", &uri, &[MERGE], r#"{"spec":{"color":"blue"}}"#).await.0, 200);
    assert_eq!(call(&app, "PATCH", &uri, &[MERGE], r#"{"spec":{"wheels":7}}"#).await.0, 422);
}

#[tokio::test]
async fn nothing_new_is_made_while_the_definition_goes() {
    let (_fixture, app) = shop().await;
    let uri = format!("{DEFINITIONS}/carts.shop.example");
    let (_, going) = call(&app, "DELETE", &uri, &[], "").await;
    assert_eq!(going["metadata"]["finalizers"], json!([xebec_api::custom::CLEANUP]), "{going}");
    let (code, refused) = call(&app, "POST", CARTS, &[JSON], cart("c", &json!({"color": "red"}))).await;
    assert_eq!(code, 405, "{refused}");
    let free = [("content-type", "application/merge-patch+json")];
    call(&app, "PATCH", &uri, &free, r#"{"metadata":{"finalizers":[]}}"#).await;
    assert_eq!(call(&app, "GET", CARTS, &[], "").await.0, 404);
    assert_eq!(call(&app, "GET", "/apis/shop.example", &[], "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_with_a_custom_kind() {
    let k = Kubectl::start().await;
    assert!(k.run("apply -f -", CART).await.contains("carts.shop.example created"));
    assert!(k.run("wait --for=condition=Established crd/carts.shop.example --timeout=5s", "").await.contains("met"));
    let red = cart("c", &json!({"color": "red"}));
    assert!(k.run("apply -f -", &red).await.contains("cart.shop.example/c created"));
    assert!(k.run("apply -f -", &red).await.contains("unchanged"));
    assert!(k.run("apply -f -", &red.replace("red", "blue")).await.contains("configured"));
    let table = k.run("get ct", "").await;
    assert!(table.contains("COLOR") && table.contains("blue"), "{table}");
    assert!(k.run("get all", "").await.contains("cart.shop.example/c"));
    assert!(k.run("explain cart.spec.color", "").await.contains("The color of the frame."));
    assert!(k.run("scale ct c --replicas=7", "").await.contains("scaled"));
    assert_eq!(k.run("get ct c -o jsonpath={.spec.wheels}", "").await, "7");
    assert!(k.run("patch ct c --type=merge -p {\"spec\":{\"color\":\"red\"}}", "").await.contains("patched"));
    assert!(k.run("label ct c a=b", "").await.contains("labeled"));
    assert!(k.run("apply --server-side --force-conflicts -f -", &red).await.contains("serverside-applied"));
    assert!(!k.attempt("apply -f -", &red.replace("color", "colour")).await.0);
    assert!(k.run("api-resources --api-group=shop.example", "").await.contains("ct"));
    assert!(k.run("delete ct c", "").await.contains("deleted"));
    assert!(k.run("delete crd carts.shop.example --wait=false", "").await.contains("deleted"));
}
