//! A master's certificates and keys, in use and on disk (`<data_dir>/pki`, mode 0700, files 0600).
//!
//! A master holds the keys of all four authorities, so each can admit joiners, and renews its own certificates itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rcgen::KeyPair;
use xebec_proto::join::{self, Joined, KeyedChain};
use xebec_proto::tls;
use xebec_proto::v1::Role;

use super::leaf::{Leaf, Purpose};
use super::rotating::Rotating;
use super::{Authority, PkiError, files, kubeconfig, renewal};
use crate::authn::user::MASTERS;

/// The admin of a new cluster.
const ADMIN: &str = "kubernetes-admin";
/// Name of the admin's kubeconfig in the data directory.
pub const KUBECONFIG: &str = "admin.kubeconfig";

const SERVICE_ACCOUNT_KEY: &str = "service-account.key";

/// Whom a master is to servers of aggregated APIs, who believe it what it says of its callers.
pub const FRONT_PROXY: &str = "front-proxy-client";

/// What a master has certificates for.
const PURPOSES: [Purpose; 4] = [Purpose::Serving, Purpose::Client, Purpose::Peer, Purpose::FrontProxy];

/// The four authorities of a cluster.
pub struct Authorities {
    /// Signs what the API shows.
    pub serving: Authority,
    /// Signs who callers are.
    pub client: Authority,
    /// Signs Raft peers.
    pub peer: Authority,
    /// Signs who may speak for others to servers of aggregated APIs. Apart from `client`, for else every caller might.
    pub front_proxy: Authority,
}

impl Authorities {
    /// Those of a new cluster.
    pub fn create(cluster_id: &str, now: Timestamp) -> Result<Self, PkiError> {
        let create = |what: &str| Authority::create(&format!("xebec-{what}-ca@{cluster_id}"), now);
        Ok(Self {
            serving: create("serving")?,
            client: create("client")?,
            peer: create("peer")?,
            front_proxy: create("front-proxy")?,
        })
    }

    fn load(directory: &Path) -> Result<Self, PkiError> {
        let authority = |name: &str| {
            let (certificate, key) = (format!("{name}-ca.crt"), format!("{name}-ca.key"));
            Authority::from_pem(&files::read(&directory.join(certificate))?, &files::read(&directory.join(key))?)
        };
        Ok(Self {
            serving: authority("serving")?,
            client: authority("client")?,
            peer: authority("peer")?,
            front_proxy: authority("front-proxy")?,
        })
    }
}

/// Whom a master's own certificates name.
#[derive(Clone, Debug)]
pub struct MasterNames {
    /// The master's name.
    pub name: String,
    /// Where the API is reached: IP addresses and DNS names.
    pub serving: Vec<String>,
    /// Where its Raft is reached.
    pub peer: Vec<String>,
}

/// A master's certificates.
pub struct Pki {
    directory: PathBuf,
    /// With their keys.
    pub authorities: Authorities,
    /// Signs the tokens of service accounts; the same on all masters.
    pub service_account_key: String,
    /// Shown by the API.
    pub serving: Arc<Rotating>,
    /// This master as a caller of another.
    pub client: Arc<Rotating>,
    /// This master as a Raft peer.
    pub peer: Arc<Rotating>,
    /// This master as a client of servers of aggregated APIs.
    pub front_proxy: Arc<Rotating>,
}

impl Pki {
    /// For the first master of a new cluster: authorities, and certificates of its own.
    pub fn create(data_dir: &Path, cluster_id: &str, names: &MasterNames, now: Timestamp) -> Result<Self, PkiError> {
        let authorities = Authorities::create(cluster_id, now)?;
        let key = KeyPair::generate().map_err(PkiError::certificate("service account key"))?.serialize_pem();
        let directory = store_authorities(data_dir, &authorities, &key)?;
        for purpose in PURPOSES {
            let keyed = authority_of(&authorities, purpose).issue(&own_leaf(names, purpose), now)?;
            write_keyed(&directory, purpose, &keyed)?;
        }
        Self::load(data_dir)
    }

