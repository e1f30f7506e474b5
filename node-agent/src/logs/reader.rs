//! Reading a log: the last lines, since a moment, up to a size, and on as it grows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::watch;
use xebec_node_plan::logline::{Stream, parse};

use super::file::{open, parts};
use super::store::Feed;

/// Bytes handed out at once.
const BATCH: usize = 64 * 1024;

/// Which part of a log is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on as it grows.
    pub follow: bool,
    /// Begin each line with its time.
    pub timestamps: bool,
    /// No more than so many lines of what is there.
    pub tail: Option<u64>,
    /// Nothing before this.
    pub since: Option<Timestamp>,
    /// No more than so many bytes.
    pub limit: Option<u64>,
}

/// Reads one log.
pub struct LogReader {
    path: PathBuf,
    options: LogOptions,
    waiting: VecDeque<PathBuf>,
    current: Option<BufReader<File>>,
    left: u64,
    partial: Vec<u8>,
    /// Records to leave out: all but the tail.
    skip: u64,
}

/// What a log gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Output in order, by stream.
    pub pieces: Vec<(Stream, Vec<u8>)>,
}

impl LogReader {
    /// A reader of the log at `path`. Blocking.
    pub fn open(path: &Path, options: LogOptions) -> io::Result<LogReader> {
        let files = parts(path);
        let skip = match options.tail {
            None => 0,
            Some(tail) => count(&files, options.since)?.saturating_sub(tail),
        };
        Ok(LogReader {
            path: path.to_owned(),
            left: options.limit.unwrap_or(u64::MAX),
            options,
            waiting: files.into(),
            current: None,
            partial: Vec::new(),
            skip,
        })
    }

    /// Whether the limit is reached.
    pub fn is_full(&self) -> bool {
        self.left == 0
    }

    /// What can be read now; empty at the end. Blocking.
    pub fn read(&mut self) -> io::Result<Batch> {
        let (mut batch, mut size) = (Batch::default(), 0);
        while size < BATCH && self.left > 0 {
            let Some(line) = self.next_line()? else { break };
            if let Some((stream, output)) = self.output(&line) {
                size += output.len();
                match batch.pieces.last_mut() {
                    Some((last, bytes)) if *last == stream => bytes.extend(output),
                    _ => batch.pieces.push((stream, output)),
                }
            }
        }
        Ok(batch)
    }

    /// Waits until there may be more; false if nothing more will come.
    pub async fn more(&self, feed: &mut watch::Receiver<Feed>) -> bool {
        if !self.options.follow || self.is_full() || feed.borrow_and_update().ended {
            return false;
        }
        feed.changed().await.is_ok()
    }

    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some(reader) = &mut self.current else { return Ok(None) };
            reader.read_until(b'\n', &mut self.partial)?;
            if self.partial.pop_if(|last| *last == b'\n').is_some() {
                return Ok(Some(std::mem::take(&mut self.partial)));
            }
            if self.waiting.is_empty() && !self.rotated()? {
                return Ok(None);
            }
            self.current = None;
        }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let next = self.waiting.pop_front().map(|path| open(&path)).transpose()?;
        self.current = next.map(BufReader::new);
        Ok(self.current.is_some())
    }

    /// At the end of the newest file known: whether it was put aside since, so that a newer one has to be read.
    fn rotated(&mut self) -> io::Result<bool> {
        let Some(reader) = &self.current else { return Ok(false) };
        let ours = reader.get_ref().metadata()?.ino();
        match std::fs::metadata(&self.path) {
            Ok(newest) if newest.ino() != ours => {
                self.waiting.push_back(self.path.clone());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn output(&mut self, line: &[u8]) -> Option<(Stream, Vec<u8>)> {
        let record = parse(line)?;
        if !is_wanted(self.options.since, record.timestamp()) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= u64::from(record.whole);
            return None;
        }
        let mut output = Vec::with_capacity(line.len() + 1);
        if self.options.timestamps {
            output.extend_from_slice(record.time.as_bytes());
            output.push(b' ');
        }
        output.extend_from_slice(record.content);
        if record.whole {
            output.push(b'\n');
        }
        output.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= output.len() as u64;
        Some((record.stream, output))
    }
}

fn is_wanted(since: Option<Timestamp>, time: Option<Timestamp>) -> bool {
    since.is_none_or(|since| time.is_none_or(|time| time >= since))
}

/// The number of whole lines that are wanted.
fn count(files: &[PathBuf], since: Option<Timestamp>) -> io::Result<u64> {
    let (mut lines, mut line) = (0, Vec::new());
    for path in files {
        let mut reader = BufReader::new(open(path)?);
        while reader.read_until(b'\n', &mut line)? > 0 {
            line.pop_if(|last| *last == b'\n');
            let record = parse(&line);
            lines += u64::from(record.is_some_and(|record| record.whole && is_wanted(since, record.timestamp())));
            line.clear();
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use xebec_node_plan::logline::write;

    use super::super::file::LogFile;
    use super::*;

    fn record(second: i64, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, Timestamp::from_second(second).unwrap(), Stream::Stdout, true, text.as_bytes());
        out
    }

    fn read(path: &Path, options: LogOptions) -> String {
        let batch = LogReader::open(path, options).unwrap().read().unwrap();
        batch.pieces.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
    }

    #[test]
    fn tail_since_and_limit_choose_lines_across_rotated_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("0.log");
        let mut file = LogFile::with_limit(&path, 100).unwrap();
        for second in 1..=6 {
            file.write(&record(second, &format!("line {second}"))).unwrap();
        }
        assert!(parts(&path).len() > 1, "it was rotated");
        let options = LogOptions::default;
        assert_eq!(read(&path, LogOptions { tail: Some(2), ..options() }), "line 5\nline 6\n");
        assert_eq!(read(&path, LogOptions { tail: Some(0), ..options() }), "");
        let since = Some(Timestamp::from_second(5).unwrap());
        assert_eq!(read(&path, LogOptions { since, ..options() }), "line 5\nline 6\n");
        assert_eq!(read(&path, LogOptions { limit: Some(10), tail: Some(2), ..options() }), "line 5\nlin");
        let stamped = read(&path, LogOptions { timestamps: true, tail: Some(1), ..options() });
        assert_eq!(stamped, "1970-01-01T00:00:06.000000000Z line 6\n");
    }

    #[test]
    fn a_link_in_place_of_a_log_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("0.log");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let mut reader = LogReader::open(&path, LogOptions::default()).unwrap();
        assert!(reader.read().is_err());
        assert!(LogReader::open(&path, LogOptions { tail: Some(1), ..LogOptions::default() }).is_err());
        assert!(LogFile::open(&path).is_err());
    }

    #[test]
    fn a_reader_goes_on_after_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("0.log");
        let mut file = LogFile::with_limit(&path, 60).unwrap();
        file.write(&record(1, "one")).unwrap();
        let mut reader = LogReader::open(&path, LogOptions { follow: true, ..LogOptions::default() }).unwrap();
        let text = |batch: Batch| -> String {
            batch.pieces.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
        };
        assert_eq!(text(reader.read().unwrap()), "one\n");
        file.write(&record(2, "two")).unwrap();
        assert_eq!(text(reader.read().unwrap()), "two\n");
        assert_eq!(text(reader.read().unwrap()), "");
    }
}
