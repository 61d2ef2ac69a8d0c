//! Files of parameters in all formats, and what is said of bad ones.

use std::collections::HashMap;

use super::*;
use crate::format::template::python_repr;

struct Table(HashMap<&'static str, &'static [u8]>);

impl Files for Table {
    fn read(&self, path: &RepoPath) -> io::Result<Option<Vec<u8>>> {
        match path.as_str() {
            "dir.yaml" => Err(io::ErrorKind::IsADirectory.into()),
            path => Ok(self.0.get(path).map(|bytes| bytes.to_vec())),
        }
    }
}

fn files() -> Table {
    Table(HashMap::from([
        ("params.yaml", b"zeta: [1, 2.50, null]\nlr: 1.0e-5\ndeep: {x: {y: {b: 1, a: 2}}}\n" as &[u8]),
        ("alpha.json", b"{\"k\": [1e5, NaN], \"k2\": 1}"),
        ("other.TOML", b"[sec]\nv = 0.10\n"),
        ("conf.py", b"LR = 1e-3\nT = (1, 2)\nclass Net:\n    size = 5\n"),
        ("dates.yaml", b"d1: 2020-01-02\nd2: 2020-01-02T03:04:05.25+02:00\n"),
        ("list.yaml", b"- a\n- {b: 1}\n"),
        ("empty.json", b"null"),
        ("text.yaml", b"abc\n"),
        ("day.yaml", b"2020-01-02"),
        ("half.json", b"0.5"),
        ("bad.yaml", b"a: [1\n"),
        ("bad.json", b"{"),
        ("bad.toml", b"a ="),
        ("sub/bad.py", b"a = \n"),
        ("latin.yaml", b"a: \xff\n"),
    ]))
}

fn picked(path: &str, keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let found: Vec<String> = read(&files(), &RepoPath::new(path), &keys)
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|(key, value)| {
            format!("{}={}", crate::format::template::python_str(&key.0), value.as_ref().map_or_else(|| "?".to_owned(), python_repr))
        })
        .collect();
    found.join(" ")
}

#[test]
fn all_formats_give_the_same_kinds_of_values() {
    for (path, keys, want) in [
        ("params.yaml", &["lr", "deep.x.y", "zeta.1", "nope", "lr"][..], "lr=1e-05 deep.x.y={'b': 1, 'a': 2} zeta.1=2.5 nope=?"),
        ("alpha.json", &["k"], "k=[100000.0, nan]"),
        ("other.TOML", &["sec.v"], "sec.v=0.1"),
        ("conf.py", &["LR", "Net.size", "T"], "LR=0.001 Net.size=5 T=[1, 2]"),
        ("list.yaml", &["1.b"], "1.b=1"),
        ("empty.json", &[], ""),
        ("text.yaml", &["a"], "a=?"),
        ("conf.py", &[], "LR=0.001 T=[1, 2] Net={'size': 5}"),
    ] {
        assert_eq!(picked(path, keys), want, "{path}");
    }
    let dates = read(&files(), &RepoPath::new("dates.yaml"), &[]).unwrap().unwrap();
    assert!(dates.iter().all(|(_, value)| matches!(value, Some(Value::Time(_)))));
    assert_eq!(read(&files(), &RepoPath::new("none.yaml"), &[]).unwrap(), None);
}

#[test]
fn bad_files_are_told_as_dvc_tells_them() {
    for (path, want, class) in [
        ("bad.yaml", "unable to read: 'bad.yaml', YAML file structure is corrupted", Class::YAMLFileCorruptedError),
        ("bad.json", "unable to read: 'bad.json', JSON file structure is corrupted", Class::JSONFileCorruptedError),
        ("bad.toml", "unable to read: 'bad.toml', TOML file structure is corrupted", Class::TOMLFileCorruptedError),
        ("sub/bad.py", "unable to read: 'sub/bad.py', Python file structure is corrupted", Class::PythonFileCorruptedError),
        ("latin.yaml", "unable to read: 'latin.yaml', is not valid utf-8", Class::EncodingError),
        ("dir.yaml", "'dir.yaml' is a directory, expected a parameters file", Class::ParamsIsADirectoryError),
    ] {
        let error = read(&files(), &RepoPath::new(path), &[]).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.fault().class), (want, class), "{path}");
    }
    let error = read(&files(), &RepoPath::new("bad.json"), &[]).unwrap_err();
    assert_eq!(
        error.stage_fault().to_string(),
        "Unable to read parameters from 'bad.json': unable to read: 'bad.json', JSON file structure is corrupted: \
         Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    );
    let error = parse(b"a: 2020-13-01", "p.yaml").unwrap_err();
    assert_eq!(error.stage_fault(), Fault::new(Class::Unexpected, "month must be in 1..12"));
    let error = read(&files(), &RepoPath::new("sub/bad.py"), &[]).unwrap_err();
    assert!(error.fault().to_string().ends_with("invalid syntax (bad.py, line 1)"));
}

#[test]
fn a_whole_file_must_have_keys() {
    for (path, kind) in [("text.yaml", "str"), ("list.yaml", "list"), ("day.yaml", "datetime.date"), ("half.json", "float")] {
        let fault = read(&files(), &RepoPath::new(path), &[]).unwrap_err().stage_fault();
        assert_eq!(fault, Fault::new(Class::Unexpected, format!("'{kind}' object has no attribute 'keys'")), "{path}");
        assert_eq!(picked(path, &["a"]), "a=?");
    }
}
