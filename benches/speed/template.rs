//! Templates: `vars`, `foreach` over a list of maps, `matrix`, and maps as options of a command.

use std::fmt::Write as _;

use divan::Bencher;
use dvc_paraffin::format::pipeline::ProjectFile;
use dvc_paraffin::format::template::TemplateSettings;
use dvc_paraffin::model::RepoPath;

use super::inputs::{ROOT, Tree};

/// Four stages for each region: one that prepares it, three that train on it.
const DVC_YAML: &str = "vars:
- params.yaml
- dirs:
    raw: data/raw
    prepared: data/prepared
    models: models
  sources: src
stages:
  prepare:
    foreach: ${regions}
    do:
      cmd: python ${sources}/prepare.py --year ${item.year} ${dirs.raw}/${item.name}.csv ${dirs.prepared}/${item.name}.csv
      deps:
      - ${sources}/prepare.py
      - ${dirs.raw}/${item.name}.csv
      params:
      - prepare
      outs:
      - ${dirs.prepared}/${item.name}.csv
  train:
    matrix:
      region: ${names}
      model: [linear, forest, boost]
    vars:
    - tries: 3
    cmd: python ${sources}/train.py ${train} --tries ${tries} --model ${item.model} ${dirs.prepared}/${item.region}.csv
    deps:
    - ${sources}/train.py
    - ${dirs.prepared}/${item.region}.csv
    params:
    - train
    outs:
    - ${dirs.models}/${key}.bin
    metrics:
    - metrics/${key}.json:
        cache: false
";

fn params(regions: usize) -> String {
    let mut text =
        String::from("prepare:\n  split: 0.2\ntrain:\n  lr: 0.001\n  epochs: 10\n  verbose: true\n  layers: [64, 32]\nregions:\n");
    for region in 0..regions {
        let _ = writeln!(text, "- name: r{region:05}\n  year: {}", 1990 + region % 30);
    }
    text.push_str("names:\n");
    for region in 0..regions {
        let _ = writeln!(text, "- r{region:05}");
    }
    text
}

#[divan::bench(args = [1000])]
fn resolve(bencher: Bencher<'_, '_>, count: usize) {
    let tree = Tree(vec![("params.yaml", params(count / 4))]);
    let cwd = RepoPath::root();
    let file = ProjectFile::parse(DVC_YAML.as_bytes(), &RepoPath::new("dvc.yaml"), &cwd).expect("the dvc.yaml is well-formed");
    let project = || file.loader(&tree, ROOT, TemplateSettings::default(), &cwd).and_then(|loader| loader.project());
    assert_eq!(project().expect("the templates are sound").stages.len(), count);
    bencher.bench_local(project);
}
