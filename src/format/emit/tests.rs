//! The emitter against what DVC wrote for the same values.

use proptest::prelude::*;

use super::*;
use crate::format::yaml;

fn shown_as(value: Value) -> String {
    let text = entry("k", &value, 0);
    text.strip_prefix("k:").unwrap().strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn texts_get_the_quotes_that_dvc_gives_them() {
    for (text, want) in [
        ("", " ''"),
        ("plain", " plain"),
        (" lead", " ' lead'"),
        ("trail ", " 'trail '"),
        ("1e5", " '1e5'"),
        ("true", " 'true'"),
        ("null", " 'null'"),
        ("~", " '~'"),
        ("017", " '017'"),
        ("2020-01-01", " '2020-01-01'"),
        ("yes", " yes"),
        ("12:30:00", " 12:30:00"),
        ("a\nb", " \"a\\nb\""),
        ("a\tb", " \"a\\tb\""),
        ("café 日本 😀", " café 日本 😀"),
        ("it's", " it's"),
        ("it's: x", " \"it's: x\""),
        ("'a", " \"'a\""),
        ("\"a", " '\"a'"),
        ("say \"hi\": x", " 'say \"hi\": x'"),
        ("a: b", " 'a: b'"),
        ("a:b", " a:b"),
        ("a #b", " 'a #b'"),
        ("- a", " '- a'"),
        ("-a", " -a"),
        ("=", " '='"),
        ("<<", " '<<'"),
        ("---", " '---'"),
        ("@a", " '@a'"),
        ("back\\slash: x", " 'back\\slash: x'"),
        ("\u{1b}[0m", " \"\\e[0m\""),
        ("\u{feff}", " \"\\uFEFF\""),
        ("12345678901e34567890123456789012", " '12345678901e34567890123456789012'"),
    ] {
        assert_eq!(shown_as(Value::str(text)), want, "{text:?}");
    }
}

#[test]
fn other_scalars_are_written_as_python_prints_them() {
    for (value, want) in [
        (Value::Null, ""),
        (Value::Bool(true), " true"),
        (Value::Int(-5), " -5"),
        (Value::BigInt("100000000000000000000".into()), " 100000000000000000000"),
        (Value::Float(1e-5), " 1e-05"),
        (Value::Float(1e16), " 1e+16"),
        (Value::Float(100_000.0), " 100000.0"),
        (Value::Float(f64::NEG_INFINITY), " -.inf"),
        (Value::Float(f64::NAN), " .nan"),
        (Value::Time("2020-01-02 03:04:05".into()), " 2020-01-02 03:04:05"),
        (Value::Bytes(b"hello"[..].into()), " !!binary |\n  aGVsbG8="),
        (Value::seq(vec![]), " []"),
        (Value::map(Map::default()), " {}"),
        (Value::seq(vec![Value::Null, Value::Int(1)]), "\n- \n- 1"),
    ] {
        assert_eq!(shown_as(value), want);
    }
}

#[test]
fn containers_are_laid_out_as_dvc_does() {
    let source = "a:\n- - 1\n  - - 2\n- b: 1\n  c:\n  - x\n  d:\n    e:\n- []\n- {}\n1: x\nnull: y\n2.5:\n- - a: 1\n    b: 2\n";
    assert_eq!(document(&yaml::parse(source.as_bytes()).unwrap().value), source);
    let shared = "x: &id001\n- 1\ny:\n- *id001\n- &id002\n  a: 1\n- *id002\nz: &id003 []\nw: *id003\ns: !!set\n  a:\n";
    assert_eq!(document(&yaml::parse(shared.as_bytes()).unwrap().value), shared);
}

#[test]
fn a_date_that_occurs_twice_gets_an_anchor() {
    let source = "a: &id001 2020-01-02\nb:\n- *id001\n- 2020-01-02\n";
    assert_eq!(document(&yaml::parse(source.as_bytes()).unwrap().value), source);
}

#[test]
fn an_empty_tuple_gets_no_anchor() {
    let twice = |value: Value| {
        let map: Map = [(Key::str("a"), value.clone()), (Key::str("b"), Value::seq(vec![value]))].into_iter().collect();
        document(&Value::map(map))
    };
    assert_eq!(twice(Value::empty_tuple()), "a: []\nb:\n- []\n");
    assert_eq!(twice(Value::seq(Vec::new())), "a: &id001 []\nb:\n- *id001\n");
}

#[test]
fn long_keys_get_a_question_mark() {
    let long = "k".repeat(123);
    let value = Value::seq(vec![Value::Int(1), Value::Int(2)]);
    assert_eq!(entry(&long, &value, 2), format!("  ? {long}\n  : - 1\n    - 2\n"));
    let limit = &long[..122];
    assert_eq!(entry(limit, &Value::Int(1), 0), format!("{limit}: \n  1\n"));
    assert_eq!(entry("a\nb", &Value::Null, 0), "? \"a\\nb\"\n:\n");
}

#[test]
fn lines_are_folded_at_eighty() {
    let words = "word ".repeat(18);
    let text = words.trim_end();
    let first = "cmd: word word word word word word word word word word word word word word word \n";
    assert_eq!(entry("cmd", &Value::str(text), 0), format!("{first}  word word word\n"));
    assert_eq!(entry("cmd", &Value::str(&"x".repeat(100)), 0), format!("cmd: \n  {}\n", "x".repeat(100)));
}

#[test]
fn what_dvc_would_lose_is_kept() {
    let blanks = format!("{}  tail of words", "word ".repeat(15));
    let inner = format!("\"a'{}\\middle of a word and more", "x".repeat(80));
    let breaks = "first\u{85}second\u{2028}third".to_owned();
    let key = "some words in a key that is longer than the eighty columns that a line may be long".to_owned();
    for text in [blanks, inner, breaks, key] {
        let map: Map = [(Key::str(&text), Value::str(&text))].into_iter().collect();
        let value = Value::map(map);
        let written = document(&value);
        assert_eq!(yaml::parse(written.as_bytes()).unwrap().value, value, "{written}");
    }
}

/// Texts made of what is awkward: blanks in a row, quotes, breaks, words as long as a line.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        " ",
        "  ",
        "\n",
        "\t",
        "'",
        "\"",
        "\\",
        ": ",
        "#",
        "- ",
        "é",
        "😀",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{7}",
        "true",
        "1e5",
        "2020-01-02",
        "word word word word",
        "x",
        "a_word_that_is_nearly_as_long_as_the_line_that_it_should_stand_on_but_not_quite_so",
        "?",
        "!",
        "&a",
        "*a",
        "[",
        "}",
        ",",
        "%",
        "@",
        "...",
        "---",
        "~",
        "=",
        "<<",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("nan is not equal to itself", |number| !number.is_nan()).prop_map(Value::Float),
        prop::collection::vec(any::<u8>(), 1..80).prop_map(|bytes| Value::Bytes(bytes.into())),
        text().prop_map(|text| Value::str(&text)),
        text().prop_map(|text| Value::str(&text)),
        text().prop_map(|text| Value::str(&text)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![9 => text().prop_map(|text| Value::str(&text)), 1 => any::<i64>().prop_map(Value::Int)];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::seq),
            prop::collection::vec((key, inner), 0..5)
                .prop_map(|pairs| Value::map(pairs.into_iter().map(|(key, value)| (Key(key), value)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn all_reads_back_as_it_was(value in value()) {
        let map: Map = [(Key::str("key"), value)].into_iter().collect();
        let value = Value::map(map);
        let written = document(&value);
        let read = yaml::parse(written.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}\n{written}")))?.value;
        prop_assert_eq!(&read, &value, "{}", written);
        prop_assert_eq!(document(&read), written);
    }
}
