//! Documents as DVC's loader reads them, and the errors that it gives.

use super::*;
use crate::model::Key;

fn read(text: &str) -> Value {
    parse(text.as_bytes()).unwrap().value
}

fn fails(text: &str) -> YamlError {
    parse(text.as_bytes()).unwrap_err()
}

#[test]
fn plain_scalars_mean_what_dvc_takes_them_for() {
    let cases: &[(&str, Value)] = &[
        ("017", Value::Int(17)),
        ("08", Value::Int(8)),
        ("00", Value::Int(0)),
        ("1_000", Value::Int(1000)),
        ("-_1", Value::Int(-1)),
        ("0o17", Value::Int(15)),
        ("0x1F", Value::Int(31)),
        ("-0x1F", Value::Int(-31)),
        ("0b11", Value::Int(3)),
        ("+12", Value::Int(12)),
        ("1e3", Value::Float(1000.0)),
        ("1_000.5e1", Value::Float(10005.0)),
        ("1.", Value::Float(1.0)),
        (".5", Value::Float(0.5)),
        ("-.5", Value::Float(-0.5)),
        (".5e3", Value::str(".5e3")),
        (".5e+3", Value::Float(500.0)),
        ("1.7e400", Value::Float(f64::INFINITY)),
        ("-.inf", Value::Float(f64::NEG_INFINITY)),
        ("+.nan", Value::str("+.nan")),
        ("123456789012345678901234567890", Value::BigInt("123456789012345678901234567890".into())),
        ("-0xFFFFFFFFFFFFFFFFFF", Value::BigInt("-4722366482869645213695".into())),
        ("2020-01-02", Value::Time("2020-01-02".into())),
        ("2020-1-2", Value::str("2020-1-2")),
        ("2020-1-2 3:04:05", Value::Time("2020-01-02 03:04:05".into())),
        ("2020-01-02T03:04:05.6Z", Value::Time("2020-01-02 03:04:05.600000+00:00".into())),
        ("2020-12-31 23:59:59.9999999", Value::Time("2021-01-01 00:00:00".into())),
        ("2020-01-02 03:04:05 -5:30", Value::Time("2020-01-02 03:04:05-05:30".into())),
        ("12:30:45", Value::str("12:30:45")),
        ("yes", Value::str("yes")),
        ("on", Value::str("on")),
        ("TRUE", Value::Bool(true)),
        ("tRUE", Value::str("tRUE")),
        ("~", Value::Null),
        ("'12'", Value::str("12")),
        ("!!str 12", Value::str("12")),
        ("!!bool yes", Value::Bool(true)),
        ("!!float 1", Value::Float(1.0)),
        ("!!null ''", Value::Null),
        ("!!binary aGVsbG8=", Value::Bytes(b"hello"[..].into())),
        ("! 12", Value::Int(12)),
    ];
    for (text, want) in cases {
        let got = read(&format!("k: {text}\n"));
        let got = got.get("k").unwrap();
        assert_eq!(got.python_type(), want.python_type(), "{text}");
        assert_eq!(got, want, "{text}");
    }
    assert!(matches!(read(".nan"), Value::Float(number) if number.is_nan()));
}

#[test]
fn version_1_1_brings_the_old_meanings() {
    let map = read("%YAML 1.1\n---\na: yes\nb: 010\nc: 1:30\nd: off\n");
    let want = [("a", Value::Bool(true)), ("b", Value::Int(8)), ("c", Value::Int(90)), ("d", Value::Bool(false))];
    for (key, value) in want {
        assert_eq!(map.get(key), Some(&value), "{key}");
    }
}

