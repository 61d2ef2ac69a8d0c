//! What can be done to the disk of two repositories alike.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::legacy;

/// Something done to the disk of both repositories.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// A file gets this content.
    Write(String, String),
    /// A symbolic link gets this target.
    Link(String, String),
    /// A file or folder goes.
    Remove(String),
    /// A file is written anew with the same content.
    Touch(String),
    /// A line is added to a file, or to the `x` in a folder, if it is there.
    Spoil(String),
    /// A file appears in a folder that is there.
    Intrude(String),
    /// A file becomes executable.
    Executable(String),
    /// The entry of a stage goes from a dvc.lock.
    DropEntry(String, String),
    /// Entries of a dvc.lock or a `.dvc` file become what DVC 2 wrote: of every stage, or of this one.
    Age(String, Option<String>),
    /// The objects of DVC 3 go: what is left of the cache is DVC 2's.
    ForgetObjects,
}

impl Op {
    /// Does it in the repository at `root`, whose cache is at `cache`.
    pub fn apply(&self, root: &Path, cache: &Path) {
        let at = |path: &String| root.join(path);
        match self {
            Self::Write(path, text) => write(&at(path), text.as_bytes()),
            Self::Link(path, target) => {
                let path = at(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                let _ = std::fs::remove_file(&path);
                std::os::unix::fs::symlink(target, path).unwrap();
            }
            Self::Remove(path) => remove(&at(path)),
            Self::ForgetObjects => remove(&cache.join("files")),
            Self::Touch(path) => {
                if let Ok(bytes) = std::fs::read(at(path)) {
                    write(&at(path), &bytes);
                }
            }
            Self::Spoil(path) => {
                let path = if at(path).is_dir() { at(path).join("x") } else { at(path) };
                if let Ok(mut bytes) = std::fs::read(&path) {
                    bytes.extend_from_slice(b"spoilt\n");
                    write(&path, &bytes);
                }
            }
            Self::Intrude(path) => {
                if at(path).is_dir() {
                    write(&at(path).join("in/new.tmp"), b"new\n");
                    write(&at(path).join("in/zz new"), b"new\n");
                }
            }
            Self::Executable(path) => {
                if at(path).is_file() {
                    std::fs::set_permissions(at(path), std::fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
            Self::DropEntry(lock, stage) => {
                if let Ok(text) = std::fs::read_to_string(at(lock)) {
                    std::fs::write(at(lock), without_entry(&text, stage)).unwrap();
                }
            }
            Self::Age(file, stage) => {
                if let Ok(text) = std::fs::read_to_string(at(file)) {
                    std::fs::write(at(file), legacy::aged(root, cache, &text, stage.as_deref())).unwrap();
                }
            }
        }
    }
}

/// Writes a file as a careful person does: never through a link into the cache.
fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    if path.symlink_metadata().is_ok_and(|meta| meta.is_symlink() || meta.nlink() > 1 || meta.permissions().mode() & 0o200 == 0) {
        std::fs::remove_file(path).unwrap();
    }
    std::fs::write(path, bytes).unwrap();
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        std::fs::remove_dir_all(path).unwrap();
    } else if path.symlink_metadata().is_ok() {
        std::fs::remove_file(path).unwrap();
    }
}

/// dvc.lock without the entry of one stage.
fn without_entry(text: &str, stage: &str) -> String {
    let mut inside = false;
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(name) = entry_name(line) {
            inside = name == stage;
        }
        if !inside {
            kept.push(line);
        }
    }
    if kept.last() == Some(&"stages:") {
        *kept.last_mut().unwrap() = "stages: {}";
    }
    kept.join("\n") + "\n"
}

/// The stage whose entry in a dvc.lock begins with this line.
pub fn entry_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '-']))?;
    rest.strip_suffix(':')
}
