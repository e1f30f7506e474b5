//! Objects of every kind: schema, defaults and validation of what may be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let Ok(mut value) = xebec_api::decode::json(body) else { return };
    let kinds = xebec_api::kinds();
    let kind = kinds[usize::from(*choice) % kinds.len()];
    if !value.is_object() || kind.check_schema(&value).is_err() {
        return;
    }
    value["metadata"]["name"] = "x".into();
    kind.apply_defaults(&mut value);
    kind.prepare_create(&mut value);
    drop(kind.validate_create(&value));
    drop(xebec_api::Object::from_value(value));
});
