//! Protobuf bodies, with and without their envelope.
#![no_main]

use libfuzzer_sys::fuzz_target;

const KINDS: [(&[u8], &[u8]); 4] =
    [(b"v1", b"Pod"), (b"apps/v1", b"Deployment"), (b"v1", b"Service"), (b"batch/v1", b"CronJob")];

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length as u8) | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

fuzz_target!(|bytes: &[u8]| {
    drop(xebec_api::protobuf::decode(bytes));
    for (version, kind) in KINDS {
        let types = [field(1, version), field(2, kind)].concat();
        let body = [b"k8s\0".to_vec(), field(1, &types), field(2, bytes)].concat();
        drop(xebec_api::protobuf::decode(&body));
    }
});
