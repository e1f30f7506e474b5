//! Container logs: pumped from FIFOs into files of the container runtime interface's format, rotated, read and followed.
//!
//! ```text
//! container ──FIFO──▶ Pump ──▶ LogFile  <logs>/<namespace>_<pod>_<uid>/<container>/<attempt>.log
//!                       └─ feed ─▶ Reader (follow)
//! ```

mod file;
mod pump;
mod reader;
mod store;

pub use file::LogFile;
pub use pump::Pump;
pub use reader::{LogOptions, LogReader};
pub use store::{Chunk, Feed, LogKey, LogStore};
