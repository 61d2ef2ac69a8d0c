//! The graph of a pipeline, and DVC's order through it.

use divan::Bencher;
use dvc_paraffin::model::{RepoPath, StageId};
use dvc_paraffin::plan::graph::Graph;
use dvc_paraffin::plan::select::{self, Scope};

use super::inputs;

#[divan::bench(args = [1000, 10000])]
fn build(bencher: Bencher<'_, '_>, count: usize) {
    let pipeline = inputs::stages(count);
    bencher.bench_local(|| Graph::build(&pipeline, &RepoPath::root()));
}

#[divan::bench(args = [1000, 10000])]
fn order(bencher: Bencher<'_, '_>, count: usize) {
    let pipeline = inputs::stages(count);
    let graph = Graph::build(&pipeline, &RepoPath::root()).expect("the graph is legal");
    for (stage, _) in pipeline.iter() {
        let upstream: Vec<usize> = graph.upstream(stage).into_iter().map(StageId::index).collect();
        assert_eq!(upstream, inputs::upstream(stage.index()), "the schedule is measured on another graph");
    }
    bencher.bench_local(|| select::plan(&graph.active(&pipeline), &[], &Scope::Upstream));
}
