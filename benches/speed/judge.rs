//! The judgement of stages, once it is known what the disk says.

use divan::Bencher;
use dvc_paraffin::model::{Digest, Observed, Record, Seen, SeenOut, SeenParams, Stage, Verdict};
use dvc_paraffin::plan::judge::{self, Rules};

use super::inputs;

/// What is seen where nothing changed since the record.
fn unchanged(record: &Record) -> Observed {
    let seen =
        |item: &dvc_paraffin::model::RecordedPath| item.digest.clone().map_or(Seen::Missing, |digest| Seen::Found(digest, item.meta));
    let values = |map: &dvc_paraffin::model::Map| map.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    Observed {
        deps: record.deps.iter().map(seen).collect(),
        params: record.params.values().map(|map| SeenParams::Values(values(map))).collect(),
        outs: record.outs.iter().map(|out| SeenOut { seen: seen(out), in_cache: true }).collect(),
    }
}

fn verdict(stage: &Stage, record: &Record, observed: &Observed) -> Verdict {
    let rules = Rules::default();
    let mut reasons = judge::inputs(stage, Some(record), observed, rules, &|_| None);
    if reasons.is_empty() {
        reasons = judge::outs(stage, Some(record), observed, rules);
    }
    judge::verdict(stage, Some(record), reasons)
}

fn cases(count: usize) -> Vec<(Stage, Record, Observed)> {
    let stages = inputs::project(&inputs::tree(count)).stages;
    let case = |(at, stage)| {
        let record = inputs::record(&inputs::node(at));
        let observed = unchanged(&record);
        (stage, record, observed)
    };
    stages.into_iter().enumerate().map(case).collect()
}

fn judge(bencher: Bencher<'_, '_>, cases: &[(Stage, Record, Observed)], fresh: bool) {
    let all = || cases.iter().map(|(stage, record, observed)| verdict(stage, record, observed)).collect::<Vec<_>>();
    assert!(all().iter().all(|verdict| (*verdict == Verdict::Fresh) == fresh), "the verdicts are not what they should be");
    bencher.bench_local(all);
}

#[divan::bench(args = [1000])]
fn fresh(bencher: Bencher<'_, '_>, count: usize) {
    judge(bencher, &cases(count), true);
}

/// A source that all stages read has changed.
#[divan::bench(args = [1000])]
fn stale(bencher: Bencher<'_, '_>, count: usize) {
    let mut cases = cases(count);
    for (_, _, observed) in &mut cases {
        if let Some(Seen::Found(digest, _)) = observed.deps.first_mut() {
            *digest = Digest::md5("0".repeat(32));
        }
    }
    judge(bencher, &cases, false);
}
