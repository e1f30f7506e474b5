//! Acting as somebody else, for callers who may: `Impersonate-User`, `-Group`, `-Uid` and `-Extra-*`, as HTTP headers or as
//! metadata of a gRPC call, which are the same thing.
//!
//! Every part of the other identity is asked for by itself, with the verb `impersonate`: the user or service account, each
//! group, the uid, each value of each extra key. Who may be somebody is not thereby anybody in that person's groups.

use std::collections::BTreeMap;

use http::HeaderMap;
use xebec_api::{Details, Reason, Status};

use super::user::AUTHENTICATED;
use super::{User, service_account};
use crate::authz::{Attributes, Authorizer, Decision};
use crate::rest::percent_decode;

const PREFIX: &str = "impersonate-";
const EXTRA: &str = "impersonate-extra-";
const GROUP: &str = "authentication.k8s.io";
const UNAUTHENTICATED: &str = "system:unauthenticated";
const ANONYMOUS: &str = "system:anonymous";

/// Whom a request wants to act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    user: String,
    groups: Vec<String>,
    uid: Option<String>,
    extra: BTreeMap<String, Vec<String>>,
}

impl Wanted {
    /// Reads the headers; `None` when the caller acts as itself.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>, Status> {
        let mut wanted = Self::default();
        let mut any = false;
        for (name, value) in headers {
            let Some(part) = name.as_str().strip_prefix(PREFIX) else { continue };
            any = true;
            let value = value.to_str().map_err(|_| malformed(name.as_str(), "is not text"))?.to_owned();
            match part {
                "user" => wanted.user = value,
                "uid" => wanted.uid = Some(value),
                "group" => wanted.groups.push(value),
                _ => wanted.add_extra(name.as_str(), value)?,
            }
        }
        match (any, wanted.user.is_empty()) {
            (false, _) => Ok(None),
            (true, true) => Err(Status::bad_request("Impersonate-User must name the user to act as")),
            (true, false) => Ok(Some(wanted)),
        }
    }

    fn add_extra(&mut self, header: &str, value: String) -> Result<(), Status> {
        let key = header.strip_prefix(EXTRA).filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| malformed(header, "is not a known header"))?;
        let key = percent_decode(key).ok_or_else(|| malformed(header, "has a key that cannot be decoded"))?;
        self.extra.entry(key).or_default().push(value);
        Ok(())
    }

    /// The other identity, if `caller` may act as it.
    pub fn grant(self, caller: &User, authorizer: &dyn Authorizer) -> Result<User, Status> {
        self.questions(caller).iter().try_for_each(|question| match authorizer.authorize(question) {
            Decision::Allow => Ok(()),
            Decision::Deny { .. } => Err(refusal(question)),
        })?;
        Ok(self.into_user())
    }

    fn questions<'a>(&'a self, caller: &'a User) -> Vec<Attributes<'a>> {
        let blank = Attributes::blank(caller, "impersonate");
        let mut questions = vec![match service_account::split_user_name(&self.user) {
            Some((namespace, name)) => {
                Attributes { resource: "serviceaccounts", namespace: Some(namespace), name: Some(name), ..blank }
            }
            None => Attributes { resource: "users", name: Some(&self.user), ..blank },
        }];
        questions.extend(self.groups.iter().map(|group| Attributes { resource: "groups", name: Some(group), ..blank }));
        questions.extend(self.uid.iter().map(|uid| Attributes {
            group: GROUP,
            resource: "uids",
            name: Some(uid),
            ..blank
        }));
        for (key, values) in &self.extra {
            let question = |value| Attributes {
                group: GROUP,
                resource: "userextras",
                subresource: key.as_str(),
                name: Some(value),
                ..blank
            };
            questions.extend(values.iter().map(|value| question(value.as_str())));
        }
        questions
    }

    /// A service account is in its groups without having to say so, and everybody but nobody is authenticated.
    fn into_user(self) -> User {
        let mut groups = self.groups;
        if groups.is_empty()
            && let Some((namespace, _)) = service_account::split_user_name(&self.user)
        {
            groups.extend(service_account::groups(namespace));
        }
        let is_nobody = self.user == ANONYMOUS || groups.iter().any(|group| group == UNAUTHENTICATED);
        groups.push(if is_nobody { UNAUTHENTICATED } else { AUTHENTICATED }.to_owned());
        groups.sort();
        groups.dedup();
        User { name: self.user, uid: self.uid, groups, extra: self.extra }
    }
}

