//! Literals, operators, macros and optionals.

use super::check;

#[test]
fn literals_are_what_they_say() {
    check(&[
        ("1", "1"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "refused: invalid int literal 9223372036854775808"),
        ("0xff", "255"),
        ("18446744073709551615u", "18446744073709551615"),
        ("1.5e3", "1500.0"),
        (".5", "0.5"),
        (r#"'it\'s' + "\t\u00e9\x41\101""#, "\"it's\\téAA\""),
        ("r'\\d'", r#""\\d""#),
        ("'''a\n'b'''", r#""a\n'b""#),
        (r"b'\xff' == b'\377'", "true"),
        ("[1, 2, 3,]", "[1,2,3]"),
        ("{'a': 1, 2: 'b', true: null}", r#"{"2":"b","a":1,"true":null}"#),
        ("{'a': 1, 'a': 2}", "failed: Failed with repeated key: a"),
        ("1 // the rest is a comment", "1"),
        ("null", "null"),
    ]);
}

#[test]
fn operators_bind_as_in_cel() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("-7 % 3", "-1"),
        ("7.0 / 2.0", "3.5"),
        ("1 / 0", "failed: division by zero"),
        ("9223372036854775807 + 1", "failed: integer overflow"),
        ("!true || true && false", "false"),
        ("!!true", "true"),
        ("true ? 1 : false ? 2 : 3", "1"),
        ("1 < 2 == true", "true"),
        ("1 in [3, 1]", "true"),
        ("'a' in {'a': 1}", "true"),
        ("'tier' in object.labels", "true"),
        ("'a' + 'b'", "\"ab\""),
        ("[1] + [2]", "[1,2]"),
    ]);
}

#[test]
fn numbers_compare_by_what_they_are_worth() {
    check(&[
        ("1 < 1.5", "true"),
        ("2u > 1", "true"),
        ("dyn(1) == 1.0", "true"),
        ("dyn(1u) == 1", "true"),
        ("object.spec.ratio == 0.5", "true"),
        ("object.spec.replicas == 3.0", "true"),
        ("dyn(9007199254740993) == 9007199254740992.0", "false"),
        ("0.0 / 0.0 == 0.0 / 0.0", "false"),
        ("1 == 1.0", "refused: found no matching overload for '_==_' applied to '(int, double)'"),
        ("{1: 'a'}[dyn(1.0)]", "\"a\""),
    ]);
}

#[test]
fn an_operand_that_decides_hides_the_failure_of_another() {
    check(&[
        ("object.missing || true", "true"),
        ("true || object.missing", "true"),
        ("object.missing && false", "false"),
        ("object.missing || false", "failed: no such key: missing"),
        ("[0, 1].exists(i, 1 / i == 1)", "true"),
        ("[0, 1].all(i, 1 / i == 2)", "false"),
        ("[0, 1].all(i, 1 / i == 1)", "failed: division by zero"),
    ]);
}

#[test]
fn fields_are_there_or_not() {
    check(&[
        ("object.spec.replicas", "3"),
        ("object['name']", "\"web\""),
        ("object.spec.ports[1]", "443"),
        ("object.spec.ports[2]", "failed: index out of bounds: 2"),
        ("object.spec.`replicas`", "3"),
        ("has(object.spec.replicas) && !has(object.spec.other)", "true"),
        ("has(object.spec.none)", "true"),
        ("object.spec.other", "failed: no such key: other"),
        ("object.spec.none == null && object.name != null && text != null", "true"),
        ("object.name.first", "failed: no such overload: type 'string' does not support field selection"),
        ("text.first", "refused: type 'string' does not support field selection"),
        ("has(object)", "refused: invalid argument to has() macro: it takes a field selection such as has(a.b)"),
    ]);
}

#[test]
fn optionals_go_through_what_is_absent() {
    check(&[
        ("object.?spec.?replicas.orValue(0)", "3"),
        ("object.?status.replicas.orValue(0)", "0"),
        ("object.?status.?replicas.hasValue()", "false"),
        ("object.labels[?'app'].value()", "\"shop\""),
        ("object.spec.ports[?7]", "optional.none()"),
        ("optional.none().value()", "failed: optional.none() dereference"),
        ("optional.of(2).optMap(n, n * 2).value()", "4"),
        ("object.?labels.optFlatMap(l, l[?'tier']).orValue('')", "\"front\""),
        ("optional.ofNonZeroValue('').or(optional.of('b')).value()", "\"b\""),
        ("[1, ?object.?missing, ?optional.of(2)]", "[1,2]"),
        ("{?'a': object.?missing, ?'b': optional.of(1)}", r#"{"b":1}"#),
        ("[optional.of(1), optional.none()].unwrapOpt()", "[1]"),
        ("has(object.?spec.replicas)", "true"),
    ]);
}

#[test]
fn macros_look_at_each_item() {
    check(&[
        ("object.spec.ports.all(p, p > 50)", "true"),
        ("object.labels.exists(k, object.labels[k] == 'shop')", "true"),
        ("[1, 2, 2].exists_one(n, n == 2)", "false"),
        ("[1, 2, 3].filter(n, n > 1)", "[2,3]"),
        ("[1, 2, 3].map(n, n > 1, n * n)", "[4,9]"),
        ("object.labels.map(k, k + '=' + object.labels[k])", r#"["app=shop","tier=front"]"#),
        ("[[1, 2], [3]].map(l, l.map(n, n + 1))", "[[2,3],[4]]"),
        ("[3, 4].all(i, n, n == i + 3)", "true"),
        ("object.labels.exists(k, v, k == 'app' && v == 'shop')", "true"),
        ("[3, 4].transformList(i, n, i * n)", "[0,4]"),
        ("object.labels.transformMap(k, v, k != 'app', v.upperAscii())", r#"{"tier":"FRONT"}"#),
        ("object.labels.transformMapEntry(k, v, {v: k})", r#"{"front":"tier","shop":"app"}"#),
        ("['ccc', 'a', 'bb'].sortBy(s, size(s))", r#"["a","bb","ccc"]"#),
        ("cel.bind(n, object.spec.replicas, n * n)", "9"),
        ("[1].map(object, object + 1)", "[2]"),
        ("[1].all(n, n, true)", "refused: the two variables must have different names, not both n"),
        (
            "1.all(n, true)",
            "refused: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
    ]);
}

#[test]
fn types_are_values() {
    check(&[
        ("type(1) == int", "true"),
        ("type(object) == map && type(object.spec.ports) == list", "true"),
        ("type(type(1)) == type", "true"),
        ("type(timestamp('2024-01-01T00:00:00Z')) == google.protobuf.Timestamp", "true"),
        ("type(null) == null_type", "true"),
    ]);
}
