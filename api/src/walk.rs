//! Walking to fields by a path that is written once for all objects.
//!
//! `spec.tls[].hosts[]` leads to each host of each entry, `spec.hard{}` to each amount of a map. A path that does not end in
//! brackets leads to the field even where nothing is there, as long as what it belongs to is. A `spec` always is.

use std::sync::LazyLock;

use serde_json::Value;

use crate::field::FieldPath;

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(serde_json::Map::new()));

/// Calls `visitor` with each place that the path leads to from `parent`, which itself is at `at`.
pub(crate) fn visit(parent: &Value, path: &str, at: &FieldPath, visitor: &mut dyn FnMut(&FieldPath, &Value)) {
    let (segment, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, each) = match (segment.strip_suffix("[]"), segment.strip_suffix("{}")) {
        (Some(name), _) | (_, Some(name)) => (name, true),
        _ => (segment, false),
    };
    let Some(map) = parent.as_object() else { return };
    let missing = if name == "spec" && !rest.is_empty() { &*EMPTY } else { &Value::Null };
    let found = map.get(name).unwrap_or(missing);
    let at = at.child(name);
    let mut arrive = |value: &Value, at: &FieldPath| match rest {
        "" => visitor(at, value),
        rest => visit(value, rest, at, visitor),
    };
    match found {
        Value::Array(items) if each => {
            items.iter().enumerate().for_each(|(index, item)| arrive(item, &at.index(index)))
        }
        Value::Object(items) if each => items.iter().for_each(|(key, item)| arrive(item, &at.key(key))),
        _ if each => {}
        value => arrive(value, &at),
    }
}

/// Calls `visit` with each object that has the field at the end of the path, and the field's name. What stands before it must
/// be there, but for `spec`, which every object has.
pub(crate) fn visit_mut(object: &mut Value, path: &str, visit: &mut dyn FnMut(&mut Value, &str)) {
    let Some((segment, rest)) = path.split_once('.') else { return visit(object, path) };
    if let Some(name) = segment.strip_suffix("[]") {
        return crate::value::items(object, name).for_each(|item| visit_mut(item, rest, visit));
    }
    let next = match segment {
        "spec" => crate::value::child(object, segment),
        _ => crate::value::existing(object, segment),
    };
    if let Some(next) = next {
        visit_mut(next, rest, visit);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_through_lists_and_maps() {
        let object = json!({"a": [{"b": {"x": 1, "y": 2}}, {"b": {}}, {}], "c": 3});
        let check = |path: &str, expect: &[&str]| {
            let mut found = Vec::new();
            visit(&object, path, &FieldPath::default(), &mut |at, value| found.push(format!("{at}={value}")));
            assert_eq!(found, expect, "{path}");
        };
        check("c", &["c=3"]);
        check("d", &["d=null"]);
        check("a[].b{}", &["a[0].b[x]=1", "a[0].b[y]=2"]);
        check("a[].b.x", &["a[0].b.x=1", "a[1].b.x=null"]);
        check("d.e", &[]);
        check("spec.e", &["spec.e=null"]);
    }
}
