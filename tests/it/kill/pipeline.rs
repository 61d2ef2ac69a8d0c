//! A pipeline of 80 stages of all kinds, in two dvc.yaml files, whose results do not depend on
//! when, where and how often its stages run.
//!
//! Each command counts its starts and takes a lock for as long as it works, both outside of the
//! repository; writes a half of its outputs, takes its time, and then writes the whole.

use std::fmt::Write as _;

use fastrand::Rng;

/// How many stages there are.
pub const STAGES: usize = 80;

/// What a stage makes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Uncached,
    Persist,
    Metric,
    Big,
    Dir,
    PersistDir,
}

impl Kind {
    const ALL: [Self; 9] =
        [Self::File, Self::File, Self::Uncached, Self::Persist, Self::Metric, Self::Big, Self::Dir, Self::Dir, Self::PersistDir];

    fn is_dir(self) -> bool {
        matches!(self, Self::Dir | Self::PersistDir)
    }
}

/// One stage; its number is its place.
struct Stage {
    sub: bool,
    kind: Kind,
    /// Outputs of earlier stages, and sources, from the root.
    deps: Vec<String>,
    /// Hundredths of a second.
    sleep: u32,
}

/// The stages, in an order in which they can run.
pub struct Pipeline(Vec<Stage>);

/// The name of a stage.
pub fn name(number: usize) -> String {
    format!("s{number}")
}

fn out(number: usize, kind: Kind) -> String {
    if kind.is_dir() { format!("made/d{number}") } else { format!("o{number}") }
}

impl Pipeline {
    /// A random one.
    pub fn random(rng: &mut Rng) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        for number in 0..STAGES {
            let mut deps = vec![format!("src/{}", rng.u8(..3))];
            for _ in 0..rng.usize(..3) {
                if number > 0 {
                    let at = rng.usize(number.saturating_sub(20)..number);
                    deps.push(stages[at].out(at));
                }
            }
            deps.sort();
            deps.dedup();
            stages.push(Stage {
                sub: rng.u8(..4) == 0,
                kind: *rng.choice(&Kind::ALL).unwrap(),
                deps,
                sleep: if rng.u8(..25) == 0 { 130 } else { rng.u32(..6) },
            });
        }
        Self(stages)
    }

    /// The files to begin with.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> = (0..3).map(|number| (format!("src/{number}"), format!("source {number}\n"))).collect();
        files.push(("dvc.yaml".to_owned(), self.yaml(false)));
        files.push(("sub/dvc.yaml".to_owned(), self.yaml(true)));
        files.push(("made/.gitkeep".to_owned(), String::new()));
        files.push(("sub/made/.gitkeep".to_owned(), String::new()));
        files
    }

    /// The names of the stages of one of the two files.
    pub fn names(&self, sub: bool) -> Vec<String> {
        self.0.iter().enumerate().filter(|(_, stage)| stage.sub == sub).map(|(number, _)| name(number)).collect()
    }

    fn yaml(&self, sub: bool) -> String {
        let mut text = String::from("stages:\n");
        for (number, stage) in self.0.iter().enumerate().filter(|(_, stage)| stage.sub == sub) {
            text.push_str(&stage.yaml(number));
        }
        text
    }
}

impl Stage {
    /// Its output as seen from the root.
    fn out(&self, number: usize) -> String {
        format!("{}{}", if self.sub { "sub/" } else { "" }, out(number, self.kind))
    }

    fn yaml(&self, number: usize) -> String {
        let up = if self.sub { "../" } else { "" };
        let (name, path) = (name(number), out(number, self.kind));
        let deps: Vec<String> = self.deps.iter().map(|dep| format!("{up}{dep}")).collect();
        let input = format!("find {} -type f ! -name '.*' | LC_ALL=C sort | xargs cat | cksum", deps.join(" "));
        // Only the shell itself holds the lock: who kills it alone may leave the sleep behind.
        let begin = format!("exec 9>{up}../busy/{name}; flock -n 9 || echo {name} >> {up}../wrong; echo x >> {up}../count/{name}");
        let pause = format!("sleep {}.{:02} 9>&-", self.sleep / 100, self.sleep % 100);
        let work = match self.kind {
            Kind::Dir | Kind::PersistDir => format!(
                "mkdir -p {path}/in; echo half > {path}/in/7; {pause}; \
                 for i in 0 1 2 3 4 5 6 7 8 9 10 11; do echo $i {name} > {path}/in/$i; done; {input} > {path}/sum"
            ),
            Kind::Big => {
                format!("echo half > {path}; {pause}; {{ {input}; yes {name} | head -c 3000000; }} > {path}")
            }
            _ => format!("echo half > {path}; {pause}; {{ echo {name}; {input}; }} > {path}"),
        };
        let mut text = format!("  {name}:\n    cmd: {}\n    deps:\n", serde_json::to_string(&format!("{begin}; {work}")).unwrap());
        for dep in deps {
            let _ = writeln!(text, "    - {dep}");
        }
        let (list, flags) = match self.kind {
            Kind::Uncached => ("outs", "cache: false"),
            Kind::Persist | Kind::PersistDir => ("outs", "persist: true"),
            Kind::Metric => ("metrics", "cache: false"),
            Kind::File | Kind::Big | Kind::Dir => ("outs", ""),
        };
        match flags {
            "" => writeln!(text, "    {list}: [{path}]"),
            _ => writeln!(text, "    {list}:\n    - {path}:\n        {flags}"),
        }
        .unwrap();
        text
    }
}
