//! Containers: records, snapshots, tasks.
//!
//! A snapshot is made first and marked as a root of garbage collection, since the record that would keep it holds a
//! specification that depends on the snapshot's /etc/passwd. Deletion removes it by name.

use std::collections::HashMap;

use containerd_client::services::v1::container::Runtime as RuntimeName;
use containerd_client::services::v1::snapshots::{PrepareSnapshotRequest, RemoveSnapshotRequest};
use containerd_client::services::v1::{
    Container, CreateContainerRequest, CreateTaskRequest, DeleteContainerRequest, ListContainersRequest,
    ListTasksRequest,
};
use containerd_client::types::Mount;
use containerd_client::types::v1::{Process, Status};
use prost_types::Any;

use super::client::{CALL, Containerd, call, gone_is_done, ours};
use super::options::{SHIM, layers, oci, runc_options};
use super::runtime::{ContainerInfo, ContainerSpec, Owner, RuntimeError, TaskState};
use super::spec::{Bounds, oci_spec};
use super::users;

/// The extension of a container's record that says whose it is.
const OWNER: &str = "dev.xebec.owner";

impl Containerd {
    pub(super) async fn create_container(&self, spec: &ContainerSpec) -> Result<u32, RuntimeError> {
        let mounts = self.prepare_snapshot(spec).await?;
        let user = users::resolve(&spec.user, &layers(&mounts))?;
        let container = self.record(spec, &oci_spec(spec, &user, &Bounds::of_this_process()));
        let request = ours(CreateContainerRequest { container: Some(container) });
        call("create container", &spec.id, CALL, self.containers().create(request)).await?;
        self.create_task(spec, mounts).await
    }

    async fn prepare_snapshot(&self, spec: &ContainerSpec) -> Result<Vec<Mount>, RuntimeError> {
        let request = PrepareSnapshotRequest {
            snapshotter: self.settings.snapshotter.clone(),
            key: spec.id.clone(),
            parent: spec.image.chain_id.clone(),
            labels: HashMap::from([("containerd.io/gc.root".to_owned(), "container".to_owned())]),
        };
        let answer = call("prepare snapshot", &spec.id, CALL, self.snapshots().prepare(ours(request))).await?;
        Ok(answer.mounts)
    }

    fn record(&self, spec: &ContainerSpec, oci_spec: &serde_json::Value) -> Container {
        let owner = serde_json::to_vec(&spec.owner).expect("strings and numbers");
        let options = runc_options(&self.settings.runtime, &self.settings.runtime_root);
        Container {
            id: spec.id.clone(),
            image: spec.image.name.clone(),
            runtime: Some(RuntimeName { name: SHIM.to_owned(), options: Some(options) }),
            spec: Some(oci("Spec", oci_spec)),
            snapshotter: self.settings.snapshotter.clone(),
            snapshot_key: spec.id.clone(),
            extensions: HashMap::from([(OWNER.to_owned(), Any { type_url: OWNER.to_owned(), value: owner })]),
            ..Container::default()
        }
    }

    async fn create_task(&self, spec: &ContainerSpec, rootfs: Vec<Mount>) -> Result<u32, RuntimeError> {
        let stderr = if spec.terminal { String::new() } else { spec.stderr.display().to_string() };
        let request = CreateTaskRequest {
            container_id: spec.id.clone(),
            rootfs,
            stdin: spec.stdin.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            stdout: spec.stdout.display().to_string(),
            stderr,
            terminal: spec.terminal,
            ..CreateTaskRequest::default()
        };
        let answer = call("create task", &spec.id, CALL, self.tasks().create(ours(request))).await?;
        Ok(answer.pid)
    }

    pub(super) async fn delete_container(&self, id: &str) -> Result<(), RuntimeError> {
        self.delete_task(id).await?;
        let request = ours(DeleteContainerRequest { id: id.to_owned() });
        gone_is_done(call("delete container", id, CALL, self.containers().delete(request)).await)?;
        let request = RemoveSnapshotRequest { snapshotter: self.settings.snapshotter.clone(), key: id.to_owned() };
        gone_is_done(call("remove snapshot", id, CALL, self.snapshots().remove(ours(request))).await)
    }

    pub(super) async fn list_containers(&self) -> Result<Vec<ContainerInfo>, RuntimeError> {
        let request = ours(ListContainersRequest { filters: Vec::new() });
        let containers = call("list", "containers", CALL, self.containers().list(request)).await?.containers;
        let request = ours(ListTasksRequest { filter: String::new() });
        let tasks = call("list", "tasks", CALL, self.tasks().list(request)).await?.tasks;
        let tasks: std::collections::BTreeMap<String, TaskState> =
            tasks.into_iter().map(|task| (task_id(&task), task_state(&task))).collect();
        let info = |container: Container| ContainerInfo {
            owner: owner(&container),
            state: tasks.get(&container.id).copied().unwrap_or(TaskState::None),
            id: container.id,
        };
        Ok(containers.into_iter().map(info).collect())
    }
}

/// 1.6 gives the container's identifier in `id`, later versions in `container_id` too.
fn task_id(task: &Process) -> String {
    if task.container_id.is_empty() { task.id.clone() } else { task.container_id.clone() }
}

fn task_state(task: &Process) -> TaskState {
    match task.status() {
        Status::Running | Status::Paused | Status::Pausing => TaskState::Running { pid: task.pid },
        Status::Created => TaskState::Created,
        Status::Stopped => TaskState::Stopped,
        Status::Unknown => TaskState::None,
    }
}

fn owner(container: &Container) -> Option<Owner> {
    serde_json::from_slice(&container.extensions.get(OWNER)?.value).ok()
}
