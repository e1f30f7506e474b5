//! A child process: what it uses, and its end.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// A server that does not end by then is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server; killed when dropped.
pub struct Process {
    child: Child,
}

/// What processes use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// The part of it that no file backs.
    pub anonymous: u64,
    /// CPU time so far.
    pub cpu: Duration,
}

impl Process {
    /// Starts it; what it says goes to a file. It dies with this process, however that ends.
    pub fn start(command: &Command, log: &Path) -> Result<Process> {
        let open = || File::options().create(true).append(true).open(log);
        let (out, err) =
            open().and_then(|out| Ok((out, open()?))).with_context(|| format!("open {}", log.display()))?;
        // It becomes the program, so the pid is the program's own.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn();
        Ok(Process { child: child.with_context(|| format!("start {}", command.get_program().display()))? })
    }

    /// An error if it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait().context("look after a server")? {
            None => Ok(()),
            Some(status) => bail!("a server has ended ({status})"),
        }
    }

    /// What it uses.
    pub fn usage(&self) -> Result<Usage> {
        let id = self.child.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("read a server's memory")?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).context("read a server's CPU time")?;
        let cpu = cpu_time(&stat).context("a server's CPU time is not where it was expected")?;
        Ok(Usage { resident: kilobytes(&status, "VmRSS:"), anonymous: kilobytes(&status, "RssAnon:"), cpu })
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("kill a server")?;
        self.child.wait().map(drop).context("wait for a killed server")
    }

    /// SIGTERM, and SIGKILL if that is not enough.
    pub fn stop(&mut self) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id()).context("a process id")?);
        kill(id, Signal::SIGTERM).context("stop a server")?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.child.try_wait().context("wait for a server")?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            tracing::debug!(%error, "a server was gone already");
        }
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Usage>>(parts: I) -> Usage {
        parts.fold(Usage::default(), |sum, part| Usage {
            resident: sum.resident + part.resident,
            anonymous: sum.anonymous + part.anonymous,
            cpu: sum.cpu + part.cpu,
        })
    }
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    number.unwrap_or_default() * 1024
}

/// User and system time: the 14th and 15th field; the second is a name in brackets that may hold spaces.
fn cpu_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    let per_second = sysconf(SysconfVar::CLK_TCK).ok()??;
    Some(Duration::from_millis(ticks * 1000 / u64::try_from(per_second).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_are_found() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    2048 kB\n", "VmRSS:"), 2 << 20);
        let stat = "7 (a (b) c) S 1 1 1 0 -1 4 10 0 0 0 150 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(cpu_time(stat), Some(Duration::from_secs(2)));
    }
}
