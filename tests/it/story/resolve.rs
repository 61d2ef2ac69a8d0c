//! `resolve` shows what a dvc.yaml means, to people and to programs.

use serde_json::{Value, json};

use crate::support::project::Project;

const TEMPLATED: &str = "\
vars: [{far: .inf}]
stages:
  build:
    foreach: ${models}
    do:
      cmd: train --depth ${item} --to ${far}
      outs: ['${key}.bin']
  bad:
    cmd: echo ${nothing}
";

fn templated() -> Project {
    Project::new().file("sub/dvc.yaml", TEMPLATED).file("sub/params.yaml", "models: {a: 1, b: 2}\n")
}

#[test]
fn people_get_stages_without_templates() {
    let ran = templated().run(["resolve", "sub/dvc.yaml"]);
    ran.exits(255).complains("ERROR: failed to parse 'stages.bad.cmd' in 'sub/dvc.yaml': Could not find 'nothing'");
    let want = "stages:\n  build@a:\n    cmd: train --depth 1 --to inf\n    outs:\n    - a.bin\n  build@b:\n    cmd: train --depth 2 --to inf\n    outs:\n    - b.bin\n";
    assert_eq!(ran.out(), want);
}

#[test]
fn programs_get_all_that_is_known() {
    let project = templated();
    let printed = project.run(["resolve", "--json", "--json-file", "../answer.json", "sub/dvc.yaml"]).exits(255).out();
    assert_eq!(printed, project.read("../answer.json"));
    assert!(printed.contains("\"far\": Infinity"), "{printed}");
    let found: Value = serde_json::from_str(&printed.replace("Infinity", "0")).unwrap();
    assert_eq!(found["context"], json!({"models": {"a": 1, "b": 2}, "far": 0}));
    assert_eq!(found["stages"]["build@b"], json!({"cmd": "train --depth 2 --to inf", "outs": ["b.bin"]}));
    assert_eq!(found["tracked_vars"]["build@b"], json!({"sub/params.yaml": {"models.b": 2}}));
    let cause = json!({"kind": "KeyNotInContext", "message": "Could not find 'nothing'"});
    let message = "failed to parse 'stages.bad.cmd' in 'sub/dvc.yaml': Could not find 'nothing'";
    let error = json!({"section": "stages", "entry": "bad", "kind": "ResolveError", "message": message, "cause": cause});
    assert_eq!(found["errors"], json!([error]));
}

#[test]
fn what_is_right_is_0_and_no_repository_253() {
    let project = templated();
    project.write("dvc.yaml", "stages: {a: {cmd: x}}\n");
    assert_eq!(project.run(["resolve"]).ok().out(), "stages:\n  a:\n    cmd: x\n");
    let folder = Project::folder();
    folder.run(["resolve", "--json-file", "../answer.json"]).exits(253);
    assert!(folder.read("../answer.json").contains("\"kind\": \"NotDvcRepoError\""));
}