fn malformed(header: &str, why: &str) -> Status {
    Status::bad_request(format!("the header {header} {why}"))
}

fn refusal(question: &Attributes<'_>) -> Status {
    let name = question.name.unwrap_or_default();
    let group = if question.group.is_empty() { String::new() } else { format!(".{}", question.group) };
    let message = format!("{}{group} \"{name}\" is forbidden: {}", question.resource, question.refusal());
    Status::new(Reason::Forbidden, message).with_details(Details {
        name: name.to_owned(),
        group: question.group.to_owned(),
        kind: question.resource.to_owned(),
        ..Details::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allows what its lines name as `resource[/subresource] [namespace/]name`.
    struct Allowing(&'static [&'static str]);

    impl Authorizer for Allowing {
        fn authorize(&self, question: &Attributes<'_>) -> Decision {
            let slash = if question.subresource.is_empty() { "" } else { "/" };
            let place = question.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
            let name = question.name.unwrap_or_default();
            let line = format!("{}{slash}{} {place}{name}", question.resource, question.subresource);
            let allowed = question.verb == "impersonate" && self.0.contains(&line.as_str());
            if allowed { Decision::Allow } else { Decision::Deny { reason: String::new() } }
        }
    }

    fn ask(headers: &[(&str, &str)], allowed: &'static [&'static str]) -> Result<Option<User>, Status> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let caller = User::new("admin", []);
        Wanted::read(&map)?.map(|wanted| wanted.grant(&caller, &Allowing(allowed))).transpose()
    }

    #[test]
    fn without_headers_a_caller_is_itself() {
        assert_eq!(ask(&[("Accept", "*/*")], &[]), Ok(None));
    }

    #[test]
    fn each_part_must_be_allowed() {
        let headers = [
            ("Impersonate-User", "jane"),
            ("Impersonate-Group", "dev"),
            ("Impersonate-Uid", "u1"),
            ("Impersonate-Extra-Example.com%2Fscopes", "view"),
        ];
        let all: &[&str] = &["users jane", "groups dev", "uids u1", "userextras/example.com/scopes view"];
        let jane = ask(&headers, all).unwrap().unwrap();
        assert_eq!((jane.name.as_str(), jane.uid.as_deref()), ("jane", Some("u1")));
        assert_eq!(jane.groups, ["dev", "system:authenticated"]);
        assert_eq!(jane.extra["example.com/scopes"], ["view"]);
        let refused = ask(&headers, &["users jane", "uids u1"]).unwrap_err();
        assert_eq!(
            refused.message,
            "groups \"dev\" is forbidden: User \"admin\" cannot impersonate resource \"groups\" in API group \"\" \
             at the cluster scope"
        );
        assert_eq!(ask(&headers[..1], &[]).unwrap_err().code, 403);
    }

    #[test]
    fn a_service_account_comes_with_its_groups() {
        let headers = [("Impersonate-User", "system:serviceaccount:shop:till")];
        let till = ask(&headers, &["serviceaccounts shop/till"]).unwrap().unwrap();
        assert_eq!(till.groups, ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:shop"]);
        assert!(ask(&headers, &["users system:serviceaccount:shop:till"]).is_err());
    }

    #[test]
    fn nobody_is_not_authenticated() {
        let nobody = ask(&[("Impersonate-User", "system:anonymous")], &["users system:anonymous"]).unwrap().unwrap();
        assert_eq!(nobody.groups, ["system:unauthenticated"]);
    }

    #[test]
    fn half_an_identity_is_refused() {
        assert_eq!(ask(&[("Impersonate-Group", "dev")], &["groups dev"]).unwrap_err().code, 400);
        let unknown = [("Impersonate-User", "jane"), ("Impersonate-Shoe-Size", "9")];
        assert_eq!(ask(&unknown, &["users jane"]).unwrap_err().code, 400);
    }
}
