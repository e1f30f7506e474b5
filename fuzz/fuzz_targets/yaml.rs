//! YAML bodies and manifests.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drop(xebec_api::decode::yaml(bytes));
    drop(xebec_api::decode::manifests(bytes));
});
