//! A containerd of the agent's own.
//!
//! It runs under the data directory with root, state and socket of its own, so that several nodes fit on one machine, and it
//! outlives a killed agent: the next one finds it by its socket. When it dies it is started again; the shims and with them the
//! containers do not notice. A deliberate shutdown stops it; containers go on under their shims.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// From its start until it answers.
const START: Duration = Duration::from_secs(30);
/// Between two looks at its socket while it starts.
const START_STEP: Duration = Duration::from_millis(25);
/// Between two looks at a containerd that another agent process started.
const LOOK: Duration = Duration::from_secs(1);
/// Before it is started again: it does not crash in a tight loop.
const PAUSE: Duration = Duration::from_millis(200);
/// From SIGTERM until SIGKILL.
const STOP: Duration = Duration::from_secs(10);

/// containerd cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// A file or directory of it cannot be made.
    #[error("cannot prepare {path}")]
    Prepare {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The program cannot be started.
    #[error("cannot start {binary}")]
    Start {
        /// Which program.
        binary: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It does not answer.
    #[error("containerd did not answer at {address} within {START:?}; see {log}")]
    Silent {
        /// Its socket.
        address: PathBuf,
        /// Its log.
        log: PathBuf,
    },
}

/// Keeps a containerd running.
pub struct Supervisor {
    place: Place,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Place {
    directory: PathBuf,
    binary: PathBuf,
}

impl Supervisor {
    /// Starts containerd under `directory`, or finds the one that runs there, and keeps it running.
    pub async fn start(directory: &Path, binary: &Path) -> Result<Supervisor, SupervisorError> {
        let place = Place { directory: directory.to_owned(), binary: binary.to_owned() };
        place.prepare()?;
        let child = if place.answers().await { None } else { Some(place.spawn().await?) };
        let stop = CancellationToken::new();
        let task = tokio::spawn(place.clone().keep(child, stop.clone()));
        Ok(Supervisor { place, stop, task })
    }

    /// Its socket.
    pub fn address(&self) -> PathBuf {
        self.place.address()
    }

    /// Stops it. Containers go on.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the supervisor of containerd ended badly");
        }
    }
}

impl Place {
    fn address(&self) -> PathBuf {
        self.directory.join("c.sock")
    }

    fn pid_file(&self) -> PathBuf {
        self.directory.join("pid")
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    fn config(&self) -> PathBuf {
        self.directory.join("config.toml")
    }

    fn prepare(&self) -> Result<(), SupervisorError> {
        let failed = |path: PathBuf| move |source| SupervisorError::Prepare { path, source };
        std::fs::create_dir_all(&self.directory).map_err(failed(self.directory.clone()))?;
        let config = self.config_text();
        std::fs::write(self.config(), config).map_err(failed(self.config()))
    }

    /// Plugins that we do not use, and that cost start time or fail where they are not supported, are off.
    fn config_text(&self) -> String {
        const UNUSED: [&str; 7] = [
            "io.containerd.grpc.v1.cri",
            "io.containerd.snapshotter.v1.aufs",
            "io.containerd.snapshotter.v1.btrfs",
            "io.containerd.snapshotter.v1.devmapper",
            "io.containerd.snapshotter.v1.zfs",
            "io.containerd.tracing.processor.v1.otlp",
            "io.containerd.internal.v1.tracing",
        ];
        let path = |name: &str| self.directory.join(name).display().to_string();
        format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = {UNUSED:?}\n[grpc]\n  address = {:?}\n",
            path("root"),
            path("state"),
            self.address().display().to_string(),
        )
    }

    async fn answers(&self) -> bool {
        tokio::net::UnixStream::connect(self.address()).await.is_ok()
    }

    /// Starts it and waits until it answers.
    async fn spawn(&self) -> Result<Child, SupervisorError> {
        let failed = |source| SupervisorError::Prepare { path: self.log(), source };
        let log = File::options().create(true).append(true).open(self.log()).map_err(failed)?;
        let mut child = Command::new(&self.binary)
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            // A signal to the agent's terminal is not meant for containerd.
            .process_group(0)
            .spawn()
            .map_err(|source| SupervisorError::Start { binary: self.binary.clone(), source })?;
        if let Some(pid) = child.id() {
            std::fs::write(self.pid_file(), pid.to_string()).map_err(failed)?;
        }
        let started = tokio::time::Instant::now();
        while started.elapsed() < START && matches!(child.try_wait(), Ok(None)) {
            if self.answers().await {
                return Ok(child);
            }
            tokio::time::sleep(START_STEP).await;
        }
        // Left alone it would stand in the way of the next one.
        if let Err(error) = child.kill().await {
            tracing::warn!(%error, "a containerd that does not answer cannot be killed");
        }
        Err(SupervisorError::Silent { address: self.address(), log: self.log() })
    }

    async fn keep(self, mut child: Option<Child>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.death(&mut child) => tracing::warn!("containerd has died; starting it again"),
                () = stop.cancelled() => return self.end(child).await,
            }
            tokio::time::sleep(PAUSE).await;
            child = match self.spawn().await {
                Ok(child) => Some(child),
                Err(error) => {
                    tracing::error!(%error, "containerd cannot be started");
                    None
                }
            };
        }
    }

    /// Waits until it is dead.
    async fn death(&self, child: &mut Option<Child>) {
        if let Some(child) = child {
            if let Err(error) = child.wait().await {
                tracing::warn!(%error, "cannot wait for containerd");
            }
            return;
        }
        while self.answers().await {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn end(&self, child: Option<Child>) {
        let own = child.as_ref().and_then(Child::id).and_then(|pid| i32::try_from(pid).ok());
        let Some(pid) = own.or_else(|| self.recorded_pid()).map(Pid::from_raw) else { return };
        if kill(pid, Signal::SIGTERM).is_err() {
            return;
        }
        if tokio::time::timeout(STOP, self.gone(child, pid)).await.is_err()
            && let Err(error) = kill(pid, Signal::SIGKILL)
        {
            tracing::warn!(%error, "containerd cannot be killed");
        }
    }

    async fn gone(&self, child: Option<Child>, pid: Pid) {
        if let Some(mut child) = child {
            if let Err(error) = child.wait().await {
                tracing::warn!(%error, "cannot wait for containerd");
            }
            return;
        }
        while kill(pid, None).is_ok() {
            tokio::time::sleep(START_STEP).await;
        }
    }

    /// The number of the process that an earlier agent started, if it still is that process.
    fn recorded_pid(&self) -> Option<i32> {
        let pid: i32 = std::fs::read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let config = self.config().display().to_string();
        String::from_utf8_lossy(&command).split('\0').any(|word| word == config).then_some(pid)
    }
}
