//! Random edits: what people do between two runs. An edit changes the model, or the disk in a way
//! that can be done to two repositories alike.

use fastrand::Rng;

use super::disk::Op;
use super::pipeline::{OPTIONS, Pipeline, RULES};
use super::stage::{Kind, Shape};

/// An edit in words, and what it does to the disk besides writing the model.
pub type Edit = (String, Vec<Op>);

/// All files of the model, for the first state and after edits of the model.
pub fn files(pipeline: &Pipeline) -> Vec<Op> {
    let mut ops: Vec<Op> = pipeline.texts().into_iter().map(|(path, text)| Op::Write(path, text)).collect();
    ops.extend(pipeline.links.iter().map(|(path, target)| Op::Link(path.clone(), target.clone())));
    ops
}

/// What must be written to get from one state of the model to another. A file that did not change
/// is left alone: written anew it would not be the same to DVC's memory.
pub fn between(before: &Pipeline, after: &Pipeline) -> Vec<Op> {
    let old = files(before);
    files(after).into_iter().filter(|op| !old.contains(op)).collect()
}

/// One random edit: the model may change, and the disk.
pub fn random(pipeline: &mut Pipeline, rng: &mut Rng) -> Edit {
    let number = pipeline.fresh();
    let count = pipeline.stages.len();
    if count == 0 {
        pipeline.add_stage(rng);
        return ("add a stage".to_owned(), Vec::new());
    }
    let at = rng.usize(..count);
    match rng.u8(..36) {
        0..=4 => edit_source(pipeline, rng, number),
        5..=7 => edit_param(pipeline, rng, number),
        8..=17 => edit_stage(pipeline, at, rng, number),
        18..=20 => edit_group(pipeline, rng, number),
        21..=23 => edit_rest(pipeline, rng, number),
        24..=26 => age(pipeline, at, rng),
        _ => edit_disk(pipeline, at, rng),
    }
}

/// Something about a stage in dvc.yaml.
fn edit_stage(pipeline: &mut Pipeline, at: usize, rng: &mut Rng, number: u32) -> Edit {
    let name = pipeline.stages[at].name.clone();
    let text = match rng.u8(..13) {
        0 => {
            pipeline.stages[at].salt = number;
            format!("change the command of {name}")
        }
        1 | 2 => {
            pipeline.add_stage(rng);
            "add a stage".to_owned()
        }
        3 => {
            let stage = pipeline.stages.remove(at);
            stage.outs.iter().for_each(|out| pipeline.forget(&out.path));
            format!("remove {name}")
        }
        4 => {
            if let Some(dep) = pipeline.possible_dep(rng, at) {
                let deps = &mut pipeline.stages[at].deps;
                if !deps.iter().any(|other| other.starts_with(&dep) || dep.starts_with(other.as_str())) {
                    deps.push(dep);
                }
            }
            format!("add a dep to {name}")
        }
        5 => {
            pipeline.stages[at].deps.pop();
            format!("take a dep from {name}")
        }
        6 => {
            let out = pipeline.random_out(rng);
            pipeline.stages[at].outs.push(out);
            format!("add an out to {name}")
        }
        7 if pipeline.stages[at].outs.len() > 1 => {
            let out = pipeline.stages[at].outs.pop().unwrap();
            pipeline.forget(&out.path);
            format!("take {} from {name}", out.path)
        }
        8 => {
            pipeline.stages[at].name = format!("renamed{number}");
            format!("rename {name}")
        }
        9 => {
            pipeline.stages[at].rank = rng.u32(..);
            format!("move {name} in dvc.yaml")
        }
        10 if pipeline.stages[at].options.is_some() => {
            pipeline.stages[at].options = Some((*rng.choice(OPTIONS).unwrap()).to_owned());
            format!("change the options of {name}")
        }
        _ => flip(pipeline, at, rng, number),
    };
    (text, Vec::new())
}

