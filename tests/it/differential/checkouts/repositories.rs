//! The repositories whose work trees are checked out: one pipeline with added data in places of many kinds.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fastrand::Rng;
use regex::Regex;

use super::super::disk::Op;
use super::super::preloaded::Dvc;
use crate::support::ran::sh;
use crate::support::scratch::Scratch;

const PIPELINE: &str = "\
stages:
  a:
    cmd: echo ${v} > a.txt
    outs: [a.txt]
  d:
    cmd: mkdir -p d/sub/deep && echo ${v} > d/1 && echo 2 > d/sub/2 && echo ${v} > d/sub/deep/${v} && touch d/empty
    outs: [d]
  x:
    cmd: echo x${v} > x.sh && chmod +x x.sh
    outs: [x.sh]
  p:
    cmd: echo p > p.txt
    outs: [p.txt: {persist: true}]
  m:
    cmd: echo ${v} > m.json
    metrics: [m.json: {cache: false}]
  f:
    frozen: true
    cmd: echo f > e/f.txt
    outs: [e/f.txt]
";

const BELOW: &str = "\
stages:
  inner:
    cmd: mkdir -p o && cat ../a.txt > o/copy && echo i > i.txt
    deps: [../a.txt]
    outs: [o, i.txt]
";

/// What is special about a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// It is a folder in a git repository (`dvc init --subdir`).
    Subdir,
    /// `cache.shared = group`
    Shared,
    /// All entries are as DVC 2 wrote them, and so is the cache.
    Old,
    /// Entries of directories list their files one by one, as for remotes that keep versions; the cache has no listings.
    Listed,
    /// It has data that was imported from another repository and from plain addresses.
    Imports,
}

const KINDS: [Kind; 6] = [Kind::Plain, Kind::Subdir, Kind::Shared, Kind::Old, Kind::Listed, Kind::Imports];

impl Kind {
    /// A random one; the plain one more often.
    pub fn random(rng: &mut Rng) -> Self {
        KINDS[rng.usize(..KINDS.len() + 2).saturating_sub(2)]
    }

    /// The root of the repository in the folder given for it.
    pub fn root(self, scratch: &Scratch) -> PathBuf {
        if self == Self::Subdir { scratch.work().join("proj") } else { scratch.work() }
    }

    /// `.dvc/config` with this type of links.
    pub fn config(self, cache_type: &str) -> String {
        let shared = if self == Self::Shared { "    shared = group\n" } else { "" };
        format!("[cache]\n    type = {cache_type}\n{shared}")
    }

    /// Whether what a run makes of it is compared as well: runs write old entries anew, and the program drops what remotes
    /// with versions noted.
    pub fn runs(self) -> bool {
        !matches!(self, Self::Old | Self::Listed)
    }
}

/// One of each kind, made when it is first asked for.
#[derive(Default)]
pub struct Repositories([OnceLock<Scratch>; KINDS.len()]);

impl Repositories {
    /// Two commits of a repository, as DVC makes them.
    pub fn get(&self, kind: Kind, dvc: &Dvc) -> &Scratch {
        self.0[kind as usize].get_or_init(|| make(kind, dvc))
    }
}

