//! Hashing files: one, several at once, and many small ones.

use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::BytesCount;
use dvc_paraffin::model::Algo;
use dvc_paraffin::store::{Hasher, md5};
use tempfile::TempDir;

/// A folder with so many files of this size.
fn files(count: usize, size: usize) -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = |at: usize| {
        let path = dir.path().join(at.to_string());
        let bytes: Vec<u8> = (0..size).map(|byte| (byte * 31 + at).to_le_bytes()[0]).collect();
        std::fs::write(&path, bytes).expect("the temporary folder takes files");
        path
    };
    let paths = (0..count).map(path).collect();
    (dir, paths)
}

/// One file: the chain of MD5 is what it costs.
#[divan::bench(args = [16 << 20])]
fn one_file(bencher: Bencher<'_, '_>, size: usize) {
    let (_dir, paths) = files(1, size);
    bencher.counter(BytesCount::new(size)).bench_local(|| md5::of_file(&paths[0], &Algo::Md5));
}

/// Files side by side on one core.
#[divan::bench(args = [1 << 20])]
fn sixteen_files(bencher: Bencher<'_, '_>, size: usize) {
    let (_dir, paths) = files(16, size);
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    bencher.counter(BytesCount::new(16 * size)).bench_local(|| md5::of_files(&paths, &Algo::Md5));
}

/// The files of a directory, by the pool, which knows none of them.
#[divan::bench(args = [1000])]
fn small_files(bencher: Bencher<'_, '_>, count: usize) {
    const SIZE: usize = 4096;
    let (_dir, paths) = files(count, SIZE);
    let bencher = bencher.counter(BytesCount::new(count * SIZE));
    let fresh = || (Hasher::new(0, None).expect("threads"), paths.clone());
    bencher.with_inputs(fresh).bench_local_values(|(hasher, paths)| (hasher.files(paths, &Algo::Md5), hasher));
}

/// The same when the pool has hashed them before: a look at each.
#[divan::bench(args = [1000])]
fn known_files(bencher: Bencher<'_, '_>, count: usize) {
    let (_dir, paths) = files(count, 4096);
    let hasher = Hasher::new(0, None).expect("threads");
    // What is too young is not remembered.
    std::thread::sleep(std::time::Duration::from_millis(50));
    hasher.files(paths.clone(), &Algo::Md5).expect("the files are there");
    bencher.with_inputs(|| paths.clone()).bench_local_values(|paths| hasher.files(paths, &Algo::Md5));
}
