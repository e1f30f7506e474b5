//! `xebec dev`: one master and one node in one process, for trying things out. Everything is real but the replication: the same
//! API, certificates and containers, with nobody to fail over to.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use xebec_control_plane::server::{Master, ServerConfig};
use xebec_node_agent::{Agent, AgentConfig};
use xebec_proto::v1::{CreateTokenRequest, Role};

use super::signals::Signals;
use super::{host, log};
use crate::args::{Connection, DevArguments, Span};
use crate::client::Session;
use crate::settings;

/// Long enough for the agent of this same process to join.
const TOKEN_SECONDS: u64 = 300;
/// For one request to the master of this same process.
const REQUEST: Duration = Duration::from_secs(30);

/// Runs until asked to end. Pods go on, and are taken up again at the next start.
pub(crate) async fn run(arguments: DevArguments) -> Result<()> {
    log::start()?;
    let signals = Signals::catch()?;
    let address = node_address(arguments.node_address.as_deref())?;
    let listen: SocketAddr = settings::parse("listen", &arguments.listen, "ADDRESS:PORT, for example 127.0.0.1:6443")?;
    let master = Master::start(server(&arguments.data_dir, listen, address)).await.context("start the master")?;
    let kubeconfig = master.admin_kubeconfig();
    let token = token(&kubeconfig).await.context("make a token for the node")?;
    let agent =
        Agent::start(node(&arguments.data_dir, listen, address, token)?).await.context("start the node agent")?;
    eprintln!("A cluster of one is ready:\n  export KUBECONFIG={}\n  xebec get nodes", kubeconfig.display());
    signals.wait().await;
    agent.shutdown().await;
    master.shutdown().await;
    Ok(())
}

fn node_address(given: Option<&str>) -> Result<IpAddr> {
    match given {
        Some(text) => Ok(settings::parse("node-address", text, "an IP address")?),
        None => host::default_address().context("--node-address is needed"),
    }
}

/// The API is reached where it listens; a wildcard stands for the node's address.
fn advertised(listen: SocketAddr, address: IpAddr) -> IpAddr {
    if listen.ip().is_unspecified() { address } else { listen.ip() }
}

fn server(data_dir: &Path, listen: SocketAddr, address: IpAddr) -> ServerConfig {
    let defaults = ServerConfig::default();
    ServerConfig {
        name: "dev".to_owned(),
        data_dir: data_dir.join("server"),
        listen,
        peer_listen: SocketAddr::new(listen.ip(), defaults.peer_listen.port()),
        advertise_address: advertised(listen, address).to_string(),
        cluster_init: true,
        ..defaults
    }
}

fn node(data_dir: &Path, listen: SocketAddr, address: IpAddr, token: String) -> Result<AgentConfig> {
    let server = SocketAddr::new(advertised(listen, address), listen.port());
    Ok(AgentConfig {
        node_name: host::name()?,
        data_dir: data_dir.join("agent"),
        servers: vec![format!("https://{server}")],
        token: Some(token),
        node_address: address,
        ..AgentConfig::default()
    })
}

/// Asked of our own master like anybody else would ask.
async fn token(kubeconfig: &Path) -> Result<String> {
    let connection = Connection {
        kubeconfig: Some(kubeconfig.to_owned()),
        context: None,
        namespace: None,
        request_timeout: Span(REQUEST),
    };
    let session = Session::open(&connection).await?;
    let message = CreateTokenRequest {
        role: Role::Agent.into(),
        ttl_seconds: TOKEN_SECONDS,
        description: "xebec dev".to_owned(),
    };
    Ok(session.cluster().create_token(session.request(message)).await?.into_inner().token)
}
