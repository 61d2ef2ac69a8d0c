//! Three pipelines of our own in the shape of public ones. Their commands are a small script that adds
//! up numbers, so that what a run must come to can be told beforehand.

use crate::dvc;
use crate::support::project::Project;
use crate::support::twins::Twins;

/// `sum OUT FACTOR IN...`: the numbers in all files of the inputs, added up and times FACTOR. An OUT
/// that ends in `/` is a folder of two files, one that ends in `.json` is a metric.
const SUM: &str = r#"#!/bin/sh
set -e
out=$1 factor=$2
shift 2
total=$(find "$@" -type f ! -name .gitignore -exec cat {} + | tr -dc '0-9\n' | awk -v f="$factor" '{ t += $1 } END { print t * f }')
case $out in
*/) mkdir -p "$out/deep" && echo "$total" >"$out/a" && echo 1 >"$out/deep/b" ;;
*.json) mkdir -p "$(dirname "$out")" && echo "{\"total\": $total}" >"$out" ;;
*) mkdir -p "$(dirname "$out")" && echo "$total" >"$out" ;;
esac
"#;

/// The dvc.yaml of the root of the benchmarks.
const MERGE: &str = "
vars:
- sizes.yaml
- unit: 10
stages:
  merge:
    cmd:
    - sh tools/sum made/all ${unit} made/small made/large
    - sh tools/sum report.json ${scale} made/all
    deps:
    - tools/sum
    - made/small
    - made/large
    params:
    - scale
    - big/params.yaml:
      - model.depth
    outs:
    - made/all:
        persist: true
    metrics:
    - report.json:
        cache: false
";

/// The dvc.yaml of each folder of benchmarks, which is called HERE.
const PART: &str = "
stages:
  fetch:
    matrix:
      size: ${sizes}
      kind: [x, y]
    wdir: ..
    cmd: sh tools/sum made/HERE/${item.size}-${item.kind} ${item.size} HERE/${item.kind}.txt
    deps:
    - HERE/${item.kind}.txt
    params:
    - HERE/params.yaml:
      - model
    outs:
    - made/HERE/${item.size}-${item.kind}
  plot:
    cmd: sh ../tools/sum curve.csv $(tr -dc 0-9 <params.yaml) ../made/HERE/
    deps: [../made/HERE]
    params: [model.depth]
    plots:
    - curve.csv:
        cache: false
        x: n
vars:
- ../sizes.yaml
";

/// As a list of benchmarks: four dvc.yaml that share folders, matrices, parameters of each folder and
/// of the root, metrics and plots that are not cached.
fn benchmarks() -> Project {
    Project::new()
        .file("tools/sum", SUM)
        .file("sizes.yaml", "sizes: [1, 20]\n")
        .file("params.yaml", "scale: 3\nunused: 1\n")
        .file("dvc.yaml", MERGE)
        .file("small/dvc.yaml", PART.replace("HERE", "small"))
        .file("small/params.yaml", "model:\n  depth: 2\n  name: s\n")
        .file("small/x.txt", "1\n2\n")
        .file("small/y.txt", "4\n")
        .file("big/dvc.yaml", PART.replace("made/HERE", "made/large").replace("HERE", "big"))
        .file("big/params.yaml", "model: {depth: 5, name: b}\n")
        .file("big/x.txt", "100\n")
        .file("big/y.txt", "1000\n")
}

