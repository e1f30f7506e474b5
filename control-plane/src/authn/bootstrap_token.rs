//! Bootstrap tokens: `<id>.<secret>`, kept as Secrets of type `bootstrap.kubernetes.io/token` in `kube-system`. They make somebody
//! of a machine that has no certificate yet, for as long as it takes to ask for one.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use subtle::ConstantTimeEq;

use super::User;

/// Where their Secrets live.
pub const NAMESPACE: &str = "kube-system";
/// The type of their Secrets.
pub const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";
/// The group of all their holders; further groups have it as a prefix.
pub const GROUP: &str = "system:bootstrappers";

const ID_LENGTH: usize = 6;
const SECRET_LENGTH: usize = 16;

/// A token as it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BootstrapToken<'a> {
    id: &'a str,
    secret: &'a str,
}

impl<'a> BootstrapToken<'a> {
    /// Reads `<id>.<secret>`; `None` when it does not have this form.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let fits = id.len() == ID_LENGTH && secret.len() == SECRET_LENGTH && is_word(id) && is_word(secret);
        fits.then_some(Self { id, secret })
    }

    /// The name of the Secret that it must fit.
    pub fn secret_name(&self) -> String {
        format!("bootstrap-token-{}", self.id)
    }

    /// The holder, if the Secret is about this token and may be used to authenticate now.
    pub fn holder(&self, secret: &Secret, now: Timestamp) -> Option<User> {
        let field = |name: &str| {
            let value = secret.data.as_ref().and_then(|data| data.get(name));
            value.and_then(|bytes| std::str::from_utf8(&bytes.0).ok()).unwrap_or_default()
        };
        let same = field("token-secret").as_bytes().ct_eq(self.secret.as_bytes());
        let is_it = secret.type_.as_deref() == Some(SECRET_TYPE) && field("token-id") == self.id && bool::from(same);
        let is_going = secret.metadata.deletion_timestamp.is_some();
        if !is_it || is_going || is_over(field("expiration"), now) || field("usage-bootstrap-authentication") != "true"
        {
            return None;
        }
        let groups = groups(field("auth-extra-groups"))?;
        Some(User::new(format!("system:bootstrap:{}", self.id), groups))
    }
}

/// A date that cannot be read is past: better no entry than an endless one.
fn is_over(expiration: &str, now: Timestamp) -> bool {
    !expiration.is_empty() && expiration.parse::<Timestamp>().map_or(true, |end| now >= end)
}

/// `None` when a group is not one that such a token may give.
fn groups(extra: &str) -> Option<Vec<String>> {
    let extra: Vec<&str> = extra.split(',').map(str::trim).filter(|group| !group.is_empty()).collect();
    let allowed = |group: &str| {
        let name = group.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default();
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":-".contains(&byte);
        !name.is_empty() && name.bytes().all(is_part)
    };
    let all = extra.iter().all(|group| allowed(group));
    all.then(|| std::iter::once(GROUP).chain(extra).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TOKEN: &str = "abcdef.0123456789abcdef";

    fn check(edit: impl FnOnce(&mut Value), token: &str, expect: Option<&[&str]>) {
        let mut secret = json!({"type": SECRET_TYPE, "stringData": {
            "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
        }});
        edit(&mut secret["stringData"]);
        xebec_api::find("", "v1", "secrets").unwrap().apply_defaults(&mut secret);
        let secret: Secret = serde_json::from_value(secret).unwrap();
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let user = BootstrapToken::parse(token).and_then(|token| token.holder(&secret, now));
        let groups: Option<Vec<String>> = user.map(|user| {
            assert_eq!(user.name, "system:bootstrap:abcdef");
            user.groups
        });
        let expect = expect.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
        assert_eq!(groups, expect);
    }

    #[test]
    fn the_right_secret_makes_a_bootstrapper() {
        check(|_| (), TOKEN, Some(&["system:authenticated", GROUP]));
        let team = |data: &mut Value| data["auth-extra-groups"] = json!("system:bootstrappers:team-a");
        check(team, TOKEN, Some(&["system:authenticated", GROUP, "system:bootstrappers:team-a"]));
    }

    #[test]
    fn everything_else_makes_nobody() {
        check(|_| (), "abcdef.0123456789abcdee", None);
        check(|_| (), "abcdef.0123456789ABCDEF", None);
        check(|_| (), "abcdef", None);
        check(|data| data["usage-bootstrap-authentication"] = json!("false"), TOKEN, None);
        check(|data| data["expiration"] = json!("2029-12-31T23:59:59Z"), TOKEN, None);
        check(|data| data["expiration"] = json!("soon"), TOKEN, None);
        check(|data| data["token-id"] = json!("abcdeg"), TOKEN, None);
        check(|data| data["auth-extra-groups"] = json!("system:masters"), TOKEN, None);
        check(|data| data["auth-extra-groups"] = json!("system:bootstrappers:"), TOKEN, None);
    }
}
