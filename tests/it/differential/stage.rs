//! A stage of the model and its text in dvc.yaml.
//!
//! Commands are deterministic and read what the stage declares (of parameter files the whole file),
//! so that any difference between two runs lies in the program that ran them. Each run of a command
//! leaves a mark of its own outside of what is declared: a stage that runs once more than it should
//! is seen even when its results are the same.

use std::fmt::Write as _;

/// What kind of output a path is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Listed under `outs`.
    Out,
    /// Listed under `metrics`.
    Metric,
    /// Listed under `plots`.
    Plot,
}

/// What an output is on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link to `in.txt`.
    Link,
}

/// An output.
#[derive(Clone, Debug)]
pub struct Out {
    /// Path from the root.
    pub path: String,
    /// How it is listed.
    pub kind: Kind,
    /// What the command makes.
    pub shape: Shape,
    /// What else lies in a folder, as bits: an odd name, an executable, a link, an empty folder, a file to ignore.
    pub extras: u8,
    /// Its flags.
    pub cache: bool,
    /// Whether it is kept and appended to.
    pub persist: bool,
    /// Whether the command makes it executable.
    pub exec: bool,
    /// `desc`, `type`, `labels` and `meta`, which no program should care about.
    pub note: bool,
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its place in dvc.yaml.
    pub rank: u32,
    /// The folder of its dvc.yaml: the root, `sub` or `sub/deep`.
    pub home: &'static str,
    /// The folder in which it runs, from the root.
    pub wdir: &'static str,
    /// Paths from the root.
    pub deps: Vec<String>,
    /// Parameters: a file and a key in it, or the whole file.
    pub params: Vec<(String, Option<String>)>,
    /// Its outputs.
    pub outs: Vec<Out>,
    /// How much of the input can be seen in the output: 0 a sum, 1 little, 2 nothing, 3 all.
    pub style: u8,
    /// Stands in the command.
    pub salt: u32,
    /// Whether the command fails at its end.
    pub fails: bool,
    /// `frozen: true`
    pub frozen: bool,
    /// `always_changed: true`
    pub always: bool,
    /// `desc` and `meta`, which no program should care about.
    pub desc: Option<u32>,
    /// Whether `cmd` is a list.
    pub list: bool,
    /// A map that is put into the command as options, through variables of the stage; and all of
    /// the stage is written with `${}`. Only for stages of the dvc.yaml at the root.
    pub options: Option<String>,
}

impl Stage {
    /// How it is addressed from the root.
    pub fn address(&self) -> String {
        if self.home.is_empty() { self.name.clone() } else { format!("{}/dvc.yaml:{}", self.home, self.name) }
    }

    /// Its part of dvc.yaml.
    pub fn yaml(&self) -> String {
        let mut text = format!("  {}:\n", self.name);
        if let Some(desc) = self.desc {
            let _ = writeln!(text, "    desc: told {desc} times\n    meta: {{a: [{desc}], 'b c': null}}");
        }
        if let Some(options) = &self.options {
            let _ = writeln!(text, "    vars:\n    - mine: {{salt: {}, options: {options}}}", self.salt);
        }
        if self.wdir != self.home {
            let _ = writeln!(text, "    wdir: {}", self.text(&relative(self.home, self.wdir)));
        }
        let cmd = self.text(&self.cmd());
        if self.list {
            let _ = writeln!(text, "    cmd:\n    - 'true'\n    - {cmd}");
        } else {
            let _ = writeln!(text, "    cmd: {cmd}");
        }
        for (flag, set) in [("frozen", self.frozen), ("always_changed", self.always)] {
            if set {
                let _ = writeln!(text, "    {flag}: true");
            }
        }
        if !self.deps.is_empty() {
            text.push_str("    deps:\n");
            for dep in &self.deps {
                let _ = writeln!(text, "    - {}", self.text(&relative(self.wdir, dep)));
            }
        }
        text.push_str(&self.params_yaml());
        for (kind, key) in [(Kind::Out, "outs"), (Kind::Metric, "metrics"), (Kind::Plot, "plots")] {
            let outs: Vec<&Out> = self.outs.iter().filter(|out| out.kind == kind).collect();
            if !outs.is_empty() {
                let _ = writeln!(text, "    {key}:");
            }
            outs.iter().for_each(|out| text.push_str(&self.out_yaml(out)));
        }
        text
    }