fn make(kind: Kind, dvc: &Dvc) -> Scratch {
    let scratch = Scratch::new();
    let root = kind.root(&scratch);
    let data = "mkdir -p sub e raw/deep && echo r > raw/r && echo s > raw/s && echo r > raw/deep/r && echo x > raw/deep/x.sh
        chmod +x raw/deep/x.sh && printf 'a\\r\\nb\\r\\n' > raw/dos && echo data > data.txt";
    sh(&scratch, &scratch.work(), "git init -q -b main .");
    std::fs::create_dir_all(&root).unwrap();
    sh(&scratch, &root, data);
    dvc.run(&scratch, &root, if kind == Kind::Subdir { &["init", "-q", "--subdir"] } else { &["init", "-q"] }).ok();
    if kind == Kind::Shared {
        std::fs::write(root.join(".dvc/config"), kind.config("copy")).unwrap();
    }
    for (file, text) in
        [("dvc.yaml", PIPELINE), ("sub/dvc.yaml", BELOW), (".dvcignore", "*.tmp\n"), ("e/.keep", ""), ("params.yaml", "v: 1\n")]
    {
        std::fs::write(root.join(file), text).unwrap();
    }
    dvc.run(&scratch, &root, &["add", "-q", "data.txt", "raw"]).ok();
    if kind == Kind::Imports {
        import(&scratch, &root, dvc);
    }
    for (commit, value) in [("one", "1"), ("two", "22")] {
        std::fs::write(root.join("params.yaml"), format!("v: {value}\n")).unwrap();
        sh(&scratch, &root, "sed -i 's/frozen: true/frozen: false/' dvc.yaml");
        dvc.run(&scratch, &root, &["repro", "-q", "-P"]).ok();
        match kind {
            Kind::Old => RECORDS.iter().for_each(|file| Op::Age((*file).to_owned(), None).apply(&root, &root.join(".dvc/cache"))),
            Kind::Listed => RECORDS.iter().for_each(|file| list(&root, file)),
            _ => {}
        }
        let commit = format!("git add -A && git commit -q -m {commit} && git tag {commit}");
        sh(&scratch, &root, &format!("sed -i 's/frozen: false/frozen: true/' dvc.yaml; {commit}"));
    }
    match kind {
        Kind::Old => sh(&scratch, &root, "rm -r .dvc/cache/files"),
        Kind::Listed => sh(&scratch, &root, "find .dvc/cache -name '*.dir' -delete"),
        _ => return scratch,
    };
    scratch
}

/// The files that tell what was made and added.
const RECORDS: &[&str] = &["dvc.lock", "sub/dvc.lock", "data.txt.dvc", "raw.dvc"];

/// Data from another repository and from a plain folder: files, folders, programs.
fn import(scratch: &Scratch, root: &Path, dvc: &Dvc) {
    let data = "mkdir -p dir/in && echo f > file && echo 1 > dir/1 && echo p > dir/in/p.sh && echo p > p.sh && chmod +x p.sh dir/in/p.sh";
    sh(
        scratch,
        scratch.top(),
        &format!("mkdir src far && (cd src && git init -q -b main . && {data} && echo g > git.txt) && cd far && {data}"),
    );
    let (src, far) = (scratch.top().join("src"), scratch.top().join("far"));
    dvc.run(scratch, &src, &["init", "-q"]).ok();
    dvc.run(scratch, &src, &["add", "-q", "file", "dir", "p.sh"]).ok();
    sh(scratch, &src, "git add -A && git commit -q -m data");
    for (path, out) in [("file", "r-file"), ("dir", "r-dir"), ("p.sh", "r-p.sh"), ("git.txt", "r-git.txt")] {
        dvc.run(scratch, root, &["import", "-q", src.to_str().unwrap(), path, "-o", out]).ok();
    }
    for (path, out) in [("file", "u-file"), ("dir", "u-dir"), ("p.sh", "u-p.sh")] {
        dvc.run(scratch, root, &["import-url", "-q", far.join(path).to_str().unwrap(), out]).ok();
    }
}

/// Makes entries of directories list their files, as DVC writes them after a push to a remote that keeps versions.
fn list(root: &Path, file: &str) {
    let path = root.join(file);
    let item = Regex::new(r"(?m)^([ -]*)md5: ([0-9a-f]{32}\.dir)\n(?: *(?:size|nfiles): \d+\n)*").unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let listed = item.replace_all(&text, |found: &regex::Captures<'_>| {
        let (prefix, indent) = (&found[1], " ".repeat(found[1].len()));
        let object = root.join(".dvc/cache/files/md5").join(&found[2][..2]).join(&found[2][2..]);
        let entries: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(object).unwrap()).unwrap();
        let line = |entry: &serde_json::Value| {
            let isexec = if entry["relpath"].as_str().unwrap().ends_with(".sh") { ", isexec: true" } else { "" };
            let cloud = "cloud: {vers: {etag: tag7, version_id: ver7}}";
            format!("{indent}- {{relpath: {}, md5: {}, size: 2{isexec}, {cloud}}}\n", entry["relpath"], entry["md5"])
        };
        format!("{prefix}files:\n{}", entries.iter().map(line).collect::<String>())
    });
    std::fs::write(path, listed.as_bytes()).unwrap();
}
