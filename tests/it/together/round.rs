//! One round: a repository, some programs started in it, and the questions asked when all have ended.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;

use super::checks;
use super::pipeline::{Nested, Pipeline, STEP};
use crate::support::program;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// What is counted over all rounds.
#[derive(Default)]
pub struct Tally {
    pub programs: usize,
    pub busy: usize,
    pub waited: usize,
}

/// Programs of a round: real DVC, or ours.
pub struct Program {
    pub own: bool,
    /// Whether it was told not to wait for ever.
    pub impatient: bool,
    arguments: Vec<String>,
    delay: Duration,
}

pub struct Round {
    rng: Rng,
    dvc: PathBuf,
    pub project: Project,
    pub pipeline: Pipeline,
}

impl Round {
    pub fn new(seed: u64, dvc: &Path) -> Self {
        let mut rng = Rng::with_seed(seed);
        let pipeline = Pipeline::random(&mut rng);
        let project = Project::new();
        let top = project.scratch.top();
        std::fs::write(top.join("step"), STEP).unwrap();
        std::fs::create_dir(top.join("busy")).unwrap();
        std::fs::create_dir(top.join("nested")).unwrap();
        let round = Self { rng, dvc: dvc.to_owned(), project, pipeline };
        round.write();
        round.project.sh("git add -A && git commit -q -m start");
        round
    }

    /// The files of the pipeline, as it is now.
    fn write(&self) {
        for (path, text) in self.pipeline.files(self.project.scratch.top(), &self.dvc, &program::path()) {
            self.project.write(&path, text);
        }
    }

    /// The command of each stage, as it stands in dvc.yaml: home, name, command.
    pub fn cmds(&self) -> Vec<(&'static str, String, String)> {
        let (top, own) = (self.project.scratch.top(), program::path());
        let cmd = |stage| self.pipeline.cmd(stage, top, &self.dvc, &own);
        self.pipeline.stages.iter().map(|stage| (stage.home, stage.name.clone(), cmd(stage))).collect()
    }

    /// Runs the programs and looks at what they leave; what is wrong, if something is.
    pub fn live(mut self) -> Result<Tally, String> {
        if self.rng.u8(..3) > 0 {
            self.prepare();
        }
        let before = checks::recorded(&self.project)?;
        let programs = self.programs();
        let told: Vec<String> =
            programs.iter().map(|it| format!("{:?} {} {}", it.delay, if it.own { "own" } else { "dvc" }, it.arguments.join(" "))).collect();
        let runs: Vec<Ran> = std::thread::scope(|scope| {
            let started: Vec<_> = programs.iter().map(|program| scope.spawn(|| self.run(program))).collect();
            started.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        let ended: Vec<(&Program, &Ran)> = programs.iter().zip(&runs).collect();
        let found = self.look(&ended, &before).and_then(|tally| self.quiet().map(|()| tally));
        found.map_err(|text| {
            self.project.scratch.eject_if_asked();
            let runs: String = runs.iter().map(ToString::to_string).collect();
            format!("{text}\n  {}\n{runs}", told.join("\n  "))
        })
    }

    /// Everything is up to date, and then some of it no longer.
    fn prepare(&mut self) {
        let quiet: Vec<Nested> =
            self.pipeline.stages.iter_mut().map(|stage| std::mem::replace(&mut stage.nested, Nested::Nothing)).collect();
        self.write();
        self.project.repro(["-P", "--jobs", "4"]).ok();
        for (stage, nested) in self.pipeline.stages.iter_mut().zip(quiet) {
            stage.nested = nested;
        }
        self.pipeline.edit(&mut self.rng);
        self.write();
        if self.rng.u8(..4) == 0 {
            let out = self.project.at(&self.pipeline.stages[self.rng.usize(..self.pipeline.stages.len())].out());
            let _ = std::fs::remove_file(&out).or_else(|_| std::fs::remove_dir_all(&out));
        }
        self.project.sh("git add -A && git commit -q --allow-empty -m edit");
    }

    fn programs(&mut self) -> Vec<Program> {
        let (status, theirs, ours) = (vec!["status".to_owned()], self.repro(), self.repro());
        let mut all = vec![self.program(false, status.clone()), self.program(false, theirs), self.program(true, ours)];
        if self.rng.bool() {
            let again = self.repro();
            let mut twin = self.program(true, again);
            if self.rng.bool() {
                twin.delay = all[2].delay;
            }
            all.push(twin);
        }
        if self.rng.u8(..4) == 0 {
            all.push(self.program(true, status));
        }
        all
    }

    fn program(&mut self, own: bool, mut arguments: Vec<String>) -> Program {
        let mut impatient = false;
        if own && arguments[0] == "repro" {
            arguments.extend(["--jobs".to_owned(), self.rng.u32(1..5).to_string()]);
            impatient = self.rng.u8(..6) == 0;
            if impatient {
                arguments.extend(["--lock-timeout".to_owned(), "1".to_owned()]);
            }
        }
        // DVC takes about a second to begin.
        let delay = Duration::from_millis(self.rng.u64(if own { 0..2000 } else { 0..500 }));
        Program { own, impatient, arguments, delay }
    }

    fn repro(&mut self) -> Vec<String> {
        let mut words = vec!["repro".to_owned()];
        match self.rng.u8(..4) {
            0 => {}
            1 => words.push("-P".to_owned()),
            some => (1..some).for_each(|_| words.push(self.pipeline.stages[self.rng.usize(..self.pipeline.stages.len())].address())),
        }
        words
    }

    fn command(&self, own: bool) -> Command {
        if own { self.project.command(self.project.root()) } else { self.project.scratch.command(&self.dvc) }
    }

    fn run(&self, program: &Program) -> Ran {
        std::thread::sleep(program.delay);
        Ran::of(self.command(program.own).args(&program.arguments))
    }

    /// What must hold when all have ended, whatever each of them did.
    fn look(&self, ended: &[(&Program, &Ran)], before: &BTreeSet<(String, String)>) -> Result<Tally, String> {
        let mut tally = Tally { programs: ended.len(), ..Tally::default() };
        for (program, ran) in ended {
            checks::ended_well(program, ran)?;
            tally.busy += usize::from(ran.code != 0);
            tally.waited += usize::from(program.own && ran.err().to_lowercase().contains("waiting for "));
        }
        checks::nested(&self.project)?;
        checks::nothing_collided(&self.project)?;
        checks::lock_entries(self, ended, before)?;
        checks::cache(&self.project)?;
        checks::rwlock(&self.project)?;
        if ended.iter().all(|(_, ran)| ran.code == 0) {
            checks::ignored_by_git(self)?;
        }
        Ok(tally)
    }

    /// Now alone: DVC brings all up to date, both programs see it so, and every result is right.
    fn quiet(&self) -> Result<(), String> {
        let repro = Ran::of(self.command(false).args(["repro", "-P"]));
        if repro.code != 0 {
            return Err(format!("dvc alone fails afterwards\n{repro}"));
        }
        for own in [false, true] {
            let status = Ran::of(self.command(own).arg("status"));
            if status.code != 0 || status.out() != "Data and pipelines are up to date.\n" {
                return Err(format!("after a repro alone the status is not clean\n{status}\n{repro}"));
            }
        }
        for (path, want) in self.pipeline.results() {
            let have = self.project.read(&path);
            if have != want {
                return Err(format!("{path} holds {have:?} where {want:?} is right\n{repro}"));
            }
        }
        checks::cache(&self.project)?;
        checks::rwlock(&self.project)
    }
}