    fn params_yaml(&self) -> String {
        if self.params.is_empty() {
            return String::new();
        }
        let mut text = String::from("    params:\n");
        for (file, key) in &self.params {
            let path = relative(self.wdir, file);
            let _ = match key {
                None => writeln!(text, "    - {}:", quoted(&path)),
                Some(key) if path == "params.yaml" && self.options.is_some() => writeln!(text, "    - ${{keys.{key}}}"),
                Some(key) if path == "params.yaml" && self.style != 1 => writeln!(text, "    - {key}"),
                Some(key) => writeln!(text, "    - {}:\n      - {key}", quoted(&path)),
            };
        }
        text
    }

    fn out_yaml(&self, out: &Out) -> String {
        let mut flags = String::new();
        for (flag, set) in [("cache: false", !out.cache), ("persist: true", out.persist)] {
            if set {
                let _ = writeln!(flags, "        {flag}");
            }
        }
        if out.note {
            flags.push_str("        desc: noted\n");
            if out.kind == Kind::Out {
                flags.push_str("        type: thing\n        labels: [one, two]\n        meta: {a: 1}\n");
            }
        }
        let path = self.text(&relative(self.wdir, &out.path));
        if flags.is_empty() { format!("    - {path}\n") } else { format!("    - {path}:\n{flags}") }
    }

    /// A string of dvc.yaml; with variables for folders, where the stage has any.
    fn text(&self, text: &str) -> String {
        if self.options.is_some() { quoted(&text.replace("made/", "${dirs.made}/")) } else { quoted(text) }
    }

    /// What the command reads.
    fn input(&self) -> String {
        let mut input = match self.options {
            Some(_) => "echo ${mine.salt} ${mine.options}".to_owned(),
            None => format!("echo {}", self.salt),
        };
        let deps: Vec<String> = self.deps.iter().map(|dep| self.here(dep)).collect();
        if !deps.is_empty() {
            let _ = write!(input, "; find -L {} -type f | LC_ALL=C sort -u | xargs -d '\\n' cat", deps.join(" "));
        }
        for (file, key) in &self.params {
            let _ = match key {
                Some(key) if file == "params.yaml" => write!(input, "; grep '^{key}:' {}", self.here(file)),
                _ => write!(input, "; cat {}", self.here(file)),
            };
        }
        input
    }

    /// The command: everything that the stage depends on goes into everything that it makes.
    fn cmd(&self) -> String {
        let input = self.input();
        let tool = ["cksum", "wc -l", "sed -n 1p", "cat"][usize::from(self.style)];
        let mut parts = Vec::new();
        for out in &self.outs {
            let path = self.here(&out.path);
            let redirect = if out.persist { ">>" } else { ">" };
            match out.shape {
                Shape::File => parts.push(format!("({input}) | {tool} {redirect} {path}")),
                Shape::Link => {
                    let folder = out.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    parts.push(format!("ln -s '{}' {path}", relative(folder, "in.txt")));
                }
                Shape::Dir => {
                    parts.push(format!("mkdir -p {path}/in && ({input}) | {tool} {redirect} {path}/x && echo {} > {path}/in/y", self.salt));
                    parts.push(format!("touch {path}/none"));
                    parts.extend(extras(out, &path));
                }
            }
            if out.exec {
                parts.push(format!("chmod +x {path}"));
            }
        }
        parts.push(format!("echo ran >> {}", self.here(&format!("ran/{}", self.name))));
        if self.fails {
            parts.push("exit 4".to_owned());
        }
        parts.join(" && ")
    }

    /// A path from the root as the command names it.
    fn here(&self, path: &str) -> String {
        format!("'{}'", relative(self.wdir, path))
    }
}

/// What else a folder gets.
fn extras(out: &Out, path: &str) -> Vec<String> {
    let all = [
        format!("cp {path}/x {path}/in/'é b.txt'"),
        format!("echo > {path}/in/run && chmod +x {path}/in/run"),
        format!("ln -sf x {path}/link"),
        format!("mkdir -p {path}/empty/more"),
        format!("echo > {path}/in/skip.tmp"),
        format!("mkdir -p {path}/in/a/b && printf 'a\\r\\nb\\r\\n' > {path}/in/a/b/c"),
    ];
    all.into_iter().enumerate().filter(|(bit, _)| out.extras & (1 << bit) != 0).map(|(_, part)| part).collect()
}

/// A string that YAML reads back as it is.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A path from the root as seen from a folder, both without `..`.
pub fn relative(from: &str, path: &str) -> String {
    if from == path {
        return ".".to_owned();
    }
    let (from, to): (Vec<&str>, Vec<&str>) =
        (from.split('/').filter(|part| !part.is_empty()).collect(), path.split('/').filter(|part| !part.is_empty()).collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let parts: Vec<&str> = std::iter::repeat_n("..", from.len() - common).chain(to[common..].iter().copied()).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
