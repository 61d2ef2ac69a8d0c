//! What the archive of ../shared could not hold, put back: files beside the work tree, and files
//! that a list of ignored names kept out of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::state::Leaf;

/// Puts back what stood on disk before the case.
pub fn fill_before(case: &str, root: &Path) {
    let files: &[(&str, &str)] = match case {
        "external-dep-and-out" => &[("../ext.txt", "e\n")],
        "git-dir-dep-with-ignored-files" => &[("src/__pycache__/a.pyc", "p\n")],
        "pull" => &[
            ("../rem/files/md5/00/84467710d2fc9d8a306e14efbe6d0f", "HELLO\n"),
            ("../rem/files/md5/9a/e0ea9e3c9c6e1b9b6252c8395efdc1", "6\n"),
        ],
        _ => &[],
    };
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Puts back what real DVC left.
pub fn fill_after(case: &str, tree: &mut BTreeMap<String, Leaf>) {
    let (path, text) = match case {
        "git-dir-dep-with-ignored-files" => ("src/__pycache__/a.pyc", "p\n"),
        "gitignore-variants" => ("z.log", "1\n"),
        _ => return,
    };
    tree.insert(path.to_owned(), Leaf::File(text.into()));
}
