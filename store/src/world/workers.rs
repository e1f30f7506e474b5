//! Who does the work that waits for a disk.

use std::future::{Future, pending};
use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;
use futures::executor::block_on;

/// How work that waits for a disk is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workers {
    /// By threads, which a disk may hold up.
    #[default]
    Threads,
    /// By tasks, for disks that hold nobody up: a simulation has one thread, and its disks take their time on its clock.
    Tasks,
}

/// What a task unwinds with when its disk gives up ([`crate::Disk::give_up`]) without ending the process: the task
/// stands still from then on, as all of the member would.
pub struct DiskFailed;

impl Workers {
    /// Starts a job of its own.
    pub(crate) fn start(self, name: &str, job: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        match self {
            Workers::Threads => std::thread::Builder::new().name(name.to_owned()).spawn(|| block_on(job)).map(drop),
            Workers::Tasks => {
                tokio::spawn(unless_failed(job));
                Ok(())
            }
        }
    }

    /// Does work that may block, and waits for it. An error means that it panicked.
    pub(crate) async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        match self {
            Workers::Threads => tokio::task::spawn_blocking(work).await.map_err(io::Error::other),
            Workers::Tasks => Ok(unless_failed(async { work() }).await),
        }
    }
}

async fn unless_failed<T>(job: impl Future<Output = T>) -> T {
    match AssertUnwindSafe(job).catch_unwind().await {
        Ok(done) => done,
        Err(panic) if panic.is::<DiskFailed>() => pending().await,
        Err(panic) => resume_unwind(panic),
    }
}
