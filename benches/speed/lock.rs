//! Writing dvc.lock: entries set and put into text.

use divan::Bencher;
use dvc_paraffin::format::lockfile::{Lock, Place};

use super::inputs;

/// The first run of a pipeline: every entry is new.
#[divan::bench(args = [1000])]
fn write_all(bencher: Bencher<'_, '_>, count: usize) {
    let records: Vec<_> = (0..count).map(inputs::node).map(|node| (inputs::record(&node), node.name)).collect();
    bencher.bench_local(|| {
        let mut lock = Lock::default();
        for (record, name) in &records {
            lock.set(name, record, Place::End);
        }
        lock.to_bytes()
    });
}

/// One stage ran again: the other entries stay as they are.
#[divan::bench(args = [1000])]
fn write_one(bencher: Bencher<'_, '_>, count: usize) {
    let old = Lock::parse(&inputs::lock(count).to_bytes(), "./dvc.lock").expect("what we write can be read");
    let node = inputs::node(count / 2);
    let mut record = inputs::record(&node);
    record.outs[0].meta.size = Some(1);
    bencher.with_inputs(|| old.clone()).bench_local_values(|mut lock| {
        lock.set(&node.name, &record, Place::End);
        (lock.to_bytes(), lock)
    });
}
