//! `.dvc` files in and out.

use super::*;

const ROOT: &str = "/top/repo";

fn stage(path: &str, text: &str) -> Stage {
    parse(text.as_bytes(), ROOT, &RepoPath::new(path), &RepoPath::root()).unwrap()
}

#[test]
fn added_data_is_a_stage_without_a_command() {
    let text = "outs:\n- md5: d51834de0d0bf85d6a6c9a4c881ad503.dir\n  size: 4\n  nfiles: 2\n  hash: md5\n  path: data\n  desc: text\n  cache: false\nmeta: {a: 1}\ndesc: d\n";
    let stage = stage("sub/data.dvc", text);
    assert!(stage.is_data_source() && stage.is_data_file() && !stage.frozen);
    let out = &stage.outs[0];
    assert_eq!((out.def_path.as_str(), out.path.as_str(), out.cache), ("data", "sub/data", false));
    let digest = Digest::md5("d51834de0d0bf85d6a6c9a4c881ad503.dir");
    assert_eq!(out.recorded, Some((digest, Meta { size: Some(4), nfiles: Some(2), isexec: false })));
    assert_eq!(stage.desc.as_deref(), Some("d"));
}

#[test]
fn imports_know_their_source() {
    let local = stage(
        "imp.txt.dvc",
        "md5: 173087d5e12492b53802a329dd5c69d0\nfrozen: true\nwdir: w\ndeps:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1\n  path: src.txt\nouts:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1\n  path: imp.txt\n",
    );
    assert!(local.is_import() && local.frozen);
    assert_eq!(local.md5.as_deref(), Some("173087d5e12492b53802a329dd5c69d0"));
    assert_eq!((local.deps[0].path.as_str(), local.deps[0].foreign.as_deref()), ("w/src.txt", None));
    assert_eq!(local.outs[0].recorded.as_ref().unwrap().0.algo, Algo::Md5Dos2Unix);
    for (dep, kind) in [("{path: x, repo: {url: u}}", "repo"), ("{path: s3://b/x}", "s3"), ("{db: {query: q}}", "db")] {
        let stage = stage("x.dvc", &format!("deps: [{dep}]\nouts: [{{path: x}}]\n"));
        assert_eq!(stage.deps[0].foreign.as_deref(), Some(kind));
        assert_eq!(stage.outs[0].recorded, None);
    }
}

#[test]
fn sources_are_recorded_by_the_mark_of_their_place() {
    let md5 = "0672d48a3d0327d2178b91ea1898bb86";
    let of = |dep: &str| stage("x.dvc", &format!("deps: [{{{dep}}}]\nouts: [{{path: x}}]\n")).deps[0].clone();
    let hash = |dep: &str| of(dep).recorded.map(|(digest, meta)| (digest.algo, digest.value, meta.size));
    let other = |name: &str, value: &str| Some((Algo::Other(name.to_owned()), value.to_owned(), Some(3)));
    assert_eq!(hash("path: 'https://h/x', hash: md5, checksum: '\"cd\"', size: 3"), other("checksum", "\"cd\""));
    assert_eq!(hash("path: 's3://b/x', etag: abc, size: 3"), other("etag", "abc"));
    assert_eq!(hash(&format!("path: 's3://b/x/', md5: {md5}.dir, nfiles: 1")), Some((Algo::Md5, format!("{md5}.dir"), None)));
    assert_eq!(hash(&format!("path: 's3://b/x', md5: {md5}")), None);
    assert_eq!(hash(&format!("path: ../x, md5: {md5}")), Some((Algo::Md5, md5.to_owned(), None)));
    assert_eq!(hash(&format!("path: y, md5: {md5}")), Some((Algo::Md5Dos2Unix, md5.to_owned(), None)));
    let imported = of("path: y, repo: {url: u, rev_lock: r}");
    assert_eq!((imported.repo.map(|repo| repo.len()), imported.recorded), (Some(2), None));
}

/// As `dvc import-url src.txt imp.txt` leaves it.
const IMPORT: &str = "md5: 5c4c0e120219fe86b7c941988e552c80\nfrozen: true\ndeps:\n- md5: 5bbf5a52328e7439ae6e719dfe712200\n  size: 4\n  hash: md5\n  path: src.txt\nouts:\n- md5: 5bbf5a52328e7439ae6e719dfe712200\n  size: 4\n  hash: md5\n  path: imp.txt\n";

