//! Whom a proxy's name means, and the connection to it.

use tokio::time::Instant;
use xebec_api::{Status, kinds, value};

use crate::cache::Cache;
use crate::outbound::tls::{self, Trust};
use crate::outbound::{Connection, Dialler, PortRef, Reach, ServiceRef};
use crate::registry::Target;

/// `[scheme:]name[:port]` of a pod or a Service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    is_service: bool,
    namespace: String,
    is_secure: bool,
    name: String,
    /// Empty: a pod's first, or a Service's without a name.
    port: String,
}

/// A connection, and by which `host:port` the server may call itself.
pub(super) struct Reached {
    pub(super) connection: Connection,
    pub(super) hosts: Vec<String>,
}

impl Destination {
    /// Reads the name of a target.
    pub(super) fn read(target: &Target) -> Result<Destination, Status> {
        let id = target.name.as_str();
        let invalid = || {
            let kind = target.kind.singular;
            Status::bad_request(format!("invalid {kind} request {id:?}: it must be [http:|https:]NAME[:PORT]"))
        };
        let (scheme, name, port) = match id.split(':').collect::<Vec<_>>().as_slice() {
            [name] => ("", *name, ""),
            [name, port] => ("", *name, *port),
            [scheme, name, port] => (*scheme, *name, *port),
            _ => return Err(invalid()),
        };
        if name.is_empty() || !matches!(scheme, "" | "http" | "https") {
            return Err(invalid());
        }
        let is_service = *target.kind == kinds::SERVICE;
        if !is_service && !port.is_empty() && port.parse::<u16>().is_err() {
            return Err(invalid());
        }
        Ok(Destination {
            is_service,
            namespace: target.namespace.clone().unwrap_or_default(),
            is_secure: scheme == "https",
            name: name.to_owned(),
            port: port.to_owned(),
        })
    }

    /// Connects. Over TLS nobody is verified, as Kubernetes has it: pods have no certificates for their addresses.
    pub(super) async fn reach(&self, dialler: &Dialler, cache: &Cache, deadline: Instant) -> Result<Reached, Status> {
        let Reached { connection, hosts } = match self.is_service {
            true => self.service(dialler, deadline).await?,
            false => self.pod(dialler, cache, deadline).await?,
        };
        if !self.is_secure {
            return Ok(Reached { connection, hosts });
        }
        let config = tls::config(&Trust::Anybody, None).map_err(Status::internal)?;
        let connection = tls::secure(connection, &self.name, config, deadline).await.map_err(|e| e.status())?;
        Ok(Reached { connection, hosts })
    }

    async fn service(&self, dialler: &Dialler, deadline: Instant) -> Result<Reached, Status> {
        let port = PortRef::parse(&self.port);
        let service = ServiceRef { namespace: self.namespace.clone(), name: self.name.clone(), port };
        let connection = dialler.service(&service, Reach::Pods, deadline).await.map_err(|e| e.status())?;
        Ok(Reached { connection, hosts: Vec::new() })
    }

    async fn pod(&self, dialler: &Dialler, cache: &Cache, deadline: Instant) -> Result<Reached, Status> {
        let pod = cache.get(&kinds::POD, Some(&self.namespace), &self.name);
        let pod = pod.ok_or_else(|| Status::not_found(&kinds::POD, &self.name))?.to_value();
        let address = value::text(&pod, "/status/podIP").filter(|address| !address.is_empty());
        let address = address.ok_or_else(|| Status::bad_request(format!("pod {} has no address yet", self.name)))?;
        let port = self.port.parse().ok().or_else(|| first_port(&pod)).unwrap_or(self.usual_port());
        let connection = dialler.pod(&self.namespace, &self.name, port, deadline).await.map_err(|e| e.status())?;
        Ok(Reached { connection, hosts: vec![format!("{address}:{port}"), address.to_owned()] })
    }

    fn usual_port(&self) -> u16 {
        if self.is_secure { 443 } else { 80 }
    }
}

/// The first port that a container of the pod lists.
fn first_port(pod: &serde_json::Value) -> Option<u16> {
    let containers = value::list(pod, "/spec/containers");
    let port = containers.iter().find_map(|container| value::number(container, "/ports/0/containerPort"));
    port.and_then(|port| u16::try_from(port).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::testing::target;

    #[test]
    fn names_say_scheme_and_port() {
        let read = |plural: &str, id: &str| {
            let target = target(plural, Some("a"), id);
            Destination::read(&target).map(|d| (d.is_secure, d.name, d.port)).map_err(|status| status.code)
        };
        let parts = |secure, name: &str, port: &str| Ok((secure, name.to_owned(), port.to_owned()));
        assert_eq!(read("pods", "p"), parts(false, "p", ""));
        assert_eq!(read("pods", "p:8080"), parts(false, "p", "8080"));
        assert_eq!(read("pods", "https:p:"), parts(true, "p", ""));
        assert_eq!(read("services", "https:s:web"), parts(true, "s", "web"));
        assert_eq!(read("services", ":s:1"), parts(false, "s", "1"));
        for (plural, bad) in [("pods", ":80"), ("pods", "p:web"), ("pods", "ftp:p:1"), ("services", "a:b:c:d")] {
            assert_eq!(read(plural, bad), Err(400), "{bad}");
        }
    }

    #[test]
    fn a_pods_first_port_is_meant_where_none_is_named() {
        let pod = serde_json::json!({"spec": {"containers": [{"name": "a"}, {"ports": [{"containerPort": 8080}]}]}});
        assert_eq!(first_port(&pod), Some(8080));
        assert_eq!(first_port(&serde_json::json!({})), None);
    }
}
