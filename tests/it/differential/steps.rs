//! How a run is called: flags, targets and the folder to stand in, for a pipeline as it is now.

use fastrand::Rng;

use super::pipeline::Pipeline;
use super::stage::Stage;

/// A run of both programs, and what may be expected of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The words after `repro`.
    pub words: Vec<String>,
    /// The folder to stand in, from the root.
    pub cwd: &'static str,
    /// Whether that is reached with `--cd`.
    pub cd: bool,
    /// With how many jobs the program runs.
    pub jobs: usize,
    /// Whether a command or a parameter was spoilt for this run.
    pub fails: bool,
    /// Whether something was named, or another folder than the root counts: DVC then takes the
    /// order of stages from a set.
    pub aimed: bool,
}

impl Step {
    /// A run of all.
    pub fn plain(jobs: usize) -> Self {
        Self { words: Vec::new(), cwd: "", cd: false, jobs, fails: false, aimed: false }
    }

    /// With these words.
    pub fn with<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.words.extend(words.map(str::to_owned));
        self
    }

    /// Whether a word is among the arguments.
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    /// The folder in which the program starts, and the words before `repro`.
    pub fn start(&self) -> (&'static str, &'static [&'static str]) {
        if self.cd { ("", &["--cd", "sub"]) } else { (self.cwd, &[]) }
    }

    /// In words.
    pub fn told(&self) -> String {
        let place = if self.cwd.is_empty() { "" } else { " (in sub)" };
        format!("run: repro --jobs {} {}{place}{}", self.jobs, self.words.join(" "), if self.cd { " by --cd" } else { "" })
    }
}

/// Flags that go with any targets and with none.
const FLAGS: &[&str] =
    &["--force", "--no-run-cache", "--no-commit", "--force-downstream", "--keep-going", "--ignore-errors", "--allow-missing"];

/// Flags that say what targets are good for.
const AIMS: &[&str] = &["--downstream", "--pipeline", "--single-item", "--single-item", "", "", ""];

/// A random one.
pub fn random(pipeline: &Pipeline, rng: &mut Rng, one_job: bool) -> Step {
    let jobs = if one_job || rng.u8(..4) == 0 { 1 } else { 4 };
    let mut step = Step::plain(jobs);
    match rng.u8(..10) {
        0..=3 => {}
        4 => step.words.push("--all-pipelines".to_owned()),
        5 | 6 => aim_at_names(&mut step, pipeline, rng),
        7 => aim_elsewhere(&mut step, pipeline, rng),
        _ => (0..rng.usize(1..3)).for_each(|_| step.words.push((*rng.choice(FLAGS).unwrap()).to_owned())),
    }
    if step.aimed && rng.u8(..3) == 0 {
        step.words.push((*rng.choice(FLAGS).unwrap()).to_owned());
    }
    if step.has("--ignore-errors") {
        // What comes after an ignored failure depends on what had run before it.
        step.jobs = 1;
    }
    step
}

/// One stage or several, by name.
fn aim_at_names(step: &mut Step, pipeline: &Pipeline, rng: &mut Rng) {
    let mut targets: Vec<String> = pipeline.stages.iter().map(Stage::address).collect();
    targets.extend(pipeline.added.iter().map(|path| format!("{path}.dvc")));
    for group in &pipeline.groups {
        targets.push(group.name.clone());
        targets.extend(group.member(rng).map(|(name, _)| name));
    }
    step.words.push((*rng.choice(AIMS).unwrap()).to_owned());
    step.words.retain(|word| !word.is_empty());
    for _ in 0..[1, 1, 1, 2, 3][rng.usize(..5)] {
        step.words.extend(rng.choice(&targets).cloned());
    }
    step.aimed = true;
}

/// Files, folders, patterns, another folder, things that are no stages.
fn aim_elsewhere(step: &mut Step, pipeline: &Pipeline, rng: &mut Rng) {
    let below = pipeline.stages.iter().any(|stage| stage.home == "sub");
    let first = pipeline.stages.iter().find(|stage| stage.home.is_empty());
    let words: Vec<String> = match (rng.u8(..9), first) {
        (0, _) if below => vec!["--recursive".to_owned(), "sub".to_owned()],
        (1, _) => vec!["--recursive".to_owned(), ".".to_owned()],
        (2, _) if below => vec!["sub/dvc.yaml".to_owned()],
        (3, _) if below => {
            step.cwd = "sub";
            step.cd = true;
            vec![]
        }
        (4, Some(stage)) => {
            step.cwd = "sub";
            vec![format!("../dvc.yaml:{}", stage.name)]
        }
        (5, _) if below => {
            step.cwd = "sub";
            vec!["--all-pipelines".to_owned()]
        }
        (6, Some(stage)) => {
            let start: String = stage.name.chars().take(1).collect();
            vec!["--glob".to_owned(), format!("{start}*")]
        }
        (7, Some(stage)) => vec![stage.outs.first().map_or("nowhere", |out| out.path.as_str()).to_owned()],
        (_, Some(stage)) => vec!["dvc.yaml".to_owned(), stage.name.clone()],
        _ => vec!["dvc.yaml".to_owned()],
    };
    step.words.extend(words);
    step.aimed = true;
}
