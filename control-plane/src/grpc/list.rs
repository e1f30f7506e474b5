//! Lists, in chunks that fit a gRPC message.

use bytes::Bytes;
use jiff::Timestamp;
use xebec_api::table::{self, IncludeObject};
use xebec_api::{Kind, Status};
use xebec_proto::v1::{ListChunk, ListRequest, Representation};

use super::{Answers, ObjectsService, convert};
use crate::registry::{Listing, RequestContext, Stored};

/// Bytes of objects in a chunk, about; a message may have 4 MiB.
const CHUNK: usize = 512 * 1024;

impl ObjectsService {
    pub(super) async fn list_chunks(
        &self,
        cx: &RequestContext,
        request: &ListRequest,
    ) -> Result<Answers<ListChunk>, Status> {
        let scope = convert::scope(&self.kinds_now(), request.target.as_ref())?;
        let options = convert::list(scope.kind, request)?;
        let listing = self.registry.list(cx, &scope, &options).await?;
        let as_table = request.representation() == Representation::Table;
        let chunks =
            Chunks { kind: scope.kind, table: as_table.then(|| self.registry.now()), listing, next: 0, sent: false };
        Ok(Box::pin(futures::stream::iter(chunks.map(Ok))))
    }
}

/// The rest of a listing, encoded as it is wanted. There is one chunk even when there is no object.
struct Chunks {
    kind: &'static Kind,
    /// The time that tables show ages at; absent where objects are wanted.
    table: Option<Timestamp>,
    listing: Listing,
    next: usize,
    sent: bool,
}

impl Chunks {
    /// The objects of the next chunk, at least one if any is left.
    fn take(&mut self) -> &[Stored] {
        let start = self.next;
        let mut bytes = 0;
        while let Some(stored) = self.listing.items.get(self.next).filter(|_| bytes < CHUNK) {
            bytes += stored.object.bytes().len();
            self.next += 1;
        }
        &self.listing.items[start..self.next]
    }
}

impl Iterator for Chunks {
    type Item = ListChunk;

    fn next(&mut self) -> Option<ListChunk> {
        let done = self.next == self.listing.items.len();
        if std::mem::replace(&mut self.sent, true) && done {
            return None;
        }
        let (kind, table) = (self.kind, self.table);
        let items = encode(kind, table, self.take());
        let continue_token = self.listing.continue_token.clone().unwrap_or_default();
        Some(ListChunk { revision: self.listing.revision, continue_token, items })
    }
}

fn encode(kind: &Kind, table: Option<Timestamp>, objects: &[Stored]) -> Vec<Bytes> {
    match table {
        None => objects.iter().map(Stored::to_json).collect(),
        Some(now) => vec![rows(kind, objects, now)],
    }
}

/// A Table of these objects.
pub(super) fn rows(kind: &Kind, objects: &[Stored], now: Timestamp) -> Bytes {
    let rows: Vec<_> = objects.iter().map(|stored| (&stored.object, stored.revision)).collect();
    Bytes::from(table::table(kind, &rows, IncludeObject::Metadata, now).to_string())
}
