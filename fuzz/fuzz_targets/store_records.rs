//! What the store reads from disks and peers.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use xebec_kv::wire;

fuzz_target!(|bytes: &[u8]| {
    let bytes = Bytes::copy_from_slice(bytes);
    drop(wire::decode_body(&bytes));
    drop(wire::decode_outcome(&bytes));
    drop(wire::decode_header(&bytes));
    drop(wire::decode_record(&bytes));
});
