//! Connections to pods, Services and hosts.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio::net::TcpStream;
use tokio::time::Instant;
use xebec_api::{Status, kinds};
use xebec_proto::v1::{DialStream, OpenStream, open_stream};

use super::connection::Frames;
use super::endpoints::{self, Place, PortRef};
use super::{Connection, DialError};
use crate::cache::Cache;
use crate::nodes::NodeStreams;
use crate::registry::{Environment, keys};

/// Says which Service a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Endpoints of a Service that are tried, one after the other.
const TRIES: usize = 4;
/// One try: what a node takes to dial back and to connect, and no more, so that another endpoint still has its chance.
const ATTEMPT: Duration = Duration::from_secs(5);

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRef {
    /// The Service's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The port that is meant.
    pub port: PortRef,
}

impl ServiceRef {
    fn named(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// Where a Service may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To pods only: whoever asks for the connection may also have written the Service.
    Pods,
    /// To addresses that somebody has written into an EndpointSlice and to the host of an ExternalName too, unless they are
    /// loopback, link-local, multicast or unspecified.
    Anywhere,
}

/// Who stands behind a Service's port.
enum Behind {
    Endpoints(Vec<Place>),
    Host(String, u16),
}

/// Makes connections. A clone is another handle to the same one.
#[derive(Clone)]
pub struct Dialler {
    cache: Arc<Cache>,
    environment: Arc<dyn Environment>,
    /// Weak, for the sessions with nodes hold the registry, whose webhooks hold a dialler.
    nodes: Arc<OnceLock<Weak<dyn NodeStreams>>>,
}

impl Dialler {
    /// One that finds pods and Services in this cache. It reaches pods once it is told of their nodes.
    pub fn new(cache: Arc<Cache>, environment: Arc<dyn Environment>) -> Dialler {
        Dialler { cache, environment, nodes: Arc::default() }
    }

    /// From now on pods are reached by these sessions, for as long as somebody else keeps them. Only the first call counts.
    pub fn reach_nodes_by(&self, nodes: &Arc<dyn NodeStreams>) {
        self.nodes.get_or_init(|| Arc::downgrade(nodes));
    }

