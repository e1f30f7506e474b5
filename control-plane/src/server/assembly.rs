//! Who is wired to whom in a master.
//!
//! ```text
//! cache ◄─ store      authorizer ◄─ cache      registry ◄─ store, cache, authorizer, admission
//! gRPC: Bootstrap, Cluster, Objects, Nodes     REST: health, the registry's router
//! background: default objects, the signer of certificate requests, the runtime (all on the leader only)
//! ```

use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use xebec_controllers::Settings;
use xebec_proto::v1::bootstrap_server::BootstrapServer;
use xebec_proto::v1::cluster_server::ClusterServer;
use xebec_proto::v1::nodes_server::NodesServer;
use xebec_proto::v1::objects_server::ObjectsServer;
use xebec_store::Store;

use super::certificate_signer::CertificateSigner;
use super::config::ServerConfig;
use super::error::ServerError;
use super::gate::{Doors, Gate, Observers};
use super::health::{self, Health};
use super::in_flight::InFlight;
use super::leader_objects::LeaderObjects;
use super::master_file::MasterFile;
use super::networks;
use super::reading::Readers;
use super::view::View;
use crate::admission::webhooks::{WebhookMetrics, WebhookParts, Webhooks};
use crate::admission::{self, Admission, CertificateSigners};
use crate::aggregation::{self, Aggregator, Follow, identity};
use crate::audit::Auditor;
use crate::authn::Authenticator;
use crate::authn::bearer::BearerTokens;
use crate::authn::service_account::ServiceAccountTokens;
use crate::authz::plugins::{NoEscalation, NodeRestriction};
use crate::authz::{Authorizer, Rbac, Union};
use crate::bootstrap::admit::Admitter;
use crate::bootstrap::names::Names;
use crate::bootstrap::service::BootstrapService;
use crate::bootstrap::tokens::Tokens;
use crate::cache::Cache;
use crate::cluster::peers::MasterClient;
use crate::cluster::service::ClusterService;
use crate::conversion::Conversions;
use crate::fairness::{self, Config, Fairness};
use crate::grpc::ObjectsService;
use crate::metrics::{Metrics, RequestMetrics};
use crate::nodes::{NodeHub, NodeHubConfig, NodeLiveness, NodeStreams};
use crate::outbound::Dialler;
use crate::pki::Pki;
use crate::registry::{Environment, Registry, RegistryParts, SystemEnvironment};
use crate::request_info::RequestInfo;
use crate::rest::{self, RestState};
use crate::runtime::{self, NodeWatch, RuntimeParts};

/// Three signing requests and some names; anybody may send one.
const MAX_JOIN_REQUEST: usize = 64 * 1024;

/// What a node says at once: the status of a pod, its own conditions, or a frame of a stream.
const MAX_NODE_MESSAGE: usize = 1024 * 1024;

/// What a master is wired from.
pub(super) struct Assembly<'a> {
    pub(super) config: &'a ServerConfig,
    pub(super) file: &'a MasterFile,
    pub(super) pki: &'a Arc<Pki>,
    pub(super) store: &'a Store,
    pub(super) cache: &'a Arc<Cache>,
    pub(super) client: &'a MasterClient,
    pub(super) masters: watch::Receiver<Vec<String>>,
}

