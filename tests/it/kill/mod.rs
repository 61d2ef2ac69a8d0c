//! SIGKILL at random moments: the program alone (its stages live on), the whole session, or the
//! shell of a stage. Each time dvc.lock must be whole and hold all that had finished, each cache
//! object its content, real DVC must be able to go on, and nothing may pile up; then the run is
//! started again, until one gets to its end. What was recorded never runs again, no stage runs beside
//! itself, and at last the repository is as real DVC makes it from scratch.
//!
//! `DVC_PARAFFIN_KILLS` says how many kills, `DVC_PARAFFIN_SEED` where to begin: the same seed makes
//! the same pipeline and the same choices, though what a kill then hits is up to the machine.

mod checks;
mod pipeline;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;

use pipeline::{Pipeline, STAGES};
use session::Session;

use crate::dvc;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;
use crate::support::tree::Tree;
use crate::support::{aloud, number};

/// After how many kills real DVC is asked.
const ASK_EVERY: usize = 5;

#[test]
fn a_kill_at_any_moment_costs_only_what_ran() {
    let Some(dvc) = dvc::get("the kill test") else { return };
    let kills = usize::try_from(number("DVC_PARAFFIN_KILLS", 15)).unwrap();
    let seed = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let mut rng = Rng::with_seed(seed);
    let pipeline = Pipeline::random(&mut rng);
    let mut tally = Tally::default();
    let result = std::thread::scope(|scope| {
        let want = scope.spawn(|| from_scratch(&pipeline, dvc));
        let mut repositories = Vec::new();
        while tally.kills() < kills {
            let mut life = Life::new(&pipeline, dvc, &mut rng, &mut tally);
            if let Err(text) = life.live(kills) {
                life.scratch.eject_if_asked();
                return Err(text);
            }
            repositories.push(life.scratch);
        }
        let want = want.join().map_err(|_| "real DVC failed, see above".to_owned())?;
        for scratch in &mut repositories {
            let have = checks::tree(&scratch.work(), &pipeline);
            let differences = want.differences(&have, "dvc's", "ours");
            if !differences.is_empty() {
                scratch.eject_if_asked();
                return Err(differences.join("\n"));
            }
        }
        Ok(repositories.len())
    });
    aloud(&format!("kill: seed {seed}, {STAGES} stages, {tally}"));
    match result {
        Ok(repositories) => aloud(&format!("kill: {repositories} repositories are as real DVC makes them")),
        Err(text) => panic!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_KILLS={kills}: {text}"),
    }
}

/// What was done.
#[derive(Default)]
struct Tally {
    programs: usize,
    sessions: usize,
    stages: usize,
    runs: usize,
    asked: usize,
    /// The most temporary files that lay about.
    temporary: usize,
    /// How often commands lived on when the program was killed.
    orphans: usize,
}

impl Tally {
    fn kills(&self) -> usize {
        self.programs + self.sessions + self.stages
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { programs, sessions, stages, runs, asked, temporary, orphans } = self;
        write!(
            f,
            "{runs} runs, kills: {programs} of the program ({orphans} left commands that ran), {sessions} of the session, {stages} of a stage; {asked} x dvc status, \
             at most {temporary} temporary files"
        )
    }
}

