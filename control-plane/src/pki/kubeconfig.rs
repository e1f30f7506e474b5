//! The admin's kubeconfig, certificates inside.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use xebec_proto::join::KeyedChain;

/// A kubeconfig of one cluster, one user and one context, all of them current.
pub fn render(server: &str, serving_ca: &str, user: &KeyedChain) -> String {
    let (authority, certificate, key) = (encode(serving_ca), encode(&user.chain), encode(&user.key));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: xebec
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: xebec-admin
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: xebec
  context:
    cluster: xebec
    user: xebec-admin
current-context: xebec
"
    )
}

fn encode(text: &str) -> String {
    STANDARD.encode(text)
}
