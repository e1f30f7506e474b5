//! The node's end of the network: what the rest of the agent calls.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use ipnetwork::Ipv4Network;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use xebec_node_plan::ipam::IpamError;
use xebec_node_plan::nft::{Service, ServiceName};
use xebec_node_plan::routes::host_device;
use xebec_node_plan::service_env;

use super::netlink::Netlink;
use super::programmer::Programmer;
use super::saved::SavedIpam;
use super::veth::{self, PodDevice};
use super::{NetworkError, NftCommand, PodNetwork, overlay, sysctl};
use crate::link::{NetworkUpdate, Uplink};

/// What the node's network has to know beforehand.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// This node.
    pub node_name: String,
    /// Where addresses are kept.
    pub data_dir: PathBuf,
    /// This node's underlay address; it must be on one of its devices.
    pub node_address: Ipv4Addr,
    /// All pods of the cluster.
    pub cluster_cidr: Ipv4Network,
    /// All services of the cluster.
    pub service_cidr: Ipv4Network,
}

pub(super) struct Shared {
    pub(super) config: NetworkConfig,
    pub(super) netlink: Netlink,
    pub(super) ready: watch::Sender<bool>,
    ipam: Mutex<SavedIpam>,
    services: RwLock<BTreeMap<ServiceName, Service>>,
}

/// The network of this node. Dropping it stops the programming and leaves everything in place.
pub struct Network {
    shared: Arc<Shared>,
    programmer: JoinHandle<()>,
}

impl Network {
    /// Starts in the calling thread's network namespace; its runtime's threads must all be in the same one.
    pub async fn start(
        config: NetworkConfig,
        updates: mpsc::Receiver<NetworkUpdate>,
        uplink: Uplink,
    ) -> Result<Arc<Network>, NetworkError> {
        sysctl::forward_packets()?;
        let ipam = Mutex::new(SavedIpam::load(&config.data_dir)?);
        let netlink = Netlink::open()?;
        let (ready, services) = (watch::Sender::new(false), RwLock::default());
        let shared = Arc::new(Shared { config, netlink, ready, ipam, services });
        let programmer = Programmer::new(shared.clone(), Box::new(NftCommand), uplink);
        programmer.prepare().await?;
        Ok(Arc::new(Network { shared, programmer: tokio::spawn(programmer.run(updates)) }))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.programmer.abort();
    }
}

impl Shared {
    fn ipam(&self) -> MutexGuard<'_, SavedIpam> {
        self.ipam.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_subnet(&self, subnet: Ipv4Network) -> Result<(), NetworkError> {
        let changed = self.ipam().change(|ipam| ipam.set_subnet(subnet))?;
        if changed {
            tracing::info!(%subnet, "pods of this node get their addresses from here");
        }
        Ok(())
    }

    pub(super) fn publish_services(&self, all: &BTreeMap<ServiceName, Service>, changed: &BTreeSet<ServiceName>) {
        let mut services = self.services.write().unwrap_or_else(PoisonError::into_inner);
        for name in changed {
            match all.get(name) {
                Some(service) => drop(services.insert(name.clone(), service.clone())),
                None => drop(services.remove(name)),
            }
        }
    }
}

#[async_trait]
impl PodNetwork for Network {
    async fn attach(&self, pod_uid: &str, netns: &Path) -> Result<IpAddr, NetworkError> {
        if !*self.shared.ready.borrow() {
            return Err(NetworkError::NotReady);
        }
        let allocated = self.shared.ipam().change(|ipam| ipam.allocate(pod_uid))?;
        let address = allocated.map_err(|error| match error {
            IpamError::NoSubnet => NetworkError::NotReady,
            IpamError::Exhausted(subnet) => NetworkError::Exhausted { subnet: subnet.to_string() },
        })?;
        let node_address = self.shared.config.node_address;
        let mtu = overlay::mtu(&self.shared.netlink, node_address).await?;
        let device = PodDevice { host_name: host_device(pod_uid), address, mtu, node_address };
        veth::attach(&self.shared.netlink, netns, &device).await?;
        Ok(IpAddr::V4(address))
    }

    async fn detach(&self, pod_uid: &str) -> Result<(), NetworkError> {
        veth::detach(&self.shared.netlink, pod_uid).await?;
        self.shared.ipam().change(|ipam| ipam.release(pod_uid))?;
        Ok(())
    }

    fn ready(&self) -> watch::Receiver<bool> {
        self.shared.ready.subscribe()
    }

    async fn adopt(&self, live: &[(String, IpAddr)]) -> Result<(), NetworkError> {
        let addresses = live.iter().filter_map(|(uid, address)| match address {
            IpAddr::V4(address) => Some((uid.clone(), *address)),
            IpAddr::V6(_) => None,
        });
        let addresses: Vec<(String, Ipv4Addr)> = addresses.collect();
        let devices = addresses.iter().map(|(uid, _)| host_device(uid)).collect();
        self.shared.ipam().change(|ipam| ipam.adopt(addresses))?;
        veth::sweep(&self.shared.netlink, &devices).await
    }

    fn service_env(&self, namespace: &str) -> Vec<(String, String)> {
        let services = self.shared.services.read().unwrap_or_else(PoisonError::into_inner);
        service_env::variables(&services, namespace)
    }
}
