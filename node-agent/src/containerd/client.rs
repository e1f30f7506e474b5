//! The connection to containerd, and how its answers become ours.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use containerd_client::services::v1::GetImageRequest;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::diff_client::DiffClient;
use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::version_client::VersionClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use super::runtime::{ContainerInfo, ContainerSpec, ExecSession, ExecSpec, Image, Runtime, RuntimeError, TaskEnd};
use crate::images::ImageArchive;

/// containerd's namespace for what is ours.
const NAMESPACE: &str = "xebec";
/// How long an ordinary call may take. A loaded machine needs seconds for `tasks.create`; less would fail starts that succeed.
pub(super) const CALL: Duration = Duration::from_secs(30);
/// How long moving a layer may take.
pub(super) const TRANSFER: Duration = Duration::from_secs(600);

/// How containers are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The OCI runtime.
    pub runtime: PathBuf,
    /// Where the OCI runtime keeps its state.
    pub runtime_root: PathBuf,
    /// FIFOs of commands.
    pub exec_dir: PathBuf,
    /// The snapshotter.
    pub snapshotter: String,
}

/// containerd, over its native API. Cheap to clone; reconnects by itself.
#[derive(Clone, Debug)]
pub struct Containerd {
    channel: Channel,
    pub(super) settings: std::sync::Arc<Settings>,
}

impl Containerd {
    /// Connects to the socket; fails if nobody listens.
    pub async fn connect(address: &Path, settings: Settings) -> Result<Containerd, RuntimeError> {
        let connect = tokio::time::timeout(Duration::from_secs(5), containerd_client::connect(address));
        let channel = match connect.await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Err(unavailable("connect", Status::from_error(Box::new(error)))),
            Err(_) => {
                return Err(RuntimeError::Timeout { operation: "connect to", object: address.display().to_string() });
            }
        };
        Ok(Containerd { channel, settings: std::sync::Arc::new(settings) })
    }

    pub(super) fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.channel.clone())
    }

    pub(super) fn containers(&self) -> ContainersClient<Channel> {
        ContainersClient::new(self.channel.clone())
    }

    pub(super) fn snapshots(&self) -> SnapshotsClient<Channel> {
        SnapshotsClient::new(self.channel.clone())
    }

    pub(super) fn content(&self) -> ContentClient<Channel> {
        ContentClient::new(self.channel.clone())
    }

    pub(super) fn image_store(&self) -> ImagesClient<Channel> {
        ImagesClient::new(self.channel.clone())
    }

    pub(super) fn diff(&self) -> DiffClient<Channel> {
        DiffClient::new(self.channel.clone())
    }

    pub(super) fn leases(&self) -> LeasesClient<Channel> {
        LeasesClient::new(self.channel.clone())
    }
}

/// A request in our namespace.
pub(super) fn ours<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", MetadataValue::<Ascii>::from_static(NAMESPACE));
    request
}

/// A request in our namespace, whose results the lease keeps from being collected.
pub(super) fn leased<T>(message: T, lease: &str) -> Request<T> {
    let mut request = ours(message);
    if let Ok(value) = lease.parse::<MetadataValue<Ascii>>() {
        request.metadata_mut().insert("containerd-lease", value);
    }
    request
}

/// Awaits a call with its deadline, and names what failed.
pub(super) async fn call<T>(
    operation: &'static str,
    object: &str,
    deadline: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, RuntimeError> {
    match tokio::time::timeout(deadline, call).await {
        Err(_) => Err(RuntimeError::Timeout { operation, object: object.to_owned() }),
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(refused(operation, object, status)),
    }
}

pub(super) fn refused(operation: &'static str, object: &str, status: Status) -> RuntimeError {
    match status.code() {
        Code::NotFound => RuntimeError::NotFound { operation, object: object.to_owned() },
        Code::Unavailable | Code::Cancelled => unavailable(operation, status),
        Code::DeadlineExceeded => RuntimeError::Timeout { operation, object: object.to_owned() },
        _ => RuntimeError::Refused { operation, object: object.to_owned(), source: Box::new(status) },
    }
}

fn unavailable(operation: &'static str, status: Status) -> RuntimeError {
    RuntimeError::Unavailable { operation, source: Box::new(status) }
}

/// What was to be removed is not there: as good as removed.
pub(super) fn gone_is_done(result: Result<(), RuntimeError>) -> Result<(), RuntimeError> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

#[async_trait]
impl Runtime for Containerd {
    async fn version(&self) -> Result<String, RuntimeError> {
        let mut client = VersionClient::new(self.channel.clone());
        let answer = call("ask the version of", "containerd", Duration::from_secs(3), client.version(())).await?;
        Ok(format!("containerd://{}", answer.version.split(['~', '+']).next().unwrap_or_default()))
    }

    async fn image(&self, name: &str) -> Result<Option<Image>, RuntimeError> {
        let request = ours(GetImageRequest { name: name.to_owned() });
        let found = call("find image", name, CALL, self.image_store().get(request)).await;
        match found {
            Ok(answer) => self.describe_image(name, answer.image.and_then(|image| image.target)).await,
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn images(&self) -> Result<Vec<(String, u64)>, RuntimeError> {
        self.list_images().await
    }

    async fn import(&self, archive: &ImageArchive) -> Result<Vec<String>, RuntimeError> {
        self.import_archive(archive).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<u32, RuntimeError> {
        let created = self.create_container(spec).await;
        if created.is_err() {
            // Half of it may exist; the next attempt starts from nothing.
            if let Err(error) = self.delete_container(&spec.id).await {
                tracing::debug!(id = %spec.id, %error, "cannot clean up after a failed creation");
            }
        }
        created
    }

    async fn start(&self, id: &str) -> Result<(), RuntimeError> {
        self.start_task(id).await
    }

    async fn wait(&self, id: &str) -> Result<TaskEnd, RuntimeError> {
        self.wait_task(id, "").await
    }

    async fn kill(&self, id: &str, signal: u32) -> Result<(), RuntimeError> {
        gone_is_done(self.kill_process(id, "", signal).await)
    }

    async fn delete(&self, id: &str) -> Result<(), RuntimeError> {
        self.delete_container(id).await
    }

    async fn list(&self) -> Result<Vec<ContainerInfo>, RuntimeError> {
        self.list_containers().await
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        let (this, object, spec) = (self.clone(), id.to_owned(), spec.clone());
        // A caller that stops waiting (a probe whose time is up) must not leave half a command behind: what was begun is
        // finished, finds nobody, and is then killed and deleted by its driver.
        let started = tokio::spawn(async move { this.start_exec(&object, &spec).await });
        started
            .await
            .unwrap_or_else(|error| Err(RuntimeError::Invalid(format!("cannot run a command in {id}: {error}"))))
    }

    async fn close_input(&self, id: &str) -> Result<(), RuntimeError> {
        self.close_stdin(id, "").await
    }

    async fn resize(&self, id: &str, width: u32, height: u32) -> Result<(), RuntimeError> {
        self.resize_terminal(id, "", (width, height)).await
    }
}
