//! The state in sled, hardened.
//!
//! sled 0.34 does not survive a power cut as it comes: its flush starts writing but does not wait for the disk. So:
//! its file is synced by us after each flush, and its directory after creation; values are cut into chunks of less
//! than 4 KiB, because larger ones go to files that nobody syncs; each chunk carries a checksum; batches are small; it
//! is opened behind `catch_unwind`; and what it holds counts only if the state hash is right. Otherwise it is thrown
//! away, and snapshots and log take its place.
//!
//! ```text
//! versions: mod_revision u64 BE | length of key u16 BE | key | chunk u16 BE  ->  crc32c u32 | last u8 | bytes
//! meta:     chunk u16 BE                                                     ->  the same, of
//!           "XBCP" | version u8 | length u32 LE | JSON of place and membership | header of the state (protobuf)
//! ```
//!
//! Order of a save: remove what the *previous* save made superfluous, add new versions, replace meta in one batch,
//! flush, sync. Whenever it is interrupted, the versions of the meta that is found are there, with some too many.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sled::{Batch, Db, IVec, Tree};
use xebec_kv::{Change, Header, Revision, State, VersionRecord, wire};

use super::StateBackend;
use crate::damage::{is_damage, too_new};
use crate::disk::{RealDisk, die, disk_is_full, io_error};
use crate::error::StoreError;
use crate::raft::Image;
use crate::raft::codec::{decode_json, encode_json, invalid};
use crate::raft::types::{LogId, StoredMembership};

/// Well below the size from which sled stores values elsewhere.
const CHUNK_BYTES: usize = 3_900;
/// Larger batches stall everything that shares the disk.
const BATCH: usize = 500;
const META_MAGIC: &[u8] = b"XBCP";
const META_VERSION: u8 = 1;
const CACHE_BYTES: u64 = 8 << 20;
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Key and revision, which name a version.
type Name = (Bytes, Revision);

/// The checkpoint database.
pub(crate) struct SledBackend {
    dir: PathBuf,
    open: Option<Database>,
    /// Versions that the state held by the database no longer has.
    superfluous: Vec<Name>,
}

struct Database {
    db: Db,
    versions: Tree,
    meta: Tree,
    /// sled's file, opened once more to sync it.
    file: File,
}

/// What the state's header does not say.
#[derive(Serialize, Deserialize)]
struct Place {
    applied: Option<LogId>,
    membership: StoredMembership,
}

impl SledBackend {
    pub(crate) fn new(dir: &Path) -> SledBackend {
        SledBackend { dir: dir.to_owned(), open: None, superfluous: Vec::new() }
    }

    fn try_load(&mut self) -> io::Result<Option<Image>> {
        let open = Database::open(&self.dir)?;
        let found = open.image();
        self.open = Some(open);
        let Some((image, superfluous)) = found? else { return Ok(None) };
        self.superfluous = superfluous;
        Ok(Some(image))
    }

    /// Opens and reads; a panic of sled counts as damage.
    fn guarded_load(&mut self) -> io::Result<Option<Image>> {
        catch_unwind(AssertUnwindSafe(|| self.try_load())).unwrap_or_else(|_| Err(invalid("sled panicked")))
    }

    fn opened(&mut self) -> io::Result<&Database> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Database::open(&self.dir)?,
        };
        Ok(self.open.insert(open))
    }

    fn discard(&mut self) -> io::Result<()> {
        self.open = None;
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn try_save(&mut self, before: &Image, now: &Image) -> io::Result<()> {
        let superfluous = std::mem::take(&mut self.superfluous);
        let open = self.opened()?;
        open.remove(&superfluous)?;
        let superfluous = open.add_versions(before, now)?;
        open.replace_meta(now)?;
        open.sync()?;
        self.superfluous = superfluous;
        Ok(())
    }

    /// As far as a save comes that is interrupted before it replaces the meta.
    #[cfg(test)]
    pub(super) fn add_versions_only(&mut self, before: &Image, now: &Image) -> io::Result<()> {
        let open = self.opened()?;
        open.add_versions(before, now)?;
        open.sync()
    }
}

#[cfg(test)]
impl SledBackend {
    /// Versions that are stored, whether they count or not.
    pub(super) fn rows(&mut self) -> usize {
        let open = self.opened().expect("it opens");
        read_chunks(open.versions.iter()).count()
    }

