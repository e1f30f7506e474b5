//! Who a caller is, in the headers by which a front proxy says so.
//!
//! A server believes them because of the certificate that the proxy shows: who may show one says the ConfigMap
//! `kube-system/extension-apiserver-authentication`.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::authn::User;
use crate::pki::directory::FRONT_PROXY;

/// Every header that says who somebody is begins so.
pub const PREFIX: &str = "x-remote-";
const USER: HeaderName = HeaderName::from_static("x-remote-user");
const UID: HeaderName = HeaderName::from_static("x-remote-uid");
const GROUP: HeaderName = HeaderName::from_static("x-remote-group");
const EXTRA: &str = "x-remote-extra-";

/// The headers that name this user. What no header can carry is left out.
pub fn headers(user: &User) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut say = |name: &HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            headers.append(name.clone(), value);
        }
    };
    say(&USER, &user.name);
    user.uid.iter().for_each(|uid| say(&UID, uid));
    user.groups.iter().for_each(|group| say(&GROUP, group));
    for (key, values) in &user.extra {
        let Ok(name) = HeaderName::try_from(format!("{EXTRA}{}", escaped(key))) else { continue };
        values.iter().for_each(|value| say(&name, value));
    }
    headers
}

/// A key as a part of a header's name: what may not stand there is percent-encoded.
fn escaped(key: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
    let each = key.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02x}"),
    });
    each.collect()
}

/// The ConfigMap that tells servers whom to believe: the CAs of clients (`client_ca`) and of front proxies (`proxy_ca`), as PEM.
pub fn config_map(client_ca: &str, proxy_ca: &str) -> Value {
    let list = |word: &str| json!([word]).to_string();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {
            "client-ca-file": client_ca,
            "requestheader-client-ca-file": proxy_ca,
            "requestheader-allowed-names": list(FRONT_PROXY),
            "requestheader-username-headers": list("X-Remote-User"),
            "requestheader-uid-headers": list("X-Remote-Uid"),
            "requestheader-group-headers": list("X-Remote-Group"),
            "requestheader-extra-headers-prefix": list("X-Remote-Extra-"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_said_whole() {
        let mut user = User::new("jane", ["dev".to_owned()]);
        user.uid = Some("u1".to_owned());
        user.extra.insert("authentication.kubernetes.io/pod-name".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        let said = headers(&user);
        let all = |name: &str| said.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(all("x-remote-user"), ["jane"]);
        assert_eq!(all("x-remote-uid"), ["u1"]);
        assert_eq!(all("x-remote-group"), ["dev", "system:authenticated"]);
        assert_eq!(all("x-remote-extra-authentication.kubernetes.io%2fpod-name"), ["a", "b"]);
    }

    #[test]
    fn nobody_slips_a_header_in() {
        let said = headers(&User::new("jane\r\nx-remote-group: system:masters", []));
        assert_eq!(said.get(USER), None);
        assert_eq!(said.get_all(GROUP).iter().collect::<Vec<_>>(), ["system:authenticated"]);
    }
}
