//! Quantities: what is taken can be written and read again, and is the same amount.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xebec_api::Quantity;

fuzz_target!(|text: &str| {
    let Ok(quantity) = text.parse::<Quantity>() else { return };
    let again: Quantity = quantity.to_string().parse().expect("what was written can be read");
    assert_eq!(quantity, again, "{text:?}");
});