    /// How large the meta is.
    pub(super) fn meta_bytes(&mut self) -> usize {
        let open = self.opened().expect("it opens");
        read_chunks(open.meta.iter()).map(|meta| meta.expect("it is whole").len()).sum()
    }

    /// Writes a meta as a later program would.
    pub(super) fn write_newer_meta(&mut self) {
        let meta = [META_MAGIC, &[META_VERSION + 1], b"whatever"].concat();
        let open = self.opened().expect("it opens");
        chunks(&[], &meta).into_iter().for_each(|(key, value)| drop(open.meta.insert(key, value).expect("it writes")));
        open.sync().expect("it syncs");
    }
}

impl StateBackend for SledBackend {
    fn load(&mut self) -> Result<Option<Image>, StoreError> {
        match self.guarded_load() {
            Ok(image) => Ok(image),
            Err(error) if !makes_worthless(&error) => Err(io_error("open", &self.dir)(error)),
            Err(error) => {
                tracing::warn!(%error, dir = %self.dir.display(), "discarding the checkpoint, it cannot be used");
                self.discard().map_err(io_error("remove", &self.dir))?;
                Ok(None)
            }
        }
    }

    fn save(&mut self, before: &Image, now: &Image) -> Result<(), StoreError> {
        let saved = catch_unwind(AssertUnwindSafe(|| self.try_save(before, now)));
        let saved = saved.unwrap_or_else(|_| Err(invalid("sled panicked")));
        saved.map_err(io_error("write a checkpoint to", &self.dir))
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.superfluous.clear();
        self.discard().map_err(io_error("remove", &self.dir))
    }

    fn occupied(&self) -> u64 {
        std::fs::metadata(self.dir.join("db")).map_or(0, |file| file.len())
    }
}

impl Database {
    fn open(dir: &Path) -> io::Result<Database> {
        std::fs::create_dir_all(dir)?;
        remove_unfinished(dir)?;
        let db = open_db(dir)?;
        let (versions, meta) = (db.open_tree("versions")?, db.open_tree("meta")?);
        let file = File::open(dir.join("db"))?;
        sync_names(dir)?;
        Ok(Database { db, versions, meta, file })
    }

    /// What the database holds, checked by the state hash; and the versions in it that are none of that state.
    fn image(&self) -> io::Result<Option<(Image, Vec<Name>)>> {
        let Some(meta) = read_chunks(self.meta.iter()).next().transpose()? else { return Ok(None) };
        let (Place { applied, membership }, header) = decode_meta(&meta)?;
        let mut found = 0;
        let records = read_chunks(self.versions.iter()).inspect(|_| found += 1);
        let records = records.map(|bytes| Ok::<_, Failure>(wire::decode_record(&bytes?).map_err(invalid)?));
        let state = State::restore(&header, records).map_err(|Failure(error)| error)?;
        let superfluous = if found > state.versions() { self.foreign_to(&state)? } else { Vec::new() };
        Ok(Some((Image { state: state.into(), applied, membership }, superfluous)))
    }

    /// The versions that the state does not hold: a crash left them before they were removed, or before the meta that
    /// they belong to was written.
    fn foreign_to(&self, state: &State) -> io::Result<Vec<Name>> {
        let mut foreign = Vec::new();
        for row in self.versions.iter().keys() {
            let (key, revision, chunk) = parse_row(&row?)?;
            if chunk == 0 && !state.holds(&key, revision) {
                foreign.push((key, revision));
            }
        }
        Ok(foreign)
    }

    /// Adds what is new, and names what is not needed any more.
    fn add_versions(&self, before: &Image, now: &Image) -> io::Result<Vec<Name>> {
        let mut batch = Limited::new(&self.versions);
        let mut superfluous = Vec::new();
        for change in now.state.changes_since(&before.state) {
            match change {
                Change::Added(record) => batch.insert_chunks(&version_key(&record), &wire::encode_record(&record))?,
                Change::Removed { key, mod_revision } => superfluous.push((key, mod_revision)),
            }
        }
        batch.finish()?;
        Ok(superfluous)
    }

