//! Makes the pod's sandbox: namespaces, network, and the files that tell it its name.

use std::net::IpAddr;
use std::path::PathBuf;

use xebec_node_plan::hosts::{hostname, hosts_file, resolv_conf};
use xebec_node_plan::pod::event::{Event, Problem};

use super::PodContext;
use crate::images::chain;
use crate::network::NetworkError;
use crate::sandbox::{Own, SandboxError, pin};

/// A sandbox cannot be made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("cannot connect the pod to the network")]
    Network(#[from] NetworkError),
    #[error("the spec asks for a user namespace, which this node's runtime ignores")]
    UserNamespace,
}

/// Makes it; what exists is kept.
pub async fn create(pod: &PodContext) -> Event {
    match make(pod).await {
        Ok(address) => Event::SandboxReady(address),
        Err(error) => {
            let message = chain(&error);
            // A node that has just joined has no subnet yet: that is no trouble, only early.
            if !matches!(error, Failure::Network(NetworkError::NotReady)) {
                pod.node.warning(&pod.desired.pod, "FailedCreatePodSandBox", &message);
            }
            Event::SandboxFailed(Problem { reason: "FailedCreatePodSandBox".to_owned(), message })
        }
    }
}

async fn make(pod: &PodContext) -> Result<IpAddr, Failure> {
    if pod.desired.spec().host_users == Some(false) {
        return Err(Failure::UserNamespace);
    }
    let hostname = hostname(&pod.desired.pod, &pod.node.config.node_name);
    let (directory, own, name) = (pod.namespaces(), own(pod), hostname.clone());
    let pinned = tokio::task::spawn_blocking(move || pin(&directory, own, &name)).await;
    pinned.expect("pinning does not panic, and is not cancelled")?;
    let address = match own.paths(&pod.namespaces(), false).net {
        None => pod.node.config.node_address,
        Some(net) => pod.node.network.attach(pod.uid(), &net).await?,
    };
    write_files(pod, address, &hostname)?;
    Ok(address)
}

/// Which namespaces a pod has of its own.
pub fn own(pod: &PodContext) -> Own {
    Own { network: !pod.host_network(), ipc: pod.desired.spec().host_ipc != Some(true) }
}

fn write_files(pod: &PodContext, address: IpAddr, hostname: &str) -> Result<(), SandboxError> {
    let of_node = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let resolv = resolv_conf(pod.desired.spec(), pod.namespace(), &pod.node.cluster_dns(), &of_node);
    let hosts = hosts_file(&pod.desired.pod, address, hostname, &pod.node.config.cluster_domain);
    for (name, text) in [("hostname", format!("{hostname}\n")), ("hosts", hosts), ("resolv.conf", resolv)] {
        write(pod.file(name), &text)?;
    }
    Ok(())
}

fn write(path: PathBuf, text: &str) -> Result<(), SandboxError> {
    let parent = path.parent().expect("files of a pod lie in its directory");
    let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| SandboxError::File { operation: "write", path, source })
}
