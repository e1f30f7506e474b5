//! Nothing that users write panics, overflows the stack or runs for long.

use proptest::prelude::*;
use xebec_cel::{Budget, Expression, MAX_DEPTH, MAX_TEXT};

use super::{environment, outcome, variables};

#[test]
fn a_text_that_is_too_long_or_too_deep_is_refused() {
    let long = format!("'{}'", "a".repeat(MAX_TEXT));
    assert_eq!(outcome(&long), format!("refused: expression has more than {MAX_TEXT} characters"));
    let deep = format!("refused: expression is nested more than {MAX_DEPTH} levels deep");
    let many = MAX_TEXT / 4;
    for text in [
        format!("{}1{}", "(".repeat(many), ")".repeat(many)),
        format!("1{}", "+1".repeat(many)),
        format!("object{}", ".a".repeat(many)),
        format!("{}1", "[".repeat(many)),
        format!("{}1", "true?1:".repeat(many / 2)),
        format!("{}1{}", "f(".repeat(many), ")".repeat(many)),
        format!("[1]{}", ".map(x,x)".repeat(many / 4)),
    ] {
        assert_eq!(outcome(&text), deep, "{}", &text[..20]);
    }
}

#[test]
fn what_stands_side_by_side_is_not_deep() {
    let all = vec!["object.name == 'web'"; 2000].join(" && ");
    assert_eq!(outcome(&all), "true");
    let list = format!("size([{}])", "1,".repeat(20_000));
    assert_eq!(outcome(&list), "20000");
}

#[test]
fn the_deepest_tree_fits_the_stack_of_a_thread() {
    let parentheses = format!("{}1{}", "(".repeat(MAX_DEPTH - 1), ")".repeat(MAX_DEPTH - 1));
    assert_eq!(outcome(&parentheses), "1");
    let half = MAX_DEPTH / 2 - 1;
    let lists = format!("{}1{}", "[".repeat(half), "]".repeat(half));
    assert!(outcome(&format!("{lists} == {lists}")).starts_with("true"));
    let loops = format!("{}true{}", "[1].all(x, ".repeat(half), ")".repeat(half));
    assert_eq!(outcome(&loops), "true");
}

#[test]
fn names_that_stand_for_each_other_make_nothing_deep() {
    let bound = |open: &str, close: &str, times: usize| {
        let chain = |inner: String, index: usize| {
            let name = format!("a{}", index.saturating_sub(1));
            let value = format!("{}{name}{}", open.repeat(times), close.repeat(times));
            format!("cel.bind(a{index}, {value}, {inner})")
        };
        let all = (1..60).rev().fold("a59 == a59".to_owned(), chain);
        format!("cel.bind(a0, 1, {all})")
    };
    assert_eq!(outcome(&bound("[", "]", 40)), format!("refused: its type has more than {MAX_DEPTH} levels"));
    assert!(outcome(&bound("dyn([", "])", 20)).starts_with("refused: may make a value of "));
}

#[test]
fn what_is_written_many_times_is_paid_for_as_often() {
    let twelve = (1..12).rev().fold("a11".to_owned(), |inner, index| {
        let before = format!("a{}", index - 1);
        format!("cel.bind(a{index}, [{before}, {before}, {before}, {before}], {inner})")
    });
    let text = format!("cel.bind(a0, [1], {twelve})");
    let value =
        Expression::compile(&text, &environment()).unwrap().evaluate(&variables(), &mut Budget::new(1000)).unwrap();
    assert_eq!(value.to_json(&mut Budget::new(1_000_000)), Err(xebec_cel::EvaluationError::OutOfBudget));
}

