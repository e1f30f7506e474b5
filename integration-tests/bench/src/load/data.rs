//! Keys and values: what stands where can be told from the key and the number of the write.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};

use super::Fleet;
use crate::client::prefix_request;
use crate::wire::{KeyValue, RangeRequest};

/// Keys read at once.
const PAGE: i64 = 1000;
/// Writes under way while a key space is filled.
const FILLERS: usize = 256;
/// Incompressible enough, and quick to compare.
const FILLER: [u8; 4096] = filler();

/// Keys of one prefix, each with a value of the same size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpace {
    /// Ends with a slash.
    pub prefix: String,
    /// How many keys.
    pub keys: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
}

impl KeySpace {
    /// The key at a place.
    pub fn key(&self, slot: usize) -> Bytes {
        format!("{}{slot:08}", self.prefix).into()
    }

    /// The value that the write with this number left there.
    pub fn value(&self, slot: usize, write: u64) -> Bytes {
        let mut value = BytesMut::with_capacity(self.value_bytes.max(16));
        value.put_u64(slot as u64);
        value.put_u64(write);
        while value.len() < self.value_bytes {
            let start = (slot + write as usize) % (FILLER.len() / 2);
            let step = (self.value_bytes - value.len()).min(FILLER.len() - start);
            value.put_slice(&FILLER[start..start + step]);
        }
        value.freeze()
    }

    /// Checks what was read at a place.
    pub fn check(&self, slot: usize, write: u64, found: Option<&KeyValue>) -> Result<()> {
        let found = found.with_context(|| format!("{} is missing: an acknowledged write is lost", self.name(slot)))?;
        ensure!(found.key == self.key(slot), "{} was asked for, another key came", self.name(slot));
        let there = found.value.get(8..16).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let name = self.name(slot);
        ensure!(there == Some(write), "{name} holds the write {there:?}, the last acknowledged one is {write}");
        ensure!(found.value == self.value(slot, write), "{name} holds something else than was written");
        Ok(())
    }

    fn name(&self, slot: usize) -> String {
        String::from_utf8_lossy(&self.key(slot)).into_owned()
    }
}

/// Writes every key once, with the number 0.
pub async fn fill(fleet: &Fleet, space: &KeySpace) -> Result<()> {
    let writes = stream::iter(0..space.keys).map(|slot| async move {
        let connection = fleet.connection(slot % FILLERS);
        connection.put(space.key(slot), space.value(slot, 0)).await.map(drop)
    });
    writes.buffer_unordered(FILLERS).try_collect::<()>().await.context("fill the store")
}

/// Reads all keys, linearizably, and compares each with the last write to it that was acknowledged; `None`: there was
/// none, and what an earlier run left there does not count.
pub async fn verify(fleet: &Fleet, space: &KeySpace, last: &[Option<u64>]) -> Result<()> {
    let expected: Vec<(usize, u64)> =
        last.iter().enumerate().filter_map(|(slot, last)| Some((slot, (*last)?))).collect();
    let mut found = Vec::with_capacity(expected.len());
    let mut request = RangeRequest { limit: PAGE, ..prefix_request(&space.prefix) };
    loop {
        let answer = fleet.connection(0).range(&request).await.context("read back what was written")?;
        let more = answer.more;
        found.extend(answer.kvs);
        let Some(last) = found.last().filter(|_| more) else { break };
        request.key = [&last.key[..], &[0]].concat().into();
    }
    let found: BTreeMap<Bytes, KeyValue> = found.into_iter().map(|kv| (kv.key.clone(), kv)).collect();
    let expected = last.iter().enumerate().filter_map(|(slot, last)| Some((slot, (*last)?)));
    expected.into_iter().try_for_each(|(slot, write)| space.check(slot, write, found.get(&space.key(slot))))
}

const fn filler() -> [u8; 4096] {
    let mut bytes = [0; 4096];
    let mut state: u32 = 0x9e37_79b9;
    let mut at = 0;
    while at < bytes.len() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[at] = state as u8;
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_stale_writes_are_told_apart() {
        let space = KeySpace { prefix: "/b/".to_owned(), keys: 10, value_bytes: 10_000 };
        let found = |write| KeyValue { key: space.key(3), value: space.value(3, write), ..KeyValue::default() };
        assert_eq!(space.value(3, 7).len(), 10_000);
        space.check(3, 7, Some(&found(7))).unwrap();
        let wrong = |found: Option<&KeyValue>| space.check(3, 7, found).unwrap_err().to_string();
        assert_eq!(wrong(None), "/b/00000003 is missing: an acknowledged write is lost");
        assert_eq!(wrong(Some(&found(6))), "/b/00000003 holds the write Some(6), the last acknowledged one is 7");
        let mut torn = found(7);
        torn.value = torn.value.slice(..9_999);
        assert_eq!(wrong(Some(&torn)), "/b/00000003 holds something else than was written");
    }
}