    /// For a master that has joined: what it was given.
    pub fn adopt(data_dir: &Path, joined: &Joined, now: Timestamp) -> Result<Self, PkiError> {
        let given = &joined.response;
        let authorities = Authorities {
            serving: Authority::from_pem(&given.serving_ca, &given.serving_ca_key)?,
            client: Authority::from_pem(&given.client_ca, &given.client_ca_key)?,
            peer: Authority::from_pem(&given.peer_ca, &given.peer_ca_key)?,
            front_proxy: Authority::from_pem(&given.front_proxy_ca, &given.front_proxy_ca_key)?,
        };
        let directory = store_authorities(data_dir, &authorities, &given.service_account_key)?;
        write_keyed(&directory, Purpose::Client, &joined.client)?;
        write_keyed(&directory, Purpose::Serving, joined.serving.as_ref().unwrap_or(&KeyedChain::default()))?;
        write_keyed(&directory, Purpose::Peer, joined.peer.as_ref().unwrap_or(&KeyedChain::default()))?;
        let front_proxy = authorities.front_proxy.issue(&front_proxy_leaf(), now)?;
        write_keyed(&directory, Purpose::FrontProxy, &front_proxy)?;
        Self::load(data_dir)
    }

    /// For a master of a restored cluster: the authorities in `source`, and certificates of its own by them.
    pub fn take_over(data_dir: &Path, source: &Path, names: &MasterNames, now: Timestamp) -> Result<(), PkiError> {
        let authorities = Authorities::load(source)?;
        let key = files::read(&source.join(SERVICE_ACCOUNT_KEY))?;
        let directory = store_authorities(data_dir, &authorities, &key)?;
        for purpose in PURPOSES {
            let keyed = authority_of(&authorities, purpose).issue(&own_leaf(names, purpose), now)?;
            write_keyed(&directory, purpose, &keyed)?;
        }
        Ok(())
    }

    /// What an earlier run has left.
    pub fn load(data_dir: &Path) -> Result<Self, PkiError> {
        let directory = data_dir.join("pki");
        let rotating = |purpose| Rotating::new(&read_keyed(&directory, purpose)?);
        Ok(Self {
            authorities: Authorities::load(&directory)?,
            service_account_key: files::read(&directory.join(SERVICE_ACCOUNT_KEY))?,
            serving: rotating(Purpose::Serving)?,
            client: rotating(Purpose::Client)?,
            peer: rotating(Purpose::Peer)?,
            front_proxy: rotating(Purpose::FrontProxy)?,
            directory,
        })
    }

    /// Issues anew what has aged or lacks a name, on disk and in use. How many were renewed.
    pub fn renew(&self, names: &MasterNames, now: Timestamp) -> Result<usize, PkiError> {
        let mut renewed = 0;
        for purpose in PURPOSES {
            let leaf = own_leaf(names, purpose);
            let current = read_keyed(&self.directory, purpose)?;
            let chain = tls::certificates(current.chain.as_bytes()).map_err(PkiError::pem("own certificate"))?;
            if !renewal::is_due(&chain[0], &leaf.addresses, now)? {
                continue;
            }
            let keyed = authority_of(&self.authorities, purpose).issue(&leaf, now)?;
            write_keyed(&self.directory, purpose, &keyed)?;
            self.rotating(purpose).replace(&keyed)?;
            renewed += 1;
        }
        Ok(renewed)
    }

    /// Writes the admin's kubeconfig, for the API at `server` (a URL).
    pub fn write_kubeconfig(&self, data_dir: &Path, server: &str, now: Timestamp) -> Result<PathBuf, PkiError> {
        let leaf = Leaf {
            common_name: ADMIN.to_owned(),
            organization: Some(MASTERS.to_owned()),
            addresses: Vec::new(),
            purpose: Purpose::Client,
        };
        let admin = self.authorities.client.issue(&leaf, now)?;
        let path = data_dir.join(KUBECONFIG);
        files::write(&path, kubeconfig::render(server, self.authorities.serving.pem(), &admin).as_bytes())?;
        Ok(path)
    }

    fn rotating(&self, purpose: Purpose) -> &Rotating {
        match purpose {
            Purpose::Serving => &self.serving,
            Purpose::Client => &self.client,
            Purpose::Peer => &self.peer,
            Purpose::FrontProxy => &self.front_proxy,
        }
    }
}

fn authority_of(authorities: &Authorities, purpose: Purpose) -> &Authority {
    match purpose {
        Purpose::Serving => &authorities.serving,
        Purpose::Client => &authorities.client,
        Purpose::Peer => &authorities.peer,
        Purpose::FrontProxy => &authorities.front_proxy,
    }
}

fn front_proxy_leaf() -> Leaf {
    Leaf {
        common_name: FRONT_PROXY.to_owned(),
        organization: None,
        addresses: Vec::new(),
        purpose: Purpose::FrontProxy,
    }
}

