//! Material that stands beside the project, in archives: where it is, and how it is unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;

use md5::{Digest as _, Md5};

use super::{crate_dir, target_dir};

/// The folder of material that is no part of the project.
pub fn shared() -> PathBuf {
    std::env::var_os("DVC_PARAFFIN_SHARED").map_or_else(|| crate_dir().join("../shared"), PathBuf::from)
}

/// The content of an archive as a folder, unpacked once for each content.
pub fn unpacked(archive: &Path) -> PathBuf {
    let bytes = std::fs::read(archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let hash: String = Md5::digest(&bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let place = target_dir().join(format!("archive-{hash}"));
    let lock = std::fs::File::create(target_dir().join("archive.lock")).unwrap();
    lock.lock().unwrap();
    if !place.exists() {
        let half = place.with_extension("half");
        let _ = std::fs::remove_dir_all(&half);
        std::fs::create_dir_all(&half).unwrap();
        let tar = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&half).output();
        if !tar.is_ok_and(|output| output.status.success()) {
            // Where tar has no xz beside it, Python has it built in.
            let script = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter='fully_trusted')";
            let done = Command::new("python3").args(["-c", script]).arg(archive).arg(&half).status();
            assert!(done.is_ok_and(|status| status.success()), "cannot unpack {}", archive.display());
        }
        std::fs::rename(&half, &place).unwrap();
    }
    place
}
