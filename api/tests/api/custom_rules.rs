//! Rules of custom kinds in CEL: judged with the definition, run with every write.

use serde_json::{Value, json};
use xebec_api::{Kind, custom};

use super::yaml;

/// A definition whose objects have this `spec`.
fn definition(spec: &str) -> Value {
    let mut definition = yaml(
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: carts.shop.example},
          spec: {group: shop.example, scope: Namespaced, names: {plural: carts, singular: cart, kind: Cart, listKind: CartList},
                 versions: [{name: v1, served: true, storage: true,
                             schema: {openAPIV3Schema: {type: object, properties: {spec: null}}}}]}}",
    );
    *definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec").expect("there") = yaml(spec);
    definition
}

fn kind(spec: &str) -> &'static Kind {
    let definition = definition(spec);
    let errors = custom::check(&definition);
    assert!(errors.is_empty(), "{errors}");
    custom::rows(&definition).expect("there is room").expect("rows").stored
}

fn cart(spec: &Value) -> Value {
    let metadata =
        json!({"name": "c", "namespace": "default", "uid": "1", "creationTimestamp": "2030-01-01T00:00:00Z"});
    json!({"apiVersion": "shop.example/v1", "kind": "Cart", "metadata": metadata, "spec": spec})
}

fn created(kind: &Kind, spec: Value) -> String {
    kind.validate_create(&cart(&spec)).to_string()
}

fn updated(kind: &Kind, old: Value, new: Value) -> String {
    kind.validate_update(&cart(&new), &cart(&old)).to_string()
}

/// What is wrong with a definition, each error's path without what all have in common, and text.
fn refusals(spec: &str) -> Vec<String> {
    let common = "spec.versions[0].schema.openAPIV3Schema.properties[spec].";
    let errors = custom::check(&definition(spec));
    errors.iter().map(|error| error.to_string().replace(common, "")).collect()
}

const NONE: &str = "[]";

#[test]
fn a_rule_holds_at_every_level() {
    let kind = kind(
        "{type: object,
          x-kubernetes-validations: [{rule: 'self.minReplicas <= self.replicas', message: too few replicas}],
          properties: {
            minReplicas: {type: integer}, replicas: {type: integer, x-kubernetes-validations: [{rule: self < 10}]},
            names: {type: array, items: {type: string, x-kubernetes-validations: [{rule: 'self.startsWith(\"a\")'}]}},
            limits: {type: object, additionalProperties: {x-kubernetes-int-or-string: true,
                x-kubernetes-validations: [{rule: 'type(self) == int ? self > 0 : isQuantity(self)'}]}},
            at: {type: string, format: date-time, x-kubernetes-validations: [{rule: 'self.getFullYear() > 2000'}]}}}",
    );
    let good = json!({"minReplicas": 1, "replicas": 2, "names": ["ab"], "limits": {"a": 1, "b": "1Gi"}, "at": "2030-01-01T00:00:00Z"});
    assert_eq!(created(kind, good), NONE);
    let few = json!({"minReplicas": 3, "replicas": 2});
    assert_eq!(created(kind, few), "spec: Invalid value: \"object\": too few replicas");
    let bad = json!({"minReplicas": 1, "replicas": 12, "names": ["ab", "b"], "limits": {"a": "x"}, "at": "1999-01-01T00:00:00Z"});
    assert_eq!(
        created(kind, bad),
        "[spec.at: Invalid value: \"string\": failed rule: self.getFullYear() > 2000, \
         spec.limits.a: Invalid value: \"string\": failed rule: type(self) == int ? self > 0 : isQuantity(self), \
         spec.names[1]: Invalid value: \"string\": failed rule: self.startsWith(\"a\"), \
         spec.replicas: Invalid value: \"integer\": failed rule: self < 10]"
    );
    assert_eq!(
        created(kind, json!({"replicas": 1})),
        "spec: Invalid value: \"object\": no such key: minReplicas evaluating rule: too few replicas"
    );
}

#[test]
fn rules_are_not_run_over_what_the_schema_refuses() {
    let kind = kind("{type: object, properties: {n: {type: integer, x-kubernetes-validations: [{rule: self > 0}]}}}");
    let refused = created(kind, json!({"n": "x"}));
    assert!(refused.contains("spec.n in body must be of type integer"), "{refused}");
    assert!(refused.contains("some validation rules were not checked because the object was invalid"), "{refused}");
}

