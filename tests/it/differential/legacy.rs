//! Entries as DVC 2 wrote them: no `hash` key, hashes of text files taken with DOS line ends made
//! into Unix ones, objects two levels below the cache itself.
//!
//! What cannot be told (a folder that nobody has stored and that has changed since) stays as it is,
//! as it does when DVC 3 saves a stage of which only some items have changed.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use regex::Regex;

use super::disk::entry_name;

/// The text of a dvc.lock or a `.dvc` file with its items, or those of one stage, made old. Their
/// objects are put where DVC 2 has them.
pub fn aged(root: &Path, cache: &Path, text: &str, stage: Option<&str>) -> String {
    let known = Known::new(root, cache);
    let md5 = Regex::new(r"^([ -]*)md5: '?([0-9a-f]{32}(?:\.dir)?)'?$").unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut wanted = stage.is_none();
    // In a dvc.lock `hash` stands before `md5`, in a `.dvc` file after it.
    let mut item: Vec<String> = Vec::new();
    for line in text.lines().chain(std::iter::once("")) {
        let begins = line.trim_start().starts_with("- ") || !line.starts_with(' ');
        if begins || entry_name(line).is_some() {
            lines.extend(make_old(std::mem::take(&mut item), &known, &md5, wanted));
        }
        if let (Some(name), Some(stage)) = (entry_name(line), stage) {
            wanted = name == stage;
        }
        item.push(line.to_owned());
    }
    lines.join("\n") + "\n"
}

fn make_old(item: Vec<String>, known: &Known, md5: &Regex, wanted: bool) -> Vec<String> {
    let hash = item.iter().position(|line| line.trim() == "hash: md5");
    let sum = item.iter().position(|line| md5.is_match(line));
    let (Some(hash), Some(sum), true) = (hash, sum, wanted) else { return item };
    let found = md5.captures(&item[sum]).unwrap();
    let Some(old) = known.old(&found[2]) else { return item };
    let mut item = item.clone();
    item[sum] = format!("{}md5: {}", &found[1], old);
    item.remove(hash);
    item
}

/// Contents by their hash: objects of the cache, files and folders of the work tree.
struct Known {
    cache: PathBuf,
    files: BTreeMap<String, PathBuf>,
    listings: BTreeMap<String, Vec<u8>>,
}

impl Known {
    fn new(root: &Path, cache: &Path) -> Self {
        let mut known = Self { cache: cache.to_owned(), files: BTreeMap::new(), listings: BTreeMap::new() };
        known.gather(root);
        known
    }

    /// Learns a folder; its files by relative path.
    fn gather(&mut self, dir: &Path) -> BTreeMap<String, String> {
        let mut listing = BTreeMap::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !path.is_symlink() && name != ".git" && name != ".dvc" {
                listing.extend(self.gather(&path).into_iter().map(|(below, md5)| (format!("{name}/{below}"), md5)));
            } else if let Ok(bytes) = std::fs::read(&path) {
                let md5 = hex(&bytes);
                self.files.insert(md5.clone(), path);
                listing.insert(name, md5);
            }
        }
        let items: Vec<String> =
            listing.iter().map(|(path, md5)| format!("{{\"md5\": \"{md5}\", \"relpath\": {}}}", ascii(path))).collect();
        let text = format!("[{}]", items.join(", ")).into_bytes();
        self.listings.insert(format!("{}.dir", hex(&text)), text);
        listing
    }

    /// The bytes behind a hash.
    fn bytes(&self, md5: &str) -> Option<Vec<u8>> {
        let object = self.cache.join("files/md5").join(&md5[..2]).join(&md5[2..]);
        std::fs::read(object).ok().or_else(|| self.listings.get(md5).cloned()).or_else(|| std::fs::read(self.files.get(md5)?).ok())
    }

    /// What DVC 2 had in place of a hash; what the cache has is copied to where it looked.
    fn old(&self, md5: &str) -> Option<String> {
        let stored = self.cache.join("files/md5").join(&md5[..2]).join(&md5[2..]).exists();
        let bytes = self.bytes(md5)?;
        let (old, bytes) = if md5.ends_with(".dir") {
            let text = String::from_utf8(bytes).unwrap();
            let mut aged = text.clone();
            for found in Regex::new(r#""md5": "([0-9a-f]{32})""#).unwrap().captures_iter(&text) {
                aged = aged.replace(&found[1], &self.old(&found[1])?);
            }
            (format!("{}.dir", hex(aged.as_bytes())), aged.into_bytes())
        } else {
            (hex(&unix(&bytes)), bytes)
        };
        if stored {
            let place = self.cache.join(&old[..2]).join(&old[2..]);
            if !place.exists() {
                std::fs::create_dir_all(place.parent().unwrap()).unwrap();
                std::fs::write(&place, bytes).unwrap();
                std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o444)).unwrap();
            }
        }
        Some(old)
    }
}

/// A text with Unix line ends; all sources are texts.
fn unix(bytes: &[u8]) -> Vec<u8> {
    String::from_utf8(bytes.to_vec()).map_or_else(|_| bytes.to_vec(), |text| text.replace("\r\n", "\n").into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A JSON string as Python writes it.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for part in serde_json::to_string(text).unwrap().encode_utf16() {
        match u8::try_from(part) {
            Ok(byte) if byte.is_ascii() => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{part:04x}")),
        }
    }
    out
}

#[test]
fn entries_become_what_dvc_2_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let (root, cache) = (dir.path(), dir.path().join("store"));
    let put = |path: String, bytes: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let (dos, unix) = (hex(b"a\r\n"), hex(b"a\n"));
    put("in.txt".to_owned(), b"a\r\n");
    put(format!("store/files/md5/{}/{}", &dos[..2], &dos[2..]), b"a\r\n");
    let listing = format!("[{{\"md5\": \"{dos}\", \"relpath\": \"x\"}}]");
    let (new, old) = (hex(listing.as_bytes()), hex(listing.replace(&dos, &unix).as_bytes()));
    put(format!("store/files/md5/{}/{}.dir", &new[..2], &new[2..]), listing.as_bytes());

    let entry = |name: &str, hash: &str, file: &str, folder: &str| {
        let item = |path: &str, md5: &str| format!("    - path: {path}\n{hash}      md5: {md5}\n      size: 3\n");
        format!("  {name}:\n    cmd: x\n    deps:\n{}    outs:\n{}", item("in.txt", file), item("d", &format!("{folder}.dir")))
    };
    let hash = "      hash: md5\n";
    let text = format!("schema: '2.0'\nstages:\n{}{}", entry("a", hash, &dos, &new), entry("b", hash, &dos, &new));
    let wanted = format!("schema: '2.0'\nstages:\n{}{}", entry("a", hash, &dos, &new), entry("b", "", &unix, &old));
    assert_eq!(aged(root, &cache, &text, Some("b")), wanted);
    assert_eq!(std::fs::read(cache.join(&unix[..2]).join(&unix[2..])).unwrap(), b"a\r\n");
    assert!(cache.join(&old[..2]).join(format!("{}.dir", &old[2..])).exists());

    let added = format!("outs:\n- md5: {dos}\n  size: 3\n  hash: md5\n  path: in.txt\n");
    assert_eq!(aged(root, &cache, &added, None), format!("outs:\n- md5: {unix}\n  size: 3\n  path: in.txt\n"));
}
