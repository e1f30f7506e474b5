//! The parts of a kubeconfig that we read. What we do not know is left to those who do.

use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Config {
    pub(super) current_context: Option<String>,
    pub(super) clusters: Vec<NamedCluster>,
    pub(super) users: Vec<NamedUser>,
    pub(super) contexts: Vec<NamedContext>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedCluster {
    pub(super) name: String,
    pub(super) cluster: Cluster,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Cluster {
    pub(super) server: String,
    pub(super) certificate_authority: Option<PathBuf>,
    pub(super) certificate_authority_data: Option<String>,
    pub(super) insecure_skip_tls_verify: bool,
    pub(super) tls_server_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedUser {
    pub(super) name: String,
    pub(super) user: User,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct User {
    pub(super) client_certificate: Option<PathBuf>,
    pub(super) client_certificate_data: Option<String>,
    pub(super) client_key: Option<PathBuf>,
    pub(super) client_key_data: Option<String>,
}

/// A key must not reach a log.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct NamedContext {
    pub(super) name: String,
    pub(super) context: Context,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Context {
    pub(super) cluster: String,
    pub(super) user: String,
    pub(super) namespace: Option<String>,
}

impl Config {
    pub(super) fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|entry| entry.name == name).map(|entry| &entry.cluster)
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|entry| entry.name == name).map(|entry| &entry.user)
    }

    pub(super) fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|entry| entry.name == name).map(|entry| &entry.context)
    }

    /// Lays `other` below: lookups take the first entry of a name.
    pub(super) fn merge(&mut self, other: Config) {
        self.current_context = self.current_context.take().or(other.current_context);
        self.clusters.extend(other.clusters);
        self.users.extend(other.users);
        self.contexts.extend(other.contexts);
    }

    /// Paths in a kubeconfig are relative to it.
    pub(super) fn make_absolute(&mut self, folder: &Path) {
        let clusters = self.clusters.iter_mut().map(|entry| &mut entry.cluster.certificate_authority);
        let users = self.users.iter_mut().map(|entry| &mut entry.user);
        let users = users.flat_map(|user| [&mut user.client_certificate, &mut user.client_key]);
        for path in clusters.chain(users).flatten() {
            *path = folder.join(&*path);
        }
    }
}
