//! The repositories: each is there for something that a reader of values may take otherwise.

use super::{commit, compare};
use crate::differential::preloaded::Dvc;
use crate::dvc;
use crate::support::project::Project;
use crate::support::{aloud, on_threads};

/// A repository in two states.
struct Case {
    name: &'static str,
    first: fn(&Project, &Dvc),
    second: fn(&Project, &Dvc),
}

/// The case in which there is nothing to find.
const NOTHING: &str = "nothing to compare";

/// How many cases go on at once.
const PARTS: usize = 3;

fn files(project: &Project, files: &[(&str, &str)]) {
    for (path, text) in files {
        project.write(path, text);
    }
}

fn repro(project: &Project, dvc: &Dvc) {
    dvc.run(&project.scratch, &project.root(), &["repro"]).ok();
}

const CASES: &[Case] = &[
    Case {
        name: "keys changed, added and removed",
        first: |p, _| {
            let stage = "stages:\n  s:\n    cmd: x\n    params: [lr, model.depth]\n    metrics: [m.json: {cache: false}]\n";
            files(p, &[("dvc.yaml", stage), ("params.yaml", "lr: 0.1\nmodel: {depth: 3, width: 4}\nold: 1\nsame: x\n")]);
            files(p, &[("m.json", "{\"acc\": 0.123456789, \"deep\": {\"loss\": 2, \"gone\": 1}, \"text\": \"a\"}")]);
        },
        second: |p, _| {
            files(p, &[("params.yaml", "lr: 0.01\nmodel: {depth: 3, width: 8}\nnew: {a: {b: 1}}\nsame: x\n")]);
            files(p, &[("m.json", "{\"acc\": 0.1, \"deep\": {\"loss\": 3}, \"text\": \"b\", \"more\": 7}")]);
        },
    },
    Case {
        name: "odd values",
        first: |p, _| {
            let big = "i: 1\nf: 1.0\nb: false\nn: null\nl: [1, 2.5, x, {k: v}]\none: [5]\nnan: .nan\ninf: -.inf\nhuge: 123456789012345678901234567890\ns: '1'\ne: {}\nempty: []\nexp: 1e-7\n";
            files(p, &[("dvc.yaml", "metrics: [m.json, m.yaml, m.toml]\n"), ("params.yaml", big)]);
            files(
                p,
                &[("m.json", "{\"nan\": NaN, \"inf\": Infinity, \"i\": 1, \"l\": [1], \"n\": null, \"b\": true, \"o\": {\"n\": null}}")],
            );
            files(p, &[("m.yaml", "d: 2020-01-02\na: 1\nt: true\n"), ("m.toml", "a = 1\n[b]\nc = 2.5\n")]);
        },
        second: |p, _| {
            let big = "i: 1.0\nf: 1\nb: 0\nn: 1\nl: [1, 2.5, x, {k: w}]\none: [6]\nnan: .nan\ninf: .inf\nhuge: 123456789012345678901234567891\ns: 1\ne: {x: 1}\nempty: [1]\nexp: 0.1\n";
            files(p, &[("params.yaml", big), ("m.toml", "a = 2\n[b]\nc = -2.5\nd = \"x\"\n")]);
            files(p, &[("m.json", "{\"nan\": NaN, \"inf\": 1, \"i\": true, \"l\": [2], \"n\": 1, \"b\": 5, \"o\": {\"n\": 0.5}}")]);
            files(p, &[("m.yaml", "d: 2020-01-03\na: 2\nt: 1\nround: 0.000004\nhalf: 0.000005\nlarge: 1e22\n")]);
        },
    },
    Case {
        name: "several dvc.yaml",
        first: |p, _| {
            files(p, &[("dvc.yaml", "stages:\n  top:\n    cmd: x\n    metrics: [m.json: {cache: false}]\n"), ("m.json", "{\"a\": 1}")]);
            let sub =
                "stages:\n  low:\n    cmd: x\n    wdir: work\n    params: [a, p.json: [k.z]]\n    metrics: [out/m.yaml: {cache: false}]\n";
            files(
                p,
                &[("sub/dvc.yaml", sub), ("sub/work/params.yaml", "a: 1\nb: 1\n"), ("sub/work/p.json", "{\"k\": {\"z\": 1, \"y\": 1}}")],
            );
            files(p, &[("sub/work/out/m.yaml", "acc: 1\n"), ("sub/params.yaml", "never: 1\n")]);
        },
        second: |p, _| {
            files(p, &[("m.json", "{\"a\": 2}"), ("sub/work/params.yaml", "a: 2\nb: 2\n"), ("sub/params.yaml", "never: 2\n")]);
            files(p, &[("sub/work/out/m.yaml", "acc: 2\n"), ("sub/work/p.json", "{\"k\": {\"z\": 2, \"y\": 2}}")]);
        },
    },
    Case {
        name: "lists beside the stages",
        first: |p, _| {
            files(
                p,
                &[("dvc.yaml", "vars: [names.yaml]\nparams: ['${file}', conf/b.json]\nmetrics: [m.json, ./sub/../n.yaml, lost.json]\n")],
            );
            files(p, &[("names.yaml", "file: conf/a.toml\n"), ("conf/a.toml", "x = 1\n[t]\ny = \"a\"\n"), ("conf/b.json", "{\"z\": 1}")]);
            files(p, &[("m.json", "{\"a\": 1}"), ("n.yaml", "a: 1\n"), ("sub/dvc.yaml", "metrics: [../up.json]\nparams: [../p.yaml]\n")]);
            files(p, &[("up.json", "{\"u\": 1}"), ("p.yaml", "p: 1\n")]);
        },
        second: |p, _| {
            files(p, &[("conf/a.toml", "x = 2\n[t]\ny = \"b\"\n"), ("conf/b.json", "{\"z\": 2}"), ("m.json", "{\"a\": 2}")]);
            files(p, &[("n.yaml", "a: 2\n"), ("up.json", "{\"u\": 2}"), ("p.yaml", "p: 2\n")]);
        },
    },
    Case {
        name: "cached metrics",
        first: |p, dvc| {
            let yaml = "stages:\n  s:\n    cmd: cp params.yaml m.yaml && mkdir -p all/deep && cp params.yaml all/deep/n.yaml && echo '{\"k\":1}' > all/o.json\n    params: [lr]\n    metrics: [m.yaml, all]\n";
            files(p, &[("dvc.yaml", yaml), ("params.yaml", "lr: 0.1\n")]);
            repro(p, dvc);
        },
        second: |p, dvc| {
            files(p, &[("params.yaml", "lr: 0.2\nmore: 1\n")]);
            repro(p, dvc);
        },
    },
    Case {
        name: "cached metrics that are not in the work tree",
        first: |p, dvc| {
            files(
                p,
                &[(
                    "dvc.yaml",
                    "stages:\n  s:\n    cmd: cp params.yaml m.yaml; mkdir d; cp params.yaml d/n.yaml; cp params.yaml d/gone.yaml\n    params: [lr]\n    metrics: [m.yaml, d]\n",
                )],
            );
            files(p, &[("params.yaml", "lr: 1\n")]);
            repro(p, dvc);
        },
        second: |p, dvc| {
            files(p, &[("params.yaml", "lr: 2\n")]);
            repro(p, dvc);
            p.sh("rm -r m.yaml d/gone.yaml");
        },
    },
    Case {
        name: "objects that are gone",
        first: |p, dvc| {
            let yaml = "stages:\n  s:\n    cmd: cp params.yaml m.yaml; mkdir d; cp params.yaml d/n.yaml\n    params: [lr]\n    metrics: [m.yaml, d]\n  t:\n    cmd: cp params.yaml o.yaml\n    params: [lr]\n    metrics: [o.yaml: {cache: false}]\n";
            files(p, &[("dvc.yaml", yaml), ("params.yaml", "lr: 1\n")]);
            repro(p, dvc);
            p.sh("rm -rf .dvc/cache/files");
        },
        second: |p, dvc| {
            files(p, &[("params.yaml", "lr: 2\n")]);
            repro(p, dvc);
        },
    },
    Case {
        name: "folders of metrics",
        first: |p, dvc| {
            let yaml = "stages:\n  s:\n    cmd: cp params.yaml results/c.yaml; mkdir results/d; cp params.yaml results/d/e.yaml\n    params: [lr]\n    outs: [results/c.yaml, results/d]\nmetrics: [results, plain]\nparams: [conf]\n";
            files(p, &[("dvc.yaml", yaml), ("params.yaml", "lr: 1\n"), ("results/keep.json", "{\"a\": 1}")]);
            files(
                p,
                &[("plain/x.json", "{\"x\": 1}"), ("plain/deep/y.yaml", "y: 1\n"), ("conf/a.yaml", "a: 1\n"), ("conf/b/c.toml", "c = 1\n")],
            );
            repro(p, dvc);
        },
        second: |p, dvc| {
            files(p, &[("params.yaml", "lr: 2\n"), ("results/keep.json", "{\"a\": 2}"), ("plain/new.json", "{\"n\": 1}")]);
            files(
                p,
                &[("conf/a.yaml", "a: 2\n"), ("conf/b/c.toml", "c = 2\n"), ("plain/deep/y.yaml", "y: 2\n"), (".dvcignore", "new.json\n")],
            );
            repro(p, dvc);
        },
    },
    Case {
        name: "parameters in Python and TOML",
        first: |p, _| {
            let yaml = "stages:\n  s:\n    cmd: x\n    params: [p.py: [LR, Net.depth, D.a], c.toml: [tool.x], whole.py: ]\n";
            files(p, &[("dvc.yaml", yaml), ("c.toml", "[tool]\nx = 1\ny = 2\n[other]\nz = 1\n")]);
            files(p, &[("p.py", "LR = 0.1\nOTHER = 1\nD = {'a': [1, 2]}\nclass Net:\n    depth = 3\n    width = 1\n")]);
            files(p, &[("whole.py", "A = None\nB = 'x'\nC: float = 1e-3\n")]);
        },
        second: |p, _| {
            files(p, &[("c.toml", "[tool]\nx = 2\ny = 3\n[other]\nz = 2\n"), ("whole.py", "A = 1\nB = 'y'\nC: float = 2e-3\nE = -1\n")]);
            files(p, &[("p.py", "LR = 0.2\nOTHER = 2\nD = {'a': [1, 3]}\nclass Net:\n    depth = 4\n    width = 2\n")]);
        },
    },
    Case {
        name: "stages that come and go",
        first: |p, _| {
            let yaml = "stages:\n  a:\n    cmd: x\n    params: [pa.yaml: [k]]\n    metrics: [ma.json: {cache: false}]\n  b:\n    cmd: x\n    params: [pb.yaml: [k]]\n    metrics: [mb.json: {cache: false}]\n";
            files(
                p,
                &[("dvc.yaml", yaml), ("pa.yaml", "k: 1\n"), ("pb.yaml", "k: 1\n"), ("ma.json", "{\"a\": 1}"), ("mb.json", "{\"b\": 1}")],
            );
            files(p, &[("gone/dvc.yaml", "metrics: [m.json]\n"), ("gone/m.json", "{\"g\": 1}")]);
        },
        second: |p, _| {
            let yaml = "stages:\n  a:\n    cmd: x\n    params: [pa.yaml: [k, l]]\n    metrics: [ma.json: {cache: false}]\n  c:\n    cmd: x\n    metrics: [mc.json: {cache: false}]\n";
            files(p, &[("dvc.yaml", yaml), ("pa.yaml", "k: 1\nl: 2\n"), ("mc.json", "{\"c\": 1}")]);
            p.sh("rm -r gone");
        },
    },
    Case {
        name: "variables of templates",
        first: |p, _| {
            let yaml = "vars: [v.yaml, sub/w.json:far, {own: 1}]\nstages:\n  s:\n    vars: [only.yaml]\n    cmd: echo ${a.b} ${far.x} ${own} ${o} ${list[1]}\n  g:\n    foreach: ${each}\n    do: {cmd: 'echo ${item} ${a.c}'}\n  m:\n    matrix: {q: '${each}'}\n    cmd: echo ${item.q} ${lr}\n";
            files(
                p,
                &[
                    ("dvc.yaml", yaml),
                    ("v.yaml", "a: {b: 1, c: 2, d: 3}\neach: [1, 2]\nlist: [x, y]\n"),
                    ("only.yaml", "o: 1\nunused: 1\n"),
                ],
            );
            files(p, &[("sub/w.json", "{\"far\": {\"x\": 1, \"y\": 1}, \"other\": 1}"), ("params.yaml", "lr: 1\nfree: 1\n")]);
        },
        second: |p, _| {
            files(p, &[("v.yaml", "a: {b: 2, c: 3, d: 4}\neach: [1, 3]\nlist: [x, z]\n"), ("only.yaml", "o: 2\nunused: 2\n")]);
            files(p, &[("sub/w.json", "{\"far\": {\"x\": 2, \"y\": 2}, \"other\": 2}"), ("params.yaml", "lr: 2\nfree: 2\n")]);
        },
    },
    Case {
        name: "keys with patterns and places in lists",
        first: |p, _| {
            let yaml = "stages:\n  s:\n    cmd: x\n    params: [p.yaml: [l.1, 'm.a.*.b', n, n.x, 'w*', no, t.-1]]\n  t:\n    cmd: x\n    params: [p.yaml: [l.1, l.0, n.l], q.json: [deep.er]]\n";
            files(
                p,
                &[
                    ("dvc.yaml", yaml),
                    ("p.yaml", "l: [1, 2, 3]\nm: {a: [{b: 1, c: 1}, {b: 2}]}\nn: {x: 1, l: [1]}\nwide: 1\nwild: {s: 1}\nt: [7, 8]\n"),
                ],
            );
            files(p, &[("q.json", "{\"deep\": {\"er\": {\"x\": 1}, \"other\": 1}}")]);
        },
        second: |p, _| {
            files(p, &[("p.yaml", "l: [5, 6, 7]\nm: {a: [{b: 3, c: 1}, {b: 2}]}\nn: {x: 2, l: [2]}\nwide: 2\nwild: {s: 2}\nt: [8, 9]\n")]);
            files(p, &[("q.json", "{\"deep\": {\"er\": {\"x\": 2}, \"other\": 2}}")]);
        },
    },
    Case {
        name: "bare values",
        first: |p, _| {
            let yaml = "metrics: [n.txt, t.txt, turn.json, back.json, zero.txt, new.txt, quoted.json, list.json]\nparams: [list.yaml, bare.yaml]\n";
            files(p, &[("dvc.yaml", yaml), ("n.txt", "0.5\n"), ("t.txt", "word\n"), ("turn.json", "1"), ("back.json", "{\"a\": 1}")]);
            files(p, &[("zero.txt", "0"), ("quoted.json", "\"{\\\"q\\\": 1}\""), ("list.json", "[1, 2]"), ("list.yaml", "[1, {a: 2}]\n")]);
            files(p, &[("bare.yaml", "text\n"), ("one.yaml", "[1]\n")]);
        },
        second: |p, _| {
            files(p, &[("n.txt", "0.25\n"), ("t.txt", "other\n"), ("turn.json", "{\"a\": 1}"), ("back.json", "7"), ("zero.txt", "3")]);
            files(p, &[("new.txt", "1"), ("quoted.json", "\"{\\\"q\\\": 2}\""), ("list.json", "[1, 3]"), ("list.yaml", "[1, {a: 3}]\n")]);
            files(p, &[("bare.yaml", "texts\n")]);
        },
    },
    Case {
        name: "what cannot be read",
        first: |p, _| {
            files(
                p,
                &[
                    ("dvc.yaml", "metrics: [a.json, b.yaml, c.toml, d.json]\nparams: [p.yaml, x.py]\n"),
                    ("a.json", "{broken"),
                    ("b.yaml", "b: 1\n"),
                ],
            );
            files(p, &[("c.toml", "c = 1\n"), ("d.json", "{\"d\": 1}"), ("p.yaml", "a: [\n"), ("x.py", "a = 1\n")]);
        },
        second: |p, _| {
            files(p, &[("a.json", "{\"a\": 1}"), ("b.yaml", "b: [\n"), ("c.toml", "c = \n"), ("p.yaml", "a: 1\n"), ("x.py", "a = = 1\n")]);
            p.sh("rm d.json");
        },
    },
    Case {
        name: "a pipeline that cannot be read",
        first: |p, _| files(p, &[("dvc.yaml", "stages: {s: {}}\n"), ("params.yaml", "a: 1\n"), ("m.json", "{\"a\": 1}")]),
        second: |p, _| files(p, &[("dvc.yaml", "metrics: [m.json]\n"), ("params.yaml", "a: 2\n"), ("m.json", "{\"a\": 2}")]),
    },
    Case {
        name: "metrics that were added",
        first: |p, dvc| {
            files(p, &[("dvc.yaml", "metrics: [m.json, d/x.yaml]\n"), ("m.json", "{\"a\": 1}"), ("d/x.yaml", "x: 1\n")]);
            dvc.run(&p.scratch, &p.root(), &["add", "-q", "m.json", "d"]).ok();
        },
        second: |p, dvc| {
            files(p, &[("m.json", "{\"a\": 2}"), ("d/x.yaml", "x: 2\n")]);
            dvc.run(&p.scratch, &p.root(), &["add", "-q", "m.json", "d"]).ok();
        },
    },
    Case {
        name: "names and texts",
        first: |p, _| {
            files(p, &[("dvc.yaml", "metrics: [m.v1.json, M.JSON, é/mé.json]\n"), ("m.v1.json", "{\"a\": NaN, \"b\": 1e5, \"c\": 010}")]);
            files(p, &[("M.JSON", "{\"a\": 1}"), ("é/mé.json", "{\"k v\": 1, \"é.x\": {\"y\": 1}, \"\": 1, \"1\": {\"2\": 3}}")]);
            files(p, &[("params.yaml", "k v: 1\r\né: {ü: 1}\r\na.b: 1\r\n")]);
        },
        second: |p, _| {
            files(
                p,
                &[
                    ("m.v1.json", "{\"a\": 2, \"b\": 2e5, \"c\": 011}"),
                    ("M.JSON", "{\"a\": 2}"),
                    ("params.yaml", "k v: 2\r\né: {ü: 2}\r\na.b: 2\r\n"),
                ],
            );
            files(p, &[("é/mé.json", "{\"k v\": 2, \"é.x\": {\"y\": 2}, \"\": 2, \"1\": {\"2\": 4}}")]);
        },
    },
    Case {
        name: "ignored files",
        first: |p, _| {
            files(
                p,
                &[("dvc.yaml", "metrics: [m.json, d]\n"), ("m.json", "{\"a\": 1}"), ("d/x.json", "{\"x\": 1}"), ("d/y.json", "{\"y\": 1}")],
            );
            files(p, &[("skip/dvc.yaml", "metrics: [s.json]\n"), ("skip/s.json", "{\"s\": 1}"), ("params.yaml", "a: 1\n")]);
            files(
                p,
                &[
                    (".dvcignore", "skip\ny.json\nparams.yaml\n"),
                    ("inner/.dvc/config", ""),
                    ("inner/dvc.yaml", "metrics: [i.json]\n"),
                    ("inner/i.json", "{\"i\": 1}"),
                ],
            );
        },
        second: |p, _| {
            files(p, &[("m.json", "{\"a\": 2}"), ("d/x.json", "{\"x\": 2}"), ("d/y.json", "{\"y\": 2}"), ("skip/s.json", "{\"s\": 2}")]);
            files(p, &[("params.yaml", "a: 2\n"), ("inner/i.json", "{\"i\": 2}"), (".dvcignore", "skip\nparams.yaml\n")]);
        },
    },
    Case { name: NOTHING, first: |p, _| files(p, &[("readme", "x")]), second: |p, _| files(p, &[("readme", "y")]) },
];

#[test]
fn values_differ_as_dvc_says() {
    let Some(script) = dvc::get("differences of parameters and metrics") else { return };
    let server = Dvc::start(script);
    let wrong: Vec<String> = on_threads(PARTS, CASES, |case| {
        let project = Project::new();
        (case.first)(&project, &server);
        commit(&project);
        (case.second)(&project, &server);
        let now = compare(&server, &project.scratch, &project.root(), ["HEAD", "workspace"], true);
        commit(&project);
        let then = compare(&server, &project.scratch, &project.root(), ["HEAD~1", "HEAD"], false);
        // A case without differences shows nothing, unless that is what it is for.
        assert_eq!(now.rows > 0 && then.rows > 0, case.name != NOTHING, "{}", case.name);
        now.wrong.into_iter().chain(then.wrong).map(|text| format!("{}: {text}", case.name)).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    aloud(&format!("parameters and metrics of {} repositories: {} comparisons wrong", CASES.len(), wrong.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
