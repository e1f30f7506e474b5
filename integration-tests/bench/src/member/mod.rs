//! One member of a store as a process of its own, with etcd's face for clients.

mod convert;
mod grow;
mod kv;
mod maintenance;
mod options;
mod ranges;
mod tls;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use xebec_store::{NoObserver, Store, StoreConfig, Tuning, World};

use crate::wire::services::k_v_server::KVServer;
use crate::wire::services::maintenance_server::MaintenanceServer;
use crate::wire::services::watch_server::WatchServer;
use kv::KvService;
use maintenance::MaintenanceService;
pub use options::{MemberOptions, Seat};
use watch::WatchService;

/// Larger than any transaction that the store takes.
const MAX_MESSAGE: usize = 64 << 20;
const WINDOW: u32 = 4 << 20;
/// Streams of one client's connection.
const STREAMS: u32 = 4096;

/// Runs a member until SIGTERM, SIGINT, or an error.
pub async fn run(options: MemberOptions) -> Result<()> {
    let config = config(&options).await?;
    let store = Store::open(config).await.context("open the store")?;
    if options.me()?.is_first(&options.members) && !store.is_initialized() {
        store.initialize().await.context("begin a cluster")?;
    }
    let growing = tokio::spawn(grow::grow(store.clone(), options.members.clone()));
    serve(&options, &store).await?;
    growing.abort();
    store.shutdown().await;
    Ok(())
}

async fn config(options: &MemberOptions) -> Result<StoreConfig> {
    let me = options.me()?;
    let peer_listener = TcpListener::bind(&me.address).await.with_context(|| format!("listen on {}", me.address))?;
    Ok(StoreConfig {
        has_history: options.has_history || options.data_dir.join("member.json").exists(),
        data_dir: options.data_dir.clone(),
        cluster_id: options.cluster_id.clone(),
        node_id: me.id,
        name: me.name(),
        peer_address: me.address.clone(),
        api_address: options.client_address.to_string(),
        world: World::real(peer_listener, tls::peer_tls(&options.tls_dir)?),
        observer: Arc::new(NoObserver),
        tuning: Tuning::default(),
    })
}

async fn serve(options: &MemberOptions, store: &Store) -> Result<()> {
    let incoming = listen(options.client_address)?;
    let limit = MAX_MESSAGE;
    let kv = KVServer::new(KvService::new(store.clone())).max_decoding_message_size(limit);
    let server = Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(STREAMS)
        .add_service(kv.max_encoding_message_size(limit))
        .add_service(WatchServer::new(WatchService::new(store.clone())))
        .add_service(MaintenanceServer::new(MaintenanceService::new(store.clone())));
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => drop(interrupted),
        }
    };
    tokio::select! {
        served = server.serve_with_incoming(incoming) => served.context("serve clients"),
        () = stopped => Ok(()),
    }
}

fn listen(address: SocketAddr) -> Result<TcpIncoming> {
    let incoming = TcpIncoming::bind(address).with_context(|| format!("listen on {address}"))?;
    Ok(incoming.with_nodelay(Some(true)))
}
