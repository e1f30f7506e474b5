//! A runtime that only remembers: the one fake of containerd.
//!
//! It keeps the promises of [`Runtime`]: identifiers are unique, only what was created can be started, waiting lasts until the
//! end, SIGKILL always ends and SIGTERM ends unless the container is stubborn, deletion of nothing is success. It can be away,
//! as containerd is while it is started again; then every call fails as the real one's calls do, and waits are cut short.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use xebec_node_plan::process::ImageConfig;

use super::runtime::{
    ContainerInfo, ContainerSpec, ExecOutput, ExecSession, ExecSpec, Image, Owner, Runtime, RuntimeError, TaskEnd,
    TaskState,
};
use crate::images::ImageArchive;

const SIGKILL: u32 = 9;

struct Container {
    spec: ContainerSpec,
    pid: u32,
    started: bool,
    end: watch::Sender<Option<TaskEnd>>,
}

#[derive(Default)]
struct World {
    images: BTreeSet<String>,
    containers: BTreeMap<String, Container>,
    last_pid: u32,
    stubborn: bool,
    exec_code: i32,
    log: Vec<String>,
}

/// The fake.
pub struct FakeRuntime {
    world: Mutex<World>,
    away: watch::Sender<bool>,
}

impl FakeRuntime {
    /// A runtime with these images.
    pub fn new(images: &[&str]) -> FakeRuntime {
        let images = images.iter().map(|name| xebec_node_plan::image::normalize(name)).collect();
        let world = World { images, last_pid: 100, ..World::default() };
        FakeRuntime { world: Mutex::new(world), away: watch::Sender::new(false) }
    }

    /// An image appears.
    pub fn add_image(&self, name: &str) {
        self.lock().images.insert(xebec_node_plan::image::normalize(name));
    }

    /// containerd goes away, or comes back.
    pub fn set_away(&self, away: bool) {
        self.away.send_replace(away);
    }

    /// From now on containers ignore SIGTERM.
    pub fn set_stubborn(&self) {
        self.lock().stubborn = true;
    }

    /// From now on commands end with this code.
    pub fn set_exec_code(&self, code: i32) {
        self.lock().exec_code = code;
    }

    /// A container's process ends by itself.
    pub fn exit(&self, pid: u32, code: i32) {
        let world = self.lock();
        let container = world.containers.values().find(|container| container.pid == pid).expect("it exists");
        container.end.send_replace(Some(TaskEnd { code, at: Timestamp::now() }));
    }

    /// The environment of a container.
    pub fn env(&self, owner: &Owner) -> BTreeMap<String, String> {
        let world = self.lock();
        let container = world.containers.values().find(|container| container.spec.owner == *owner).expect("it exists");
        container.spec.process.env.iter().cloned().collect()
    }