/// A flag of a stage, or a word that changes nothing.
fn flip(pipeline: &mut Pipeline, at: usize, rng: &mut Rng, number: u32) -> String {
    let stage = &mut pipeline.stages[at];
    match (rng.u8(..6), stage.outs.first_mut()) {
        (0, _) => stage.frozen = !stage.frozen,
        (1, _) => stage.always = !stage.always,
        (2, _) => stage.desc = Some(number),
        (3, Some(out)) => out.note = !out.note,
        (4, Some(out)) if out.shape != Shape::Dir => out.kind = if out.kind == Kind::Out { Kind::Metric } else { Kind::Out },
        (_, Some(out)) => out.cache = !out.cache,
        (_, None) => stage.list = !stage.list,
    }
    format!("flip a flag of {}", stage.name)
}

fn edit_group(pipeline: &mut Pipeline, rng: &mut Rng, number: u32) -> Edit {
    if pipeline.groups.is_empty() {
        return ("nothing".to_owned(), Vec::new());
    }
    let at = rng.usize(..pipeline.groups.len());
    let name = pipeline.groups[at].name.clone();
    let what = match rng.u8(..4) {
        0 => {
            pipeline.groups[at].salt = number;
            "change the command of"
        }
        1 => {
            pipeline.shrink(at, rng);
            "take an item from"
        }
        _ => {
            pipeline.groups[at].grow(rng);
            "add an item to"
        }
    };
    (format!("{what} {name}"), Vec::new())
}

/// What surrounds the stages: rules of what is ignored, links, what the top of dvc.yaml says.
fn edit_rest(pipeline: &mut Pipeline, rng: &mut Rng, number: u32) -> Edit {
    let text = match rng.u8(..3) {
        0 => {
            let rule = *rng.choice(RULES).unwrap();
            if pipeline.ignore.contains(&rule) {
                pipeline.ignore.retain(|other| *other != rule);
            } else {
                pipeline.ignore.push(rule);
            }
            format!("flip the rule {rule} in .dvcignore")
        }
        1 if !pipeline.links.is_empty() => {
            let path = rng.choice(pipeline.links.keys().cloned().collect::<Vec<_>>()).unwrap();
            let target = match (path.as_str(), rng.bool()) {
                ("link.txt", true) => "other/f",
                ("link.txt", false) => "raw/ln.csv",
                ("raw/ln.csv", true) => "one.csv",
                ("raw/ln.csv", false) => "../other/f",
                (_, true) => "../sub/../other",
                (_, false) => "other",
            };
            // Only the file links may lead anywhere; the folders stay what they are.
            if path.contains("txt") || path.contains("csv") {
                pipeline.links.insert(path.clone(), target.to_owned());
            }
            format!("turn the link {path}")
        }
        _ => {
            pipeline.trim = number;
            "change what the top of dvc.yaml says".to_owned()
        }
    };
    (text, Vec::new())
}

/// Something that people do to files behind the program's back.
fn edit_disk(pipeline: &Pipeline, at: usize, rng: &mut Rng) -> Edit {
    let outs = pipeline.outs();
    let out = rng.choice(&outs).map(|out| out.path.clone());
    let added = rng.choice(&pipeline.added).cloned();
    let name = pipeline.stages[at].name.clone();
    match rng.u8(..14) {
        0..=2 => on_disk("delete", out, Op::Remove),
        3 => on_disk("touch", out, Op::Touch),
        4 | 5 => on_disk("spoil", out, Op::Spoil),
        6 => on_disk("put files into", out, Op::Intrude),
        7 => (format!("drop the entry of {name}"), vec![Op::DropEntry(lock_of(pipeline, at), name)]),
        8 => ("empty the cache".to_owned(), vec![Op::ForgetObjects]),
        9 => ("lose dvc.lock".to_owned(), vec![Op::Remove("dvc.lock".to_owned())]),
        10 => on_disk("delete", added, Op::Remove),
        11 => on_disk("spoil", added, Op::Spoil),
        12 => on_disk("put files into", added, Op::Intrude),
        _ => ("make in.txt executable".to_owned(), vec![Op::Executable("in.txt".to_owned())]),
    }
}