#[test]
fn benchmarks_in_several_folders() {
    let Some(dvc) = dvc::get("the project with benchmarks") else { return };
    let twins = Twins::of(dvc, benchmarks());
    let fetches = |folder: &str| ["1-x", "1-y", "20-x", "20-y"].map(|name| format!("{folder}/dvc.yaml:fetch@{name}"));
    let (big, small) = (fetches("big"), fetches("small"));
    let all: Vec<&str> =
        big.iter().chain(&small).map(String::as_str).chain(["big/dvc.yaml:plot", "small/dvc.yaml:plot", "merge"]).collect();
    twins.repro(&["--all-pipelines"], <[&str; 11]>::try_from(all).unwrap());
    // Each number once and twenty times, then times ten.
    assert_eq!(twins.read("made/all"), (21 * (7 + 1100) * 10).to_string());
    assert_eq!(twins.read("report.json"), format!("{{\"total\": {}}}", 21 * (7 + 1100) * 10 * 3));
    assert_eq!(twins.read("big/curve.csv"), (21 * 1100 * 5).to_string());

    twins.edit("small/x.txt", "2\n", "5\n");
    let small_x = ["small/dvc.yaml:fetch@1-x", "small/dvc.yaml:fetch@20-x", "small/dvc.yaml:plot", "merge"];
    twins.repro(&["-P"], small_x);
    twins.edit("big/params.yaml", "depth: 5", "depth: 6");
    let deeper = [big[0].as_str(), &big[1], &big[2], &big[3], "big/dvc.yaml:plot", "merge"];
    twins.repro(&["-P"], deeper);
    twins.edit("dvc.yaml", "unit: 10", "unit: 1");
    twins.repro(&[], ["merge"]);
    assert_eq!(twins.read("report.json"), format!("{{\"total\": {}}}", 21 * (10 + 1100) * 3));
    assert_eq!(twins.read("big/curve.csv"), (21 * 1100 * 6).to_string());
    twins.clean();
}

/// The dvc.yaml of the search.
const SEARCH: &str = "
vars:
- settings.json
stages:
  split:
    cmd: sh tools/sum work/split/ 1 raw
    deps: [raw]
    outs: [work/split]
  train:
    foreach: ${models}
    do:
      desc: Model ${key} of ${item.name}.
      cmd: >-
        sh tools/sum
        work/models/${key}.bin ${item.rate}
        work/split
      deps: [work/split]
      params:
      - models.${key}
      - common
      outs:
      - work/models/${key}.bin
  attack:
    foreach: ${attacks}
    do:
      cmd:
      - sh tools/sum work/attack/${item}/ ${factor} work/models/linear.bin work/models/deep.bin
      - sh tools/sum work/attack-${item}.json 1 work/attack/${item}/a
      deps:
      - work/models/linear.bin
      - work/models/deep.bin
      outs:
      - work/attack/${item}
      metrics:
      - work/attack-${item}.json
  best:
    cmd: sh tools/sum work/best.txt 1 work/attack work/split/deep
    deps: [work/attack/noise, work/attack/blur, work/split/deep]
    params:
    - settings.json:
      - strength.noise
    outs:
    - work/best.txt:
        persist: true
        desc: the best of all
";

/// As a search for the best model: a foreach over a mapping of the parameters, one over a list, a chain
/// of folders, a persisted collection, metrics at each step.
fn search() -> Project {
    Project::new()
        .file("tools/sum", SUM)
        .file("dvc.yaml", SEARCH)
        .file("params.yaml", "common: 1.0\nmodels:\n  linear:\n    name: lin\n    rate: 2\n  deep: {name: d, rate: 3}\n")
        .file("settings.json", "{\"attacks\": [\"noise\", \"blur\"], \"strength\": {\"noise\": 1e-05}, \"factor\": 7}\n")
        .file("raw/one", "10\n")
        .file("raw/sub/two", "20\n")
}

#[test]
fn a_search_over_models() {
    let Some(dvc) = dvc::get("the project with a search over models") else { return };
    let twins = Twins::of(dvc, search());
    let best = |split: u64, rates: u64| (2 * ((split + 1) * rates * 7 + 1) + 1).to_string();
    let attacks = ["attack@noise", "attack@blur"];
    twins.repro(&[], ["split", "train@linear", "train@deep", attacks[0], attacks[1], "best"]);
    assert_eq!(twins.read("work/best.txt"), best(30, 2 + 3));

    twins.edit("params.yaml", "rate: 2", "rate: 4");
    twins.repro(&[], ["train@linear", attacks[0], attacks[1], "best"]);
    assert_eq!(twins.read("work/best.txt"), best(30, 4 + 3));
    twins.edit("settings.json", "1e-05", "1.5e-05");
    twins.repro(&[], ["best"]);
    twins.edit("params.yaml", "rate: 4", "rate: 2");
    twins.sh("echo 5 >raw/sub/three");
    twins.repro(&["best"], ["split", "train@linear", "train@deep", attacks[0], attacks[1], "best"]);
    assert_eq!(twins.read("work/best.txt"), best(35, 2 + 3));
    twins.sh("rm -r raw/sub/three work/models");
    // What is persisted is never looked up.
    twins.repro(&[], ["best"]).says("is cached - skipping run, checking out outputs");
    assert_eq!(twins.read("work/best.txt"), best(30, 2 + 3));
    twins.clean();
}