    fn remove(&self, superfluous: &[Name]) -> io::Result<()> {
        let mut batch = Limited::new(&self.versions);
        for (key, revision) in superfluous {
            for found in self.versions.scan_prefix(prefix(*revision, key)).keys() {
                batch.remove(&found?)?;
            }
        }
        batch.finish()
    }

    fn replace_meta(&self, image: &Image) -> io::Result<()> {
        let bytes = encode_meta(image)?;
        let mut batch = Batch::default();
        self.meta.iter().keys().try_for_each(|key| key.map(|key| batch.remove(key)))?;
        for (key, value) in chunks(&[], &bytes) {
            batch.insert(key, value);
        }
        Ok(self.meta.apply_batch(batch)?)
    }

    fn sync(&self) -> io::Result<()> {
        self.db.flush()?;
        if let Err(error) = self.file.sync_data() {
            die(&RealDisk, "sync the checkpoint", Path::new("db"), &error);
        }
        Ok(())
    }
}

/// An error of the disk or of the contents.
struct Failure(io::Error);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure(error)
    }
}

impl From<xebec_kv::RestoreError> for Failure {
    fn from(error: xebec_kv::RestoreError) -> Failure {
        Failure(invalid(error))
    }
}

/// Collects changes and applies them whenever there are enough.
struct Limited<'a> {
    tree: &'a Tree,
    batch: Batch,
    count: usize,
}

impl<'a> Limited<'a> {
    fn new(tree: &'a Tree) -> Limited<'a> {
        Limited { tree, batch: Batch::default(), count: 0 }
    }

    fn insert_chunks(&mut self, key: &[u8], bytes: &[u8]) -> io::Result<()> {
        for (key, value) in chunks(key, bytes) {
            self.batch.insert(key, value);
            self.count += 1;
        }
        self.apply_from(BATCH)
    }

    fn remove(&mut self, key: &IVec) -> io::Result<()> {
        self.batch.remove(key);
        self.count += 1;
        self.apply_from(BATCH)
    }

    fn finish(mut self) -> io::Result<()> {
        self.apply_from(1)
    }

    fn apply_from(&mut self, least: usize) -> io::Result<()> {
        if self.count < least {
            return Ok(());
        }
        self.count = 0;
        Ok(self.tree.apply_batch(std::mem::take(&mut self.batch))?)
    }
}

/// Whether what is there is of no use, or must give way because the disk is full. What sled itself complains about is of no
/// use; what the system refuses to sled, a lock that is held and a newer version say nothing about it.
fn makes_worthless(error: &io::Error) -> bool {
    let kept = matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::Unsupported);
    is_damage(error) || disk_is_full(error) || (error.raw_os_error().is_none() && !kept)
}

fn encode_meta(image: &Image) -> io::Result<Vec<u8>> {
    let place = encode_json(&Place { applied: image.applied, membership: image.membership.clone() })?;
    let header = wire::encode_header(&image.state.header());
    Ok([META_MAGIC, &[META_VERSION], &(place.len() as u32).to_le_bytes(), &place, &header].concat())
}

fn decode_meta(bytes: &Bytes) -> io::Result<(Place, Header)> {
    let cut_off = || invalid("the checkpoint's meta is cut off");
    let (&version, rest) = bytes.strip_prefix(META_MAGIC).and_then(<[u8]>::split_first).ok_or_else(cut_off)?;
    if version > META_VERSION {
        return Err(too_new("a checkpoint", version.into(), META_VERSION.into()));
    }
    let (length, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
    let (place, header) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
    let header = wire::decode_header(&bytes.slice_ref(header)).map_err(invalid)?;
    Ok((decode_json(place)?, header))
}

/// Key, revision and chunk number of a row.
fn parse_row(row: &[u8]) -> io::Result<(Bytes, Revision, u16)> {
    let short = || invalid("a version's name is too short");
    let (revision, rest) = row.split_first_chunk().ok_or_else(short)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(short)?;
    let chunk = rest.first_chunk().ok_or_else(short)?;
    Ok((Bytes::copy_from_slice(key), u64::from_be_bytes(*revision), u16::from_be_bytes(*chunk)))
}

fn prefix(revision: Revision, key: &[u8]) -> Vec<u8> {
    let mut bytes = revision.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(key.len() as u16).to_be_bytes());
    bytes.extend_from_slice(key);
    bytes
}

