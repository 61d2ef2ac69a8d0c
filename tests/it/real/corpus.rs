//! Pipelines of public repositories, read by the program and by real DVC: the same stages, flags,
//! hashes, edges and order. The files and DVC's answers are not part of the project; where the folder
//! `../shared/corpus` is missing nothing is compared.

use std::process::Command;

use crate::support::archive::{shared, unpacked};
use crate::support::ran::Ran;
use crate::support::{aloud, program};

#[test]
fn public_pipelines_are_read_as_dvc_reads_them() {
    let archive = shared().join("corpus/corpus-dev.tar.xz");
    if !archive.exists() || program::is_dvc() {
        aloud("SKIPPED the public pipelines of ../shared/corpus: the folder is not there");
        return;
    }
    let dev = unpacked(&archive).join("dev");
    let mut compare = Command::new("python3");
    compare.arg(dev.join("compare.py")).arg("--bin").arg(program::path()).arg("--list").arg(dev.join("dev.txt"));
    let ran = Ran::of(&mut compare);
    ran.ok().says(", 0 failed");
    aloud(&format!("public pipelines: {}", ran.out().lines().last().unwrap_or_default()));
}
