//! Reading the log back, and telling a torn tail from damage.
//!
//! Segments before the last must be good from head to end: they were synced before the next one was begun. In the
//! last one, the first record that is not good is either where writing stopped (everything from there on was never
//! acknowledged: it is zeroed, and writing goes on there), or damage, which a later good record proves (see
//! `record.rs`). A damaged log is not opened: serving without entries that this member has acknowledged could lose
//! them for the whole cluster.

use std::collections::BTreeMap;
use std::path::Path;

use super::entry::{EntryId, LogEntry, SavedVote};
use super::record::{self, Found, Kind};
use super::view::{Place, View};
use super::writer::{FORMAT, HEAD, Tail};
use super::{Segment, WalOptions, segment};
use crate::disk::{Disk, DiskFile, io_error};
use crate::error::StoreError;

/// What a directory held.
pub(super) struct Recovered {
    pub(super) view: View,
    pub(super) segments: BTreeMap<u64, Segment>,
    /// The number for the next fresh segment, and where to go on in the last one if it is still open.
    pub(super) tail: (u64, Option<Tail>),
}

/// How a segment ended.
enum Ending {
    /// With an end record.
    Closed,
    /// With nothing, at this offset.
    Open(usize),
}

/// Reads all segments.
pub(super) fn recover(disk: &dyn Disk, dir: &Path, options: WalOptions) -> Result<Recovered, StoreError> {
    disk.create_dir(dir).map_err(io_error("create", dir))?;
    let numbers = segment::list(disk, dir).map_err(io_error("list", dir))?;
    let mut recovery = Recovered { view: View::new(options.cache_bytes), segments: BTreeMap::new(), tail: (1, None) };
    for (at, number) in numbers.iter().copied().enumerate() {
        let path = segment::path(dir, number);
        let scan = Scan { number, path: &path, last: at + 1 == numbers.len() };
        if at > 0 && numbers[at - 1] + 1 != number {
            return Err(scan.damaged(0, "the segment before it is missing"));
        }
        recovery.add(disk, &scan)?;
    }
    recovery.check_complete(dir)?;
    Ok(recovery)
}

impl Recovered {
    fn add(&mut self, disk: &dyn Disk, scan: &Scan<'_>) -> Result<(), StoreError> {
        let file = disk.open(scan.path).map_err(io_error("open", scan.path))?;
        let contents = read_all(&*file).map_err(io_error("read", scan.path))?;
        let (ending, highest) = scan.replay(&contents, &mut self.view)?;
        self.segments.insert(scan.number, Segment { file: file.clone(), highest });
        self.tail = (scan.number + 1, None);
        match ending {
            // Never begun: its head was not written, so the segment is made anew under the same number.
            Ending::Open(0) => {
                self.segments.remove(&scan.number);
                self.tail = (scan.number, None);
            }
            Ending::Open(end) => {
                zero_from(&*file, &contents, end).map_err(io_error("mend the tail of", scan.path))?;
                let (capacity, position) = (contents.len() as u64, end as u64);
                let tail = Tail { segment: scan.number, file, capacity, position, durable: position };
                self.tail = (scan.number + 1, Some(tail));
            }
            Ending::Closed => {}
        }
        Ok(())
    }

    /// Without holes between what was purged and the first entry.
    fn check_complete(&self, dir: &Path) -> Result<(), StoreError> {
        let expected = self.view.purged.map_or(0, |purged| purged.index + 1);
        let first = self.view.first_index();
        if first == expected {
            return Ok(());
        }
        let reason = format!("it starts at entry {first}, but entries up to {expected} were not purged");
        Err(StoreError::Corrupt { path: dir.to_owned(), reason })
    }
}

/// One segment under examination.
struct Scan<'a> {
    number: u64,
    path: &'a Path,
    last: bool,
}

impl Scan<'_> {
    fn replay(&self, contents: &[u8], view: &mut View) -> Result<(Ending, Option<u64>), StoreError> {
        let mut offset = 0;
        let mut highest = None;
        // No segment is ever that small, begun or not.
        if contents.len() < record::room(HEAD) {
            return Err(self.damaged(contents.len(), "it is cut off"));
        }
        while let Some(found) = record::read(self.number, contents, offset) {
            if (found.kind == Kind::Head) != (offset == 0) {
                return Err(self.damaged(offset, "a segment has one head, at its start"));
            }
            match found.kind {
                Kind::End => return Ok((Ending::Closed, highest)),
                Kind::Entry => highest = highest.max(Some(found.index)),
                _ => {}
            }
            let next = found.end;
            if found.kind == Kind::Head {
                self.check_head(found.payload, contents.len())?;
            }
            self.note(found, offset, view)?;
            offset = next;
        }
        if !self.last {
            return Err(self.damaged(offset, "a record in the middle of the log is bad"));
        }
        if record::was_durable(self.number, contents, offset) {
            return Err(self.damaged(offset, "a bad record is followed by good ones"));
        }
        Ok((Ending::Open(offset), highest))
    }

    /// What a file that was cut off has lost was synced, and cannot be told from what was never written.
    fn check_head(&self, payload: &[u8], length: usize) -> Result<(), StoreError> {
        let (format, size) = payload.split_first().ok_or_else(|| self.damaged(0, "the head is empty"))?;
        if *format != FORMAT {
            return Err(self.damaged(0, "written by another version"));
        }
        match size.try_into().map(u64::from_le_bytes) {
            Ok(size) if size > length as u64 => Err(self.damaged(length, "it is cut off")),
            // Without a size: from before it was written there.
            _ => Ok(()),
        }
    }

    fn note(&self, found: Found<'_>, offset: usize, view: &mut View) -> Result<(), StoreError> {
        let unreadable = || self.damaged(offset, "a record with a good checksum is not understood");
        match found.kind {
            Kind::Head | Kind::End => {}
            Kind::Vote => view.vote = Some(SavedVote::decode(found.payload).ok_or_else(unreadable)?),
            Kind::Committed => view.committed = Some(EntryId::decode(found.payload).ok_or_else(unreadable)?),
            Kind::Purged => view.purge(EntryId::decode(found.payload).ok_or_else(unreadable)?),
            Kind::Truncate => view.truncate(found.index),
            Kind::Entry => {
                let entry = LogEntry::decode(found.index, found.payload).ok_or_else(unreadable)?;
                if !view.is_empty() && !view.follows(found.index) {
                    return Err(self.damaged(offset, "entries are missing before this one"));
                }
                let (segment, offset, length) = (self.number, offset as u64, found.payload.len() as u32);
                view.push(entry, Some(Place { segment, offset, length }));
            }
        }
        Ok(())
    }

    fn damaged(&self, offset: usize, reason: &str) -> StoreError {
        StoreError::Corrupt { path: self.path.to_owned(), reason: format!("{reason} (offset {offset})") }
    }
}

fn read_all(file: &dyn DiskFile) -> std::io::Result<Vec<u8>> {
    let mut contents = vec![0; file.length()? as usize];
    file.read_at(0, &mut contents)?;
    Ok(contents)
}

/// Wipes a torn tail, so that no piece of it can be taken for a record later.
fn zero_from(file: &dyn DiskFile, contents: &[u8], end: usize) -> std::io::Result<()> {
    let Some(last) = contents[end..].iter().rposition(|byte| *byte != 0) else { return Ok(()) };
    file.write_at(end as u64, &vec![0; last + 1])?;
    file.sync()
}
