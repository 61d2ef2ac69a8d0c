//! Removing what killed processes left: temporary files, by their names (see `owner`).
//!
//! Where to look is told by those who know where a dead run was at work. Whether someone else
//! removes the same at the same time does not matter, nor whether it can be removed at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::owner::{self, Owner};

/// The beginning of the names of folders that a process makes for itself.
pub(super) const FOLDER: &str = "fetch-";

/// Removes temporary files of dead processes from a directory; with `deep`, also from all that is
/// below it, for as long as `goes_on` says so. Links to directories are not followed. False if it was
/// not looked everywhere.
pub fn sweep(dir: &Path, deep: bool, goes_on: &dyn Fn() -> bool) -> bool {
    let Ok(entries) = fs::read_dir(dir) else { return true };
    for entry in entries.flatten() {
        let path = entry.path();
        if !goes_on() {
            return false;
        }
        if deep && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !sweep(&path, true, goes_on) {
                return false;
            }
        } else if let Some(owner) = owner::of_temporary(&path)
            && fs::symlink_metadata(&path).is_ok_and(|meta| owner.has_left(&meta))
        {
            fs::remove_file(&path).ok();
        }
    }
    true
}

/// Removes the folders of dead processes from a directory.
pub fn sweep_folders(dir: &Path) {
    for (path, name) in named(dir) {
        let owner = name.strip_prefix(FOLDER).and_then(Owner::of_mark);
        if owner.is_some_and(|owner| fs::symlink_metadata(&path).is_ok_and(|meta| owner.has_left(&meta))) {
            fs::remove_dir_all(&path).ok();
        }
    }
}

/// What is in a directory, with its names; nothing if that cannot be read.
pub fn named(dir: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.flatten().filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mark of a process that has ended.
    fn dead() -> String {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let own = Owner::own().mark();
        let pid = format!("{:0>5}", radix36(child.id()));
        child.wait().unwrap();
        format!("{}{pid}{}", &own[..5], &own[10..])
    }

    fn radix36(mut number: u32) -> String {
        let mut text = String::new();
        while number > 0 {
            text.insert(0, char::from_digit(number % 36, 36).unwrap());
            number /= 36;
        }
        text
    }

    #[test]
    fn only_what_the_dead_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("deep")).unwrap();
        let (left, ours) = (format!(".0{}0000.tmp", dead()), owner::temporary_name());
        let stay = [ours.as_str(), ".tZmk5UbCRB6YTPDKRHWpFk.tmp", "data.tmp"];
        for name in stay.iter().chain([&left.as_str()]) {
            fs::write(at(name), "x").unwrap();
            fs::write(at("deep").join(name), "x").unwrap();
        }
        assert!(!sweep(dir.path(), true, &|| false), "nobody looks any more");
        assert!(at(&left).exists());
        assert!(sweep(dir.path(), false, &|| true));
        assert!(!at(&left).exists() && at("deep").join(&left).exists());
        assert!(sweep(dir.path(), true, &|| true));
        assert!(!at("deep").join(&left).exists());
        assert!(stay.iter().all(|name| at(name).exists() && at("deep").join(name).exists()));
    }

    #[test]
    fn folders_go_with_all_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let names = [format!("fetch-{}-x", dead()), format!("fetch-{}-y", Owner::own().mark()), "fetch-other".to_owned()];
        names.iter().for_each(|name| fs::create_dir_all(dir.path().join(name).join("in")).unwrap());
        sweep_folders(dir.path());
        let left: Vec<bool> = names.iter().map(|name| dir.path().join(name).exists()).collect();
        assert_eq!(left, [false, true, true]);
    }
}
