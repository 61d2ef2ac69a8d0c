//! What is done to a work tree, and what is typed.

use fastrand::Rng;

use super::repositories::Kind;

/// What is done to the work tree, in both copies.
const EDITS: &[&str] = &[
    "rm -rf a.txt",
    "rm -rf d",
    "rm -rf d x.sh p.txt e sub/o raw data.txt m.json",
    "rm -rf a.txt; echo 2 > a.txt",
    "rm -rf a.txt; echo mine > a.txt",
    "rm -rf a.txt; mkdir a.txt",
    "rm -rf a.txt; mkdir a.txt; echo 2 > a.txt/in; mkdir a.txt/deep",
    "rm -rf a.txt; ln -s nowhere a.txt",
    "rm -rf a.txt; ln -s p.txt a.txt",
    "rm -rf d/1; echo p > d/1",
    "rm -rf d/1; echo mine > d/1",
    "rm -rf d/1; mkdir -p d/1/deep; echo p > d/1/in",
    "rm -rf d/1; mkdir -p d; ln -s ../p.txt d/1",
    "rm -rf d/1; mkdir -p d; ln -s nowhere d/1; ln -s nowhere d/broken",
    "rm -rf d/sub; mkdir -p d; echo p > d/sub",
    "rm -rf d; echo p > d",
    "rm -rf d; mkdir d",
    "rm -rf d/sub/deep; mkdir -p d/none/deeper; echo 2 > d/new; rm -f d/empty",
    "mkdir -p d; echo mine > d/new",
    "mkdir -p d/sub/deep; rm -f d/empty; echo 2 > d/sub/deep/new",
    "mkdir -p d/hidden; echo x > d/x.tmp; echo x > d/hidden/x.tmp",
    "mkdir -p d; ln -sfn ../raw d/linked",
    "test ! -f d/1 || chmod +x d/1",
    "test ! -f a.txt || chmod +x a.txt",
    "test ! -f x.sh || chmod -x x.sh",
    "test ! -f p.txt || chmod 600 p.txt",
    "rm -rf raw/r sub/o/copy; mkdir -p raw; rm -f raw/s; echo 2 > raw/s",
    "rm -rf data.txt; echo p > data.txt",
    "rm -rf sub/o; echo p > sub/o",
    "test ! -f raw/deep/x.sh || chmod +x raw/deep/x.sh; test ! -f raw/r || chmod +x raw/r",
    "rm -f raw/dos; printf 'a\\nb\\n' > raw/dos",
    "rm -f raw/dos; printf 'mine\\r\\n' > raw/dos",
    "sed -i '/^  p:/,/outs/d' dvc.yaml",
    "sed -i '/^  d:/,/outs/d' dvc.yaml",
    "git checkout -q -f one",
    "git checkout -q -f two",
    "git checkout -q -f two; rm -f data.txt.dvc",
    "rm -rf a.txt; echo a > a.txt; rm -f d/sub/2; mkdir -p d/sub; touch d/sub/2",
];

/// What is typed.
const WORDS: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "--force",
    "--force",
    "--relink",
    "--relink --force",
    "--summary",
    "--summary --force",
    "--force --relink --summary",
    "a",
    "a.txt d",
    "d/1",
    "-f d/sub/deep d/1",
    "-f d/sub/2",
    "d/new",
    "-f d/none",
    "d/nothing/there",
    "-f d/sub/none",
    "-f dvc.yaml",
    "-d -f sub/dvc.yaml:inner",
    "-d inner",
    "-R -f sub",
    "-R .",
    "data.txt raw.dvc",
    "-f raw/s data.txt",
    "raw/deep/x.sh",
    "m.json",
    "f",
    "nope",
    "nope.dvc",
    "-q -f",
    "--allow-missing -f",
];

/// What else is done where data is imported.
const OF_IMPORTS: &[&str] = &[
    "rm -rf r-file r-dir r-p.sh r-git.txt u-file u-dir u-p.sh",
    "rm -rf r-dir/in u-dir/1",
    "test ! -f u-p.sh || chmod -x u-p.sh; test ! -f r-p.sh || chmod +x r-p.sh",
    "rm -f u-file; echo mine > u-file",
    "rm -f u-file r-file; echo p > u-file; echo p > r-file",
    "rm -f u-dir/1; mkdir -p u-dir/1; echo f > u-dir/1/f",
    "rm -f r-git.txt u-p.sh",
    "sed -i 's/^frozen: true/frozen: false/' u-*.dvc",
];

/// Types of links, as the configuration has them.
const LINKS: &[&str] = &["copy", "hardlink", "symlink", "\"reflink,copy\""];

/// A random edit, as a command of a shell in the root.
pub fn edit(kind: Kind, rng: &mut Rng) -> String {
    match rng.u8(..11) {
        0 => format!("cat > .dvc/config <<'END'\n{}END\n", kind.config(rng.choice(LINKS).unwrap())),
        1..=3 if kind == Kind::Imports => (*rng.choice(OF_IMPORTS).unwrap()).to_owned(),
        _ => (*rng.choice(EDITS).unwrap()).to_owned(),
    }
}

/// Outputs, and paths in them.
const OUTS: &[&str] = &["a.txt", "d/1", "d/sub", "d/sub/deep", "x.sh", "sub/o/copy", "sub/i.txt", "raw", "raw/deep/x.sh", "data.txt"];
/// What stands for several outputs.
const STAGES: &[&str] = &["a", "x", "p", "dvc.yaml:d", "sub/dvc.yaml:inner", "sub/dvc.yaml", "raw.dvc", "data.txt.dvc"];
/// Both where data is imported.
const IMPORTS: [&[&str]; 2] =
    [&["r-dir/in", "u-dir/1", "r-file", "u-p.sh", "r-git.txt", "u-dir"], &["r-dir.dvc", "u-dir.dvc", "u-p.sh.dvc", "r-p.sh.dvc"]];

/// Where to start, and the words after `checkout`. Below the root there is always a target: DVC tells of what belongs to no
/// stage any more as it is seen from the root.
pub fn words(kind: Kind, rng: &mut Rng) -> (&'static str, Vec<String>) {
    let split = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    match rng.u8(..8) {
        0 => ("sub", split(rng.choice(["../a.txt i.txt", "-f ../d/sub", "inner", "../dvc.yaml:a", "-R -f ..", "../raw.dvc"]).unwrap())),
        1 | 2 => {
            let (mut outs, mut stages) = (OUTS.to_vec(), STAGES.to_vec());
            if kind == Kind::Imports {
                outs.extend(IMPORTS[0]);
                stages.extend(IMPORTS[1]);
            }
            // After the first stage DVC no longer finds outputs of others.
            let outs = (0..rng.usize(..4)).map(|_| *rng.choice(&outs).unwrap()).collect::<Vec<_>>();
            let stages = (0..rng.usize(1..3)).map(|_| *rng.choice(&stages).unwrap()).collect::<Vec<_>>();
            let flags = [&["-f"][..], &["--relink"], &[], &["-f", "--summary"], &["-d", "-f"]];
            let all = rng.choice(flags).unwrap().iter().chain(&outs).chain(&stages);
            ("", all.map(|word| (*word).to_owned()).collect())
        }
        _ => ("", split(rng.choice(WORDS).unwrap())),
    }
}
