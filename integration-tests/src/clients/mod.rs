//! Other people's clients, built from their published sources at pinned versions, as their users have them: kubectl of two
//! releases, helm, a program on client-go, one on kube-rs, one on the Python client.
//!
//! Their sources and pins are in `integration-tests/clients/`; what is built goes to `target/clients/`. Building again what is built
//! takes a few seconds, so whoever needs the programs builds them: nothing is left out because something was not installed.

mod go;
mod identity;
mod kube_rs;
mod python;
mod requests;

pub use identity::Caller;
pub use requests::Requests;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::artifacts::workspace;

/// The programs.
#[derive(Clone, Debug)]
pub struct Clients {
    folder: PathBuf,
}

/// Once a process is enough.
static BUILT: Mutex<Option<Clients>> = Mutex::new(None);

impl Clients {
    /// Builds all of them, those that are built already in no time.
    pub fn build() -> Result<Clients> {
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if built.is_none() {
            *built = Some(Clients::build_now()?);
        }
        built.clone().context("built just now")
    }

    fn build_now() -> Result<Clients> {
        let (sources, folder) = (workspace().join("integration-tests/clients"), workspace().join("target/clients"));
        std::fs::create_dir_all(folder.join("bin")).with_context(|| format!("make {}", folder.display()))?;
        python::build(&sources, &folder).context("the Python client")?;
        go::build(&sources, &folder).context("the clients in Go")?;
        kube_rs::build(&sources, &folder).context("the client in Rust")?;
        Ok(Clients { folder })
    }

    /// A program by its name: `kubectl`, `kubectl-1.28`, `helm`, `informer`, `kube-rs`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// The story that is told in Python.
    pub fn python_story(&self) -> PathBuf {
        workspace().join("integration-tests/clients/python/scenario.py")
    }

    /// The interpreter that has the Python client.
    pub fn python(&self) -> PathBuf {
        self.folder.join("python/bin/python")
    }
}

/// Runs a step of building; what it says goes to standard error.
fn step(command: &mut Command) -> Result<()> {
    let line = format!("{command:?}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("start {line}"))?;
    ensure!(status.success(), "{line} failed ({status})");
    Ok(())
}

/// Makes a virtual environment of Python with the packages of a file of pins, unless it is there.
fn environment(folder: &Path, pins: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(pins).with_context(|| format!("read {}", pins.display()))?;
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)).context("the package python3-venv")?;
    let pip = folder.join("bin/pip");
    step(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(pins))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))
}