fn version_key(record: &VersionRecord) -> Vec<u8> {
    prefix(record.mod_revision, &record.key)
}

/// Cuts `bytes` into values that sled keeps in its own file.
fn chunks(key: &[u8], bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let count = bytes.len().div_ceil(CHUNK_BYTES).max(1);
    let part = |number: usize| &bytes[number * CHUNK_BYTES..bytes.len().min((number + 1) * CHUNK_BYTES)];
    let chunk = |number: usize| {
        let key = [key, &(number as u16).to_be_bytes()].concat();
        let last = u8::from(number + 1 == count);
        let value = [&checksum(&key, last, part(number)).to_le_bytes(), &[last][..], part(number)].concat();
        (key, value)
    };
    (0..count).map(chunk).collect()
}

/// Puts values together again. Chunks of one value are neighbours, in order.
fn read_chunks(mut found: sled::Iter) -> impl Iterator<Item = io::Result<Bytes>> {
    std::iter::from_fn(move || read_value(&mut found).transpose())
}

/// The next whole value.
fn read_value(found: &mut sled::Iter) -> io::Result<Option<Bytes>> {
    let mut bytes = Vec::new();
    for number in 0..=u16::MAX {
        let Some(pair) = found.next() else {
            return if number == 0 { Ok(None) } else { Err(invalid("the last chunk is missing")) };
        };
        let (key, value) = pair?;
        let (last, part) = check_chunk(&key, &value, number)?;
        bytes.extend_from_slice(part);
        if last {
            return Ok(Some(bytes.into()));
        }
    }
    Err(invalid("a value has no end"))
}

fn check_chunk<'a>(key: &[u8], value: &'a [u8], number: u16) -> io::Result<(bool, &'a [u8])> {
    let (head, part) = value.split_at_checked(5).ok_or_else(|| invalid("a chunk is too short"))?;
    if !key.ends_with(&number.to_be_bytes()) {
        return Err(invalid("a chunk is missing"));
    }
    let [a, b, c, d, last] = [head[0], head[1], head[2], head[3], head[4]];
    if u32::from_le_bytes([a, b, c, d]) != checksum(key, last, part) {
        return Err(invalid("a chunk has a bad checksum"));
    }
    Ok((last == 1, part))
}

fn checksum(key: &[u8], last: u8, part: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(key), &[last]), part)
}

/// Opens sled, waiting for a moment if it is open: threads of one that was just closed may still hold its lock. The
/// lock of the whole data directory has made sure that no other process is meant.
#[expect(clippy::disallowed_methods, reason = "sled is opened on a thread of its own")]
fn open_db(dir: &Path) -> io::Result<Db> {
    let mut tries = 0;
    loop {
        let opened = sled::Config::new().path(dir).flush_every_ms(None).cache_capacity(CACHE_BYTES).open();
        match opened {
            Ok(db) => return Ok(db),
            Err(error) if !error.to_string().contains("could not acquire lock") => return Err(error.into()),
            Err(error) if tries == LOCK_TRIES => return Err(io::Error::new(io::ErrorKind::ResourceBusy, error)),
            Err(_) => std::thread::sleep(LOCK_PAUSE),
        }
        tries += 1;
    }
}

/// sled refuses to open beside a snapshot of its own that it had not finished.
fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Makes the files that sled has created durable, names included.
fn sync_names(dir: &Path) -> io::Result<()> {
    for name in ["conf", "db", "blobs", "."] {
        match File::open(dir.join(name)) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    match dir.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_database_is_thrown_away_for_what_it_is_and_not_for_what_the_system_lacks() {
        let of = |errno: Errno| makes_worthless(&io::Error::from_raw_os_error(errno as i32));
        assert!(of(Errno::EIO) && of(Errno::ENOSPC));
        assert!(!of(Errno::EMFILE) && !of(Errno::ENOMEM) && !of(Errno::EACCES));
        assert!(makes_worthless(&invalid("a bad checksum")) && makes_worthless(&io::Error::other("a bug of sled")));
        assert!(!makes_worthless(&io::Error::new(io::ErrorKind::ResourceBusy, "locked")));
        assert!(!makes_worthless(&too_new("a checkpoint", 2, 1)));
    }
}
