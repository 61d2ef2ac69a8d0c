//! DVC's memory of what it has placed in the work tree: `links/cache.db` beside the hashes.
//!
//! A row holds an output's path, its inode and its time of change, for a directory a hash over the
//! times of all its files (dvc_data: `hashfile/state.py` `save_link`). By it a checkout knows what
//! stands in the work tree since no stage makes it any more, and was not changed. The values are
//! Python tuples, pickled. As the hashes, the rows are a help and never a condition.

use std::path::{Path, PathBuf};

use super::db::{Database, DbError, Reader};
use super::row::seconds;
use crate::format::{floats, pyjson};
use crate::model::Value;
use crate::store::md5;

/// The state of an output when it was placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Of the path itself, not of what a link leads to.
    pub inode: u64,
    /// A text as DVC makes it, see [`time_of_file`] and [`time_of_dir`].
    pub time: String,
}

/// The database of one repository.
#[derive(Clone, Debug)]
pub struct LinkDb {
    file: PathBuf,
}

impl LinkDb {
    /// The database below a repository's directory in the site cache.
    pub fn new(dir: &Path) -> Self {
        Self { file: dir.join("links/cache.db") }
    }

    /// All that was placed, by path below the root. Rows that are none of DVC's are passed over.
    ///
    /// # Errors
    /// The database cannot be read; in words.
    pub fn all(&self) -> Result<Vec<(String, Placed)>, String> {
        if !self.file.exists() {
            return Ok(Vec::new());
        }
        let rows = Reader::open(&self.file).and_then(|reader| reader.all()).map_err(|error| self.told(&error))?;
        Ok(rows.into_iter().filter_map(|(path, value)| Some((path, unpickle(&value)?))).collect())
    }

    /// Notes what was placed, and forgets what is gone.
    ///
    /// # Errors
    /// The database cannot be written; in words.
    pub fn change(&self, placed: &[(String, Placed)], gone: &[String]) -> Result<(), String> {
        if placed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let rows: Vec<(String, Vec<u8>)> = placed.iter().map(|(path, placed)| (path.clone(), pickle(placed))).collect();
        Database::open(&self.file).and_then(|mut database| database.change(&rows, gone)).map_err(|error| self.told(&error))
    }

    fn told(&self, error: &DbError) -> String {
        format!("the database of links '{}' is not used: {error}", self.file.display())
    }
}

/// The time of a file (dvc_data: `hashfile/utils.py` `to_nanoseconds`): some digits are lost on the way.
pub fn time_of_file(nanos: i128) -> String {
    format!("{:.0}", (seconds(nanos) * 1e9).round_ties_even())
}

/// The time of a directory, of the paths and times of its files (dvc_data: `_tokenize_mtimes`).
pub fn time_of_dir(mut files: Vec<(String, i128)>) -> String {
    files.sort_unstable();
    let quoted = |path: &str| pyjson::dumps(&Value::str(path), false).expect("a text is JSON");
    let entries: Vec<String> = files.iter().map(|(path, nanos)| format!("{}: {}", quoted(path), floats::repr(seconds(*nanos)))).collect();
    md5::of_bytes(format!("{{{}}}", entries.join(", ")).as_bytes())
}

const PROTOCOL: &[u8] = b"\x80\x04";
const FRAME: u8 = b'\x95';
const MEMOIZE: u8 = b'\x94';
const SHORT_TEXT: u8 = b'\x8c';
const SHORT_LONG: u8 = b'\x8a';
const PAIR: u8 = b'\x86';

/// `pickle.dumps((inode, time), protocol=4)`
fn pickle(placed: &Placed) -> Vec<u8> {
    let mut body = Vec::new();
    match placed.inode {
        small @ 0..=0xff => body.extend([b'K', u8::try_from(small).unwrap_or_default()]),
        middle @ 0x100..=0xffff => body.extend(std::iter::once(b'M').chain(u16::try_from(middle).unwrap_or_default().to_le_bytes())),
        usual @ 0x1_0000..=0x7fff_ffff => body.extend(std::iter::once(b'J').chain(u32::try_from(usual).unwrap_or_default().to_le_bytes())),
        large => {
            // The fewest bytes that also hold a sign.
            let count = (64 - large.leading_zeros() as usize) / 8 + 1;
            let bytes = i128::from(large).to_le_bytes();
            body.extend([SHORT_LONG, u8::try_from(count).unwrap_or_default()]);
            body.extend(&bytes[..count]);
        }
    }
    let time = &placed.time.as_bytes()[..placed.time.len().min(255)];
    body.extend([SHORT_TEXT, u8::try_from(time.len()).unwrap_or_default()]);
    body.extend(time);
    body.extend([MEMOIZE, PAIR, MEMOIZE, b'.']);
    [PROTOCOL, &[FRAME], &(body.len() as u64).to_le_bytes(), &body].concat()
}

