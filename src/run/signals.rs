//! Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 as messages to the driver.
//!
//! From the moment that the watcher stands, these signals no longer kill the program: they are
//! counted, and the run ends itself in order. Who asks a third time is not made to wait for work
//! of our own, such as the hashing of large files: then the signal does what it always does.
//! SIGUSR1 only asks how it stands.
//! SIGCHLD gets a handler too: a parent that ignores
//! it would otherwise leave us children that nobody can wait for.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::{Handle, Signals};

use super::drive::Message;

/// Watches for signals until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    handle: Handle,
}

#[derive(Debug, Default)]
struct Shared {
    times: AtomicU32,
    terminal: AtomicBool,
    driver: Mutex<Option<Sender<Message>>>,
}

impl Shared {
    /// Before and after the driver's time there is nobody to tell.
    fn send(&self, message: Message) {
        if let Some(driver) = self.driver.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            driver.send(message).ok();
        }
    }
}

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// The handlers or the thread could not be made.
    pub fn start() -> io::Result<Self> {
        signal_hook::flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)))?;
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
        let handle = signals.handle();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGUSR1 {
                    theirs.send(Message::Asked);
                    continue;
                }
                theirs.terminal.fetch_or(signal == SIGINT, Ordering::SeqCst);
                let times = theirs.times.fetch_add(1, Ordering::SeqCst) + 1;
                theirs.send(Message::Interrupt(times));
                if times > 2 {
                    signal_hook::low_level::emulate_default_handler(signal).ok();
                }
            }
        })?;
        Ok(Self { shared, handle })
    }

    /// How often a stop was asked for.
    pub fn times(&self) -> u32 {
        self.shared.times.load(Ordering::SeqCst)
    }

    /// Whether it was (also) asked for by SIGINT, which a terminal sends to our children too.
    pub fn by_terminal(&self) -> bool {
        self.shared.terminal.load(Ordering::SeqCst)
    }

    /// From now on the driver is told. Says at once what came before.
    pub fn tell(&self, driver: Sender<Message>) {
        let mut slot = self.shared.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if self.times() > 0 {
            driver.send(Message::Interrupt(self.times())).ok();
        }
        *slot = Some(driver);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.handle.close();
    }
}
