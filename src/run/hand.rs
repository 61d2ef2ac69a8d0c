//! A stage that an installed dvc must run: one with a dep or output on a server, or an import
//! that is to be made again.
//!
//! DVC judges it once more, runs it, stores and records it by itself, under its own locks. What
//! is left for us is to take over what it wrote: the place of a new entry in dvc.lock, what git
//! should know of, and the hashes that stages after this one may ask for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Instant;

use crate::model::{Attempt, Class, Fault, Reason, Status};

use super::bound::Bounded;
use super::child::{Terminal, returncode};
use super::drive::Reply;
use super::error;
use super::job::{Job, PAUSE, hold, waiting};
use super::peer::{Peer, busy_path, error_line, only_dvc_sees};

/// How much of the end of a log is searched for DVC's last words, in bytes.
const END: u64 = 64 * 1024;

impl Job<'_> {
    /// Whether only DVC can run it.
    pub(super) fn is_for_dvc(&self) -> bool {
        only_dvc_sees(self.stage).is_some() || (self.stage.is_import() && !self.stage.frozen)
    }

    /// Lets DVC run the stage.
    pub(super) fn hand_over(&self, peer: &Peer, reasons: &[Reason], reply: &Reply, attempt: &mut Attempt) -> Result<Status, Fault> {
        let before = self.run.locked(Some(self.id), reply, || hold(&self.run.ledger).before_another(self.stage))?;
        let log = self.open_log(reply, attempt);
        let running = reply.clock().elapsed();
        let result = self.call(peer, reasons, reply, log.as_deref(), attempt);
        attempt.running = reply.clock().elapsed().saturating_sub(running);
        self.disk().workspace().forget_dvcignore();
        self.close_log(log, result.is_err(), reply);
        result?;
        let record = self.run.locked(Some(self.id), reply, || hold(&self.run.ledger).take_over(self.place, self.stage, &before))?;
        let outs = self.stage.outs.iter();
        let made = outs.filter_map(|out| Some((out.path.clone(), record.as_ref()?.out(&out.def_path)?.digest.clone()?)));
        hold(&self.run.made).extend(made);
        Ok(if self.stage.is_data_file() { Status::Updated } else { Status::Ran })
    }

    /// Calls DVC, again if another process has come before it: it gives up at once then, with nothing
    /// done.
    fn call(&self, peer: &Peer, reasons: &[Reason], reply: &Reply, log: Option<&Bounded>, attempt: &mut Attempt) -> Result<(), Fault> {
        let began = Instant::now();
        loop {
            let from = log.and_then(|log| log.file().metadata().ok()).map_or(0, |meta| meta.len());
            // One for each call: its last words must be in the log when they are looked for.
            let copier = self.copier(log, reply);
            let terminal = match &copier {
                Some(copier) => Terminal::Copied(copier),
                None => self.terminal(log.map(Bounded::file)),
            };
            let code = self.call_once(peer, reasons, reply, &terminal, attempt);
            self.end_copier(copier, reply);
            let code = code?;
            if code == 0 {
                return Ok(());
            }
            let words = log.and_then(|log| last_words(log.path(), from));
            let since = began.elapsed();
            let busy = words.as_deref().and_then(busy_path).filter(|_| self.run.patience.is_none_or(|patience| since < patience));
            let Some(path) = busy else {
                let text = words.unwrap_or_else(|| format!("`dvc repro -s {}` failed with exit code {code}", self.address));
                return Err(Fault::new(Class::DvcException, text));
            };
            if self.run.children.stopping() {
                return Err(error::interrupted());
            }
            waiting(reply, Some(self.id), &format!("{path}, in use by another process"), since);
            std::thread::sleep(PAUSE);
        }
    }

    /// Calls DVC, and gives its exit code.
    fn call_once(
        &self,
        peer: &Peer,
        reasons: &[Reason],
        reply: &Reply,
        terminal: &Terminal<'_>,
        attempt: &mut Attempt,
    ) -> Result<i32, Fault> {
        let options = &self.run.options;
        let flags = [
            (self.forced(reasons), "--force"),
            (options.no_commit, "--no-commit"),
            (!options.run_cache, "--no-run-cache"),
            (self.run.remotes.is_some(), "--pull"),
        ];
        let mut words = vec!["repro", "--single-item"];
        words.extend(flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag));
        words.extend(["--", &self.address]);
        let mut command = peer.command(&self.disk().cwd().under(self.disk().root()), words);
        let inherited = self.dress(&mut command, reply);
        let span = self.run.watch.runs(self.id, reply.clock());
        let ended = self.run.children.run(self.id, command, inherited, terminal, self.limits());
        drop(span);
        let ended = ended.map_err(|source| match source.kind() {
            std::io::ErrorKind::Interrupted => error::interrupted(),
            _ => Fault::new(Class::DvcException, format!("cannot run dvc: {source}")),
        })?;
        let code = returncode(ended.status);
        attempt.usage = Some(attempt.usage.unwrap_or_default().and(ended.usage));
        if ended.timed_out {
            return Err(error::timed_out("dvc repro", self.terms().timeout.unwrap_or_default(), code));
        }
        Ok(code)
    }
}

/// The failure that DVC told at the end of a log, after this place of it.
fn last_words(log: &Path, from: u64) -> Option<String> {
    let mut log = File::open(log).ok()?;
    let length = log.metadata().ok()?.len();
    log.seek(SeekFrom::Start(from.max(length.saturating_sub(END)))).ok()?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes).ok()?;
    error_line(&String::from_utf8_lossy(&bytes)).map(str::to_owned)
}