fn own_leaf(names: &MasterNames, purpose: Purpose) -> Leaf {
    let addresses = match purpose {
        Purpose::FrontProxy => return front_proxy_leaf(),
        Purpose::Serving => names.serving.clone(),
        Purpose::Client => Vec::new(),
        Purpose::Peer => names.peer.clone(),
    };
    Leaf {
        common_name: join::user_name(Role::Server, &names.name),
        organization: Some(join::group(Role::Server).to_owned()),
        addresses,
        purpose,
    }
}

fn store_authorities(
    data_dir: &Path,
    authorities: &Authorities,
    service_account_key: &str,
) -> Result<PathBuf, PkiError> {
    let directory = data_dir.join("pki");
    files::create_directory(&directory)?;
    let each = [
        ("serving", &authorities.serving),
        ("client", &authorities.client),
        ("peer", &authorities.peer),
        ("front-proxy", &authorities.front_proxy),
    ];
    for (name, authority) in each {
        files::write(&directory.join(format!("{name}-ca.crt")), authority.pem().as_bytes())?;
        files::write(&directory.join(format!("{name}-ca.key")), authority.key_pem().as_bytes())?;
    }
    files::write(&directory.join(SERVICE_ACCOUNT_KEY), service_account_key.as_bytes())?;
    Ok(directory)
}

fn stem(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Serving => "serving",
        Purpose::Client => "client",
        Purpose::Peer => "peer",
        Purpose::FrontProxy => "front-proxy",
    }
}

/// Chain and key stand in one file, so that no crash can leave one without the other.
fn write_keyed(directory: &Path, purpose: Purpose, keyed: &KeyedChain) -> Result<(), PkiError> {
    files::write(&directory.join(format!("{}.pem", stem(purpose))), format!("{}{}", keyed.key, keyed.chain).as_bytes())
}

fn read_keyed(directory: &Path, purpose: Purpose) -> Result<KeyedChain, PkiError> {
    let text = files::read(&directory.join(format!("{}.pem", stem(purpose))))?;
    Ok(KeyedChain { chain: text.clone(), key: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(serving: &[&str]) -> MasterNames {
        let serving = serving.iter().map(|name| (*name).to_owned()).collect();
        MasterNames { name: "m1".into(), serving, peer: vec!["10.0.0.1".into()] }
    }

    #[test]
    fn a_master_finds_its_authorities_again_and_renews_its_own() {
        let now = Timestamp::now();
        let dir = tempfile::tempdir().unwrap();
        let created = Pki::create(dir.path(), "c1", &names(&["m1"]), now).unwrap();
        let loaded = Pki::load(dir.path()).unwrap();
        assert_eq!(created.authorities.serving.hash(), loaded.authorities.serving.hash());
        assert_ne!(loaded.authorities.serving.hash(), loaded.authorities.client.hash());
        assert_eq!(loaded.renew(&names(&["m1"]), now).unwrap(), 0);
        assert_eq!(loaded.renew(&names(&["m1", "vip.example"]), now).unwrap(), 1);
        let later = now + jiff::SignedDuration::from_hours(300 * 24);
        assert_eq!(loaded.renew(&names(&["m1", "vip.example"]), later).unwrap(), 4);
    }

    #[test]
    fn authorities_are_taken_over_with_certificates_of_ones_own() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let created = Pki::create(old.path(), "c1", &names(&["m1"]), Timestamp::now()).unwrap();
        Pki::take_over(new.path(), &old.path().join("pki"), &names(&["m9"]), Timestamp::now()).unwrap();
        let loaded = Pki::load(new.path()).unwrap();
        assert_eq!(created.authorities.peer.hash(), loaded.authorities.peer.hash());
        assert_eq!(loaded.renew(&names(&["m9"]), Timestamp::now()).unwrap(), 0);
        assert_eq!(created.service_account_key, loaded.service_account_key);
    }

    #[test]
    fn the_admin_is_in_the_masters_group() {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::create(dir.path(), "c1", &names(&["m1"]), Timestamp::now()).unwrap();
        let path = pki.write_kubeconfig(dir.path(), "https://10.0.0.1:6443", Timestamp::now()).unwrap();
        let text = files::read(&path).unwrap();
        assert!(text.contains("server: https://10.0.0.1:6443"));
        let encoded = text.lines().find_map(|line| line.trim().strip_prefix("client-certificate-data: ")).unwrap();
        let chain = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).unwrap();
        let leaf = &tls::certificates(&chain).unwrap()[0];
        let user = crate::authn::certificate::ClientCertificate::read(leaf).unwrap().user;
        assert_eq!((user.name.as_str(), user.in_group(MASTERS)), (ADMIN, true));
    }
}
