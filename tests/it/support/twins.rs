//! One project in two repositories at paths of equal length: real DVC works in one, the program with
//! four jobs in the other. After each run both must be equal to the byte.

use std::path::Path;

use super::program;
use super::project::Project;
use super::ran::{Ran, sh};

/// The two repositories.
pub struct Twins {
    dvc: &'static Path,
    theirs: Project,
    ours: Project,
}

impl Twins {
    /// Copies a project; the original becomes DVC's.
    pub fn of(dvc: &'static Path, project: Project) -> Self {
        let theirs = project.commit();
        let ours = Project::folder();
        let (from, to) = (theirs.root(), ours.root());
        sh(&ours.scratch, ours.scratch.top(), &format!("rm -rf {to} && cp -a {from} {to}", from = from.display(), to = to.display()));
        Self { dvc, theirs, ours }
    }

    /// Runs `repro` in both, which must succeed and leave the same; these stages must run.
    #[track_caller]
    pub fn repro<const N: usize>(&self, arguments: &[&str], stages: [&str; N]) -> Ran {
        let mut theirs = self.theirs.scratch.command(self.dvc);
        theirs.arg("repro").args(arguments);
        let mut ours = self.ours.command(self.ours.root());
        // Some stages are for DVC alone.
        ours.env("DVC_PARAFFIN_DVC", self.dvc).args(program::repro(4)).args(arguments);
        let (ours, theirs) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| Ran::of(&mut theirs));
            (Ran::of(&mut ours), theirs.join().unwrap())
        });
        theirs.ok().ran(stages);
        ours.ok().ran(stages);
        self.theirs.tree().must_equal(&self.ours.tree(), "dvc's", "ours");
        ours
    }

    /// Replaces a text in a file of both, which must hold it.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        for project in [&self.theirs, &self.ours] {
            let text = project.read(path);
            assert!(text.contains(from), "{path} does not hold {from:?}");
            project.write(path, text.replacen(from, to, 1));
        }
    }

    /// Runs a shell command in both.
    #[track_caller]
    pub fn sh(&self, text: &str) {
        self.theirs.sh(text);
        self.ours.sh(text);
    }

    /// A file of ours without white space at its ends.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        self.ours.read(path).trim().to_owned()
    }

    /// Real DVC must find nothing to do in what we left.
    #[track_caller]
    pub fn clean(&self) {
        let ran = Ran::of(self.ours.scratch.command(self.dvc).arg("status"));
        ran.ok().says("Data and pipelines are up to date.");
    }
}
