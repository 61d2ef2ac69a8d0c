//! Whole screens, compared as text: hand-made runs go through each sink into memory.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::model::event::{Limit, Planned, Saying};
use crate::model::{Attempt, Class, Event, EventKind, Fault, Level, Outcome, Reason, Slots, StageId, Status, Stream, Verdict};

use super::redact::Redact;
use super::screen::{self, Settings};
use super::sink::Sink;

/// A writer whose bytes can be read elsewhere.
#[derive(Clone, Default)]
struct Pot(Arc<Mutex<Vec<u8>>>);

impl Write for Pot {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pot {
    fn text(&self) -> String {
        Redact::times().apply(&String::from_utf8(self.0.lock().unwrap().clone()).unwrap())
    }
}

/// A run under construction.
struct Script {
    sink: Box<dyn Sink>,
    out: Pot,
    err: Pot,
    now: Duration,
}

impl Script {
    fn new(settings: Settings, stages: &[&str]) -> Self {
        let (out, err) = (Pot::default(), Pot::default());
        let jobs = settings.jobs;
        let sink = screen::open(settings, Box::new(out.clone()), Box::new(err.clone()));
        let plan = stages.iter().enumerate().map(|(at, name)| planned(at, name)).collect();
        Self { sink, out, err, now: Duration::ZERO }.with(EventKind::RunStarted {
            run: "r1".to_owned(),
            plan,
            jobs,
            queues: indexmap::IndexMap::new(),
        })
    }

    fn with(mut self, kind: EventKind) -> Self {
        self.now += Duration::from_millis(500);
        self.sink.event(&Event { at: 0, elapsed: self.now, kind });
        self
    }

    fn judged(self, stage: u32, reasons: &[Reason]) -> Self {
        let verdict = if reasons.is_empty() { Verdict::Fresh } else { Verdict::Stale(reasons.to_vec()) };
        self.with(EventKind::Judged { stage: StageId(stage), verdict })
    }

    fn started(self, stage: u32) -> Self {
        self.with(EventKind::Started { stage: StageId(stage), slots: Slots::default(), attempt: 1 })
    }

    fn command(self, stage: u32, cmd: &str) -> Self {
        self.with(EventKind::Command { stage: StageId(stage), cmd: cmd.to_owned(), first: true })
    }

    fn said(self, stage: u32, saying: Saying) -> Self {
        self.with(EventKind::Said { stage: StageId(stage), saying })
    }

    fn line(self, stage: u32, stream: Stream, text: &str) -> Self {
        self.with(EventKind::Line { stage: StageId(stage), stream, text: text.as_bytes().to_vec() })
    }

    fn ended(self, stage: u32, status: Status) -> Self {
        let attempt =
            matches!(status, Status::Ran | Status::Restored).then(|| Attempt { running: Duration::from_secs(3), ..Attempt::default() });
        self.with(EventKind::Finished { stage: StageId(stage), outcome: Outcome { attempt, ..Outcome::plain(status) } })
    }

    fn failed(self, stage: u32) -> Self {
        let fault = Fault::new(Class::StageCmdFailedError, "failed to run: exit 3, exited with 3");
        let attempt =
            Attempt { running: Duration::from_secs(3), returncode: Some(3), log: Some("logs/1.log".to_owned()), ..Attempt::default() };
        let outcome = Outcome { attempt: Some(attempt), fault: Some(fault), ..Outcome::plain(Status::Failed) };
        self.with(EventKind::Finished { stage: StageId(stage), outcome })
    }

    /// A stage that runs from start to end.
    fn runs(self, stage: u32, lock: Saying) -> Self {
        self.judged(stage, &[Reason::NeverRun]).started(stage).command(stage, "cp x y").said(stage, lock).ended(stage, Status::Ran)
    }

