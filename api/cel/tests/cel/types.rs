//! What the checker knows, and how it says what is wrong.

use xebec_cel::{EnvironmentBuilder, Expression, Type, Value, Variables};

use super::{environment, outcome_with};

fn refusal(text: &str) -> String {
    let found = Expression::compile(text, &typed());
    found.expect_err("refused").message
}

fn typed() -> xebec_cel::Environment {
    let spec = Type::object("spec", [("replicas", Type::Int), ("names", Type::list(Type::String))]);
    EnvironmentBuilder::standard().build().with("self", Type::object("self", [("spec", spec)]))
}

#[test]
fn names_fields_and_operands_are_checked_before_anything_runs() {
    let table = [
        ("self.spec.replica > 1", "undefined field 'replica'"),
        ("oldSelf == self", "undeclared reference to 'oldSelf' (in container '')"),
        ("self.spec.replicas == 'a'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.spec.names.all(n, n > 1)", "found no matching overload for '_>_' applied to '(string, int)'"),
        ("self.spec.names.sum() > 1", "found no matching overload for 'sum' applied to '(list(string))'"),
        ("self.spec.replicas && true", "expected type 'bool' but found 'int'"),
        ("frobnicate(self)", "undeclared reference to 'frobnicate' (in container '')"),
        ("self.spec.names['a']", "found no matching overload for '_[_]' applied to '(list(string), string)'"),
    ];
    for (text, expected) in table {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn an_error_says_where() {
    let error = Expression::compile("1 == 1 &&\n  foo.bar", &environment()).expect_err("refused");
    let expected = "ERROR: <input>:2:3: undeclared reference to 'foo' (in container '')\n |   foo.bar\n | ..^";
    assert_eq!(error.to_string(), expected);
    let error = Expression::compile("(1 + ", &environment()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "ERROR: <input>:1:6: Syntax error: unexpected the end of the expression\n | (1 + \n | .....^"
    );
}

#[test]
fn a_result_can_be_held_to_a_type() {
    let compile = |text, of| Expression::compile_to(text, of, &environment());
    compile("object.a", &Type::Bool).expect("may be a bool");
    compile("1 < 2", &Type::Bool).expect("is a bool");
    assert_eq!(compile("1 + 2", &Type::Bool).expect_err("no bool").message, "must evaluate to bool, not int");
    assert_eq!(compile("null", &Type::Bool).expect_err("no bool").message, "must evaluate to bool, not null");
}

#[test]
fn a_variable_may_have_a_dotted_name() {
    let environment = environment().with("variables.total", Type::Int);
    let variables = Variables::new().with("variables.total", Value::Int(3));
    assert_eq!(outcome_with("variables.total + 1", &environment, &variables), "4");
    assert_eq!(
        outcome_with("variables.totals", &environment, &variables),
        "refused: undeclared reference to 'variables' (in container '')"
    );
    let expression = Expression::compile("[1].all(n, variables.total > n)", &environment).expect("compiles");
    assert!(expression.uses("variables.total") && !expression.uses("object"));
}

#[test]
fn objects_are_written_part_by_part() {
    let environment = environment().with_objects("Object").with_objects("JSONPatch");
    let outcome = |text| outcome_with(text, &environment, &super::variables());
    assert_eq!(
        outcome("Object{spec: Object.spec{replicas: object.spec.replicas + 1, ?paused: object.?paused}}"),
        r#"{"spec":{"replicas":4}}"#
    );
    assert_eq!(
        outcome("[JSONPatch{op: 'add', path: '/a', value: Object.a{b: 1}}]"),
        r#"[{"op":"add","path":"/a","value":{"b":1}}]"#
    );
    assert_eq!(
        outcome("Object{spec: Object.status{}}"),
        "refused: expected type of field 'spec' is 'Object.spec' but provided type is 'Object.status'"
    );
    assert_eq!(outcome("Other{}"), "refused: undeclared reference to 'Other' (in container '')");
}