    /// A port at a pod's address.
    pub async fn pod(
        &self,
        namespace: &str,
        name: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Connection, DialError> {
        self.pod_of_uid(namespace, (name, None), port, deadline).await
    }

    /// A ready endpoint of a Service's port. When one cannot be reached, others are tried.
    pub async fn service(
        &self,
        service: &ServiceRef,
        reach: Reach,
        deadline: Instant,
    ) -> Result<Connection, DialError> {
        let places = match self.behind(service, reach)? {
            Behind::Host(host, port) => {
                return self.resolved(&host, port, endpoints::may_be_dialled, deadline).await;
            }
            Behind::Endpoints(places) => places,
        };
        let first = usize::try_from(self.environment.pick(places.len() as u64)).unwrap_or_default();
        let mut failure = DialError::NoEndpoints(service.named());
        for place in places.iter().cycle().skip(first).take(places.len().min(TRIES)) {
            let until = deadline.min(Instant::now() + ATTEMPT);
            match self.place(&service.namespace, place, until).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(failure)
    }

    /// A host, by name or address, that an administrator names. It may be this machine, but not an address of its links, such as
    /// that of a cloud's metadata.
    pub async fn host(&self, host: &str, port: u16, deadline: Instant) -> Result<Connection, DialError> {
        self.resolved(host, port, endpoints::may_be_named, deadline).await
    }

    /// Whether the Service exists, has the port, and has a ready endpoint there.
    pub fn check(&self, service: &ServiceRef) -> Result<(), DialError> {
        self.behind(service, Reach::Anywhere).map(drop)
    }

    /// A host, if all addresses that its name stands for may be dialled. These are then what is dialled, whatever the name stands
    /// for by then.
    async fn resolved(
        &self,
        host: &str,
        port: u16,
        may: fn(IpAddr) -> bool,
        deadline: Instant,
    ) -> Result<Connection, DialError> {
        let failed = |cause| DialError::Network { place: format!("{host}:{port}"), cause };
        let resolving = tokio::time::timeout_at(deadline, tokio::net::lookup_host((host, port))).await;
        let resolved = resolving.map_err(|_| DialError::TimedOut(format!("{host}:{port}")))?.map_err(failed)?;
        let addresses: Vec<SocketAddr> = resolved.collect();
        if let Some(bad) = addresses.iter().find(|address| !may(address.ip())) {
            return Err(DialError::Address(bad.ip()));
        }
        let connecting = async { TcpStream::connect(&addresses[..]).await };
        tcp(format!("{host}:{port}"), connecting, deadline).await
    }

    fn behind(&self, service: &ServiceRef, reach: Reach) -> Result<Behind, DialError> {
        let stored = self.cache.get(&kinds::SERVICE, Some(&service.namespace), &service.name);
        let spec = stored.and_then(|stored| stored.object.decode::<Service>().ok()).and_then(|service| service.spec);
        let spec = spec.ok_or_else(|| DialError::ServiceNotFound(service.named()))?;
        if spec.type_.as_deref() == Some("ExternalName") {
            return external(service, &spec, reach);
        }
        let no_port = || DialError::NoSuchPort { service: service.named(), port: service.port.clone() };
        let port_name = service.port.find(&spec).ok_or_else(no_port)?.name.clone().unwrap_or_default();
        let mut places: Vec<Place> = Vec::new();
        for place in self.slices(service).iter().flat_map(|slice| endpoints::ready(slice, &port_name)) {
            let is_allowed = reach == Reach::Anywhere || matches!(place, Place::Pod { .. });
            if is_allowed && !places.contains(&place) {
                places.push(place);
            }
        }
        if places.is_empty() { Err(DialError::NoEndpoints(service.named())) } else { Ok(Behind::Endpoints(places)) }
    }

    fn slices(&self, service: &ServiceRef) -> Vec<EndpointSlice> {
        let prefix = keys::prefix(&kinds::ENDPOINT_SLICE, Some(&service.namespace));
        let all = self.cache.snapshot(&kinds::ENDPOINT_SLICE);
        let of_service = all.range(&prefix, None).map(|(_, entry)| &entry.stored().object);
        let of_service = of_service.filter(|slice| slice.meta().labels.get(SERVICE_NAME) == Some(&service.name));
        of_service.filter_map(|slice| slice.decode().ok()).collect()
    }

    async fn place(&self, namespace: &str, place: &Place, deadline: Instant) -> Result<Connection, DialError> {
        match place {
            Place::Pod { name, uid, port } => self.pod_of_uid(namespace, (name, uid.as_deref()), *port, deadline).await,
            Place::Address(address) if !endpoints::may_be_dialled(address.ip()) => {
                Err(DialError::Address(address.ip()))
            }
            Place::Address(address) => tcp(address.to_string(), TcpStream::connect(*address), deadline).await,
        }
    }

    async fn pod_of_uid(
        &self,
        namespace: &str,
        (name, uid): (&str, Option<&str>),
        port: u16,
        deadline: Instant,
    ) -> Result<Connection, DialError> {
        let named = || format!("{namespace}/{name}");
        let entry = self.cache.entry(&kinds::POD, &keys::object(&kinds::POD, Some(namespace), name));
        let is_meant = |found: &str| uid.is_none_or(|uid| uid == found);
        let entry = entry.filter(|entry| is_meant(&entry.stored().object.meta().uid));
        let entry = entry.ok_or_else(|| DialError::PodNotFound(named()))?;
        let node = entry.bound().node.as_deref().ok_or_else(|| DialError::PodNotBound(named()))?;
        let open = OpenStream {
            namespace: namespace.to_owned(),
            pod: name.to_owned(),
            pod_uid: entry.stored().object.meta().uid.clone(),
            kind: Some(open_stream::Kind::Dial(DialStream { port: port.into() })),
            ..OpenStream::default()
        };
        self.stream(node, open, format!("pod {} port {port}", named()), deadline).await
    }

    async fn stream(
        &self,
        node: &str,
        open: OpenStream,
        place: String,
        deadline: Instant,
    ) -> Result<Connection, DialError> {
        let nodes = self.nodes.get().and_then(Weak::upgrade);
        let opening = async {
            let nodes = nodes.ok_or_else(|| Status::service_unavailable("this master has no sessions with nodes"))?;
            Frames::establish(nodes.open(node, open, deadline).await?).await
        };
        match tokio::time::timeout_at(deadline, opening).await {
            Ok(Ok(frames)) => Ok(Box::new(frames)),
            Ok(Err(cause)) => Err(DialError::Node { place, cause }),
            Err(_) => Err(DialError::TimedOut(place)),
        }
    }
}

/// An ExternalName leads to a host, and need not list its ports.
fn external(service: &ServiceRef, spec: &ServiceSpec, reach: Reach) -> Result<Behind, DialError> {
    let Some(host) = spec.external_name.clone().filter(|_| reach == Reach::Anywhere) else {
        return Err(DialError::NoEndpoints(service.named()));
    };
    let port = match &service.port {
        PortRef::Number(number) => Some(*number),
        PortRef::Name(_) => service.port.find(spec).and_then(|port| u16::try_from(port.port).ok()),
    };
    let no_port = || DialError::NoSuchPort { service: service.named(), port: service.port.clone() };
    Ok(Behind::Host(host, port.ok_or_else(no_port)?))
}

async fn tcp(
    place: String,
    connecting: impl Future<Output = std::io::Result<TcpStream>>,
    deadline: Instant,
) -> Result<Connection, DialError> {
    match tokio::time::timeout_at(deadline, connecting).await {
        Ok(Ok(stream)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(place, %error, "cannot turn Nagle's algorithm off");
            }
            Ok(Box::new(stream))
        }
        Ok(Err(cause)) => Err(DialError::Network { place, cause }),
        Err(_) => Err(DialError::TimedOut(place)),
    }
}
