//! Commands that count how many of their kind run at the same time.

use std::path::Path;

/// Shell that notes how many of its kind run at the same time, in a folder outside of all projects.
pub fn counted(top: &str, name: &str) -> String {
    format!(
        "mkdir -p {top}/now {top}/seen; mkdir {top}/now/{name}; ls {top}/now | wc -l > {top}/seen/{name}; sleep 0.3; rmdir {top}/now/{name}"
    )
}

/// The most that ran at once.
pub fn most(top: &Path) -> usize {
    let count = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.unwrap().path()).unwrap().trim().parse().unwrap();
    std::fs::read_dir(top.join("seen")).unwrap().map(count).max().unwrap()
}