impl Assembly<'_> {
    /// Wires everything, starts what works in the background, and returns the door to it. Fails when audit records cannot be kept,
    /// or the key of tokens cannot be used.
    pub(super) fn build(&self, tasks: &TaskTracker, shutdown: &CancellationToken) -> Result<Gate, ServerError> {
        let rbac = Arc::new(Rbac::new(self.cache.clone()));
        let authorizer: Arc<dyn Authorizer> = Arc::new(Union::new(self.cache.clone(), rbac.clone()));
        let accounts = ServiceAccountTokens::new(&self.pki.service_account_key, self.cache.clone())?;
        let tokens = Arc::new(BearerTokens::new(accounts, self.cache.clone()));
        let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
        let dialler = Dialler::new(self.cache.clone(), environment.clone());
        let webhooks = WebhookMetrics::default();
        let conversions = Arc::new(Conversions::new(dialler.clone(), environment.clone()));
        let hooks = Webhooks::new(WebhookParts {
            cache: self.cache.clone(),
            dialler: dialler.clone(),
            conversions: conversions.clone(),
            authorizer: authorizer.clone(),
            environment,
            metrics: webhooks.clone(),
        });
        let registry = self.registry(&rbac, &authorizer, &tokens, (hooks, conversions));
        let hub = self.hub(&registry);
        let nodes: Arc<dyn NodeStreams> = Arc::new(hub.clone());
        dialler.reach_nodes_by(&nodes);
        tasks.spawn(self.leader_objects(&registry).run(shutdown.clone()));
        tasks.spawn(self.certificate_signer(&registry, &authorizer).run(shutdown.clone()));
        tasks.spawn(runtime::run(self.runtime(&registry, &hub), shutdown.clone().cancelled_owned()));
        let doors = self.doors(tasks, shutdown);
        let audit = Auditor::start(&self.config.audit, &self.config.data_dir);
        let audit = audit.map_err(|source| ServerError::Audit { source })?;
        let requests = RequestMetrics::default();
        let metrics = Metrics::new(authorizer.clone(), &requests, |registry| {
            self.store.register_metrics(registry);
            doors.fairness.register(registry);
            audit.register(registry);
            webhooks.register(registry);
        });
        let aggregator = self.aggregator(&registry, &dialler, tasks, shutdown);
        let state = RestState {
            registry: registry.clone(),
            streams: nodes,
            dialler,
            aggregator,
            api_address: self.file.api_address().into(),
        };
        let rest = self.rest(state).merge(metrics.router());
        let observers = Observers { metrics: requests, audit };
        let authenticator = self.authenticator(tokens, &authorizer);
        Ok(Gate::new(self.grpc(&authorizer, &registry, &hub), rest, doors, observers, authenticator))
    }

    fn authenticator(&self, tokens: Arc<BearerTokens>, authorizer: &Arc<dyn Authorizer>) -> Arc<Authenticator> {
        Arc::new(Authenticator {
            store: Arc::new(self.store.clone()),
            cache: self.cache.clone(),
            tokens,
            authorizer: authorizer.clone(),
            environment: Arc::new(SystemEnvironment),
        })
    }

    fn doors(&self, tasks: &TaskTracker, shutdown: &CancellationToken) -> Doors {
        let seats = u32::try_from(self.config.max_requests).unwrap_or(u32::MAX);
        let fairness = Fairness::new(seats, Config::suggested());
        let readers = Readers::default();
        tasks.spawn(fairness::follow(fairness.clone(), self.cache.clone(), shutdown.clone()));
        tasks.spawn(readers.clone().watch(shutdown.clone()));
        let cache = self.cache.clone();
        let objects = move |info: &RequestInfo| {
            let kind = cache.catalogue().find(&info.group, &info.version, &info.resource);
            kind.map_or(0, |kind| cache.snapshot(kind).count(info.namespace.as_deref()))
        };
        Doors { in_flight: InFlight::new(self.config.max_streams), fairness, readers, objects: Arc::new(objects) }
    }

    fn hub(&self, registry: &Registry) -> NodeHub {
        let config = NodeHubConfig {
            master_name: self.file.name.clone(),
            cluster_id: self.file.cluster_id.clone(),
            cluster_cidr: self.file.cluster_cidr.to_string(),
            service_cidr: self.file.service_cidr.to_string(),
        };
        NodeHub::new(registry.clone(), self.masters.clone(), config)
    }

    fn runtime(&self, registry: &Registry, hub: &NodeHub) -> RuntimeParts {
        RuntimeParts {
            registry: registry.clone(),
            leadership: self.store.leadership(),
            nodes: Arc::new(hub.clone()),
            settings: Settings {
                cluster_cidr: self.file.cluster_cidr,
                node_monitor_grace: self.config.node_monitor_grace,
                serving_ca: self.pki.authorities.serving.pem().to_owned(),
            },
        }
    }

    fn registry(
        &self,
        rbac: &Arc<Rbac>,
        authorizer: &Arc<dyn Authorizer>,
        tokens: &Arc<BearerTokens>,
        (webhooks, conversions): (Webhooks, Arc<Conversions>),
    ) -> Registry {
        let mut admission = admission::plugins(self.cache, self.config.unreachable_toleration);
        let own: [Arc<dyn Admission>; 3] = [
            Arc::new(NodeRestriction::new(self.cache.clone())),
            Arc::new(CertificateSigners::new(authorizer.clone())),
            Arc::new(NoEscalation::new(rbac.clone(), authorizer.clone())),
        ];
        admission.extend(own);
        Registry::new(RegistryParts {
            store: Arc::new(self.store.clone()),
            cache: self.cache.clone(),
            authorizer: authorizer.clone(),
            admission,
            webhooks,
            conversions,
            tokens: tokens.clone(),
            environment: Arc::new(SystemEnvironment),
            service_cidr: self.file.service_cidr,
        })
    }

    fn certificate_signer(&self, registry: &Registry, authorizer: &Arc<dyn Authorizer>) -> CertificateSigner {
        CertificateSigner {
            registry: registry.clone(),
            authorizer: authorizer.clone(),
            pki: self.pki.clone(),
            names: Names::new(Arc::new(self.store.clone())),
            leadership: self.store.leadership(),
        }
    }

    fn leader_objects(&self, registry: &Registry) -> LeaderObjects {
        let address = networks::kubernetes_address(&self.file.service_cidr);
        LeaderObjects {
            registry: registry.clone(),
            leadership: self.store.leadership(),
            masters: self.masters.clone(),
            kubernetes_address: address.map(|address| address.to_string()).unwrap_or_default(),
            service_cidr: format!("{}/{}", self.file.service_cidr.network(), self.file.service_cidr.prefix()),
            authentication: identity::config_map(
                self.pki.authorities.client.pem(),
                self.pki.authorities.front_proxy.pem(),
            ),
        }
    }

    fn grpc(&self, authorizer: &Arc<dyn Authorizer>, registry: &Registry, hub: &NodeHub) -> Router {
        let objects = ObjectsService { registry: registry.clone(), streams: Arc::new(hub.clone()) };
        let usage = hub.clone();
        let tokens = Tokens::new(self.store.clone(), self.pki.authorities.serving.hash());
        let view = View { store: self.store.clone(), cache: self.cache.clone(), file: self.file.clone() };
        let names = Names::new(Arc::new(self.store.clone()));
        let admitter = Admitter::new(self.pki.clone());
        let bootstrap = BootstrapService::new(tokens.clone(), names.clone(), admitter, Arc::new(view));
        let cluster = ClusterService {
            store: self.store.clone(),
            tokens,
            names,
            authorizer: authorizer.clone(),
            masters: self.client.clone(),
            name: self.file.name.clone(),
            supersedes: self.file.supersedes.clone(),
            usage: Arc::new(move || usage.usage()),
        };
        Routes::new(BootstrapServer::new(bootstrap).max_decoding_message_size(MAX_JOIN_REQUEST))
            .add_service(ClusterServer::new(cluster))
            .add_service(NodesServer::new(hub.service()).max_decoding_message_size(MAX_NODE_MESSAGE))
            .add_service(ObjectsServer::new(objects))
            .into_axum_router()
    }

    /// Tells which APIs servers in the cluster serve, and keeps the APIServices of the masters' own.
    fn aggregator(
        &self,
        registry: &Registry,
        dialler: &Dialler,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Aggregator {
        let aggregator = Aggregator::default();
        let parts = Follow {
            registry: registry.clone(),
            leadership: self.store.leadership(),
            dialler: dialler.clone(),
            proxy: self.pki.front_proxy.clone(),
        };
        tasks.spawn(aggregation::follow(parts, aggregator.clone(), shutdown.clone()));
        tasks.spawn(aggregation::keep(registry.clone(), self.store.leadership(), shutdown.clone()));
        aggregator
    }

    fn rest(&self, state: RestState) -> Router {
        health::router(Health { store: self.store.clone(), cache: self.cache.clone() }).merge(rest::router(state))
    }
}

impl NodeWatch for NodeHub {
    fn liveness(&self) -> Vec<NodeLiveness> {
        Self::liveness(self)
    }

    fn changed(&self) -> watch::Receiver<u64> {
        Self::changed(self)
    }
}
