//! What clients have asked for and got, read off the masters' audit logs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Where the clients' accounts are.
pub(super) const NAMESPACE: &str = "clients";

/// Requests that were answered as asked: client, API version, resource with subresource, and verb.
///
/// As text it is a line each, sorted, with tabs between the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(BTreeSet<[String; 4]>);

impl Requests {
    /// Those of the clients' accounts, out of all files of an audit log.
    pub fn of_clients(&mut self, audit: &Path) -> Result<()> {
        let entries = std::fs::read_dir(audit).with_context(|| format!("list {}", audit.display()))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            self.0.extend(events.filter_map(|event| request(&event)));
        }
        Ok(())
    }

    /// From their text.
    pub fn parse(text: &str) -> Requests {
        let line = |line: &str| {
            let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            columns.try_into().ok()
        };
        Requests(text.lines().filter_map(line).collect())
    }

    /// Those that are not among the others.
    pub fn without(&self, others: &Requests) -> Requests {
        Requests(self.0.difference(&others.0).cloned().collect())
    }

    /// These and the others.
    pub fn with(&self, others: &Requests) -> Requests {
        Requests(self.0.union(&others.0).cloned().collect())
    }

    /// Who has made any.
    pub fn clients(&self) -> BTreeSet<String> {
        self.0.iter().map(|[client, ..]| client.clone()).collect()
    }

    /// Those of some clients.
    pub fn of(&self, clients: &BTreeSet<String>) -> Requests {
        Requests(self.0.iter().filter(|[client, ..]| clients.contains(client)).cloned().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|columns| writeln!(f, "{}", columns.join("\t")))
    }
}

/// A request that was answered well, made by a client.
fn request(event: &Value) -> Option<[String; 4]> {
    let user = event["user"]["username"].as_str()?;
    let client = user.strip_prefix("system:serviceaccount:")?.strip_prefix(NAMESPACE)?.strip_prefix(':')?;
    let code = event["responseStatus"]["code"].as_u64()?;
    if code != 101 && !(200..300).contains(&code) {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verb = text(&event["verb"]);
    let object = &event["objectRef"];
    if object.is_null() {
        return Some([client.to_owned(), String::new(), document(&text(&event["requestURI"])), verb]);
    }
    let version = match text(&object["apiGroup"]).as_str() {
        "" => text(&object["apiVersion"]),
        group => format!("{group}/{}", text(&object["apiVersion"])),
    };
    let resource = match text(&object["subresource"]).as_str() {
        "" => text(&object["resource"]),
        subresource => format!("{}/{subresource}", text(&object["resource"])),
    };
    Some([client.to_owned(), version, resource, verb])
}

/// The path of a document without its query; all documents of one kind are one.
fn document(uri: &str) -> String {
    let path = uri.split('?').next().unwrap_or_default();
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next(), segments.next()) {
        (Some("openapi"), Some("v3"), Some(_)) => "/openapi/v3/*".to_owned(),
        (Some("apis"), Some(_), Some(_)) => "/apis/*/*".to_owned(),
        (Some("apis"), Some(_), None) => "/apis/*".to_owned(),
        (Some("api"), Some(_), None) => "/api/*".to_owned(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(user: &str, code: u16) -> Value {
        json!({"user": {"username": user}, "verb": "create", "responseStatus": {"code": code},
            "objectRef": {"resource": "pods", "subresource": "eviction", "apiVersion": "v1"}})
    }

    #[test]
    fn only_what_a_client_got_counts() {
        let expected = ["helm", "v1", "pods/eviction", "create"].map(str::to_owned);
        assert_eq!(request(&event("system:serviceaccount:clients:helm", 201)), Some(expected));
        assert_eq!(request(&event("system:serviceaccount:clients:helm", 429)), None);
        assert_eq!(request(&event("system:serviceaccount:kube-system:x", 201)), None);
        assert_eq!(request(&event("system:admin", 201)), None);
    }

    #[test]
    fn the_text_is_read_as_it_was_written() {
        let one = request(&event("system:serviceaccount:clients:helm", 200)).expect("counts");
        let requests = Requests([one].into());
        assert_eq!(Requests::parse(&requests.to_string()), requests);
        assert!(requests.without(&requests).is_empty());
    }

    #[test]
    fn documents_of_one_kind_are_one() {
        assert_eq!(document("/openapi/v3/apis/apps/v1?hash=1"), "/openapi/v3/*");
        assert_eq!(document("/apis/apps/v1"), "/apis/*/*");
        assert_eq!(document("/api/v1"), "/api/*");
        assert_eq!(document("/apis?x"), "/apis");
    }
}