/// The dvc.yaml of an area.
const AREA: &str = "
stages:
  prepare:
    wdir: ../../
    frozen: FROZEN
    cmd: sh tools/sum store/NAME/clean.txt 2 areas/NAME/raw.txt store/base.csv
    deps:
    - areas/NAME/raw.txt
    - store/base.csv
    outs:
    - store/NAME/clean.txt
  publish:
    cmd: sh ../../tools/sum ../../site/NAME/ 1 ../../store/NAME/clean.txt
    deps: [../../store/NAME/clean.txt]
    outs:
    - ../../site/NAME:
        push: false
";

/// The dvc.yaml above all areas.
const SITE: &str = "
stages:
  index:
    cmd: sh ../tools/sum index.txt 1 north south ../imported.txt
    deps: [north, south, ../imported.txt]
    outs: [index.txt]
  stamp:
    cmd: sh ../tools/sum stamp.json 3 index.txt
    deps: [index.txt]
    always_changed: true
    metrics:
    - stamp.json:
        cache: false
";

/// As a collection of areas: nested dvc.yaml that name each other's files by `..`, data files that were
/// added or imported, frozen stages, stages that always run, a folder that several stages fill.
fn areas() -> Project {
    let named = |name: &str, frozen: &str| AREA.replace("NAME", name).replace("FROZEN", frozen);
    Project::new()
        .file("tools/sum", SUM)
        .file("areas/north/dvc.yaml", named("north", "false"))
        .file("areas/south/dvc.yaml", named("south", "false"))
        .file("areas/north/raw.txt", "1\n2\n3\n")
        .file("areas/south/raw.txt", "40\n")
        .file("store/.gitignore", "/base.csv\n")
        .file("site/dvc.yaml", SITE)
        .file("given/numbers.txt", "1000\n")
}

#[test]
fn areas_with_added_and_imported_data() {
    let Some(dvc) = dvc::get("the project with areas") else { return };
    let project = areas();
    // Data that is tracked but not yet recorded, and an import of a local file, as `dvc import-url` leaves it.
    let project = project.file("store/base.csv.dvc", "# what all areas need\nouts:\n- path: base.csv\n  desc: base\n").commit();
    project.write("store/base.csv", "100\n");
    let (name, given) = (dvc.display(), project.at("given/numbers.txt"));
    project.sh(&format!("{name} import-url -q given/numbers.txt imported.txt && rm -rf .dvc/tmp"));
    assert!(given.exists());
    let twins = Twins::of(dvc, project);
    let north = ["areas/north/dvc.yaml:prepare", "areas/north/dvc.yaml:publish"];
    let south = ["areas/south/dvc.yaml:prepare", "areas/south/dvc.yaml:publish"];
    let site = ["site/dvc.yaml:index", "site/dvc.yaml:stamp"];
    twins.repro(&["-P"], [north[0], north[1], south[0], south[1], site[0], site[1]]);
    let index = |north: u64, south: u64, imported: u64| (2 * north + 1 + 2 * south + 1 + imported).to_string();
    assert_eq!(twins.read("site/index.txt"), index(106, 140, 1000));

    twins.sh("echo 200 >store/base.csv && rm imported.txt && echo 2000 >imported.txt");
    twins.edit("areas/south/dvc.yaml", "frozen: false", "frozen: true");
    twins.repro(&["-P"], [north[0], north[1], site[0], site[1]]);
    assert_eq!(twins.read("site/index.txt"), index(206, 140, 2000));
    assert!(twins.read("store/base.csv.dvc").starts_with("# what all areas need\n"));
    // Only one folder's pipeline, from below and from the root.
    twins.edit("areas/north/raw.txt", "3\n", "30\n");
    twins.repro(&["-R", "areas"], north);
    twins.edit("areas/south/dvc.yaml", "frozen: true", "frozen: false");
    twins.repro(&["-p", "site/dvc.yaml:index"], [south[0], south[1], site[0], site[1]]);
    assert_eq!(twins.read("site/index.txt"), index(233, 240, 2000));
    twins.edit("site/dvc.yaml", "    always_changed: true\n", "");
    twins.repro(&["-P"], []);
    twins.clean();
}