#[test]
fn a_rule_says_what_its_author_says_where_and_why() {
    let kind = kind(
        "{type: object, properties: {n: {type: integer}, names: {type: array, items: {type: string}}},
          x-kubernetes-validations: [
            {rule: self.n < 5, messageExpression: '\"n is \" + string(self.n)', reason: FieldValueForbidden, fieldPath: .n},
            {rule: size(self.names) < 2, messageExpression: 'self.names[7]', message: too many names, reason: FieldValueDuplicate, fieldPath: .names},
            {rule: 'self.n > 0', message: must be there, reason: FieldValueRequired, fieldPath: .n}]}",
    );
    let refused = created(kind, json!({"n": 7, "names": ["a", "b"]}));
    assert_eq!(
        refused,
        "[spec.n: Forbidden: n is 7, spec.names: Duplicate value: {\"n\":7,\"names\":[\"a\",\"b\"]}: too many names]"
    );
    assert_eq!(created(kind, json!({"n": 0, "names": []})), "spec.n: Required value: must be there");
}

#[test]
fn a_transition_rule_compares_with_what_was() {
    let kind = kind(
        "{type: object, properties: {
            color: {type: string, x-kubernetes-validations: [{rule: self == oldSelf, message: is immutable}]},
            size: {type: integer, x-kubernetes-validations: [
              {rule: '!oldSelf.hasValue() || self >= oldSelf.value()', message: may only grow, optionalOldSelf: true},
              {rule: 'oldSelf.hasValue() || self == 1', message: begins with one, optionalOldSelf: true}]},
            parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name],
              items: {type: object, required: [name], properties: {name: {type: string},
                count: {type: integer, x-kubernetes-validations: [{rule: self >= oldSelf, message: may not shrink}]}}}},
            tags: {type: object, additionalProperties: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}}}}",
    );
    let part = |name: &str, count: i64| json!({"name": name, "count": count});
    let old = json!({"color": "red", "size": 1, "parts": [part("a", 1), part("b", 2)], "tags": {"x": "1"}});
    assert_eq!(created(kind, old.clone()), NONE);
    assert_eq!(created(kind, json!({"size": 2})), "spec.size: Invalid value: \"integer\": begins with one");
    let good = json!({"color": "red", "size": 3, "parts": [part("b", 3), part("c", 0), part("a", 1)], "tags": {"x": "1", "y": "2"}});
    assert_eq!(updated(kind, old.clone(), good), NONE);
    let bad = json!({"color": "blue", "size": 0, "parts": [part("b", 1)], "tags": {"x": "2"}});
    assert_eq!(
        updated(kind, old, bad),
        "[spec.color: Invalid value: \"string\": is immutable, \
         spec.parts[0].count: Invalid value: \"integer\": may not shrink, \
         spec.size: Invalid value: \"integer\": may only grow, \
         spec.tags.x: Invalid value: \"string\": failed rule: self == oldSelf]"
    );
    assert_eq!(updated(kind, json!({}), json!({"color": "red", "size": 1})), NONE);
}

#[test]
fn what_was_wrong_before_may_stay_as_it_is() {
    let kind = kind(
        "{type: object, properties: {n: {type: integer, x-kubernetes-validations: [{rule: self > 5}]}, m: {type: integer}}}",
    );
    assert_eq!(updated(kind, json!({"n": 1}), json!({"n": 1, "m": 2})), NONE);
    let changed = updated(kind, json!({"n": 1}), json!({"n": 2}));
    assert_eq!(changed, "spec.n: Invalid value: \"integer\": failed rule: self > 5");
}