#[test]
fn edits_of_an_import_are_noticed() {
    let altered = |text: &str| stage("imp.txt.dvc", text).altered;
    assert!(!altered(IMPORT));
    assert!(!altered(&format!("{IMPORT}desc: d\nmeta: {{a: 1}}\nwdir: .\n")));
    assert!(!altered(&IMPORT.replace("frozen: true", "frozen: false").replace("  size: 4\n", "")));
    assert!(altered(&IMPORT.replace("src.txt", "other.txt")));
    assert!(altered(&IMPORT.replace("md5: 5c4c", "md5: 0000")));
    assert!(altered(&IMPORT.replace("frozen: true", "always_changed: true")));
    // What DVC 2 wrote of a source at a URL has no `hash`.
    let url = "md5: 97ab4ff8e3e1d4cd3d7ef2b5fa22c1d6\ndeps:\n- {checksum: abc, path: 'http://h/x'}\nouts:\n- {path: x}\n";
    let hash = |text: &str| stamp::stamp(&crate::format::yaml::parse(text.as_bytes()).unwrap().value, false).unwrap();
    let fitting = url.replace("97ab4ff8e3e1d4cd3d7ef2b5fa22c1d6", &hash(url));
    assert!(altered(&fitting));
    let url = url.replace("path: 'http", "hash: md5, path: 'http");
    assert!(!altered(&url.replace("97ab4ff8e3e1d4cd3d7ef2b5fa22c1d6", &hash(&url))));
    // Added data has no hash of its own.
    assert!(!altered("outs:\n- path: x\n"));
    assert!(altered("md5: 5c4c0e120219fe86b7c941988e552c80\nouts:\n- path: x\n"));
}

#[test]
fn an_import_is_recorded_anew_with_its_source() {
    let state = |md5: &str| [(0, Digest::md5(md5), Meta { size: Some(6), ..Meta::default() })];
    let (dep, out) = (state("c193497a1a06b2c72230e6146ff47080"), state("febe6995bad457991331348f7b9c85fa"));
    let after = String::from_utf8(update(IMPORT.as_bytes(), &dep, &out)).unwrap();
    // As real DVC left it when both files were edited.
    let want = "md5: eb1032ac70908968c5118bcaed0e9214\nfrozen: true\ndeps:\n- md5: c193497a1a06b2c72230e6146ff47080\n  size: 6\n  hash: md5\n  path: src.txt\nouts:\n- md5: febe6995bad457991331348f7b9c85fa\n  size: 6\n  hash: md5\n  path: imp.txt\n";
    assert_eq!(after, want);
    let bare = IMPORT.replace("md5: 5c4c0e120219fe86b7c941988e552c80\n", "");
    assert!(String::from_utf8(update(bare.as_bytes(), &dep, &out)).unwrap().ends_with("imp.txt\nmd5: eb1032ac70908968c5118bcaed0e9214\n"));
}

#[test]
fn files_listed_one_by_one_are_counted() {
    let text = "outs:\n- path: d\n  hash: md5\n  files:\n  - {relpath: a, md5: b026324c6904b2a9cb4b88d6d61c81d1, size: 2}\n";
    let stage = stage("d.dvc", text);
    assert_eq!(stage.outs[0].listed.as_ref().unwrap().files.len(), 1);
    assert_eq!(stage.outs[0].recorded.as_ref().unwrap().1.size, Some(2));
}

#[test]
fn what_does_not_fit_is_refused() {
    let parse = |text: &str| parse(text.as_bytes(), ROOT, &RepoPath::new("a.dvc"), &RepoPath::root());
    let error = parse("outs:\n- path: 5\n").unwrap_err();
    assert_eq!(error.to_string(), "'./a.dvc' validation failed");
    assert_eq!(parse("outs: [{path: b.dvc}]\n").unwrap_err().to_string(), "DVC file 'b.dvc' cannot be an output.");
    assert!(parse("cmd: x\n").is_err());
}

fn updated(text: &str, index: usize, digest: Digest, meta: Meta) -> String {
    String::from_utf8(update(text.as_bytes(), &[], &[(index, digest, meta)])).unwrap()
}