/// What is recorded becomes what DVC 2 would have recorded.
fn age(pipeline: &Pipeline, at: usize, rng: &mut Rng) -> Edit {
    match rng.u8(..4) {
        0 => {
            let mut ops: Vec<Op> = ["dvc.lock", "sub/dvc.lock", "sub/deep/dvc.lock"].map(|lock| Op::Age(lock.to_owned(), None)).to_vec();
            ops.extend(pipeline.added.iter().map(|path| Op::Age(format!("{path}.dvc"), None)));
            if rng.bool() {
                ops.push(Op::ForgetObjects);
            }
            (format!("make everything old{}", if ops.contains(&Op::ForgetObjects) { ", also the cache" } else { "" }), ops)
        }
        1 => on_disk("make old", rng.choice(&pipeline.added).map(|path| format!("{path}.dvc")), |path| Op::Age(path, None)),
        _ => {
            let name = pipeline.stages[at].name.clone();
            (format!("make the entry of {name} old"), vec![Op::Age(lock_of(pipeline, at), Some(name))])
        }
    }
}

fn edit_source(pipeline: &mut Pipeline, rng: &mut Rng, number: u32) -> Edit {
    let fresh = match rng.u8(..10) {
        0 => Some(format!("raw/new{number}.csv")),
        1 if !pipeline.added.is_empty() => Some(format!("data/dir/new {number}/ü")),
        2 => Some(format!("raw/deep/new{number}.tmp")),
        _ => None,
    };
    if let Some(path) = fresh {
        pipeline.sources.insert(path.clone(), vec![format!("{number}\n")]);
        return (format!("add {path}"), Vec::new());
    }
    let paths: Vec<String> = pipeline.sources.keys().cloned().collect();
    let path = rng.choice(&paths).unwrap();
    let contents = pipeline.sources.get_mut(path).unwrap();
    if rng.bool() {
        contents.push(format!("{number}\r\nline\n"));
        (format!("change {path}"), Vec::new())
    } else {
        let old = rng.choice(contents.as_slice()).unwrap().clone();
        contents.push(old);
        (format!("put {path} back"), Vec::new())
    }
}

fn edit_param(pipeline: &mut Pipeline, rng: &mut Rng, number: u32) -> Edit {
    let files: Vec<&str> = pipeline.files.keys().copied().collect();
    if let Some(path) = rng.choice(files)
        && rng.bool()
    {
        let what = pipeline.files.get_mut(path).unwrap().edit(rng, number);
        return (format!("{what} in {path}"), Vec::new());
    }
    let keys: Vec<String> = pipeline.params.keys().filter(|key| *key != "size").cloned().collect();
    let key = rng.choice(&keys).unwrap();
    let values = pipeline.params.get_mut(key).unwrap();
    let value = match rng.u8(..5) {
        0 => format!("{number}"),
        1 => format!("{number}.5e-05"),
        2 => format!("[{number}, no, null, 'x: y']"),
        3 => format!("{{b: {number}, a: {{c: ''}}}}"),
        _ => values[0].clone(),
    };
    values.push(value.clone());
    (format!("set {key} to {value}"), Vec::new())
}

fn on_disk(verb: &str, path: Option<String>, op: impl Fn(String) -> Op) -> Edit {
    path.map_or_else(|| ("nothing".to_owned(), Vec::new()), |path| (format!("{verb} {path}"), vec![op(path)]))
}

fn lock_of(pipeline: &Pipeline, at: usize) -> String {
    let home = pipeline.stages[at].home;
    if home.is_empty() { "dvc.lock".to_owned() } else { format!("{home}/dvc.lock") }
}
