//! `demo`: makes the project, runs it with four jobs, and says where to look next.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::model::event::Planned;
use crate::model::{Class, Event, EventKind, Fault};
use crate::ops::demo;
use crate::ops::load::Repository;
use crate::ops::repro::repro;
use crate::report::Sink;
use crate::report::chart::Chart;

use super::args::{Demo, Global, Repro};
use super::repro::{open_screen, request, watcher};
use super::{Setting, print, workspace};

/// Width of the level chart; the screen's own may not be known.
const WIDTH: usize = 76;

/// Keeps the plan for the chart.
struct WithPlan {
    screen: Box<dyn Sink>,
    plan: Vec<Planned>,
}

impl Sink for WithPlan {
    fn event(&mut self, event: &Event) {
        if let EventKind::RunStarted { plan, .. } = &event.kind {
            self.plan.clone_from(plan);
        }
        self.screen.event(event);
    }
}

/// Runs the command and gives the exit code.
///
/// # Errors
/// The directory is in use, or the run failed.
pub fn run(args: &Demo, global: &Global, setting: &Setting) -> Result<i32, Fault> {
    let here = std::env::current_dir().unwrap_or_default();
    let dir = demo::create(&args.dir).map_err(|error| error.fault())?;
    std::env::set_current_dir(&dir)
        .map_err(|error| Fault::new(Class::Unexpected, format!("cannot change to '{}': {error}", dir.display())))?;
    let watcher = watcher()?;
    let flags = Repro { jobs: NonZeroUsize::new(demo::JOBS), ..Repro::default() };
    let mut repository = Repository::new(workspace()?);
    let mut sink = WithPlan { screen: open_screen(&flags, global, setting, demo::JOBS, &watcher)?, plan: Vec::new() };
    repro(&mut repository, &request(&flags, global, setting, demo::JOBS), None, &watcher, &mut sink)?;
    let levels = Chart::from_plan(&sink.plan).text(WIDTH);
    if global.quiet == 0 {
        print(&demo::closing_words(&args.dir, &program(setting, &here), &levels), false);
    }
    Ok(0)
}

/// How this program can be called from elsewhere: by name where the shell finds it, else by its
/// whole path.
fn program(setting: &Setting, here: &Path) -> String {
    let called = Path::new(&setting.program);
    if called.components().count() > 1 { here.join(called).display().to_string() } else { called.display().to_string() }
}
