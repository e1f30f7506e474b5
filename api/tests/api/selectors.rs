//! Label and field selectors.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use xebec_api::{FieldSelector, LabelSelector};

use crate::kind;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn label_selectors_match_as_they_read() {
    let web = labels(&[("app", "web"), ("tier", "front"), ("cores", "8")]);
    let cases = [
        ("", true),
        ("app=web", true),
        ("app==web,tier=front", true),
        ("app!=web", false),
        ("missing!=x", true),
        ("app in (web, api)", true),
        ("app notin (web)", false),
        ("missing notin (x)", true),
        ("app", true),
        ("!app", false),
        ("!missing", true),
        ("missing=", false),
        ("cores>4", true),
        ("cores<4", false),
        ("app>1", false),
        ("app in (web),tier notin (back)", true),
        (" app = web ", true),
    ];
    for (text, expect) in cases {
        assert_eq!(LabelSelector::parse(text).unwrap().matches(&web), expect, "{text}");
    }
}

#[test]
fn malformed_label_selectors_are_refused_with_a_reason() {
    let cases = [
        ("a=b,", "found '', expected a label key"),
        ("=b", "found '=', expected a label key"),
        ("a in b", "found 'b', expected '('"),
        ("a in (b", "found '', expected ',' or ')'"),
        ("a b", "found 'b', expected one of =, ==, !=, in, notin, >, <"),
        ("a>x", "found 'x', expected an integer"),
        ("a=b=c", "found '=', expected ',' or the end"),
    ];
    for (text, expect) in cases {
        assert_eq!(LabelSelector::parse(text).unwrap_err().to_string(), expect, "{text}");
    }
    assert!(LabelSelector::parse("-a=b").is_err() && LabelSelector::parse("a=b/c").is_err());
}

#[test]
fn structured_selectors_become_text() {
    let selector = json!({
        "matchLabels": { "app": "web" },
        "matchExpressions": [
            { "key": "tier", "operator": "In", "values": ["b", "a"] },
            { "key": "old", "operator": "DoesNotExist" },
        ],
    });
    assert_eq!(LabelSelector::from_json(&selector).unwrap().to_string(), "app=web,tier in (a,b),!old");
    assert!(LabelSelector::from_json(&json!({})).unwrap().matches(&labels(&[])));
    assert!(!LabelSelector::from_json(&json!(null)).unwrap().matches(&labels(&[])));
    let wrong = json!({ "matchExpressions": [{ "key": "a", "operator": "Exists", "values": ["x"] }] });
    assert!(LabelSelector::from_json(&wrong).is_err());
}

#[test]
fn field_selectors_ask_only_for_what_a_kind_offers() {
    let pod = json!({ "metadata": { "name": "web", "namespace": "shop" }, "spec": { "nodeName": "n1" }, "status": { "phase": "Running" } });
    let fields = kind("po").selectable_fields(&pod);
    let cases = [
        ("spec.nodeName=n1,status.phase!=Succeeded,status.phase!=Failed", true),
        ("metadata.name==web", true),
        ("spec.nodeName=", false),
        ("", true),
        ("metadata.namespace!=shop", false),
    ];
    for (text, expect) in cases {
        let selector = FieldSelector::parse(text).unwrap();
        selector.check(kind("po")).unwrap();
        assert_eq!(selector.matches(&fields), expect, "{text}");
    }
    let unknown = FieldSelector::parse("spec.image=x").unwrap().check(kind("po")).unwrap_err();
    assert_eq!(unknown.to_string(), "field label not supported: spec.image");
    assert!(FieldSelector::parse("a").is_err() && FieldSelector::parse("a=b=c").is_err());
    assert_eq!(FieldSelector::parse(r"a=b\,c\=d").unwrap().required("a"), Some("b,c=d"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z=!,() <>in\\\\]{0,24}") {
        std::hint::black_box(LabelSelector::parse(&text).is_ok());
        std::hint::black_box(FieldSelector::parse(&text).is_ok());
    }

    /// What a selector writes reads back as the same selector.
    #[test]
    fn label_selectors_round_trip(
        terms in proptest::collection::vec(("[a-z]{1,5}", 0..7_u8, proptest::collection::btree_set("[a-z]{1,4}", 1..3)), 0..4),
    ) {
        let term = |(key, operator, values): &(String, u8, std::collections::BTreeSet<String>)| {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            match operator {
                0 => format!("{key}={}", values[0]),
                1 => format!("{key}!={}", values[0]),
                2 => format!("{key} in ({})", values.join(",")),
                3 => format!("{key} notin ({})", values.join(", ")),
                4 => format!("!{key}"),
                5 => format!("{key}>5"),
                _ => key.clone(),
            }
        };
        // `in` and `notin` are words of the language when they follow a key, and keys elsewhere.
        let text = terms.iter().map(term).collect::<Vec<_>>().join(",");
        let first = LabelSelector::parse(&text).unwrap();
        prop_assert_eq!(&LabelSelector::parse(&first.to_string()).unwrap(), &first);
    }

    #[test]
    fn field_selectors_round_trip(value in "[a-z,=\\\\]{0,8}") {
        let escaped = value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
        let selector = FieldSelector::parse(&format!("metadata.name={escaped}")).unwrap();
        prop_assert_eq!(selector.required("metadata.name"), Some(value.as_str()));
        prop_assert_eq!(FieldSelector::parse(&selector.to_string()).unwrap(), selector);
    }
}