#[test]
fn a_budget_ends_what_would_run_for_long() {
    let ten = "[1,2,3,4,5,6,7,8,9,10]";
    let nested = format!(
        "{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, {ten}.all(f, {ten}.all(g, true)))))))"
    );
    let text = "'aaaaaaaaaaaaaaaa'";
    let doubled =
        (0..30).fold(text.to_owned(), |value, index| format!("cel.bind(x{index}, {value}, x{index} + x{index})"));
    let flattened = (0..10).fold("[1,1,1,1,1,1,1,1,1,1]".to_owned(), |value, index| {
        format!("cel.bind(y{index}, {value}, [y{index},y{index},y{index},y{index},y{index},y{index},y{index},y{index},y{index},y{index}].flatten(10))")
    });
    let replaced = "'aaaaaaaaaa'.replace('', 'aaaaaaaaaa').replace('', 'aaaaaaaaaaaaaaaaaaaa').replace('', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')".to_owned()
        + &".replace('', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')".repeat(5);
    for expression in [nested, doubled, flattened, replaced, "lists.range(100000000).size() > 0 ".to_owned()] {
        let expression = Expression::compile(&expression, &environment()).expect("compiles");
        let mut budget = Budget::new(1_000_000);
        let error = expression.evaluate(&variables(), &mut budget).expect_err("does too much");
        assert_eq!(error.to_string(), "call cost exceeds limit: the expression did more work than it may");
        assert!(budget.is_spent());
    }
}

#[test]
fn a_part_of_a_budget_counts_against_the_whole() {
    let mut whole = Budget::new(100);
    let mut part = whole.part(30);
    part.take(10).expect("there are 30");
    whole.settle(30, &part);
    assert_eq!(whole.left(), 90);
    part.take(21).expect_err("there are 20");
    assert!(part.is_spent());
}

/// Pieces of which texts are made that the parser nearly understands.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "object",
        "text",
        ".",
        ".?",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "1",
        "1u",
        "-",
        "2.5",
        "'a'",
        "b'x'",
        "+",
        "*",
        "/",
        "%",
        "&&",
        "||",
        "!",
        "?",
        ":",
        ",",
        "==",
        "<",
        "in",
        "has(",
        "all(x,",
        "map(x,",
        "size(",
        "x",
        "true",
        "null",
        " ",
        "optional.of(",
        "orValue(",
        "format([",
        "'%s'",
        "matches('",
        "é",
        "\"",
        "0x",
        "1e",
        "`a`",
        "timestamp('",
        "//",
        "\n",
        "-9223372036854775808",
        "substring(",
        "split('",
        "Object{",
        "cel.bind(x,",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_compiles_or_is_refused_and_runs_within_its_budget(text in pieces()) {
        if let Ok(expression) = Expression::compile(&text, &environment()) {
            let mut budget = Budget::new(10_000);
            drop(expression.evaluate(&variables(), &mut budget));
        }
    }

    #[test]
    fn integers_are_those_of_rust(a: i64, b: i64) {
        let expected = |result: Option<i64>, error: &str| result.map_or_else(|| format!("failed: {error}"), |n| n.to_string());
        let overflow = "integer overflow";
        prop_assert_eq!(outcome(&format!("({a}) + ({b})")), expected(a.checked_add(b), overflow));
        prop_assert_eq!(outcome(&format!("({a}) * ({b})")), expected(a.checked_mul(b), overflow));
        let division = if b == 0 { "division by zero" } else { overflow };
        prop_assert_eq!(outcome(&format!("({a}) / ({b})")), expected(a.checked_div(b), division));
        prop_assert_eq!(outcome(&format!("({a}) < ({b})")), (a < b).to_string());
    }

    #[test]
    fn text_is_cut_at_code_points(text in "\\PC{0,12}", index in 0_i64..14) {
        let quoted = serde_json::to_string(&text).expect("a string");
        let count = text.chars().count();
        let position = usize::try_from(index).expect("not negative");
        let found = outcome(&format!("object.text.substring({index})").replace("object.text", &quoted.replace('\u{7f}', "")));
        if position <= count && !text.contains('\u{7f}') {
            let expected: String = text.chars().skip(position).collect();
            prop_assert_eq!(found, serde_json::to_string(&expected).expect("a string"));
        }
    }
}
