//! `.dvcignore`: random patterns in random trees, and what DVC's own filter says of each path:
//! whether it is ignored, by which rule, and which files are left to a walk.

use std::fs;
use std::path::Path;

use dvc_paraffin::model::RepoPath;
use dvc_paraffin::store::dvcignore::DvcIgnore;
use dvc_paraffin::store::source::WorkTree;
use serde_json::{Value as Json, json};

use super::{Judged, compare};

#[test]
fn dvcignore() {
    compare("ignore_fuzz.py", "decisions", 1, 150, judge);
}

fn judge(case: &Json) -> Judged {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let texts = |key: &str| -> Vec<String> { case[key].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect() };
    for name in texts("dirs") {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for name in texts("files") {
        fs::write(root.join(name), "").unwrap();
    }
    let mut shown = String::new();
    for item in case["ignores"].as_array().unwrap() {
        let bytes: Vec<u8> = item[1].as_array().unwrap().iter().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect();
        shown += &format!("\n    {}/.dvcignore: {:?}", item[0].as_str().unwrap(), String::from_utf8_lossy(&bytes));
        fs::write(root.join(item[0].as_str().unwrap()).join(".dvcignore"), bytes).unwrap();
    }
    let ignore = DvcIgnore::new(std::sync::Arc::new(WorkTree::new(&root)));
    let mut wrong = Vec::new();
    for question in case["asked"].as_array().unwrap() {
        let [path, is_dir, sub_repos] = [0, 1, 2].map(|at| &question[at]);
        let answer = ignore.ignored_by(&RepoPath::new(path.as_str().unwrap()), is_dir.as_bool().unwrap(), sub_repos.as_bool().unwrap());
        let ours = answer.map_or(json!("error"), |rule| json!(rule.map(|rule| rule.origin())));
        if ours != question[3] {
            wrong.push(format!("{path} (folder: {is_dir}, repositories: {sub_repos}): {ours}, DVC {}", question[3]));
        }
    }
    let mut seen = Vec::new();
    let walked = walk(&ignore, &root, &RepoPath::root(), &mut seen);
    seen.sort_unstable();
    let seen = if walked.is_some() { json!(seen) } else { Json::Null };
    if seen != case["seen"] {
        wrong.push(format!("the walk: {seen}, DVC {}", case["seen"]));
    }
    if wrong.is_empty() { Judged::Equal } else { Judged::Differs(format!("{shown}\n    {}", wrong.join("\n    "))) }
}

/// The files that are not ignored; none where a `.dvcignore` is refused.
fn walk(ignore: &DvcIgnore, root: &Path, dir: &RepoPath, seen: &mut Vec<String>) -> Option<()> {
    if ignore.is_closed(dir).ok()? {
        return Some(());
    }
    let rules = ignore.rules(dir, true).ok()??;
    for entry in fs::read_dir(dir.under(root)).unwrap() {
        let entry = entry.unwrap();
        let path = dir.join(entry.file_name().to_str().unwrap());
        let is_dir = entry.file_type().unwrap().is_dir();
        if rules.hit(path.as_str(), is_dir).is_some() {
            continue;
        }
        if is_dir {
            walk(ignore, root, &path, seen)?;
        } else {
            seen.push(path.as_str().to_owned());
        }
    }
    Some(())
}
