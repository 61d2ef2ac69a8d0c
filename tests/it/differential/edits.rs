//! Random edits: what people do between two runs. An edit changes the model, or the disk in a way
//! that can be done to two repositories alike.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fastrand::Rng;

use super::pipeline::Pipeline;

/// Something done to the disk of both repositories.
#[derive(Clone, Debug)]
pub enum Op {
    /// A file gets this content.
    Write(String, String),
    /// A file or folder goes.
    Remove(String),
    /// A file is written anew with the same content.
    Touch(String),
    /// A line is added to a file, or to the `x` in a folder, if it is there.
    Spoil(String),
    /// A file becomes executable.
    Executable(String),
    /// The entry of a stage goes from a dvc.lock.
    DropEntry(String, String),
}

impl Op {
    /// Does it.
    pub fn apply(&self, root: &Path) {
        match self {
            Self::Write(path, text) => write(&root.join(path), text.as_bytes()),
            Self::Remove(path) => {
                let path = root.join(path);
                if path.is_dir() && !path.is_symlink() {
                    std::fs::remove_dir_all(path).unwrap();
                } else if path.symlink_metadata().is_ok() {
                    std::fs::remove_file(path).unwrap();
                }
            }
            Self::Touch(path) => {
                if let Ok(bytes) = std::fs::read(root.join(path)) {
                    std::fs::write(root.join(path), bytes).unwrap();
                }
            }
            Self::Spoil(path) => {
                let path = if root.join(path).is_dir() { root.join(path).join("x") } else { root.join(path) };
                if let Ok(mut bytes) = std::fs::read(&path) {
                    bytes.extend_from_slice(b"spoilt\n");
                    std::fs::write(path, bytes).unwrap();
                }
            }
            Self::Executable(path) => {
                if root.join(path).is_file() {
                    std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
            Self::DropEntry(lock, stage) => {
                if let Ok(text) = std::fs::read_to_string(root.join(lock)) {
                    std::fs::write(root.join(lock), without_entry(&text, stage)).unwrap();
                }
            }
        }
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// dvc.lock without the entry of one stage.
fn without_entry(text: &str, stage: &str) -> String {
    let mut inside = false;
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  -") {
            inside = line == format!("  {stage}:");
        }
        if !inside {
            kept.push(line);
        }
    }
    if kept.last() == Some(&"stages:") {
        *kept.last_mut().unwrap() = "stages: {}";
    }
    kept.join("\n") + "\n"
}

/// All files of the model, for the first state and after edits of the model.
pub fn files(pipeline: &Pipeline) -> Vec<Op> {
    let mut ops = vec![
        Op::Write("dvc.yaml".to_owned(), pipeline.dvc_yaml("")),
        Op::Write("sub/dvc.yaml".to_owned(), pipeline.dvc_yaml("sub")),
        Op::Write("params.yaml".to_owned(), pipeline.params_yaml()),
    ];
    for (path, contents) in &pipeline.sources {
        ops.push(Op::Write(path.clone(), contents.last().unwrap().clone()));
    }
    ops
}

/// One random edit: the model may change, and the disk.
pub fn random(pipeline: &mut Pipeline, rng: &mut Rng) -> (String, Vec<Op>) {
    let number = pipeline.fresh();
    let count = pipeline.stages.len();
    if count == 0 {
        pipeline.add_stage(rng);
        return ("add a stage".to_owned(), Vec::new());
    }
    let at = rng.usize(..count);
    match rng.u8(..26) {
        0..=3 => edit_source(pipeline, rng, number),
        4 | 5 => edit_param(pipeline, rng, number),
        6..=15 => edit_stage(pipeline, at, rng, number),
        _ => edit_disk(pipeline, at, rng),
    }
}

/// Something about a stage in dvc.yaml.
fn edit_stage(pipeline: &mut Pipeline, at: usize, rng: &mut Rng, number: u32) -> (String, Vec<Op>) {
    let name = pipeline.stages[at].name.clone();
    match rng.u8(..12) {
        0 => {
            pipeline.stages[at].salt = number;
            (format!("change the command of {name}"), Vec::new())
        }
        1 | 2 => {
            pipeline.add_stage(rng);
            ("add a stage".to_owned(), Vec::new())
        }
        3 => {
            let stage = pipeline.stages.remove(at);
            stage.outs.iter().for_each(|out| pipeline.forget(&out.path));
            (format!("remove {name}"), Vec::new())
        }
        4 => {
            if let Some(dep) = pipeline.possible_dep(rng, at) {
                let deps = &mut pipeline.stages[at].deps;
                if !deps.iter().any(|other| other.starts_with(&dep) || dep.starts_with(other.as_str())) {
                    deps.push(dep);
                }
            }
            (format!("add a dep to {name}"), Vec::new())
        }
        5 => {
            pipeline.stages[at].deps.pop();
            (format!("take a dep from {name}"), Vec::new())
        }
        6 => {
            let out = pipeline.random_out(rng);
            pipeline.stages[at].outs.push(out);
            (format!("add an out to {name}"), Vec::new())
        }
        7 if pipeline.stages[at].outs.len() > 1 => {
            let out = pipeline.stages[at].outs.pop().unwrap();
            pipeline.forget(&out.path);
            (format!("take {} from {name}", out.path), Vec::new())
        }
        8 => {
            pipeline.stages[at].name = format!("renamed{number}");
            (format!("rename {name}"), Vec::new())
        }
        9 => {
            pipeline.stages[at].rank = rng.u32(..);
            (format!("move {name} in dvc.yaml"), Vec::new())
        }
        _ => flip(pipeline, at, rng, number),
    }
}

/// Something that people do to files behind the program's back.
fn edit_disk(pipeline: &Pipeline, at: usize, rng: &mut Rng) -> (String, Vec<Op>) {
    let outs = pipeline.outs();
    let out = rng.choice(&outs).map(|out| out.path.clone());
    let name = pipeline.stages[at].name.clone();
    match rng.u8(..10) {
        0..=2 => on_disk("delete", out, Op::Remove),
        3 => on_disk("touch", out, Op::Touch),
        4 | 5 => on_disk("spoil", out, Op::Spoil),
        6 => (format!("drop the entry of {name}"), vec![Op::DropEntry(lock_of(pipeline, at), name)]),
        7 => ("empty the cache".to_owned(), vec![Op::Remove(".dvc/cache/files".to_owned())]),
        8 => ("lose dvc.lock".to_owned(), vec![Op::Remove("dvc.lock".to_owned())]),
        _ => ("make in.txt executable".to_owned(), vec![Op::Executable("in.txt".to_owned())]),
    }
}

fn edit_source(pipeline: &mut Pipeline, rng: &mut Rng, number: u32) -> (String, Vec<Op>) {
    if rng.u8(..5) == 0 {
        let path = format!("raw/new{number}.csv");
        pipeline.sources.insert(path.clone(), vec![format!("{number}\n")]);
        return (format!("add {path}"), Vec::new());
    }
    let paths: Vec<String> = pipeline.sources.keys().cloned().collect();
    let path = rng.choice(&paths).unwrap();
    let contents = pipeline.sources.get_mut(path).unwrap();
    if rng.bool() {
        contents.push(format!("{number}\nline\n"));
        (format!("change {path}"), Vec::new())
    } else {
        let old = rng.choice(contents.as_slice()).unwrap().clone();
        contents.push(old);
        (format!("put {path} back"), Vec::new())
    }
}

fn edit_param(pipeline: &mut Pipeline, rng: &mut Rng, number: u32) -> (String, Vec<Op>) {
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

fn flip(pipeline: &mut Pipeline, at: usize, rng: &mut Rng, number: u32) -> (String, Vec<Op>) {
    let stage = &mut pipeline.stages[at];
    match rng.u8(..4) {
        0 => stage.frozen = !stage.frozen,
        1 => stage.always = !stage.always,
        2 => stage.desc = Some(number),
        _ => stage.outs[0].cache = !stage.outs[0].cache,
    }
    (format!("flip a flag of {}", stage.name), Vec::new())
}

fn on_disk(verb: &str, path: Option<String>, op: impl Fn(String) -> Op) -> (String, Vec<Op>) {
    path.map_or_else(|| ("nothing".to_owned(), Vec::new()), |path| (format!("{verb} {path}"), vec![op(path)]))
}

fn lock_of(pipeline: &Pipeline, at: usize) -> String {
    if pipeline.stages[at].home.is_empty() { "dvc.lock".to_owned() } else { "sub/dvc.lock".to_owned() }
}
