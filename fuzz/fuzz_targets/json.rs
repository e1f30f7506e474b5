//! JSON bodies: what is taken can be written and read again, and comes out the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = xebec_api::decode::json(bytes) else { return };
    let again = xebec_api::decode::json(value.to_string().as_bytes()).expect("what was written can be read");
    assert_eq!(value, again);
    let lenient = xebec_api::decode::lenient_json(bytes).expect("who takes less takes this");
    assert_eq!((lenient.value, lenient.duplicates.len()), (value, 0));
});
