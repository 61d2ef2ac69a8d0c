//! Reading: dvc.yaml to stages, dvc.lock to entries.

use divan::Bencher;
use dvc_paraffin::format::lockfile::Lock;

use super::inputs;

#[divan::bench(args = [1000])]
fn dvc_yaml(bencher: Bencher<'_, '_>, count: usize) {
    let tree = inputs::tree(count);
    bencher.bench_local(|| inputs::project(&tree));
}

#[divan::bench(args = [1000])]
fn dvc_lock(bencher: Bencher<'_, '_>, count: usize) {
    let text = inputs::lock(count).to_bytes();
    bencher.bench_local(|| Lock::parse(&text, "./dvc.lock"));
}

/// What dvc.lock says of each stage, once it is read.
#[divan::bench(args = [1000])]
fn records(bencher: Bencher<'_, '_>, count: usize) {
    let lock = Lock::parse(&inputs::lock(count).to_bytes(), "./dvc.lock").expect("what we write can be read");
    bencher.bench_local(|| lock.names().map(|name| lock.record(name)).collect::<Vec<_>>());
}
