//! What a dvc.yaml becomes, on files that stand in a table.

use std::collections::HashMap;

use super::*;
use crate::format::template::{BoolOption, ListOption};
use crate::model::{Cmd, OutKind};

/// Files by path.
#[derive(Default)]
struct Table(HashMap<String, Vec<u8>>);

impl Table {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }
}

impl Files for Table {
    fn read(&self, path: &RepoPath) -> std::io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path.as_str()).cloned())
    }
}

const ROOT: &str = "/top/repo";

fn load_from(files: &[(&str, &str)], path: &str, cwd: &str) -> Result<Project, PipelineError> {
    load(&Table::of(files), ROOT, &RepoPath::new(path), &TemplateSettings::default(), &RepoPath::new(cwd))
}

fn one(text: &str) -> Result<Project, PipelineError> {
    load_from(&[("dvc.yaml", text)], "dvc.yaml", "")
}

fn cmds(project: &Project) -> Vec<(String, String)> {
    let text = |cmd: &Option<Cmd>| match cmd {
        Some(Cmd::One(text)) => text.clone(),
        Some(Cmd::Many(items)) => items.join(" && "),
        None => String::new(),
    };
    project.stages.iter().map(|stage| (stage.address.name.clone().unwrap_or_default(), text(&stage.cmd))).collect()
}

const TEMPLATING: &[(&str, &str)] = &[
    (
        "dvc.yaml",
        r#"vars:
- loc: {n: 5, l: [10, 20]}
- more.yaml:who
stages:
  one:
    vars:
    - stagev: sv
    cmd: echo ${lr} ${neg} ${t} ${nul} ${loc.l[1]} ${who} ${stagev} \${DVC_STAGE} $DVC_STAGE > one.txt
    params: [lr]
    outs: [one.txt]
  args:
    cmd: echo ${d} > args.txt
    outs: [args.txt]
  fe:
    foreach: ${names}
    do:
      cmd: echo ${item} > fe/${item}.txt
      wdir: .
      deps: [fe/.gitkeep]
      outs: ["fe/${item}.txt"]
  lit:
    foreach: [true, 1.50, x]
    do:
      cmd: echo ${item}
  fd:
    foreach:
      k1: {v: 1}
      3: {v: 2}
    do:
      cmd: echo ${key} ${item.v}
  mx:
    matrix:
      a: [1, true]
      b: ${comp}
    cmd: echo ${item.a} ${item.b.n} ${key} > mx-${key}.txt
    outs: ["mx-${key}.txt"]
"#,
    ),
    ("more.yaml", "who: me\nother: 1\n"),
    (
        "params.yaml",
        "lr: 0.10\nneg: -3\nt: true\nnul:\nd: {a: 1, b: {c: x y, e: [1, z z]}, f: true, g: false}\nnames: [n1, true, 2.50]\ncomp:\n- {n: p}\n- {n: q}\n",
    ),
];

#[test]
fn resolves_all_kinds_of_templates() {
    let project = load_from(TEMPLATING, "dvc.yaml", "").unwrap();
    let got = cmds(&project);
    let want = [
        ("one", "echo 0.1 -3 true None 20 me sv ${DVC_STAGE} $DVC_STAGE > one.txt"),
        ("args", "echo --a 1 --b.c 'x y' --b.e 1 'z z' --f > args.txt"),
        ("fe@n1", "echo n1 > fe/n1.txt"),
        ("fe@True", "echo true > fe/true.txt"),
        ("fe@2.5", "echo 2.5 > fe/2.5.txt"),
        ("lit@true", "echo true"),
        ("lit@1.5", "echo 1.5"),
        ("lit@x", "echo x"),
        ("fd@k1", "echo k1 1"),
        ("fd@3", "echo 3 2"),
        ("mx@1-b0", "echo 1 p 1-b0 > mx-1-b0.txt"),
        ("mx@1-b1", "echo 1 q 1-b1 > mx-1-b1.txt"),
        ("mx@true-b0", "echo true p true-b0 > mx-true-b0.txt"),
        ("mx@true-b1", "echo true q true-b1 > mx-true-b1.txt"),
    ];
    assert_eq!(got, want.map(|(name, cmd)| (name.to_owned(), cmd.to_owned())));
    assert_eq!(project.groups.keys().collect::<Vec<_>>(), ["fe", "lit", "fd", "mx"]);
    assert_eq!(project.groups["fe"], ["fe@n1", "fe@True", "fe@2.5"]);
    assert_eq!(project.stages.iter().take(3).map(|stage| stage.line).collect::<Vec<_>>(), [Some(5), Some(11), Some(14)]);
}

