//! The format of a snapshot file: frames, each with its length and checksum.
//!
//! ```text
//! "XBSNAP01"
//! frame: JSON { format, cluster_id, applied, membership }
//! frame: the state's header (`xebec_kv::wire`), with the number of versions and the state hash
//! frame*: versions, each with its length before it; as many as fit into 256 KiB
//! frame of length 0: the end
//!
//! frame = length u32 | crc32c u32 | bytes
//! ```
//!
//! The state hash in the header is compared with that of the state as rebuilt, so a file that reads well is right.

use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xebec_kv::{Header, RestoreError, State, VersionRecord, wire};

use crate::damage::too_new;
use crate::disk::DiskFile;
use crate::raft::Image;
use crate::raft::codec::{decode_json, encode_json, invalid};
use crate::raft::types::{LogId, StoredMembership};

const MAGIC: &[u8; 8] = b"XBSNAP01";
const FORMAT: u32 = 1;
const FRAME_BYTES: usize = 256 << 10;

/// The one part of the first frame that every format has. Being under a checksum, it tells a later program's file from a
/// damaged one.
#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Place {
    #[serde(default)]
    format: u32,
    cluster_id: String,
    applied: Option<LogId>,
    membership: StoredMembership,
}

/// Writes an image through `sink`.
pub(crate) fn write(image: &Image, cluster_id: &str, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let place = Place {
        format: FORMAT,
        cluster_id: cluster_id.to_owned(),
        applied: image.applied,
        membership: image.membership.clone(),
    };
    sink(MAGIC)?;
    write_frame(sink, &encode_json(&place)?)?;
    write_frame(sink, &wire::encode_header(&image.state.header()))?;
    let mut frame = Vec::with_capacity(FRAME_BYTES);
    for record in image.state.records() {
        let bytes = wire::encode_record(&record);
        frame.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        frame.extend_from_slice(&bytes);
        if frame.len() >= FRAME_BYTES {
            write_frame(sink, &frame)?;
            frame.clear();
        }
    }
    if !frame.is_empty() {
        write_frame(sink, &frame)?;
    }
    write_frame(sink, &[])
}

fn write_frame(sink: &mut dyn FnMut(&[u8]) -> io::Result<()>, bytes: &[u8]) -> io::Result<()> {
    let mut head = [0; 8];
    head[..4].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    head[4..].copy_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
    sink(&head)?;
    sink(bytes)
}

/// Reads and checks an image of our cluster.
pub(crate) fn read(file: &dyn DiskFile, cluster_id: &str) -> io::Result<Image> {
    let (found, image) = read_any(file)?;
    if found != cluster_id {
        return Err(invalid(format!("the snapshot is of cluster {found}")));
    }
    Ok(image)
}

/// Reads and checks an image of any cluster, and says which.
pub(crate) fn read_any(file: &dyn DiskFile) -> io::Result<(String, Image)> {
    let mut frames = Frames::open(file)?;
    let place = decode_place(&frames.required()?)?;
    let header = wire::decode_header(&frames.required()?).map_err(invalid)?;
    let state = restore(&header, frames)?;
    let image = Image { state: state.into(), applied: place.applied, membership: place.membership };
    Ok((place.cluster_id, image))
}

fn decode_place(frame: &[u8]) -> io::Result<Place> {
    let Format { format } = decode_json(frame)?;
    if format > FORMAT {
        return Err(too_new("a snapshot", format, FORMAT));
    }
    decode_json(frame)
}

fn restore(header: &Header, mut frames: Frames<'_>) -> io::Result<State> {
    let mut frame = Bytes::new();
    let records = std::iter::from_fn(|| {
        if frame.is_empty() {
            frame = match frames.next().transpose()? {
                Ok(next) => next,
                Err(error) => return Some(Err(Failure::Io(error))),
            };
        }
        Some(next_record(&mut frame))
    });
    State::restore(header, records).map_err(|failure: Failure| match failure {
        Failure::Io(error) => error,
        Failure::Restore(error) => invalid(error),
    })
}

/// Takes a record off the front of a frame.
fn next_record(frame: &mut Bytes) -> Result<VersionRecord, Failure> {
    let cut_off = || Failure::Io(invalid("a record is cut off"));
    let length = frame.get(..4).and_then(|head| head.try_into().ok()).map(u32::from_le_bytes).ok_or_else(cut_off)?;
    let end = 4 + length as usize;
    if end > frame.len() {
        return Err(cut_off());
    }
    let record = frame.split_to(end).slice(4..);
    wire::decode_record(&record).map_err(|error| Failure::Io(invalid(error)))
}

enum Failure {
    Io(io::Error),
    Restore(RestoreError),
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Failure {
        Failure::Restore(error)
    }
}

/// The frames of a file, in order.
struct Frames<'a> {
    file: &'a dyn DiskFile,
    position: u64,
    length: u64,
    ended: bool,
}

impl<'a> Frames<'a> {
    fn open(file: &'a dyn DiskFile) -> io::Result<Frames<'a>> {
        let mut magic = [0; MAGIC.len()];
        file.read_at(0, &mut magic)?;
        if &magic != MAGIC {
            return Err(invalid("not a snapshot, or of an unknown version"));
        }
        Ok(Frames { file, position: MAGIC.len() as u64, length: file.length()?, ended: false })
    }

    /// The next frame; `None` after the last one.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let mut head = [0; 8];
        self.file.read_at(self.position, &mut head)?;
        let [a, b, c, d, e, f, g, h] = head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if self.position + 8 + length as u64 > self.length {
            return Err(invalid("a frame is cut off"));
        }
        let mut bytes = vec![0; length];
        self.file.read_at(self.position + 8, &mut bytes)?;
        if crc32c::crc32c(&bytes) != u32::from_le_bytes([e, f, g, h]) {
            return Err(invalid(format!("a bad checksum at offset {}", self.position)));
        }
        self.position += 8 + length as u64;
        self.ended = length == 0;
        Ok((length > 0).then(|| bytes.into()))
    }

    fn required(&mut self) -> io::Result<Bytes> {
        self.next()?.ok_or_else(|| invalid("the snapshot ends too early"))
    }
}