fn prepare(pipeline: &Pipeline, dvc: &Path) -> Scratch {
    let scratch = Scratch::new();
    let root = scratch.work();
    for (path, text) in pipeline.files() {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for dir in ["count", "busy"] {
        std::fs::create_dir(scratch.top().join(dir)).unwrap();
    }
    sh(&scratch, &root, &format!("git init -q -b main . && {} init -q && git add -A && git commit -q -m start", dvc.display()));
    scratch
}

/// The repository as real DVC makes it.
fn from_scratch(pipeline: &Pipeline, dvc: &Path) -> Tree {
    let scratch = prepare(pipeline, dvc);
    // It takes as long as it takes: 80 stages one by one, beside all the kills.
    let output = scratch.command(dvc).args(["repro", "--all-pipelines"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    checks::tree(&scratch.work(), pipeline)
}

/// One repository, from nothing to a run that gets to its end.
struct Life<'a> {
    scratch: Scratch,
    dvc: &'a Path,
    rng: &'a mut Rng,
    tally: &'a mut Tally,
    recorded: BTreeSet<String>,
    /// How often what is recorded had been started.
    started: BTreeMap<String, usize>,
}

impl<'a> Life<'a> {
    fn new(pipeline: &Pipeline, dvc: &'a Path, rng: &'a mut Rng, tally: &'a mut Tally) -> Self {
        let scratch = prepare(pipeline, dvc);
        Self { scratch, dvc, rng, tally, recorded: BTreeSet::new(), started: BTreeMap::new() }
    }

    fn live(&mut self, kills: usize) -> Result<(), String> {
        loop {
            self.tally.runs += 1;
            let mut session = Session::start(&self.scratch);
            let enough = self.tally.kills() >= kills;
            let moment = if enough { Duration::from_secs(120) } else { Duration::from_millis(self.rng.u64(..400)) };
            let ended = match session.wait(moment) {
                Some(code) => Some(code),
                None if enough => return Err(format!("a run does not come to its end:\n{}", self.said())),
                None => self.kill(&mut session),
            };
            self.look(ended)?;
            if ended == Some(0) {
                self.ask_dvc(true)?;
                return checks::tidy(&self.scratch);
            }
        }
    }

    /// Kills something; the exit code, if the run then ended by itself.
    fn kill(&mut self, session: &mut Session) -> Option<i32> {
        match self.tally.kills() % 5 {
            0 | 2 => {
                self.tally.programs += 1;
                self.tally.orphans += usize::from(session.kill_program());
                None
            }
            1 | 3 => {
                self.tally.sessions += 1;
                session.kill_all();
                None
            }
            _ => {
                self.tally.stages += 1;
                let rng = &mut *self.rng;
                session.kill_a_shell(|count| rng.usize(..count));
                Some(session.wait(Duration::from_secs(120)).unwrap_or(-1))
            }
        }
    }

    fn look(&mut self, ended: Option<i32>) -> Result<(), String> {
        let said = self.said();
        if !matches!(ended, None | Some(0 | 255)) {
            return Err(format!("the run ended with {ended:?}:\n{said}"));
        }
        checks::never_beside(&self.scratch)?;
        let recorded = checks::recorded(&self.scratch)?;
        if let Some(lost) = self.recorded.difference(&recorded).next() {
            return Err(format!("the entry of '{lost}' is lost:\n{said}"));
        }
        checks::nothing_lost(&self.scratch, &recorded)?;
        let counts = checks::counts(&self.scratch);
        if let Some((name, before)) = self.started.iter().find(|(name, before)| counts[*name] != **before) {
            return Err(format!("'{name}' was recorded after {before} starts and was started again:\n{said}"));
        }
        self.started = counts.into_iter().filter(|(name, _)| recorded.contains(name)).collect();
        self.recorded = recorded;
        checks::objects(&self.scratch)?;
        self.tally.temporary = self.tally.temporary.max(checks::no_piles(&self.scratch)?);
        if self.tally.runs.is_multiple_of(ASK_EVERY) { self.ask_dvc(false) } else { Ok(()) }
    }

    /// Real DVC must be able to work with the repository.
    fn ask_dvc(&mut self, clean: bool) -> Result<(), String> {
        self.tally.asked += 1;
        let ran = Ran::of(self.scratch.command(self.dvc).arg("status"));
        let is_clean = ran.out() == "Data and pipelines are up to date.\n";
        if ran.code != 0 || ran.err().contains("Traceback") || clean && !is_clean {
            return Err(format!("dvc status after {} kills:\n{ran}\nthe run before said:\n{}", self.tally.kills(), self.said()));
        }
        Ok(())
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.scratch.top().join("err")).unwrap_or_default()
    }
}