#[test]
fn names_that_are_no_identifiers_are_escaped() {
    let kind = kind(
        "{type: object, properties: {foo-bar: {type: integer}, namespace: {type: string}, x: {type: string, nullable: true}},
          x-kubernetes-validations: [{rule: 'self.foo__dash__bar > 0 && self.__namespace__ != \"\"'},
                                     {rule: '!has(self.x) || self.x == null || self.x.size() > 1'}]}",
    );
    assert_eq!(created(kind, json!({"foo-bar": 1, "namespace": "a", "x": null})), NONE);
    assert!(created(kind, json!({"foo-bar": 0, "namespace": "a"})).contains("failed rule"));
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_the_definition() {
    let rule = |rule: &str| {
        format!("{{type: object, properties: {{n: {{type: integer}}}}, x-kubernetes-validations: [{rule}]}}")
    };
    let table = [
        (
            "{rule: 'self.m > 1'}",
            "x-kubernetes-validations[0].rule: Invalid value: \"self.m > 1\": compilation failed: ERROR: <input>:1:5: undefined field 'm'\n | self.m > 1\n | ....^",
        ),
        (
            "{rule: self.n}",
            "x-kubernetes-validations[0].rule: Invalid value: \"self.n\": compilation failed: ERROR: <input>:1:1: must evaluate to bool, not int\n | self.n\n | ^",
        ),
        ("{rule: ' '}", "x-kubernetes-validations[0].rule: Required value: rule is not specified"),
        (
            "{rule: 'true', reason: Bad}",
            "x-kubernetes-validations[0].reason: Unsupported value: \"Bad\": supported values: \"FieldValueInvalid\", \"FieldValueForbidden\", \"FieldValueRequired\", \"FieldValueDuplicate\"",
        ),
        (
            "{rule: 'true', fieldPath: .m}",
            "x-kubernetes-validations[0].fieldPath: Invalid value: \".m\": must name a field of the schema, such as .spec.replicas",
        ),
        (
            "{rule: 'true', message: \"a\\nb\"}",
            "x-kubernetes-validations[0].message: Invalid value: \"a\\nb\": message must not contain line breaks",
        ),
        (
            "{rule: \"true\\n&& true\"}",
            "x-kubernetes-validations[0].message: Required value: message must be specified if rule contains line breaks",
        ),
        (
            "{rule: 'true', optionalOldSelf: true}",
            "x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
        ),
        (
            "{rule: 'true', messageExpression: '1'}",
            "x-kubernetes-validations[0].messageExpression: Invalid value: \"1\": compilation failed: ERROR: <input>:1:1: must evaluate to string, not int\n | 1\n | ^",
        ),
    ];
    for (bad, expected) in table {
        assert_eq!(refusals(&rule(bad)), [expected], "{bad}");
    }
    let within_a_set = refusals(
        "{type: object, properties: {l: {type: array, x-kubernetes-list-type: set, items: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}}}}",
    );
    assert_eq!(within_a_set.len(), 1);
    assert!(
        within_a_set[0].contains("oldSelf cannot be used on the uncorrelatable portion of the schema"),
        "{within_a_set:?}"
    );
}

#[test]
fn a_rule_that_may_cost_too_much_is_refused_until_its_lists_are_bounded() {
    let nested = |bound: &str| {
        format!(
            "{{type: object, properties: {{l: {{type: array {bound}, items: {{type: array {bound}, items: {{type: string,
               x-kubernetes-validations: [{{rule: 'self != \"\"'}}]}}}}}}}}}}"
        )
    };
    assert!(
        refusals(&nested(""))
            .iter()
            .any(|error| error.contains("estimated rule cost exceeds budget by factor of more than 100x"))
    );
    assert_eq!(refusals(&nested(", maxItems: 100")), [""; 0]);
    let pairs = |bound: &str| {
        format!(
            "{{type: object, x-kubernetes-validations: [{{rule: 'self.l.all(x, self.l.exists(y, x == y))'}}],
               properties: {{l: {{type: array {bound}, items: {{type: string}}}}}}}}"
        )
    };
    assert!(refusals(&pairs(""))[0].contains("rule: Forbidden: estimated rule cost exceeds budget"));
    assert_eq!(refusals(&pairs(", maxItems: 500")), [""; 0]);
}

#[test]
fn an_object_that_needs_too_much_work_is_refused() {
    let kind = kind(
        "{type: object, properties: {l: {type: array, maxItems: 1000, items: {type: string, maxLength: 100000}}},
          x-kubernetes-validations: [{rule: 'self.l.all(x, !self.l.exists(y, x.contains(y + \"z\")))'}]}",
    );
    let long: Vec<String> = (0..300).map(|index| format!("{index}{}", "a".repeat(1000))).collect();
    let refused = created(kind, json!({ "l": long }));
    assert!(refused.contains("call cost exceeds limit") || refused.contains("out of cost budget"), "{refused}");
}
