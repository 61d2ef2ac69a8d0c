//! The texts of the state database: the token of a repository, the checksum of a file, the JSON
//! of a row. They are Python's to the letter; this module touches no disk.

use std::fmt::Write as _;
use std::path::Path;

use md5::{Digest as _, Md5};
use serde::Deserialize;

use super::super::os::Stamp;
use crate::format::{floats, pytext};
use crate::model::Algo;

/// Part of the token: DVC's major version, and its mark of broken caches.
const GENERATION: &str = "3, 0";
/// Rows of a later version mean something unknown.
const VERSION: i64 = 1;
const LEGACY: &str = "md5-dos2unix";

/// Names a repository within the site cache (dvc: `repo/__init__.py` `site_cache_dir`).
///
/// `btime` is the time stamp of `.dvc/tmp/btime` in nanoseconds.
pub fn token(root: &str, btime: i128, user: &str) -> String {
    let born = seconds(btime);
    // Zero is no time for Python.
    let born = if born == 0.0 { "None".to_owned() } else { floats::repr(born) };
    let text = format!("({}, None, {born}, {}, {GENERATION})", pytext::repr(root), pytext::repr(user));
    crate::store::md5::of_bytes(text.as_bytes())
}

/// A time as Python's `st_mtime`: some digits are lost.
#[expect(clippy::cast_precision_loss, reason = "Python loses it too")]
pub(super) fn seconds(nanos: i128) -> f64 {
    let second = 1_000_000_000;
    nanos.div_euclid(second) as f64 + 1e-9 * nanos.rem_euclid(second) as f64
}

/// What tells whether a row still fits its file (dvc_data: `state.py` `_checksum`).
pub fn checksum(stamp: Stamp) -> String {
    let mtime = seconds(stamp.mtime);
    let mut text = String::with_capacity(64);
    // Usual times look the same in Rust, at a tenth of the cost.
    let written = if (1e-4..1e16).contains(&mtime) {
        write!(text, "([{}, {mtime:?}, {}],)", stamp.ino, stamp.size)
    } else {
        write!(text, "([{}, {}, {}],)", stamp.ino, floats::repr(mtime), stamp.size)
    };
    written.expect("a string can be written to");
    u128::from_be_bytes(Md5::digest(text.as_bytes()).into()).to_string()
}

fn name(algo: &Algo) -> &'static str {
    if matches!(algo, Algo::Md5Dos2Unix) { LEGACY } else { "md5" }
}

/// The value of a row.
pub fn value(stamp: Stamp, algo: &Algo, md5: &str) -> String {
    let (checksum, size, name) = (checksum(stamp), stamp.size, name(algo));
    format!(r#"{{"version":{VERSION},"checksum":"{checksum}","size":{size},"hash_info":{{"{name}":"{md5}"}}}}"#)
}

/// A path as the key of a row; none if it is no text.
pub fn key(path: &Path) -> Option<&str> {
    path.to_str()
}

#[derive(Deserialize)]
struct Row<'a> {
    version: Option<i64>,
    checksum: &'a str,
    #[serde(borrow)]
    hash_info: Hash<'a>,
}

/// One of them, or the hash of another kind of file.
#[derive(Deserialize)]
struct Hash<'a> {
    md5: Option<&'a str>,
    #[serde(rename = "md5-dos2unix")]
    legacy: Option<&'a str>,
}

