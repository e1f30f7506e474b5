//! Starts a container: image, environment, mounts, log, task.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Container;
use sha2::{Digest, Sha256};
use xebec_node_plan::env::{EnvError, environment};
use xebec_node_plan::hosts::hostname;
use xebec_node_plan::image::{PullPolicy, normalize};
use xebec_node_plan::pod::event::{ContainerEvent, Problem, container_of};
use xebec_node_plan::pod::observed::Exit;
use xebec_node_plan::process::{NoCommand, process};
use xebec_node_plan::resources::{limits, oom_score_adj};
use xebec_node_plan::security::{Security, security};

use super::{PodContext, sandbox};
use crate::containerd::{ContainerSpec, Image, Mount, Owner, RuntimeError, UserWish, make_fifo};
use crate::images::chain;
use crate::logs::{LogKey, Pump};
use crate::node::now;
use crate::volumes::{VolumeError, bind_mounts};

/// Why a container cannot be started.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Container image \"{0}\" is not present with pull policy of Never")]
    NeverPull(String),
    #[error(
        "image \"{0}\" is not present, and this node does not pull: put an archive of it into the node's image directory"
    )]
    NotPresent(String),
    #[error(transparent)]
    Env(#[from] EnvError),
    #[error(transparent)]
    NoCommand(#[from] NoCommand),
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error("cannot write {path}")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl Failure {
    fn reason(&self, again: bool) -> &'static str {
        match self {
            Failure::NeverPull(_) => "ErrImageNeverPull",
            Failure::NotPresent(_) if again => "ImagePullBackOff",
            Failure::NotPresent(_) => "ErrImagePull",
            Failure::Env(_) | Failure::Runtime(RuntimeError::Invalid(_)) => "CreateContainerConfigError",
            Failure::NoCommand(_) | Failure::Volume(_) | Failure::File { .. } | Failure::Runtime(_) => {
                "CreateContainerError"
            }
        }
    }
}

/// A container that was started, or not.
pub struct Outcome {
    /// What happened.
    pub event: ContainerEvent,
    /// Its log, if it runs.
    pub pump: Option<Pump>,
}

/// Identifies an instance of a container: the same for the same instance, on whichever attempt to start it.
pub fn container_id(uid: &str, container: &str, attempt: u32) -> String {
    let hash = Sha256::digest(format!("{uid}/{container}/{attempt}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where an instance's FIFO of a stream lies.
pub fn fifo(pod: &PodContext, container: &str, attempt: u32, stream: &str) -> PathBuf {
    pod.directory().join("fifo").join(format!("{container}-{attempt}.{stream}"))
}

/// Where an instance leaves its termination message.
pub fn termination_log(pod: &PodContext, container: &str) -> PathBuf {
    pod.file(&format!("termination-{container}"))
}

/// Starts instance `attempt`; `failed_before` says that the attempt before this one failed as well.
pub async fn start(pod: &PodContext, name: &str, attempt: u32, failed_before: bool) -> Outcome {
    let began = now();
    let Some(container) = container_of(pod.desired.spec(), name) else {
        let problem = Problem { reason: "CreateContainerError".to_owned(), message: format!("no container {name}") };
        return Outcome { event: ContainerEvent::StartFailed(problem), pump: None };
    };
    // Without a permit the semaphore is closed, which it never is.
    let _permit = pod.node.starts.acquire().await;
    match try_start(pod, container, attempt).await {
        Ok((id, pid, image, pump)) => {
            pod.node.normal(&pod.desired.pod, "Started", &format!("Started container {name}"));
            Outcome { event: ContainerEvent::Started { id, pid, image_id: image.id }, pump: Some(pump) }
        }
        // The runtime looked at the container and refused: as with a program that does not exist, it counts as an end.
        Err(Failure::Runtime(RuntimeError::Refused { source, .. })) => {
            let message = source.message().to_owned();
            pod.node.warning(&pod.desired.pod, "Failed", &format!("Error: {message}"));
            let id = container_id(pod.uid(), name, attempt);
            let reason = "StartError".to_owned();
            let exit = Exit { id, code: 128, reason, message, started_at: began, finished_at: now() };
            Outcome { event: ContainerEvent::Exited(exit), pump: None }
        }
        Err(error) => {
            let reason = error.reason(failed_before).to_owned();
            let message = chain(&error);
            pod.node.warning(&pod.desired.pod, "Failed", &format!("Error: {message}"));
            Outcome { event: ContainerEvent::StartFailed(Problem { reason, message }), pump: None }
        }
    }
}

async fn try_start(
    pod: &PodContext,
    container: &Container,
    attempt: u32,
) -> Result<(String, u32, Image, Pump), Failure> {
    let image = image(pod, container).await?;
    let spec = specification(pod, container, image.clone(), attempt)?;
    let runtime = &pod.node.runtime;
    // An attempt that was cut short may have left something behind.
    runtime.delete(&spec.id).await?;
    let key = LogKey::new(&pod.desired.pod, &container.name, attempt);
    let pump = Pump::start(&pod.node, key, &spec.stdout, &spec.stderr)?;
    if let Some(stdin) = &spec.stdin {
        make_fifo(stdin)?;
    }
    let pid = runtime.create(&spec).await?;
    if let Err(error) = runtime.start(&spec.id).await {
        runtime.delete(&spec.id).await?;
        return Err(error.into());
    }
    // The one before goes only now: containers of a pod share a shim, which ends with the last of them.
    if let Some(previous) = attempt.checked_sub(1) {
        forget(pod, &container.name, previous).await;
    }
    Ok((spec.id, pid, image, pump))
}

async fn forget(pod: &PodContext, container: &str, attempt: u32) {
    if let Err(error) = pod.node.runtime.delete(&container_id(pod.uid(), container, attempt)).await {
        tracing::warn!(error = chain(&error), "an old instance of a container could not be deleted");
    }
    for stream in ["in", "out", "err"] {
        if let Err(error) = std::fs::remove_file(fifo(pod, container, attempt, stream)) {
            tracing::debug!(%error, "an old FIFO could not be removed");
        }
    }
    pod.node.logs.forget_old(&pod.desired.pod, container, attempt + 1);
}

async fn image(pod: &PodContext, container: &Container) -> Result<Image, Failure> {
    let name = normalize(container.image.as_deref().unwrap_or_default());
    match pod.node.runtime.image(&name).await? {
        Some(image) => Ok(image),
        None if PullPolicy::of(container) == PullPolicy::Never => Err(Failure::NeverPull(name)),
        None => Err(Failure::NotPresent(name)),
    }
}

fn specification(
    pod: &PodContext,
    container: &Container,
    image: Image,
    attempt: u32,
) -> Result<ContainerSpec, Failure> {
    let spec = pod.desired.spec();
    let services = match spec.enable_service_links {
        Some(false) => Vec::new(),
        _ => pod.node.network.service_env(pod.namespace()),
    };
    let env = environment(container, &services, &pod.desired.references, &pod.surroundings())?;
    let hostname = hostname(&pod.desired.pod, &pod.node.config.node_name);
    let process = process(container, &image.config, &env, &hostname)?;
    let security = security(spec, container);
    let id = container_id(pod.uid(), &container.name, attempt);
    Ok(ContainerSpec {
        owner: Owner { pod_uid: pod.uid().to_owned(), container: container.name.clone(), attempt },
        process,
        user: user(&image, &security),
        security,
        limits: limits(container),
        oom_score_adj: oom_score_adj(spec, container, pod.node.size.memory_bytes),
        namespaces: sandbox::own(pod).paths(&pod.namespaces(), spec.host_pid == Some(true)),
        hostname: Some(hostname),
        cgroup: pod.node.cgroups.container(pod.uid(), &id),
        mounts: mounts(pod, container, &env)?,
        terminal: container.tty == Some(true),
        stdin: match container.stdin {
            Some(true) => Some(fifo_path(pod, container, attempt, "in")?),
            _ => None,
        },
        stdout: fifo_path(pod, container, attempt, "out")?,
        stderr: fifo_path(pod, container, attempt, "err")?,
        image,
        id,
    })
}

fn user(image: &Image, security: &Security) -> UserWish {
    UserWish {
        of_image: image.config.user.clone(),
        uid: security.user,
        gid: security.group,
        additional: security.additional_groups.clone(),
        non_root: security.non_root,
    }
}

fn fifo_path(pod: &PodContext, container: &Container, attempt: u32, stream: &str) -> Result<PathBuf, Failure> {
    let path = fifo(pod, &container.name, attempt, stream);
    let parent = path.parent().expect("FIFOs lie in the pod's directory");
    std::fs::create_dir_all(parent).map_err(|source| Failure::File { path: parent.to_owned(), source })?;
    Ok(path)
}

/// Volumes, and the pod's own files where no volume takes their place.
fn mounts(pod: &PodContext, container: &Container, env: &[(String, String)]) -> Result<Vec<Mount>, Failure> {
    let mut mounts = bind_mounts(&pod.volumes(), pod.desired.spec(), container, env)?;
    let message = termination_log(pod, &container.name);
    empty_for_all(&message).map_err(|source| Failure::File { path: message.clone(), source })?;
    let message_path = container.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
    let own = [
        (pod.file("hosts"), "/etc/hosts"),
        (pod.file("hostname"), "/etc/hostname"),
        (pod.file("resolv.conf"), "/etc/resolv.conf"),
        (message, message_path),
    ];
    for (source, destination) in own {
        if !mounts.iter().any(|mount| mount.destination == destination) {
            let destination = destination.to_owned();
            mounts.push(Mount { source, destination, read_only: false, propagation: "rprivate" });
        }
    }
    Ok(mounts)
}

/// An empty file that any user may write: whoever the container runs as leaves its last words there.
fn empty_for_all(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, [])?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))
}