#[test]
fn keys_of_a_stage_mean_what_they_mean_in_dvc() {
    let text = "
stages:
  a:
    cmd: [x, y]
    wdir: ../data
    frozen: true
    desc: d
    meta: {m: 1}
    deps: [./b/../b, /top/repo/sub/c, /else/d, s3://bucket/e, ../../up]
    params: [lr, other.yaml: [k, l], params.yaml: [m], whole.yaml: null, whole.yaml: [ignored]]
    plots: [p.csv: {x: a, cache: false}]
    metrics: [m.json: {cache: false}]
    outs: [o, o: {persist: true}, q: {push: false, remote: r, desc: text, checkpoint: true}]
";
    let project = load_from(&[("sub/dvc.yaml", text)], "sub/dvc.yaml", "").unwrap();
    let stage = &project.stages[0];
    assert_eq!(stage.wdir.as_str(), "data");
    assert_eq!(stage.cmd, Some(Cmd::Many(vec!["x".to_owned(), "y".to_owned()])));
    assert!(stage.frozen && !stage.always_changed && stage.line == Some(3));
    let deps: Vec<_> = stage.deps.iter().map(|dep| (dep.def_path.as_str(), dep.path.as_str(), dep.foreign.as_deref())).collect();
    assert_eq!(
        deps,
        [
            ("./b/../b", "data/b", None),
            ("../sub/c", "sub/c", None),
            ("/else/d", "/else/d", None),
            ("s3://bucket/e", "/s3:/bucket/e", Some("s3")),
            ("../../up", "/top/up", None),
        ]
    );
    let params: Vec<_> = stage.params.iter().map(|dep| (dep.def_path.as_str(), dep.path.as_str(), dep.keys.clone())).collect();
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        params,
        [
            ("params.yaml", "data/params.yaml", keys(&["lr", "m"])),
            ("other.yaml", "data/other.yaml", keys(&["k", "l"])),
            ("whole.yaml", "data/whole.yaml", keys(&[])),
        ]
    );
    let outs: Vec<_> = stage.outs.iter().map(|out| (out.def_path.as_str(), out.kind, out.cache, out.persist, out.push)).collect();
    assert_eq!(
        outs,
        [
            ("o", OutKind::Plain, true, true, true),
            ("q", OutKind::Plain, true, false, false),
            ("m.json", OutKind::Metric, false, false, true),
            ("p.csv", OutKind::Plot, false, false, true),
        ]
    );
    assert_eq!(stage.outs[1].remote.as_deref(), Some("r"));
    assert_eq!(stage.outs[1].annot.keys().filter_map(crate::model::Key::as_str).collect::<Vec<_>>(), ["desc"]);
}