    /// What was done, in order: `create main 0`, `signal 15 main`, `delete main 0` …
    pub fn log(&self) -> Vec<String> {
        self.lock().log.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn here(&self, operation: &'static str) -> Result<std::sync::MutexGuard<'_, World>, RuntimeError> {
        if *self.away.borrow() { Err(unavailable(operation)) } else { Ok(self.lock()) }
    }
}

fn unavailable(operation: &'static str) -> RuntimeError {
    RuntimeError::Unavailable { operation, source: Box::new(tonic::Status::unavailable("it is away")) }
}

fn not_found(operation: &'static str, id: &str) -> RuntimeError {
    RuntimeError::NotFound { operation, object: id.to_owned() }
}

#[async_trait]
impl Runtime for FakeRuntime {
    async fn version(&self) -> Result<String, RuntimeError> {
        self.here("ask the version of").map(|_| "fake://1".to_owned())
    }

    async fn image(&self, name: &str) -> Result<Option<Image>, RuntimeError> {
        let world = self.here("find image")?;
        Ok(world.images.contains(name).then(|| Image {
            name: name.to_owned(),
            id: format!("id of {name}"),
            config: ImageConfig { cmd: vec!["run".to_owned()], ..ImageConfig::default() },
            chain_id: String::new(),
        }))
    }

    async fn images(&self) -> Result<Vec<(String, u64)>, RuntimeError> {
        Ok(self.here("list")?.images.iter().map(|name| (name.clone(), 0)).collect())
    }

    async fn import(&self, archive: &ImageArchive) -> Result<Vec<String>, RuntimeError> {
        let names: Vec<String> = archive.images.iter().flat_map(|image| image.names.clone()).collect();
        self.here("import")?.images.extend(names.iter().cloned());
        Ok(names)
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<u32, RuntimeError> {
        let mut world = self.here("create container")?;
        assert!(!world.containers.contains_key(&spec.id), "an identifier is used once");
        world.last_pid += 1;
        let pid = world.last_pid;
        world.log.push(format!("create {} {}", spec.owner.container, spec.owner.attempt));
        let container = Container { spec: spec.clone(), pid, started: false, end: watch::Sender::new(None) };
        world.containers.insert(spec.id.clone(), container);
        Ok(pid)
    }

    async fn start(&self, id: &str) -> Result<(), RuntimeError> {
        let mut world = self.here("start container")?;
        let container = world.containers.get_mut(id).ok_or_else(|| not_found("start container", id))?;
        container.started = true;
        Ok(())
    }

    async fn wait(&self, id: &str) -> Result<TaskEnd, RuntimeError> {
        let mut end = {
            let world = self.here("wait for")?;
            world.containers.get(id).ok_or_else(|| not_found("wait for", id))?.end.subscribe()
        };
        let mut away = self.away.subscribe();
        tokio::select! {
            ended = end.wait_for(Option::is_some) => match ended {
                Ok(ended) => Ok(ended.expect("waited for")),
                Err(_) => Err(not_found("wait for", id)),
            },
            _ = away.wait_for(|away| *away) => Err(unavailable("wait for")),
        }
    }

    async fn kill(&self, id: &str, signal: u32) -> Result<(), RuntimeError> {
        let mut world = self.here("signal")?;
        let Some(container) = world.containers.get(id) else { return Ok(()) };
        let name = container.spec.owner.container.clone();
        if signal == SIGKILL || !world.stubborn {
            let code = 128 + i32::try_from(signal).expect("a signal");
            container.end.send_replace(Some(TaskEnd { code, at: Timestamp::now() }));
        }
        world.log.push(format!("signal {signal} {name}"));
        Ok(())
    }

    async fn delete(&self, id: &str) -> Result<(), RuntimeError> {
        let mut world = self.here("delete container")?;
        if let Some(container) = world.containers.remove(id) {
            world.log.push(format!("delete {} {}", container.spec.owner.container, container.spec.owner.attempt));
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ContainerInfo>, RuntimeError> {
        let world = self.here("list")?;
        let state = |container: &Container| match (container.started, *container.end.borrow()) {
            (_, Some(_)) => TaskState::Stopped,
            (true, None) => TaskState::Running { pid: container.pid },
            (false, None) => TaskState::Created,
        };
        let info = |(id, container): (&String, &Container)| ContainerInfo {
            id: id.clone(),
            owner: Some(container.spec.owner.clone()),
            state: state(container),
        };
        Ok(world.containers.iter().map(info).collect())
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        let code = {
            let mut world = self.here("exec in")?;
            let container = world.containers.get(id).ok_or_else(|| not_found("exec in", id))?;
            let line = format!("exec {}: {}", container.spec.owner.container, spec.command.join(" "));
            world.log.push(line);
            world.exec_code
        };
        let (input, _inputs) = mpsc::channel(1);
        let (outputs, output) = mpsc::channel(1);
        outputs.try_send(ExecOutput::Exited(code)).expect("there is room for one");
        Ok(ExecSession { input, output })
    }

    async fn close_input(&self, id: &str) -> Result<(), RuntimeError> {
        let mut world = self.here("close input of")?;
        let container = world.containers.get(id).ok_or_else(|| not_found("close input of", id))?;
        let line = format!("close input of {}", container.spec.owner.container);
        world.log.push(line);
        Ok(())
    }

    async fn resize(&self, id: &str, width: u32, height: u32) -> Result<(), RuntimeError> {
        let mut world = self.here("resize terminal of")?;
        let container = world.containers.get(id).ok_or_else(|| not_found("resize terminal of", id))?;
        let line = format!("resize {} to {width}x{height}", container.spec.owner.container);
        world.log.push(line);
        Ok(())
    }
}