    fn over(self, fault: Option<Fault>, to_track: &[&str]) -> (String, String) {
        let to_track = to_track.iter().map(|&file| file.to_owned()).collect();
        let this = self.with(EventKind::RunFinished { fault, to_track, staged: false });
        (this.out.text(), this.err.text())
    }
}

fn planned(at: usize, name: &str) -> Planned {
    Planned {
        stage: StageId(u32::try_from(at).unwrap()),
        address: name.to_owned(),
        data_file: false,
        frozen: false,
        upstream: Vec::new(),
        cmds: vec![format!("make {name}")],
        level: 0,
        queue: "default".to_owned(),
        file: "dvc.yaml".to_owned(),
    }
}

fn jobs(jobs: usize) -> Settings {
    Settings { jobs, ..Settings::default() }
}

fn updating() -> Saying {
    Saying::UpdatingLock("dvc.lock".to_owned())
}

#[test]
fn one_job_prints_what_dvc_prints() {
    let (out, err) = Script::new(jobs(1), &["a", "b", "c", "d"])
        .judged(0, &[Reason::NeverRun])
        .started(0)
        .command(0, "echo 1")
        .command(0, "echo 2")
        .said(0, Saying::GeneratingLock("dvc.lock".to_owned()))
        .said(0, updating())
        .ended(0, Status::Ran)
        .judged(1, &[])
        .ended(1, Status::Unchanged)
        .runs(2, updating())
        .judged(3, &[Reason::Forced])
        .started(3)
        .said(3, Saying::IsCached)
        .said(3, updating())
        .ended(3, Status::Restored)
        .over(None, &[".gitignore", "dvc.lock"]);
    let want = "\
Running stage 'a':
> echo 1
> echo 2
Generating lock file 'dvc.lock'
Updating lock file 'dvc.lock'

Stage 'b' didn't change, skipping
Running stage 'c':
> cp x y
Updating lock file 'dvc.lock'

Stage 'd' is cached - skipping run, checking out outputs
Updating lock file 'dvc.lock'

To track the changes with git, run:

\tgit add .gitignore dvc.lock

To enable auto staging, run:

\tdvc config core.autostage true
Use `dvc push` to send your updates to remote storage.
";
    assert_eq!(out, want);
    assert_eq!(err, "Summary: 2 ran, 1 restored, 1 unchanged; wall [time], stage time [time], speed-up [factor]x\n");
}

#[test]
fn nothing_to_do_is_said() {
    let (out, _) = Script::new(jobs(1), &["a"]).judged(0, &[]).ended(0, Status::Unchanged).over(None, &[]);
    assert_eq!(out, "Stage 'a' didn't change, skipping\nData and pipelines are up to date.\n");
}

#[test]
fn keep_going_prints_warnings_and_no_hint() {
    let warning = |text: &str| EventKind::Notice { level: Level::Warning, text: text.to_owned() };
    let fault = Fault::new(Class::ReproductionError, "failed to reproduce 'a'");
    let (out, err) = Script::new(jobs(1), &["a", "b", "c"])
        .judged(0, &[Reason::NeverRun])
        .started(0)
        .command(0, "exit 3")
        .failed(0)
        .with(warning("failed to run: exit 3, exited with 3"))
        .with(warning("Stage 'b' will be skipped due to this failure"))
        .ended(1, Status::UpstreamFailed)
        .runs(2, updating())
        .over(Some(fault), &["dvc.lock"]);
    assert_eq!(out, "Running stage 'a':\n> exit 3\nRunning stage 'c':\n> cp x y\nUpdating lock file 'dvc.lock'\n");
    let want = "\
WARNING: failed to run: exit 3, exited with 3
WARNING: Stage 'b' will be skipped due to this failure
Summary: 1 ran, 1 failed, 1 skipped; wall [time], stage time [time], speed-up [factor]x
";
    assert_eq!(err, want);
}

#[test]
fn quiet_is_silent() {
    for settings in [jobs(1), jobs(4)] {
        let settings = Settings { quiet: true, ..settings };
        let (out, err) = Script::new(settings, &["a", "b"])
            .judged(0, &[])
            .ended(0, Status::Unchanged)
            .runs(1, updating())
            .with(EventKind::Notice { level: Level::Warning, text: "w".to_owned() })
            .over(None, &["dvc.lock"]);
        assert_eq!((out.as_str(), err.as_str()), ("", ""));
    }
}

#[test]
fn a_dry_run_is_in_order_and_marks_what_may_run() {
    let settings = Settings { dry: true, ..jobs(4) };
    let may = [Reason::UpstreamMayChange { stages: vec!["a".to_owned()] }];
    let (out, err) = Script::new(settings, &["a", "b", "c"])
        .judged(2, &[])
        .ended(2, Status::Unchanged)
        .judged(0, &[Reason::Forced])
        .ended(0, Status::Planned)
        .judged(1, &may)
        .ended(1, Status::Planned)
        .over(None, &[]);
    let want = "\
Running stage 'a':
> make a

Running stage 'b': (upstream may change)
> make b

Stage 'c' didn't change, skipping
Use `dvc push` to send your updates to remote storage.
";
    assert_eq!(out, want);
    assert_eq!(err, "Summary: 2 would run, 1 unchanged; wall [time]\n");
}

#[test]
fn explain_says_why() {
    let reasons = [
        Reason::ParamModified { path: "params.yaml".to_owned(), key: "lr".to_owned(), old: "0.1".to_owned(), new: "0.2".to_owned() },
        Reason::DepModified { path: "in".to_owned(), old: Some("1a2b3c4d".to_owned()), new: "9f8e7d6c".to_owned() },
    ];
    let settings = Settings { explain: true, ..jobs(1) };
    let (out, _) =
        Script::new(settings.clone(), &["a"]).judged(0, &reasons).started(0).command(0, "make a").ended(0, Status::Ran).over(None, &[]);
    let why = "\
Stage 'a' must run:
  param lr in params.yaml changed: 0.1 -> 0.2
  dep in changed: 1a2b3c4 -> 9f8e7d6
";
    let push = "Use `dvc push` to send your updates to remote storage.\n";
    assert_eq!(out, format!("{why}Running stage 'a':\n> make a\n{push}"));
    let (out, _) = Script::new(Settings { dry: true, ..settings }, &["a"]).judged(0, &reasons).ended(0, Status::Planned).over(None, &[]);
    assert_eq!(out, format!("{why}{push}"));
}

#[test]
fn many_jobs_print_whole_blocks() {
    let (out, err) = Script::new(jobs(2), &["a", "b", "c"])
        .judged(0, &[Reason::NeverRun])
        .judged(1, &[Reason::NeverRun])
        .started(0)
        .command(0, "make a")
        .started(1)
        .command(1, "make b")
        .line(0, Stream::Out, "a one")
        .line(1, Stream::Err, "b one")
        .line(1, Stream::Out, "b two")
        .line(0, Stream::Out, "a two")
        .said(1, updating())
        .ended(1, Status::Ran)
        .judged(2, &[])
        .ended(2, Status::Unchanged)
        .said(0, updating())
        .ended(0, Status::Ran)
        .over(None, &[]);
    let want = "\
Running stage 'b':
> make b
b two
Updating lock file 'dvc.lock'

Stage 'c' didn't change, skipping
Running stage 'a':
> make a
a one
a two
Updating lock file 'dvc.lock'
Use `dvc push` to send your updates to remote storage.
";
    assert_eq!(out, want);
    let want = "\
[1/3] Running stage 'a' (never run)
[2/3] Running stage 'b' (never run)
b one
Stage 'b' ran in [time]
Stage 'a' ran in [time]
Summary: 2 ran, 1 unchanged; wall [time], stage time [time], speed-up [factor]x
";
    assert_eq!(err, want);
}

#[test]
fn a_failure_shows_its_end_and_its_log() {
    let mut script = Script::new(jobs(2), &["a"]).judged(0, &[Reason::Forced]).started(0).command(0, "exit 3");
    for number in 0..250 {
        script = script.line(0, Stream::Out, &format!("line {number}"));
    }
    let (out, err) = script.failed(0).over(Some(Fault::new(Class::ReproductionError, "failed to reproduce 'a'")), &[]);
    assert!(out.starts_with("Running stage 'a':\n> exit 3\nline 50\n"), "{out}");
    assert!(out.ends_with("\nline 249\n"), "{out}");
    let want = "\
[1/1] Running stage 'a' (forced)
Stage 'a' failed after [time]: exit code 3
  log: logs/1.log (50 more lines)
Summary: 1 failed; wall [time], stage time [time], speed-up [factor]x
";
    assert_eq!(err, want);
}

#[test]
fn a_stage_that_failed_before_its_command_is_named() {
    let cause = Fault::new(Class::DvcException, "it is busy, blocked by:\n  (PID 7)");
    let outcome = Outcome { fault: Some(cause), ..Outcome::plain(Status::Failed) };
    let script = Script::new(jobs(2), &["a", "b"]).judged(0, &[Reason::NeverRun]).started(0).command(0, "make a").ended(0, Status::Ran);
    let (out, err) = script.judged(1, &[Reason::Forced]).with(EventKind::Finished { stage: StageId(1), outcome }).over(None, &[]);
    assert_eq!(out, "Running stage 'a':\n> make a\nUse `dvc push` to send your updates to remote storage.\n");
    assert!(err.contains("\nStage 'b' failed: it is busy, blocked by:\nSummary: "), "{err}");
}

#[test]
fn many_unchanged_stages_are_counted() {
    let names: Vec<String> = (0..60).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let run = |settings: Settings| {
        let mut script = Script::new(settings, &names);
        for stage in 0..60 {
            script = script.judged(stage, &[]).ended(stage, Status::Unchanged);
        }
        script.over(None, &[]).0
    };
    assert_eq!(run(jobs(4)), "60 stages didn't change, skipping (-v names them)\nData and pipelines are up to date.\n");
    assert_eq!(run(Settings { verbose: true, ..jobs(4) }).lines().count(), 61);
    assert_eq!(run(jobs(1)).lines().count(), 61);
}

#[test]
fn github_gets_groups_but_never_for_a_failure() {
    let settings = Settings { github: Some("t0k3n".to_owned()), ..jobs(2) };
    let (out, _) = Script::new(settings, &["a", "b"])
        .judged(0, &[Reason::NeverRun])
        .started(0)
        .command(0, "make a")
        .line(0, Stream::Out, "::set-output name=x::y")
        .ended(0, Status::Ran)
        .judged(1, &[Reason::NeverRun])
        .started(1)
        .command(1, "make b")
        .failed(1)
        .over(Some(Fault::new(Class::ReproductionError, "failed to reproduce 'b'")), &[]);
    let want = "\
::group::a ran in [time]
Running stage 'a':
> make a
::stop-commands::t0k3n
::set-output name=x::y
::t0k3n::
::endgroup::

Running stage 'b':
> make b
::error title=dvc-paraffin::Stage 'b' failed after [time]: exit code 3
";
    assert_eq!(out, want);
}

#[test]
fn waits_are_told_after_a_second_and_then_seldom() {
    let waits =
        |seconds: f64| EventKind::Waiting { stage: None, what: "the lock of PID 7".to_owned(), since: Duration::from_secs_f64(seconds) };
    let mut script = Script::new(jobs(1), &["a"]);
    for tenth in 1..=60 {
        script = script.with(waits(f64::from(tenth) / 10.0));
    }
    let (_, err) = script.over(None, &[]);
    assert_eq!(err.lines().filter(|line| line.starts_with("Waiting for the lock of PID 7")).count(), 2, "{err}");
}

/// Three stages of which one is over, one runs, and one is ready, for more than two minutes.
fn long(settings: Settings) -> Script {
    let script = Script::new(settings, &["a", "b", "c", "d"]).judged(0, &[]).ended(0, Status::Unchanged);
    let script = script.judged(1, &[Reason::Forced]).started(1).judged(2, &[Reason::Forced]);
    (0..250).fold(script, |script, _| script.with(EventKind::Tick))
}

#[test]
fn each_minute_a_line_tells_what_runs() {
    let plain = |pot: &Pot| String::from_utf8(pot.0.lock().unwrap().clone()).unwrap();
    for settings in [jobs(1), jobs(2)] {
        let script = long(settings.clone());
        let want = "Still running after 1m00s: 'b' (57.5s); 1 ready, 1 to come\n\
                    Still running after 2m00s: 'b' (1m57s); 1 ready, 1 to come\n";
        assert_eq!((plain(&script.err).as_str(), plain(&script.out).contains("Still")), (want, false));
        assert_eq!(plain(&long(Settings { quiet: true, ..settings }).err), "");
    }
    // One job on a terminal, which shows the stage's own lines.
    assert_eq!(plain(&long(Settings { live: true, ..jobs(1) }).err), "");
}

#[test]
fn who_asks_is_told_how_it_stands() {
    let asked = || EventKind::Asked {
        lines: vec![(StageId(1), vec![b"epoch 1".to_vec(), b" 10%\r 20%".to_vec(), b"\x1b[31m".to_vec()])],
        lacks: vec![
            (StageId(3), vec![Limit::Shared("the mutex 'm'".to_owned()), Limit::Job]),
            (StageId(2), vec![Limit::Shared("a slot of the queue 'gpu'".to_owned())]),
        ],
    };
    let want = "\
After [time]: 1 running; 1 ready, 1 to come
  Stage 'b' has run for [time]
    | epoch 1
    | 20%
  Stage 'c' waits for a slot of the queue 'gpu'
  Stage 'd' waits for the mutex 'm' and a free job
";
    for settings in [jobs(1), jobs(2)] {
        let settings = Settings { quiet: true, ..settings };
        assert_eq!(long(settings).with(asked()).err.text(), want);
    }
}

#[test]
fn a_slow_stage_is_told_of() {
    let slow = || EventKind::Slow { stage: StageId(0), since: Duration::from_secs(600) };
    let (_, err) = Script::new(jobs(2), &["a"]).with(slow()).over(None, &[]);
    assert!(err.starts_with("Stage 'a' is slow: it has run for [time]\n"), "{err}");
    let quiet = Settings { quiet: true, ..jobs(2) };
    assert_eq!(Script::new(quiet, &["a"]).with(slow()).over(None, &[]).1, "");
}

#[test]
fn colours_only_where_wanted() {
    let settings = Settings { color_err: true, ..jobs(1) };
    let notice = EventKind::Notice { level: Level::Warning, text: "w".to_owned() };
    let (_, err) = Script::new(settings, &["a"]).with(notice).over(None, &[]);
    assert!(err.starts_with("\u{1b}[33mWARNING\u{1b}[0m: w\n"), "{err:?}");
}
