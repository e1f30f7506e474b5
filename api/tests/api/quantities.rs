//! Quantities: parsed exactly, written canonically.

use proptest::prelude::*;
use xebec_api::Quantity;

fn q(text: &str) -> Quantity {
    Quantity::parse(text).expect("a quantity")
}

#[test]
fn quantities_are_written_in_canonical_form() {
    let cases = [
        ("0", "0"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1000m", "1"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("2000", "2k"),
        ("2048", "2048"),
        ("1e3", "1e3"),
        ("12e-1", "1200e-3"),
        ("0.5Gi", "512Mi"),
        ("1023Ki", "1023Ki"),
        ("512", "512"),
        ("1Ki", "1Ki"),
        ("0.1m", "100u"),
        ("1n", "1n"),
        ("0.1n", "1n"),
        ("-500m", "-500m"),
        ("+1", "1"),
        (".5", "500m"),
        ("5.", "5"),
        ("1E", "1E"),
        ("1E3", "1e3"),
        ("9999999999999999999999", "9223372036854775807"),
        ("100Ei", "9223372036854775807"),
        ("1e400", "9223372036854775807e0"),
    ];
    for (text, expect) in cases {
        let written = q(text).to_string();
        // The cap is written without a suffix in any format.
        assert_eq!(written.trim_end_matches("e0"), expect.trim_end_matches("e0"), "{text}");
    }
}

#[test]
fn what_is_no_quantity_is_refused() {
    for bad in ["", "m", "1.2.3", "1 Gi", "1gi", "--1", "1e", "e3", ".", "1KI", "0x10", "1e99999999999", "١"] {
        assert!(Quantity::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn values_round_up() {
    assert_eq!(q("100m").value(), 1);
    assert_eq!(q("-100m").value(), 0);
    assert_eq!(q("1500u").milli_value(), 2);
    assert_eq!(q("1Gi").value(), 1 << 30);
    assert_eq!(Quantity::milli(250) + Quantity::milli(750), Quantity::whole(1));
    assert_eq!((Quantity::bytes(1 << 20) + Quantity::bytes(1 << 20)).to_string(), "2Mi");
    assert!(q("1Gi") > q("1G") && q("1") == q("1000m"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-+]?[0-9.eEKMGTPinumk]{0,24}") {
        std::hint::black_box(Quantity::parse(&text).is_ok());
    }

    #[test]
    fn writing_and_reading_keeps_the_amount(
        digits in 0_u64..10_000_000, suffix in prop::sample::select(vec!["", "m", "u", "k", "M", "Ki", "Mi", "Gi", "e2"]),
    ) {
        let first = q(&format!("{digits}{suffix}"));
        let second = q(&first.to_string());
        prop_assert_eq!(first, second);
        prop_assert_eq!(first.to_string(), second.to_string());
    }

    #[test]
    fn addition_and_order_agree(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000) {
        let (x, y) = (Quantity::milli(a), Quantity::milli(b));
        prop_assert_eq!((x + y).milli_value(), a + b);
        prop_assert_eq!((x - y).milli_value(), a - b);
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
    }
}
