//! The terminal while a run goes on: what it does with keys, and that it is left as it was.
//!
//! With several jobs no stage reads it, so keys can be taken one by one, and `t` asks how the run
//! stands. The keys that make signals go on making them.
//!
//! A shell may take the terminal away and give it back at any time, not always with a signal. So
//! it is looked again and again whether we are in its foreground, and in which state it is: from
//! the background nothing is read or set, or the system would stop us. A terminal in another
//! state than the ordinary one has a reader of its own, and what was typed before we listened is
//! for whoever comes after us; both are left alone.

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::{process, stdio, termios};

use super::job::hold;

/// How often it is looked whose terminal it is.
const PAUSE: Duration = Duration::from_millis(100);
/// The key that asks how it stands.
const ASK: u8 = b't';

/// What a run wants of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Ctrl-C leaves no `^C` on it: that would push a live area down by a line that could not be
    /// taken away any more. This is the terminal of standard error.
    Calm,
    /// Keys come one by one, and are not shown. This is the terminal of standard input.
    Keys,
}

/// Holds the terminal until dropped.
#[derive(Debug)]
pub struct Console {
    inner: Arc<Inner>,
}

/// Lends the terminal to processes that may ask their user for something, such as a password.
#[derive(Clone, Debug, Default)]
pub struct Lender(pub(super) Option<Arc<Inner>>);

/// Leaves the terminal alone until dropped.
#[derive(Debug)]
pub struct Lent(Option<Arc<Inner>>);

/// What the threads share that have to do with the terminal.
#[derive(Debug)]
pub(super) struct Inner {
    manner: Manner,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How the terminal was before we set it; none while it is not ours.
    before: Option<Termios>,
    /// How many others may want it just now.
    lent: usize,
    /// Nobody may set it any more.
    over: bool,
}

impl Console {
    /// Sets the terminal as soon as it may, and calls `asked` for each `t`. Without the thread for
    /// it the terminal is left alone.
    pub fn hold(manner: Manner, asked: impl Fn() + Send + 'static) -> Self {
        let inner = Arc::new(Inner { manner, state: Mutex::default() });
        let theirs = Arc::clone(&inner);
        std::thread::Builder::new().name("console".to_owned()).spawn(move || theirs.attend(&asked)).ok();
        Self { inner }
    }

    pub(super) fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.inner)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl Inner {
    /// Leaves the terminal as it was, for good.
    pub(super) fn close(&self) {
        let mut state = hold(&self.state);
        state.over = true;
        self.restore(&mut state);
    }

    /// Leaves the terminal as it was while `stopped` lasts. Meanwhile nobody looks at it: we
    /// may be in the background afterwards.
    pub(super) fn pause(&self, stopped: impl FnOnce()) {
        let mut state = hold(&self.state);
        self.restore(&mut state);
        stopped();
    }

    fn attend(&self, asked: &impl Fn()) {
        let pause = Timespec { tv_sec: 0, tv_nsec: PAUSE.subsec_nanos().into() };
        loop {
            let ours = {
                let mut state = hold(&self.state);
                if state.over {
                    return;
                }
                self.take(&mut state)
            };
            if !ours || self.manner == Manner::Calm {
                std::thread::sleep(PAUSE);
                continue;
            }
            let mut fds = [PollFd::from_borrowed_fd(self.terminal(), PollFlags::IN)];
            // A signal that comes in between only means to look again.
            poll(&mut fds, Some(&pause)).ok();
            let told = fds[0].revents();
            if told.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                return;
            }
            if told.contains(PollFlags::IN) {
                self.read(hold(&self.state), asked);
            }
        }
    }

    /// Takes the keys that lie there. The terminal may have gone to someone else since they came.
    fn read(&self, mut state: MutexGuard<'_, State>, asked: &impl Fn()) {
        if !self.take(&mut state) {
            return;
        }
        let mut keys = [0; 64];
        // As it is set now, reading never waits.
        let count = rustix::io::read(self.terminal(), &mut keys).unwrap_or(0);
        drop(state);
        keys[..count].iter().filter(|key| **key == ASK).for_each(|_| asked());
    }

    fn terminal(&self) -> BorrowedFd<'static> {
        match self.manner {
            Manner::Calm => stdio::stderr(),
            Manner::Keys => stdio::stdin(),
        }
    }

    /// Whether the terminal is ours now, or could be made so.
    fn take(&self, state: &mut State) -> bool {
        if state.over || state.lent > 0 || !self.is_in_front() {
            return false;
        }
        let Ok(modes) = termios::tcgetattr(self.terminal()) else { return false };
        let Some(wanted) = self.wanted(&modes) else { return state.before.is_some() };
        let typed_ahead = self.manner == Manner::Keys && rustix::io::ioctl_fionread(self.terminal()).is_ok_and(|count| count > 0);
        if typed_ahead || termios::tcsetattr(self.terminal(), OptionalActions::Now, &wanted).is_err() {
            return false;
        }
        state.before = Some(modes);
        true
    }

    /// The modes that we want; none if the terminal is not in its ordinary state.
    fn wanted(&self, modes: &Termios) -> Option<Termios> {
        let ours = match self.manner {
            Manner::Calm => LocalModes::ECHOCTL,
            Manner::Keys => LocalModes::ICANON | LocalModes::ECHO,
        };
        let mut wanted = modes.clone();
        wanted.local_modes.remove(ours);
        if self.manner == Manner::Keys {
            wanted.special_codes[SpecialCodeIndex::VMIN] = 0;
            wanted.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
        modes.local_modes.contains(ours).then_some(wanted)
    }

    fn restore(&self, state: &mut State) {
        if let Some(before) = state.before.take()
            && self.is_in_front()
        {
            // There is nothing else that could be done for a terminal that refuses.
            termios::tcsetattr(self.terminal(), OptionalActions::Now, &before).ok();
        }
    }

    fn is_in_front(&self) -> bool {
        termios::tcgetpgrp(self.terminal()).is_ok_and(|group| group == process::getpgrp())
    }
}

impl Lender {
    /// Leaves the terminal to others for a while.
    pub fn lend(&self) -> Lent {
        if let Some(inner) = &self.0 {
            let mut state = hold(&inner.state);
            state.lent += 1;
            inner.restore(&mut state);
        }
        Lent(self.0.clone())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(inner) = &self.0 {
            hold(&inner.state).lent -= 1;
        }
    }
}