#[test]
fn merged_keys_come_first_and_own_values_win() {
    let map = read("a: &a {x: 1, y: 2}\nb:\n  z: 0\n  x: 9\n  <<: *a\nc:\n  <<: [{p: 1, q: 1}, {q: 2, r: 2}]\n");
    let keys = |name: &str| -> Vec<String> {
        map.get(name).unwrap().as_map().unwrap().keys().map(|key| key.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys("b"), ["x", "y", "z"]);
    assert_eq!(map.get("b").unwrap().get("x"), Some(&Value::Int(9)));
    assert_eq!(keys("c"), ["q", "r", "p"]);
    assert_eq!(map.get("c").unwrap().get("q"), Some(&Value::Int(1)));
}

#[test]
fn aliases_keep_identity() {
    let Value::Map(map) = read("a: &x {k: 1}\nb: *x\nc: {k: 1}\n") else { panic!("a map") };
    let pointer = |key: &str| match map.get(&Key::str(key)) {
        Some(Value::Map(map)) => std::sync::Arc::as_ptr(map),
        other => panic!("{other:?}"),
    };
    assert_eq!(pointer("a"), pointer("b"));
    assert_ne!(pointer("a"), pointer("c"));
}

#[test]
fn an_anchor_within_one_of_the_same_name_is_newer() {
    let map = read("a: &x\n  b: &x 1\n  c: *x\nd: *x\n");
    assert_eq!(map.get("a").unwrap().get("c"), Some(&Value::Int(1)));
    assert_eq!(map.get("d"), Some(&Value::Int(1)));
    assert!(matches!(fails("a: &x\n  b: &y 1\n  c: *x\n"), YamlError::Recursive(_)));
}

#[test]
fn what_an_alias_names_stands_where_it_was_written() {
    let notes = fails("a: &x 1\nb:\n  <<: *x\n").notes();
    assert_eq!(notes[1].text, "Expected a mapping or list of mappings for merging, but found scalar, in line 1, column 4");
    let notes = fails("<<: [{}, 1, 2]\n").notes();
    assert_eq!(notes[1].text, "Expected a mapping for merging, but found scalar, in line 1, column 10");
}

#[test]
fn refuses_what_dvc_refuses() {
    for text in [
        "a: =",
        "a: !foo 1",
        "a: <<",
        "1: a\ntrue: b",
        "a: 1\na: 2",
        "{a: {}: b}",
        "? {a: 1}\n: 2",
        "a: *x",
        "a: [",
        "a\tb: 1",
        "a: 'x",
        "a: b: c",
        "%YAML 2.0\n---\n",
        "a: `x`",
        "!e!x y",
        "--- a\n--- b",
    ] {
        assert!(matches!(fails(text), YamlError::Marked { .. }), "{text}");
    }
    assert!(matches!(fails("a: 2020-13-45"), YamlError::Value(_)));
    assert!(matches!(fails("a: &x [*x]"), YamlError::Recursive(_)));
    assert!(matches!(fails("a: \u{7f}"), YamlError::Character { .. }));
    assert!(matches!(parse(b"a: \xff"), Err(YamlError::Encoding)));
    assert!(matches!(fails(&"[".repeat(100_000)), YamlError::Deep(_)));
}

#[test]
fn a_duplicate_key_is_told_as_dvc_tells_it() {
    let notes = fails("stages:\n  a:\n    cmd: x\n  a:\n    cmd: y\n").notes();
    assert_eq!(notes[0], Note { text: "While constructing a mapping, in line 2, column 3".to_owned(), line: Some(2) });
    assert_eq!(notes[1].text, "Found duplicate key \"a\" with value \"{}\" (original value: \"{}\"), in line 4, column 3");
    assert_eq!(notes[1].line, Some(4));
    let notes = fails("false: a\n-0.0: b\n").notes();
    assert_eq!(notes[1].text, "Found duplicate key \"-0.0\" with value \"b\" (original value: \"a\"), in line 2, column 1");
}

#[test]
fn numbers_may_have_what_python_takes() {
    for (text, want) in [
        ("!!int --0_", Value::Int(0)),
        ("!!int +-5", Value::Int(-5)),
        ("!!int -0x-0X1f", Value::Int(31)),
        ("!!int \"0b 0b1 \"", Value::Int(1)),
        ("!!int 0o+17", Value::Int(15)),
        ("%YAML 1.1\n---\n!!int 1:-30", Value::Int(30)),
        ("!!float --1.5", Value::Float(1.5)),
        ("%YAML 1.1\n---\n5:31:43:43.397", Value::Float(1_194_223.396_999_999_9)),
    ] {
        assert_eq!(read(text), want, "{text}");
    }
    for text in ["!!int ---1", "!!int \"-- 1\"", "!!int 0x", "!!int 0b0x1", "!!int 0x0b_x"] {
        assert!(matches!(fails(text), YamlError::Value(_)), "{text}");
    }
}

#[test]
fn values_that_python_cannot_make_are_told_in_its_words() {
    for (text, want) in [
        (
            "0000-13-45 25:00:00 +25",
            "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not datetime.timedelta(days=1, seconds=3600).",
        ),
        ("%YAML 1.1\n---\n-_", "string index out of range"),
        ("!!int |+\n  x \n", "invalid literal for int() with base 10: 'x \\n'"),
    ] {
        assert_eq!(fails(text), YamlError::Value(want.to_owned()), "{text}");
    }
    let notes = fails("!!binary aé").notes();
    let want = "Failed to convert base64 data into ascii: 'ascii' codec can't encode character '\\xe9' in position 1: ordinal not in range(128), in line 1, column 1";
    assert_eq!(notes[0].text, want);
}

#[test]
fn what_is_only_merged_is_nothing_by_itself() {
    for text in ["<<: !foo {a: 1, a: 2}\nb: 3", "<<: [!foo {a: 1, a: 2}]\nb: 3", "<<: !foo [{a: 2}]\nb: 3", "<<: !!omap [a: 2]\nb: 3"] {
        assert_eq!(read(text), read("a: 2\nb: 3"), "{text}");
    }
    for text in ["<<: {c: !foo {a: 1}}", "a: !foo {b: 1}", "x: [!foo {b: 1}]", "<<: {c: {a: 1, a: 2}}"] {
        assert!(matches!(fails(text), YamlError::Marked { .. }), "{text}");
    }
}

#[test]
fn that_a_text_holds_itself_is_told_after_all_else() {
    assert!(matches!(fails("a: &x [*x]\nb: 1\nb: 2"), YamlError::Marked { .. }));
    assert!(matches!(fails("- &x\n  - !!seq a: *x"), YamlError::Marked { .. }));
    assert!(matches!(fails("a: &x {<<: *x}"), YamlError::Recursive(_)));
}

#[test]
fn empty_documents_are_empty_maps_where_asked() {
    for text in ["", "# only a comment\n", "---\n", "[]", "null", "0", "\u{feff}"] {
        assert_eq!(parse(text.as_bytes()).unwrap().or_empty_map(), Value::map(Map::default()), "{text:?}");
    }
    assert_eq!(read("\u{feff}a: 1\r\nb: |\r\n  x\r\n").get("b"), Some(&Value::str("x\n")));
}

#[test]
fn places_are_those_of_keys_and_values() {
    let doc = parse(b"stages:\n  a:\n    cmd: x\n    deps:\n    - one\n    - {two: 2}\n").unwrap();
    let path = |steps: &[Step]| steps.to_vec();
    let deps = path(&["stages".into(), "a".into(), "deps".into()]);
    assert_eq!(doc.places.key(&doc.value, &deps), Some(Mark { line: 4, column: 5 }));
    assert_eq!(doc.places.value(&doc.value, &deps), Some(Mark { line: 5, column: 5 }));
    let mut second = deps.clone();
    second.push(1.into());
    assert_eq!(doc.places.value(&doc.value, &second), Some(Mark { line: 6, column: 7 }));
    let mut cmd = path(&["stages".into(), "a".into(), "cmd".into()]);
    assert_eq!(doc.places.blame(&doc.value, &cmd), (Some(Mark { line: 3, column: 5 }), 2));
    cmd.push(0.into());
    assert_eq!(doc.places.blame(&doc.value, &cmd), (Some(Mark { line: 3, column: 5 }), 3));
    assert_eq!(doc.places.keys(&doc.value, &["stages".into()]), [Mark { line: 2, column: 3 }]);
}

#[test]
fn errors_are_told_in_the_words_of_dvc() {
    for (text, want) in [
        (
            "stages:\n  a:\n    cmd: x\n   outs: [x\n",
            &[
                "While parsing a block mapping, in line 2, column 3",
                "Expected <block end>, but found '<block mapping start>', in line 4, column 4",
            ][..],
        ),
        ("a: b: c\n", &["Mapping values are not allowed here, in line 1, column 5"]),
        (
            "a: [1, 2\n",
            &["While parsing a flow sequence, in line 1, column 4", "Expected ',' or ']', but got '<stream end>', in line 2, column 1"],
        ),
        ("a:\n\tb: 1\n", &["Found character '\\t' that cannot start any token, in line 2, column 1"]),
        ("a: 'x\n", &["While scanning a quoted scalar, in line 1, column 4", "Found unexpected end of stream, in line 2, column 1"]),
        ("a: *x\n", &["Found undefined alias 'x', in line 1, column 4"]),
        ("a: 1\nb\n", &["While scanning a simple key, in line 2, column 1", "Could not find expected ':', in line 3, column 1"]),
        (
            "a: \"\\q\"\n",
            &["While scanning a double-quoted scalar, in line 1, column 4", "Found unknown escape character 'q', in line 1, column 6"],
        ),
    ] {
        let notes: Vec<String> = fails(text).notes().into_iter().map(|note| note.text).collect();
        assert_eq!(notes, want, "{text}");
    }
}

#[test]
fn cut_off_texts_are_no_trouble() {
    let text = "%YAML 1.2\n--- # c\na: &x !!str |2-\n   lit\nb: [*x, {c: 'd', \"e\\x41\": >+\n}]\n? f\n: - g\n...\n";
    for end in 0..=text.len() {
        let _ = parse(text.as_bytes().get(..end).unwrap_or_default());
        let _ = parse(text.as_bytes().get(end..).unwrap_or_default());
    }
}

#[test]
fn the_scanner_agrees_where_others_do_not() {
    for (text, want) in [
        ("[a:b]", Value::seq(vec![Value::str("a:b")])),
        ("a: >\n  x\n  y\n\n   z\n", Value::map([(Key::str("a"), Value::str("x y\n\n z\n"))].into_iter().collect())),
        ("a: x\u{2028}  y", Value::map([(Key::str("a"), Value::str("x\u{2028}y"))].into_iter().collect())),
        (": 1", Value::map([(Key(Value::Null), Value::Int(1))].into_iter().collect())),
        ("? [a, 1]\n: b", Value::map([(Key(Value::seq(vec![Value::str("a"), Value::Int(1)])), Value::str("b"))].into_iter().collect())),
        ("!!omap [a: 1, b: 2]", Value::map([(Key::str("a"), Value::Int(1)), (Key::str("b"), Value::Int(2))].into_iter().collect())),
    ] {
        assert_eq!(read(text), want, "{text:?}");
    }
}
