//! The task that programs what the masters say, and acknowledges it.
//!
//! It takes everything that waits, programs it in one transaction, and reports the generation. When something fails it tries
//! the whole state again after a moment, for then nobody knows what the kernel has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ipnetwork::Ipv4Network;
use tokio::sync::mpsc;
use xebec_node_plan::nft::{Networks, Removed, Rules, ServiceName, Transaction};

use super::conntrack::{self, Flow};
use super::host::Shared;
use super::overlay::{self, Overlay};
use super::view::{Due, View};
use super::{NetworkError, RulesetWriter};
use crate::link::{NetworkUpdate, Uplink};

/// At most so many changes go into one transaction.
const BATCH: usize = 8192;
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Programmer {
    shared: Arc<Shared>,
    writer: Box<dyn RulesetWriter>,
    uplink: Uplink,
    view: View,
    /// Absent when the kernel's state is not known: at the start, and after a failure.
    programmed: Option<Programmed>,
}

struct Programmed {
    subnet: Option<Ipv4Network>,
    rules: Rules,
}

impl Programmer {
    pub(super) fn new(shared: Arc<Shared>, writer: Box<dyn RulesetWriter>, uplink: Uplink) -> Programmer {
        Programmer { shared, writer, uplink, view: View::default(), programmed: None }
    }

    /// Rules from an earlier life stay until the masters have said what there should be; else translation starts empty.
    pub(super) async fn prepare(&self) -> Result<(), NetworkError> {
        if self.writer.exists().await? {
            return Ok(());
        }
        self.writer.replace(&Rules::new(self.networks(), None).whole()).await
    }

    /// Runs until the link is gone.
    pub(super) async fn run(mut self, mut updates: mpsc::Receiver<NetworkUpdate>) {
        let mut batch = Vec::new();
        let mut failed = false;
        loop {
            let wait = if failed { RETRY } else { Duration::MAX };
            let received = tokio::time::timeout(wait, updates.recv_many(&mut batch, BATCH)).await;
            if received == Ok(0) {
                return;
            }
            batch.drain(..).for_each(|update| self.view.take(update));
            failed = match self.program().await {
                Ok(()) => false,
                Err(error) => {
                    self.programmed = None;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot program the network; trying again"
                    );
                    true
                }
            };
        }
    }

    async fn program(&mut self) -> Result<(), NetworkError> {
        let Some(due) = self.view.take_due() else { return Ok(()) };
        self.shared.publish_services(self.view.services(), &due.services);
        let subnet = self.view.subnet(&self.shared.config.node_name);
        if due.nodes || self.programmed.is_none() {
            self.program_overlay(subnet).await?;
        }
        self.program_services(subnet, &due).await?;
        self.uplink.network_applied(due.generation);
        self.shared.ready.send_if_modified(|ready| std::mem::replace(ready, subnet.is_some()) != subnet.is_some());
        Ok(())
    }

    async fn program_overlay(&self, subnet: Option<Ipv4Network>) -> Result<(), NetworkError> {
        let Some(subnet) = subnet else { return Ok(()) };
        self.shared.set_subnet(subnet)?;
        let config = &self.shared.config;
        let overlay = Overlay { node_address: config.node_address, subnet, services: config.service_cidr };
        overlay::ensure(&self.shared.netlink, &overlay).await?;
        overlay::reconcile(&self.shared.netlink, &overlay, &self.view.peers(&config.node_name)).await
    }

    async fn program_services(&mut self, subnet: Option<Ipv4Network>, due: &Due) -> Result<(), NetworkError> {
        match &mut self.programmed {
            Some(programmed) if programmed.subnet == subnet => {
                let transaction = programmed.rules.update(changed(&self.view, &due.services));
                if !transaction.is_empty() {
                    self.writer.change(&transaction).await?;
                }
                forget_removed(transaction).await;
            }
            _ => self.replace_services(subnet).await?,
        }
        Ok(())
    }

    async fn replace_services(&mut self, subnet: Option<Ipv4Network>) -> Result<(), NetworkError> {
        let mut rules = Rules::new(self.networks(), subnet);
        rules.update(self.view.services().iter().map(|(name, service)| (name, Some(service))));
        self.writer.replace(&rules.whole()).await?;
        let (endpoints, pods) = (rules.udp_endpoints(), self.shared.config.cluster_cidr);
        self.programmed = Some(Programmed { subnet, rules });
        // What went while nobody looked is not in any transaction.
        forget(move |flow| pods.contains(flow.endpoint.address) && !endpoints.contains(&flow.endpoint)).await;
        Ok(())
    }

    fn networks(&self) -> Networks {
        let config = &self.shared.config;
        Networks { cluster: config.cluster_cidr, services: config.service_cidr }
    }
}

/// Forgets the flows to endpoints that this transaction has removed.
async fn forget_removed(Transaction { stale_udp, .. }: Transaction) {
    if !stale_udp.is_empty() {
        forget(move |flow| stale_udp.contains(&Removed { endpoint: flow.endpoint })).await;
    }
}

/// Forgets flows. A kernel that cannot is no reason to hold up the network: then they end by their own timeouts.
async fn forget(stale: impl Fn(&Flow) -> bool + Send + 'static) {
    let cleared = tokio::task::spawn_blocking(move || conntrack::clear(stale)).await;
    match cleared.map_err(std::io::Error::other).flatten() {
        Ok(0) => {}
        Ok(flows) => tracing::debug!(flows, "UDP flows to endpoints that are gone are forgotten"),
        Err(error) => tracing::warn!(%error, "UDP flows to endpoints that are gone may go on for a while"),
    }
}

fn changed<'a>(
    view: &'a View,
    names: &'a BTreeSet<ServiceName>,
) -> impl Iterator<Item = (&'a ServiceName, Option<&'a xebec_node_plan::nft::Service>)> {
    names.iter().map(|name| (name, view.services().get(name)))
}