/// The hash that a row holds for a file in this state; none if it does not fit.
pub fn hash_in(value: &str, stamp: Stamp, algo: &Algo) -> Option<String> {
    let row: Row<'_> = serde_json::from_str(value).ok()?;
    // Before rows had versions, `md5` was the hash of DVC 2.x.
    let kept = match (row.version, algo) {
        (Some(version), _) if version > VERSION => None,
        (Some(_), Algo::Md5Dos2Unix) => row.hash_info.legacy,
        (Some(_), _) => row.hash_info.md5,
        (None, Algo::Md5Dos2Unix) => row.hash_info.md5.or(row.hash_info.legacy),
        (None, _) => None,
    };
    let md5 = kept.filter(|md5| md5.len() == 32 && md5.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))?;
    (row.checksum == checksum(stamp)).then(|| md5.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(ino: u64, seconds: i128, nanos: i128, size: u64) -> Stamp {
        Stamp { dev: 1, ino, mtime: seconds * 1_000_000_000 + nanos, size }
    }

    /// The tokens are those of DVC 3.67.1.
    #[test]
    fn tokens_are_dvcs() {
        let born = 1_700_000_000_123_456_789;
        assert_eq!(token("/tmp/vector/it's é", born, "root"), "6b490c27ad76aebdf99d6f49be3a2e4d");
        assert_eq!(token("/tmp/vector/it's é", born, "o'b"), "b09303f023024de2082ca94114835e7e");
    }

    /// The checksums are those of DVC 3.67.1.
    #[test]
    fn checksums_are_dvcs() {
        for (stamp, want) in [
            (stamp(6_144_069, 1_795_259_754, 805_617_639, 6), "118599510378014130587848220541712417188"),
            (stamp(1, 1_700_000_000, 0, 0), "271331186977430978465815916634517759312"),
            (stamp(u64::MAX, 1, 999_999_999, 1 << 40), "285693469344882955137556444659820748728"),
            (stamp(9, 0, 1, 0), "321864184334370483035971634952360893154"),
            (stamp(9, 0, 0, 0), "309847307142186404171105980796298366394"),
            (stamp(7, -1, 500_000_000, 3), "92050843870165263409107190597503027868"),
            (stamp(5, 1_700_000_000, 100_000_000, 1), "120400638515531545035331178466482296939"),
        ] {
            assert_eq!(checksum(stamp), want, "{stamp:?}");
        }
    }

    #[test]
    fn rows_are_dvcs() {
        let file = stamp(6_144_069, 1_795_259_754, 805_617_639, 6);
        let md5 = "b1946ac92492d2347c6235b4d2611184";
        let text = r#"{"version":1,"checksum":"118599510378014130587848220541712417188","size":6,"hash_info":{"md5":"b1946ac92492d2347c6235b4d2611184"}}"#;
        assert_eq!(value(file, &Algo::Md5, md5), text);
        let known = |text: &str, algo: &Algo| hash_in(text, file, algo);
        assert_eq!(known(text, &Algo::Md5).as_deref(), Some(md5));
        assert_eq!(known(&text.replace(',', ", ").replace(':', ": "), &Algo::Md5).as_deref(), Some(md5));
        assert_eq!(known(text, &Algo::Md5Dos2Unix), None);
        assert_eq!(hash_in(text, stamp(6_144_069, 1_795_259_754, 805_617_639, 7), &Algo::Md5), None);
        let legacy = value(file, &Algo::Md5Dos2Unix, md5);
        assert!(legacy.ends_with(r#""hash_info":{"md5-dos2unix":"b1946ac92492d2347c6235b4d2611184"}}"#));
        assert_eq!(known(&legacy, &Algo::Md5Dos2Unix).as_deref(), Some(md5));
        assert_eq!(known(&legacy, &Algo::Md5), None);
    }

    #[test]
    fn rows_without_a_version_are_those_of_dvc_2() {
        let file = stamp(1, 1_700_000_000, 0, 0);
        let row = |head: &str, hash: &str| {
            format!(r#"{{{head}"checksum":"271331186977430978465815916634517759312","size":0,"hash_info":{{"md5":"{hash}"}}}}"#)
        };
        let hash = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(hash_in(&row("", hash), file, &Algo::Md5Dos2Unix).as_deref(), Some(hash));
        assert_eq!(hash_in(&row("", hash), file, &Algo::Md5), None);
        assert_eq!(hash_in(&row(r#""version":1,"#, hash), file, &Algo::Md5).as_deref(), Some(hash));
        assert_eq!(hash_in(&row(r#""version":2,"#, hash), file, &Algo::Md5), None);
        for broken in ["", "..", "d41d8cd98f00b204e9800998ecf8427e.dir", "D41D8CD98F00B204E9800998ECF8427E"] {
            assert_eq!(hash_in(&row(r#""version":1,"#, broken), file, &Algo::Md5), None);
        }
        for text in ["", "null", "{}", "[1]", r#"{"checksum":1,"hash_info":{}}"#] {
            assert_eq!(hash_in(text, file, &Algo::Md5), None);
        }
    }
}
