//! Selectors: what is taken can be written and read again, and selects the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xebec_api::{FieldSelector, LabelSelector};

fuzz_target!(|text: &str| {
    if let Ok(selector) = LabelSelector::parse(text) {
        let again = LabelSelector::parse(&selector.to_string()).expect("what was written can be read");
        assert_eq!(selector, again, "{text:?}");
    }
    if let Ok(selector) = FieldSelector::parse(text) {
        let again = FieldSelector::parse(&selector.to_string()).expect("what was written can be read");
        assert_eq!(selector.to_string(), again.to_string(), "{text:?}");
    }
});