#[test]
fn only_what_changed_is_rewritten() {
    let before = "# top\nouts:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1  # old\n  size: 2\n  hash: md5\n  path: data.txt # the data\n  desc: 'kept'\nmeta:\n  a: [1,  2]\n";
    let after = updated(before, 0, Digest::md5("26ab0db90d72e28ad0ba1e22ee510510"), Meta { size: Some(3), ..Meta::default() });
    let want = before.replace("b026324c6904b2a9cb4b88d6d61c81d1", "26ab0db90d72e28ad0ba1e22ee510510").replace("size: 2", "size: 3");
    assert_eq!(after, want);
}

#[test]
fn keys_come_and_go() {
    let legacy = "outs:\n- md5: b026324c6904b2a9cb4b88d6d61c81d1.dir\n  size: 2\n  nfiles: 1\n  path: a\n- md5: c026324c6904b2a9cb4b88d6d61c81d1\n  path: b\nwdir: .\n";
    let digest = Digest::md5("26ab0db90d72e28ad0ba1e22ee510510");
    let meta = Meta { size: Some(3), nfiles: None, isexec: true };
    assert_eq!(
        updated(legacy, 0, digest.clone(), meta),
        "outs:\n- md5: 26ab0db90d72e28ad0ba1e22ee510510\n  size: 3\n  path: a\n  isexec: true\n  hash: md5\n- md5: c026324c6904b2a9cb4b88d6d61c81d1\n  path: b\n"
    );
    let etag = "outs:\n- etag: abc\n  path: a\n";
    assert_eq!(
        updated(etag, 0, digest.clone(), Meta::default()),
        "outs:\n- path: a\n  md5: 26ab0db90d72e28ad0ba1e22ee510510\n  hash: md5\n"
    );
    assert_eq!(
        updated("outs: [{md5: c026324c6904b2a9cb4b88d6d61c81d1, path: a}]", 0, digest, Meta::default()),
        "outs:\n- md5: 26ab0db90d72e28ad0ba1e22ee510510\n  path: a\n  hash: md5\n"
    );
}

#[test]
fn the_checksum_of_an_import_tells_of_edits() {
    // Written by DVC 3 (and by DVC 2: the first has no `hash`).
    let repo = "md5: f5ea021eddd7b1df6de80b904cba1da6\nfrozen: true\ndeps:\n- path: get-started/data.xml\n  repo:\n    url: https://github.com/iterative/dataset-registry\n    rev_lock: f59388cd04276e75d70b2136597aaa27e7937cc3\nouts:\n- md5: 22a1a2931c8370d3aeedd7183606fd7f\n  size: 14445097\n  hash: md5\n  path: data.xml\n";
    let url = "md5: 3395a178c36dd1540cd6beab157d52a5\nfrozen: true\ndeps:\n- checksum: '\"496b7a19b4ebd91:0\"'\n  size: 9175510\n  hash: md5\n  path: \n    https://data.parliament.uk/resources/constituencystatistics/PowerBIData/Economy/House%20Prices/house-prices.xlsx\nouts:\n- md5: c60c7e52b3394e05a5207a955e180b9d\n  size: 9175510\n  hash: md5\n  path: house-prices.xlsx\n";
    for text in [repo, url] {
        assert!(!stage("data/x.dvc", text).altered, "{text}");
    }
    // A folder at a remote, as DVC 2 wrote it: DVC 3 would add `hash: md5`.
    let far = "md5: bf8399975bae802147fac9bc3197d239\nfrozen: true\ndeps:\n- md5: 0672d48a3d0327d2178b91ea1898bb86.dir\n  nfiles: 1\n  path: s3://open-innovations-filestash/leeds2023/events/\nouts:\n- md5: 74f715ba2337b46748851c3a9106ab5a.dir\n  nfiles: 1\n  path: events\n";
    assert!(stage("data/x.dvc", far).altered);
    assert!(!stage("data/x.dvc", repo).altered && stage("data/x.dvc", &repo.replace("/data.xml", "/other.xml")).altered);
    let described = repo.replace("  path: data.xml", "  desc: d\n  cache: true\n  isexec: true\n  path: data.xml") + "meta: {a: 1}\n";
    assert!(!stage("data/x.dvc", &described).altered);
}