/// What [`pickle`] makes, and nothing else.
fn unpickle(bytes: &[u8]) -> Option<Placed> {
    let rest = bytes.strip_prefix(PROTOCOL)?;
    let rest = rest.strip_prefix(&[FRAME]).and_then(|rest| rest.get(8..)).unwrap_or(rest);
    let (kind, rest) = rest.split_first()?;
    let (count, rest) = match kind {
        b'K' => (1, rest),
        b'M' => (2, rest),
        b'J' => (4, rest),
        &SHORT_LONG => (usize::from(*rest.first()?), &rest[1..]),
        _ => return None,
    };
    let (number, rest) = rest.split_at_checked(count)?;
    let inode = number.iter().rev().try_fold(0_u128, |sum, byte| sum.checked_mul(256).map(|sum| sum | u128::from(*byte)))?;
    let (length, rest) = rest.strip_prefix(&[SHORT_TEXT])?.split_first()?;
    let (time, rest) = rest.split_at_checked(usize::from(*length))?;
    let is_pair = rest == [MEMOIZE, PAIR, MEMOIZE, b'.'];
    is_pair.then_some(Placed { inode: u64::try_from(inode).ok()?, time: std::str::from_utf8(time).ok()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(inode: u64, time: &str) -> Placed {
        Placed { inode, time: time.to_owned() }
    }

    /// The bytes are those of Python 3.11, `pickle.dumps((inode, time), protocol=4)`.
    #[test]
    fn values_are_pythons() {
        for (value, want) in [
            (placed(7, "1"), "80049509000000000000004b078c01319486942e"),
            (placed(0x1234, "12"), "8004950b000000000000004d34128c0231329486942e"),
            (placed(6_144_069, "x"), "8004950c000000000000004a45c05d008c01789486942e"),
            (placed(0x8000_0000, "x"), "8004950e000000000000008a0500000080008c01789486942e"),
            (placed(0xff_ffff_ffff, "x"), "8004950f000000000000008a06ffffffffff008c01789486942e"),
            (placed(u64::MAX, "x"), "80049512000000000000008a09ffffffffffffffff008c01789486942e"),
        ] {
            let hex: String = pickle(&value).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, want, "{value:?}");
            assert_eq!(unpickle(&pickle(&value)), Some(value));
        }
        for broken in [&b""[..], b"\x80\x04", b"\x80\x04K", b"\x80\x04K\x07\x8c", b"\x80\x04K\x07\x8c\x05x", b"\x80\x04\x8a\xff1"] {
            assert_eq!(unpickle(broken), None);
        }
    }

    /// The texts are those of dvc-data 3.
    #[test]
    fn times_are_dvcs() {
        assert_eq!(time_of_file(1_795_259_754_805_617_639), "1795259754805617664");
        assert_eq!(time_of_file(1_700_000_000_000_000_000), "1700000000000000000");
        let files = vec![("/r/d/é".to_owned(), 1_700_000_000_123_456_789), ("/r/d/a".to_owned(), 1_700_000_000_000_000_000)];
        assert_eq!(time_of_dir(files), "02238c54478637410283ee5cb1246129");
        assert_eq!(time_of_dir(Vec::new()), "99914b932bd37a50b983c5e7c90ae93b");
    }

    #[test]
    fn rows_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let db = LinkDb::new(&dir.path().join("site/repo/token"));
        assert_eq!(db.all(), Ok(Vec::new()));
        let rows = [("a".to_owned(), placed(1, "1")), ("d".to_owned(), placed(2, "x"))];
        db.change(&rows, &[]).unwrap();
        db.change(&[("a".to_owned(), placed(3, "3"))], &["d".to_owned()]).unwrap();
        assert_eq!(db.all(), Ok(vec![("a".to_owned(), placed(3, "3"))]));
    }
}
