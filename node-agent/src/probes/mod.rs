//! Trying probes and running hooks: HTTP and TCP to the pod's address, commands in the container.

mod exec;
mod http;
mod tcp;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ExecAction, HTTPGetAction, LifecycleHandler, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::containerd::Runtime;

/// What a probe or hook is aimed at.
#[derive(Clone)]
pub struct Target {
    /// Runs commands.
    pub runtime: Arc<dyn Runtime>,
    /// The container instance.
    pub id: String,
    /// The container.
    pub container: Container,
    /// The pod's address.
    pub address: IpAddr,
}

/// Why a probe or hook failed, as people read it.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It took too long.
    #[error("timed out after {0:?}")]
    Timeout(Duration),
    /// No connection.
    #[error("dial {address}: {source}")]
    Connect {
        /// Where to.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// No HTTP answer.
    #[error("Get \"{url}\": {source}")]
    Http {
        /// What was asked for.
        url: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An HTTP answer that is no success.
    #[error("HTTP probe failed with statuscode: {0}")]
    Status(u16),
    /// The command failed.
    #[error("command exited with {code}: {output}")]
    Command {
        /// Its exit code.
        code: i32,
        /// The beginning of what it said.
        output: String,
    },
    /// The command could not be run.
    #[error("cannot run the command")]
    Runtime(#[from] crate::containerd::RuntimeError),
    /// It names a port that the container does not have.
    #[error("couldn't find port {0}")]
    Port(String),
    /// It asks for something that this node does not do.
    #[error("{0} probes are not supported by this node")]
    Unsupported(&'static str),
}

/// Tries a probe once.
pub async fn attempt(target: &Target, probe: &Probe) -> Result<(), ProbeError> {
    let timeout = xebec_node_plan::probe::timeout(probe);
    let tried = async {
        if let Some(action) = &probe.exec {
            return run(target, action).await;
        }
        if let Some(action) = &probe.http_get {
            return get(target, action).await;
        }
        if let Some(action) = &probe.tcp_socket {
            return connect(target, action).await;
        }
        Err(ProbeError::Unsupported(if probe.grpc.is_some() { "grpc" } else { "empty" }))
    };
    tokio::time::timeout(timeout, tried).await.unwrap_or(Err(ProbeError::Timeout(timeout)))
}

/// Runs a hook.
pub async fn hook(target: &Target, handler: &LifecycleHandler, timeout: Duration) -> Result<(), ProbeError> {
    let ran = async {
        if let Some(action) = &handler.exec {
            return run(target, action).await;
        }
        if let Some(action) = &handler.http_get {
            return get(target, action).await;
        }
        if let Some(action) = &handler.sleep {
            tokio::time::sleep(Duration::from_secs(u64::try_from(action.seconds).unwrap_or(0))).await;
        }
        Ok(())
    };
    tokio::time::timeout(timeout, ran).await.unwrap_or(Err(ProbeError::Timeout(timeout)))
}

async fn run(target: &Target, action: &ExecAction) -> Result<(), ProbeError> {
    exec::run(target.runtime.as_ref(), &target.id, action.command.clone().unwrap_or_default()).await
}

async fn get(target: &Target, action: &HTTPGetAction) -> Result<(), ProbeError> {
    let host = action.host.clone().filter(|host| !host.is_empty()).unwrap_or_else(|| target.address.to_string());
    http::get(&host, port(target, &action.port)?, action).await
}

async fn connect(target: &Target, action: &TCPSocketAction) -> Result<(), ProbeError> {
    let host = action.host.clone().filter(|host| !host.is_empty()).unwrap_or_else(|| target.address.to_string());
    tcp::connect(&host, port(target, &action.port)?).await.map(|_| ())
}

/// A port by number or by its name in the container.
fn port(target: &Target, port: &IntOrString) -> Result<u16, ProbeError> {
    let wrong = || ProbeError::Port(format!("{port:?}"));
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => {
            let mut ports = target.container.ports.iter().flatten();
            let named = ports.find(|port| port.name.as_ref() == Some(name)).map(|port| port.container_port);
            named.or_else(|| name.parse().ok()).ok_or_else(wrong)?
        }
    };
    u16::try_from(number).map_err(|_| wrong())
}
