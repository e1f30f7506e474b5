//! The functions, each at least once.

use super::check;

#[test]
fn text() {
    check(&[
        ("text.contains('ell') && text.startsWith('he') && text.endsWith('lo')", "true"),
        ("text.matches('^h.*o$')", "true"),
        ("'日本'.size()", "2"),
        ("'héllo'.charAt(1)", "\"é\""),
        ("'héllo'.charAt(9)", "failed: index out of range: 9"),
        ("'héllo'.indexOf('l')", "2"),
        ("'hello'.indexOf('l', 3)", "3"),
        ("'hello'.lastIndexOf('l')", "3"),
        ("'hello'.lastIndexOf('l', 2)", "2"),
        ("['a', 'b'].join('-')", "\"a-b\""),
        ("'TacoCat'.lowerAscii() + 'x'.upperAscii()", "\"tacocatX\""),
        ("'hello hello'.replace('he', 'we', 1)", "\"wello hello\""),
        ("'a,b,c'.split(',', 2)", r#"["a","b,c"]"#),
        ("'abc'.split('')", r#"["a","b","c"]"#),
        ("'tacocat'.substring(4)", "\"cat\""),
        ("'tacocat'.substring(0, 4)", "\"taco\""),
        ("'tacocat'.substring(4, 2)", "failed: invalid substring range. start: 4, end: 2"),
        ("'  x\\t'.trim()", "\"x\""),
        ("strings.quote('a\"b')", r#""\"a\\\"b\"""#),
        ("'abc'.reverse()", "\"cba\""),
        (
            "'%s is %d and %.2f: %s %x %e'.format(['a', 1, 2.5, [1, {'k': true}], 255, 1500.0])",
            r#""a is 1 and 2.50: [1, {k: true}] ff 1.500000e+03""#,
        ),
        ("'%d'.format(['a'])", "failed: error during formatting: %d does not take string"),
        ("'%s'.format([])", "failed: index out of range: there are more clauses than arguments"),
        ("'abc 123 def 45'.find('[0-9]+')", "\"123\""),
        ("'abc 123 def 45'.findAll('[0-9]+')", r#"["123","45"]"#),
        ("'a1b2'.findAll('[0-9]', 1)", r#"["1"]"#),
        ("base64.decode(base64.encode(b'hi')) == b'hi'", "true"),
    ]);
}

#[test]
fn a_pattern_is_judged_before_it_runs() {
    let found = super::outcome("text.matches('(')");
    assert!(found.starts_with("refused: invalid matches argument"), "{found}");
    let found = super::outcome("text.matches(object.name + '(')");
    assert!(found.starts_with("failed: invalid matches argument"), "{found}");
}

#[test]
fn lists_and_sets() {
    check(&[
        ("[1, 2, 2].isSorted() && ![2, 1].isSorted()", "true"),
        ("[1, 3].sum() + [].sum()", "4"),
        ("[1.5, 2.0].sum()", "3.5"),
        ("[duration('1s'), duration('2m')].sum()", "\"121s\""),
        ("[3, 1, 2].min() + [3, 1].max()", "4"),
        ("[].max()", "failed: min/max called on empty list"),
        ("[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1)", "2"),
        ("[1, 2, 1].distinct()", "[1,2]"),
        ("[1, 2, 3].slice(1, 3).reverse()", "[3,2]"),
        ("[1].slice(0, 2)", "failed: cannot slice(0, 2), list has 1 items"),
        ("['b', 'a'].sort()", r#"["a","b"]"#),
        ("[[1], [2, [3]]].flatten()", "[1,2,[3]]"),
        ("[[1], [2, [3]]].flatten(2)", "[1,2,3]"),
        ("[1, 2].first().value() + [1, 2].last().value()", "3"),
        ("lists.range(3)", "[0,1,2]"),
        ("sets.contains([1, 2], [2, 2]) && sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1], [2, 1])", "true"),
        ("sets.contains([1], [2]) || sets.equivalent([1], [1, 2]) || sets.intersects([1], [])", "false"),
    ]);
}

#[test]
fn conversions() {
    check(&[
        ("int('42') + int(2.9) + int(3u)", "47"),
        ("int(1e30)", "failed: integer overflow"),
        ("int('x')", "failed: type conversion error: \"x\" is no int"),
        ("uint(-1)", "failed: integer overflow"),
        ("double('1.5') + double(1)", "2.5"),
        ("string(1) + string(true) + string(1.5) + string(b'x')", "\"1true1.5x\""),
        ("bool('true') && !bool('F')", "true"),
        ("string(1e21) + ' ' + string(0.00001)", "\"1e+21 1e-05\""),
        ("bytes('a') == b'a'", "true"),
    ]);
}

#[test]
fn times() {
    check(&[
        ("timestamp('2024-02-29T10:20:30.5Z').getFullYear()", "2024"),
        ("timestamp('2024-02-29T10:20:30.5Z').getMonth()", "1"),
        ("timestamp('2024-02-29T10:20:30.5Z').getDate()", "29"),
        ("timestamp('2024-02-29T10:20:30.5Z').getDayOfMonth()", "28"),
        ("timestamp('2024-02-29T10:20:30.5Z').getDayOfWeek()", "4"),
        ("timestamp('2024-02-29T10:20:30.5Z').getDayOfYear()", "59"),
        ("timestamp('2024-02-29T10:20:30.5Z').getMilliseconds()", "500"),
        ("timestamp('2024-02-29T23:20:30Z').getHours('+02:00')", "1"),
        ("timestamp('2024-07-01T00:00:00Z').getHours('Europe/Berlin')", "2"),
        ("timestamp('2024-07-01T00:00:00Z').getHours('Nowhere')", "failed: unknown time zone Nowhere"),
        ("timestamp('2024-01-01T00:00:00Z') + duration('1h30m')", "\"2024-01-01T01:30:00Z\""),
        ("timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z')", "\"86400s\""),
        ("timestamp('2024-01-02T00:00:00Z') > timestamp('2024-01-01T00:00:00Z')", "true"),
        ("duration('90m').getHours() + duration('90m').getMinutes() + duration('1.5s').getMilliseconds()", "591"),
        ("duration('-1.5s')", "\"-1.5s\""),
        ("duration('1x')", "failed: type conversion error: \"1x\" is no duration"),
        ("timestamp('yesterday')", "failed: type conversion error: \"yesterday\" is no timestamp"),
        ("timestamp(0)", "\"1970-01-01T00:00:00Z\""),
    ]);
}

#[test]
fn networks() {
    check(&[
        ("isIP('127.0.0.1') && isIP('::1') && !isIP('1.2.3') && !isIP('::ffff:1.2.3.4')", "true"),
        ("ip('fe80::1').isLinkLocalUnicast() && ip('127.0.0.1').isLoopback() && ip('0.0.0.0').isUnspecified()", "true"),
        (
            "ip('8.8.8.8').isGlobalUnicast() && !ip('224.0.0.1').isGlobalUnicast() && ip('224.0.0.1').isLinkLocalMulticast()",
            "true",
        ),
        ("ip('::1').family()", "6"),
        ("ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')", "true"),
        ("string(ip('2001:0db8::1'))", "\"2001:db8::1\""),
        ("ip('127.0.0.1') == ip('127.0.0.1')", "true"),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))", "true"),
        (
            "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
            "true",
        ),
        ("string(cidr('10.1.2.3/8').masked()) + ' ' + string(cidr('10.1.2.3/8').ip())", "\"10.0.0.0/8 10.1.2.3\""),
        ("cidr('::/0').prefixLength()", "0"),
        ("isCIDR('10.0.0.0/33') || isCIDR('10.0.0.0')", "false"),
        ("ip('x')", "failed: IP Address \"x\" parse error"),
    ]);
}

#[test]
fn versions() {
    check(&[
        ("semver('1.2.3').isLessThan(semver('1.10.0'))", "true"),
        (
            "semver('1.0.0-alpha.1').isLessThan(semver('1.0.0-alpha.beta')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
            "true",
        ),
        ("semver('1.2.3+a') == semver('1.2.3+b')", "true"),
        ("semver('1.2.3').major() + semver('1.2.3').minor() + semver('1.2.3').patch()", "6"),
        ("semver('1.2.3').compareTo(semver('1.2.4'))", "-1"),
        ("isSemver('1.2') || isSemver('v1.2.3') || isSemver('01.2.3')", "false"),
        ("isSemver('v1.2', true) && semver('v01.2', true) == semver('1.2.0')", "true"),
        ("semver('x')", "failed: \"x\" is no semantic version"),
    ]);
}

#[test]
fn urls() {
    check(&[
        ("url('https://user@example.com:80/a b?k=1&k=2&l=%20').getHost()", "\"example.com:80\""),
        (
            "url('https://example.com:80/').getHostname() + url('https://example.com:80/').getPort()",
            "\"example.com80\"",
        ),
        ("url('https://[::1]:80/').getHostname()", "\"::1\""),
        ("url('https://example.com/a b').getEscapedPath()", "\"/a%20b\""),
        ("url('https://example.com/?k=1&k=2&l=%20').getQuery()", r#"{"k":["1","2"],"l":[" "]}"#),
        ("url('/path').getScheme() + url('HTTPS://a').getScheme()", "\"https\""),
        (
            "isURL('/absolute') && isURL('https://a.b/c') && !isURL('relative') && !isURL('https://a:b/') && !isURL('https://[::1')",
            "true",
        ),
    ]);
}
