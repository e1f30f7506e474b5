//! JSONPath, as far as printer columns and selectable fields use it: `.spec.replicas`, `.status.addresses[0].ip`,
//! `.metadata.annotations['example.com/a']`, `.status.conditions[?(@.type=="Ready")].status`, `[*]`.

use serde_json::Value;

/// A path into an object.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// From the end, if negative.
    Index(i64),
    All,
    /// The items whose field is, or is not, that value.
    Where {
        path: Vec<Step>,
        equal: bool,
        value: Value,
    },
}

impl JsonPath {
    /// Reads a path; the error says why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        steps(inner.strip_prefix('$').unwrap_or(inner)).map(Self)
    }

    /// Whether it names fields and nothing else.
    pub fn is_plain(&self) -> bool {
        self.0.iter().all(|step| matches!(step, Step::Field(_)))
    }

    /// The first value that it leads to.
    pub fn first<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        find(&self.0, object).into_iter().next()
    }

    /// Sets the value that a plain path leads to; what is missing on the way is made. Nothing is set where something other
    /// than an object is in the way.
    pub fn set(&self, object: &mut Value, value: Value) {
        let mut at = object;
        for step in &self.0 {
            let Step::Field(name) = step else { return };
            if at.is_null() {
                *at = Value::Object(serde_json::Map::new());
            }
            let Some(fields) = at.as_object_mut() else { return };
            at = fields.entry(name.clone()).or_insert(Value::Null);
        }
        *at = value;
    }
}

fn find<'a>(steps: &[Step], value: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in steps {
        found = found.into_iter().flat_map(|value| step.of(value)).collect();
    }
    found
}

impl Step {
    fn of<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let items = || value.as_array().into_iter().flatten();
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(index) => {
                let length = value.as_array().map_or(0, Vec::len) as i64;
                let index = if *index < 0 { length + index } else { *index };
                usize::try_from(index).ok().and_then(|index| value.get(index)).into_iter().collect()
            }
            Self::All => items().chain(value.as_object().into_iter().flat_map(|fields| fields.values())).collect(),
            Self::Where { path, equal, value } => {
                items().filter(|item| (find(path, item).first() == Some(&value)) == *equal).collect()
            }
        }
    }
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = text.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (step, tail) = if let Some(tail) = rest.strip_prefix('.') {
            field(tail)?
        } else if let Some(tail) = rest.strip_prefix('[') {
            bracket(tail)?
        } else {
            return Err(format!("expected '.' or '[' before \"{rest}\""));
        };
        out.push(step);
        rest = tail;
    }
    if out.is_empty() { Err("the path is empty".to_owned()) } else { Ok(out) }
}

/// A field after a dot. A backslash takes the next character literally.
fn field(text: &str) -> Result<(Step, &str), String> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        match c {
            '.' | '[' => {
                end = at;
                break;
            }
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            _ => name.push(c),
        }
    }
    match name.as_str() {
        "" => Err("a field has no name".to_owned()),
        "*" => Ok((Step::All, &text[end..])),
        _ => Ok((Step::Field(name), &text[end..])),
    }
}

fn bracket(text: &str) -> Result<(Step, &str), String> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (name, tail) = quoted.split_once("']").ok_or("a ' is not closed")?;
        return Ok((Step::Field(name.to_owned()), tail));
    }
    if let Some(filter) = text.strip_prefix("?(") {
        let (filter, tail) = filter.split_once(")]").ok_or("a filter is not closed")?;
        return Ok((condition(filter)?, tail));
    }
    let (index, tail) = text.split_once(']').ok_or("a [ is not closed")?;
    if index == "*" {
        return Ok((Step::All, tail));
    }
    let index = index.parse().map_err(|_| format!("\"{index}\" is no index"))?;
    Ok((Step::Index(index), tail))
}

/// `@.type=="Ready"`.
fn condition(text: &str) -> Result<Step, String> {
    let unequal = text.split_once("!=").map(|(left, right)| (left, right, false));
    let split = text.split_once("==").map(|(left, right)| (left, right, true)).or(unequal);
    let (left, right, equal) = split.ok_or_else(|| format!("the filter \"{text}\" has neither == nor !="))?;
    let path = left.trim().strip_prefix('@').ok_or_else(|| format!("the filter \"{text}\" does not begin with @"))?;
    let right = right.trim();
    let quoted = right.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let value = match quoted {
        Some(text) => Value::from(text),
        None => serde_json::from_str(right).map_err(|_| format!("{right} is no value"))?,
    };
    Ok(Step::Where { path: steps(path)?, equal, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_values() {
        let object = json!({
            "spec": {"replicas": 3, "a.b/c": "x", "list": [1, 2]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
        });
        let cases = [
            (".spec.replicas", json!(3)),
            ("{.spec.replicas}", json!(3)),
            (".spec['a.b/c']", json!("x")),
            (".spec.a\\.b/c", json!("x")),
            (".spec.list[-1]", json!(2)),
            (".spec.list[*]", json!(1)),
            (".status.conditions[?(@.type==\"Other\")].status", json!("False")),
            (".status.conditions[?(@.type!='Ready')].status", json!("False")),
        ];
        for (path, expected) in cases {
            assert_eq!(JsonPath::parse(path).unwrap().first(&object), Some(&expected), "{path}");
        }
        assert_eq!(JsonPath::parse(".spec.none.more").unwrap().first(&object), None);
        for bad in ["", "spec", ".spec..a", ".a[x]", ".a[?(type=1)]", ".a['b"] {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
    }
}
