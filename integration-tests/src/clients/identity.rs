//! Each client is somebody: a ServiceAccount of its own with every permission, so that the audit log tells them apart.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Clients;
use super::requests::NAMESPACE;
use crate::cli::Client;
use crate::cluster::Cluster;
use crate::rest;

/// Who calls: a name, a kubeconfig, a namespace and a home.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The name of the ServiceAccount, and of the namespace it works in.
    pub name: String,
    /// A folder of its own, for caches and whatever it writes.
    pub home: PathBuf,
    kubeconfig: PathBuf,
}

impl Caller {
    /// Makes the account, its token and its namespace.
    pub fn new(cluster: &Cluster, clients: &Clients, name: &str) -> Result<Caller> {
        let home = cluster.plan.directory().join("clients").join(name);
        std::fs::create_dir_all(&home).with_context(|| format!("make {}", home.display()))?;
        let admin = Client::new(&clients.program("kubectl"), &cluster.kubeconfig()).with("HOME", text(&home)?);
        admin.run_with_input(&["apply", "-f", "-"], &account(name))?;
        let token = admin.run(&["create", "token", name, "-n", NAMESPACE, "--duration=1h"])?;
        let ca = rest::identity(&cluster.kubeconfig())?.ca;
        let server = cluster.masters.first().context("a cluster has a master")?.api();
        let kubeconfig = home.join("kubeconfig");
        let file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&kubeconfig);
        let content = kubeconfig_text(name, &server, &STANDARD.encode(ca), token.trim());
        file.and_then(|mut file| file.write_all(content.as_bytes()))
            .with_context(|| format!("write {}", kubeconfig.display()))?;
        Ok(Caller { name: name.to_owned(), home, kubeconfig })
    }

    /// A program as this caller.
    pub fn runs(&self, program: &Path) -> Result<Client> {
        Ok(Client::new(program, &self.kubeconfig).with("HOME", text(&self.home)?))
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is text")
}

fn account(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: {name}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: client-{name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects:
- {{kind: ServiceAccount, name: {name}, namespace: {NAMESPACE}}}
"
    )
}

fn kubeconfig_text(name: &str, server: &str, ca: &str, token: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: xebec
  cluster: {{server: '{server}', certificate-authority-data: {ca}}}
users:
- name: {name}
  user: {{token: {token}}}
contexts:
- name: xebec
  context: {{cluster: xebec, user: {name}, namespace: {name}}}
current-context: xebec
"
    )
}
