//! A small file system of its own somewhere in a project, taken down at the end: a disk that is full, or read-only.

use std::path::PathBuf;
use std::process::Command;

use super::project::Project;
use super::{aloud, in_ci};

/// The file system.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it; none if this user may not mount.
    pub fn at(project: &Project, path: &str, size: &str) -> Option<Self> {
        let place = project.at(path);
        std::fs::create_dir_all(&place).unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&place).output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self(place));
        }
        aloud("SKIPPED the full disk: mounting a tmpfs is not allowed here");
        assert!(!in_ci() || !rustix::process::geteuid().is_root(), "root cannot mount a tmpfs in CI");
        None
    }

    /// Mounts it anew with these options.
    pub fn remount(&self, options: &str) {
        assert!(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
