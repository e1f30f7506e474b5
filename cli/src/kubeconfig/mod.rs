//! Where the cluster is and who we are: the kubeconfig, as kubectl reads it.
//!
//! Found in this order: `--kubeconfig`, `$KUBECONFIG` (several files, the first to name a thing wins), the administrator's file
//! of a master on this machine, `~/.kube/config`.

mod locate;
mod model;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(crate) use locate::locate;
use model::{Cluster, Config, User};

use crate::args::Connection;

/// Certificate chain and key, PEM.
type ChainAndKey = (Vec<u8>, Vec<u8>);

/// What one connection needs.
pub(crate) struct Credentials {
    /// `https://host:port`
    pub(crate) server: String,
    /// PEM.
    pub(crate) ca: Vec<u8>,
    /// Without one we are anonymous.
    pub(crate) identity: Option<ChainAndKey>,
    /// The context's namespace.
    pub(crate) namespace: Option<String>,
}

/// What a kubeconfig can lack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubeconfigError {
    /// None was named, and none is where one is usually found.
    #[error("no kubeconfig was found (looked for {})", looked_for.join(", "))]
    NotFound {
        /// Where.
        looked_for: Vec<String>,
    },
    /// It, or a file it names.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not a kubeconfig.
    #[error("{} is not a kubeconfig: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// With line and column.
        reason: Box<serde_saphyr::Error>,
    },
    /// A context, cluster or user that is named and not there.
    #[error("the kubeconfig has no {kind} {name:?}; it has {}", list(known))]
    Unknown {
        /// `context`, `cluster` or `user`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Neither `--context` nor `current-context`.
    #[error("the kubeconfig has no current-context; it has the contexts {}", list(known))]
    NoContext {
        /// What there is.
        known: Vec<String>,
    },
    /// An entry this program cannot use.
    #[error("cluster {cluster:?} of the kubeconfig: {problem}")]
    Cluster {
        /// Its name.
        cluster: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Inline data that is no base64.
    #[error("{field} in the kubeconfig is not base64")]
    Data {
        /// Which.
        field: &'static str,
        #[source]
        source: base64::DecodeError,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads what `connection` points at.
pub(crate) fn load(connection: &Connection) -> Result<Credentials, KubeconfigError> {
    let mut config = Config::default();
    for path in locate(connection.kubeconfig.as_deref())? {
        config.merge(read(&path)?);
    }
    choose(&config, connection.context.as_deref())
}

fn read(path: &Path) -> Result<Config, KubeconfigError> {
    let bytes = file(path)?;
    let mut config: Config = serde_saphyr::from_slice(&bytes)
        .map_err(|reason| KubeconfigError::Parse { path: path.to_owned(), reason: Box::new(reason) })?;
    config.make_absolute(path.parent().unwrap_or(Path::new(".")));
    Ok(config)
}

fn choose(config: &Config, wanted: Option<&str>) -> Result<Credentials, KubeconfigError> {
    let known = || config.contexts.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
    let name = wanted.or(config.current_context.as_deref()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| KubeconfigError::NoContext { known: known() })?;
    let context = config.context(name).ok_or_else(|| unknown("context", name, known()))?;
    let clusters = || config.clusters.iter().map(|entry| entry.name.clone()).collect();
    let cluster = config.cluster(&context.cluster).ok_or_else(|| unknown("cluster", &context.cluster, clusters()))?;
    let users = || config.users.iter().map(|entry| entry.name.clone()).collect();
    let user = config.user(&context.user).ok_or_else(|| unknown("user", &context.user, users()))?;
    Ok(Credentials {
        server: server(&context.cluster, cluster)?,
        ca: authority(&context.cluster, cluster)?,
        identity: identity(user)?,
        namespace: context.namespace.clone().filter(|name| !name.is_empty()),
    })
}

fn unknown(kind: &'static str, name: &str, known: Vec<String>) -> KubeconfigError {
    KubeconfigError::Unknown { kind, name: name.to_owned(), known }
}

fn server(name: &str, cluster: &Cluster) -> Result<String, KubeconfigError> {
    let problem = if cluster.insecure_skip_tls_verify {
        "insecure-skip-tls-verify is refused; name the CA by certificate-authority or certificate-authority-data"
    } else if cluster.tls_server_name.is_some() {
        "tls-server-name is not understood; give the master that name with `xebec server --tls-san`"
    } else if !cluster.server.starts_with("https://") {
        "server must start with https://"
    } else {
        return Ok(cluster.server.clone());
    };
    Err(KubeconfigError::Cluster { cluster: name.to_owned(), problem })
}

fn authority(name: &str, cluster: &Cluster) -> Result<Vec<u8>, KubeconfigError> {
    let data = inline("certificate-authority-data", cluster.certificate_authority_data.as_deref())?;
    match either(data, cluster.certificate_authority.as_deref())? {
        Some(ca) => Ok(ca),
        None => {
            let problem = "certificate-authority or certificate-authority-data is needed";
            Err(KubeconfigError::Cluster { cluster: name.to_owned(), problem })
        }
    }
}

fn identity(user: &User) -> Result<Option<ChainAndKey>, KubeconfigError> {
    let certificate = inline("client-certificate-data", user.client_certificate_data.as_deref())?;
    let certificate = either(certificate, user.client_certificate.as_deref())?;
    let key = inline("client-key-data", user.client_key_data.as_deref())?;
    Ok(certificate.zip(either(key, user.client_key.as_deref())?))
}

/// Inline data wins over a file, as in kubectl.
fn either(inline: Option<Vec<u8>>, path: Option<&Path>) -> Result<Option<Vec<u8>>, KubeconfigError> {
    match (inline, path) {
        (Some(bytes), _) => Ok(Some(bytes)),
        (None, Some(path)) => file(path).map(Some),
        (None, None) => Ok(None),
    }
}

fn inline(field: &'static str, data: Option<&str>) -> Result<Option<Vec<u8>>, KubeconfigError> {
    let decode = |text: &str| STANDARD.decode(text.trim()).map_err(|source| KubeconfigError::Data { field, source });
    data.filter(|text| !text.is_empty()).map(decode).transpose()
}

fn file(path: &Path) -> Result<Vec<u8>, KubeconfigError> {
    std::fs::read(path).map_err(|source| KubeconfigError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_CLUSTERS: &str = "
apiVersion: v1
kind: Config
current-context: home
clusters:
- {name: a, cluster: {server: 'https://a:6443', certificate-authority-data: Y2E=}}
- {name: b, cluster: {server: 'https://b:6443', insecure-skip-tls-verify: true}}
users:
- {name: me, user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}}
contexts:
- {name: home, context: {cluster: a, user: me, namespace: shop}}
- {name: away, context: {cluster: b, user: me}}
- {name: lost, context: {cluster: c, user: me}}
";

    fn config() -> Config {
        serde_saphyr::from_str(TWO_CLUSTERS).expect("a kubeconfig")
    }

    #[test]
    fn the_current_context_is_used() {
        let chosen = choose(&config(), None).expect("home is complete");
        assert_eq!((chosen.server.as_str(), chosen.ca.as_slice()), ("https://a:6443", &b"ca"[..]));
        assert_eq!(chosen.identity, Some((b"cert".to_vec(), b"key".to_vec())));
        assert_eq!(chosen.namespace.as_deref(), Some("shop"));
    }

    #[test]
    fn what_is_missing_is_named_with_what_there_is() {
        let error = |context| choose(&config(), Some(context)).err().expect("refused").to_string();
        assert_eq!(error("hmoe"), "the kubeconfig has no context \"hmoe\"; it has home, away, lost");
        assert_eq!(error("lost"), "the kubeconfig has no cluster \"c\"; it has a, b");
        assert!(error("away").contains("insecure-skip-tls-verify is refused"));
    }

    #[test]
    fn the_first_file_to_name_a_thing_wins() {
        let mut merged = config();
        let mut other = config();
        other.current_context = Some("away".to_owned());
        other.clusters[0].cluster.server = "https://other".to_owned();
        merged.merge(other);
        assert_eq!(merged.current_context.as_deref(), Some("home"));
        assert_eq!(merged.cluster("a").expect("there").server, "https://a:6443");
    }
}