#[test]
fn complains_as_dvc_does() {
    for (text, want) in [
        ("stages: {a: {cmd: 'echo ${nope.x}'}}", "failed to parse 'stages.a.cmd' in 'dvc.yaml': Could not find 'nope.x'"),
        ("vars: ['${x}']", "failed to parse 'vars' in 'dvc.yaml': interpolating is not allowed"),
        (
            "vars: [{lr: 1}, {lr: 1}]",
            "failed to parse 'vars' in 'dvc.yaml':\ncannot redefine 'lr' from 'vars[1]' as it already exists in 'vars[0]'",
        ),
        ("vars: [x.yaml]", "failed to parse 'vars' in 'dvc.yaml': 'x.yaml' does not exist"),
        ("stages: {a@b: {cmd: x}}", "Stage 'a@b' not found inside 'dvc.yaml' file"),
        (
            "stages: {a: {foreach: x, do: {cmd: y}}}",
            "failed to resolve 'stages.a.foreach' in 'dvc.yaml': expected list/dictionary, got str",
        ),
        (
            "vars: [l: [1]]\nstages: {a: {cmd: 'x ${l}'}}",
            "failed to parse 'stages.a.cmd' in 'dvc.yaml':\nCannot interpolate data of type 'list'",
        ),
        (
            "stages: {a: {foreach: [1], do: {cmd: x, vars: [item: 2]}}}",
            "failed to parse stage 'a@1' in 'dvc.yaml': attempted to modify reserved key item",
        ),
        ("stages: {a: {cmd: x, deps: [y.dvc]}}", "DVC file 'y.dvc' cannot be a dependency."),
        ("stages: {a: {cmd: x, outs: [s/dvc.yaml]}}", "DVC file 's/dvc.yaml' cannot be an output."),
    ] {
        assert_eq!(one(text).unwrap_err().to_string(), want, "{text}");
    }
}

#[test]
fn settings_decide_on_options() {
    let settings = TemplateSettings { parsing_bool: BoolOption::BooleanOptional, parsing_list: ListOption::Append };
    let files = Table::of(&[("dvc.yaml", "vars: [d: {a: false, l: [1, 2]}]\nstages: {a: {cmd: 'x ${d}'}}")]);
    let project = load(&files, ROOT, &RepoPath::new("dvc.yaml"), &settings, &RepoPath::root()).unwrap();
    assert_eq!(cmds(&project)[0].1, "x --no-a --l 1 --l 2");
}

#[test]
fn a_schema_error_is_told_as_dvc_tells_it() {
    let error = one("stages:\n  a:\n    cmd: echo\n    depz: [x]\n    outs: x\n").unwrap_err();
    let PipelineError::Validation(error) = error else { panic!("{error}") };
    assert_eq!((error.line, error.column), (Some(4), Some(11)));
    let code = |number: usize, text: &str| format!("  {number} {text:<76}\n");
    let want = [
        "'./dvc.yaml' validation failed: 2 errors.\n\n".to_owned(),
        "extra keys not allowed, in stages -> a -> depz, line 4, column 11\n".to_owned(),
        code(3, "│   cmd: echo"),
        code(4, "│   depz: [x]"),
        "\nexpected a list, in stages -> a -> outs, line 3, column 5\n".to_owned(),
        code(2, "  a:"),
        code(3, "│   cmd: echo"),
        code(4, "│   depz: [x]"),
    ];
    assert_eq!(error.text, want.concat());
}

#[test]
fn a_syntax_error_is_told_as_dvc_tells_it() {
    let error = one("stages:\n  a:\n    cmd: echo 1\n  a:\n    cmd: echo 2\n").unwrap_err();
    let fault = error.fault();
    let code = |number: usize, text: &str| format!("  {number} {text:<76}\n");
    let want = [
        "'./dvc.yaml' is invalid.\n\nWhile constructing a mapping, in line 2, column 3\n".to_owned(),
        code(2, "  a:"),
        "\nFound duplicate key \"a\" with value \"{}\" (original value: \"{}\"), in line 4, \ncolumn 3\n".to_owned(),
        code(4, "  a:"),
    ];
    assert_eq!(fault.detail("text"), Some(want.concat().as_str()));
}

#[test]
fn ten_thousand_stages_are_fast() {
    let mut text = String::from("stages:\n");
    for number in 0..1000 {
        text.push_str(&format!("  s{number}:\n    cmd: run ${{lr}} in{number}\n    deps: [in{number}]\n    outs: [out{number}]\n"));
    }
    text.push_str("  g:\n    foreach: ${many}\n    do:\n      cmd: run ${item}\n      outs: ['g${item}']\n");
    let many: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let params = format!("lr: 1\nmany: [{}]\n", many.join(", "));
    let project = load_from(&[("dvc.yaml", &text), ("params.yaml", &params)], "dvc.yaml", "").unwrap();
    assert_eq!(project.stages.len(), 2000);
}
