//! Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 as messages to the driver, and the key `t` of a terminal.
//!
//! From the moment that the watcher stands, these signals no longer kill the program: they are
//! counted, and the run ends itself in order. Who asks a third time is not made to wait for work
//! of our own, such as the hashing of large files: then the signal does what it always does.
//! Who tells a process and then its group, as `timeout` does, has asked once.
//! SIGUSR1 only asks how it stands. Where we have set the terminal, what stops or ends us for other
//! reasons leaves it first as it was.
//! SIGCHLD gets a handler too: a parent that ignores
//! it would otherwise leave us children that nobody can wait for.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::emulate_default_handler;

use super::console::{self, Console, Lender, Manner};
use super::drive::Message;
use super::job::hold;
use crate::store::os;

/// Within this time the same signal again is the same wish.
const ONE_WISH: Duration = Duration::from_millis(100);

/// Watches for signals until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    handle: Handle,
    /// Set by the handler itself.
    told: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Shared {
    times: AtomicU32,
    interrupt: AtomicBool,
    terminal: AtomicBool,
    last: Mutex<Option<(i32, Instant)>>,
    driver: Mutex<Option<Sender<Message>>>,
    console: Mutex<Option<Arc<console::Inner>>>,
}

impl Shared {
    /// Before and after the driver's time there is nobody to tell.
    fn send(&self, message: Message) {
        if let Some(driver) = hold(&self.driver).as_ref() {
            driver.send(message).ok();
        }
    }

    fn console(&self) -> Option<Arc<console::Inner>> {
        hold(&self.console).clone()
    }

    /// Does what the signal would have done without us.
    fn give_in(&self, signal: i32) {
        if let Some(console) = self.console() {
            console.close();
        }
        emulate_default_handler(signal).ok();
    }

    /// Ctrl-Z.
    fn pause(&self) {
        // Where nobody could continue us, the system does not stop us either.
        if os::can_be_continued()
            && let Some(console) = self.console()
        {
            console.pause(|| drop(emulate_default_handler(SIGTSTP)));
        }
    }

    fn stop(&self, origin: &Origin) {
        let signal = origin.signal;
        let last = hold(&self.last).replace((signal, Instant::now()));
        if last.is_some_and(|(last, when)| last == signal && when.elapsed() < ONE_WISH) {
            return;
        }
        self.interrupt.fetch_or(signal == SIGINT, Ordering::SeqCst);
        // No process has sent what a terminal sends.
        self.terminal.fetch_or(signal == SIGINT && origin.process.is_none(), Ordering::SeqCst);
        let times = self.times.fetch_add(1, Ordering::SeqCst) + 1;
        self.send(Message::Interrupt(times));
        if times > 2 {
            self.give_in(signal);
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
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&told))?;
        }
        let mut signals = SignalsInfo::<WithOrigin>::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
        let handle = signals.handle();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for origin in signals.forever() {
                match origin.signal {
                    SIGUSR1 => theirs.send(Message::Asked),
                    SIGTSTP => theirs.pause(),
                    SIGQUIT => theirs.give_in(SIGQUIT),
                    _ => theirs.stop(&origin),
                }
            }
        })?;
        Ok(Self { shared, handle, told })
    }

    /// Sets the terminal for as long as the value lives. Whatever ends or stops the program leaves
    /// it first as it was; `t` asks how the run stands.
    ///
    /// # Errors
    /// The handlers could not be made.
    pub fn console(&self, manner: Manner) -> io::Result<Console> {
        for signal in [SIGTSTP, SIGQUIT] {
            // What ignored a signal before goes on ignoring it.
            if !os::ignores(i32::try_from(os::own_pid()).unwrap_or_default(), signal) {
                self.handle.add_signal(signal)?;
            }
        }
        let theirs = Arc::clone(&self.shared);
        let console = Console::hold(manner, move || theirs.send(Message::Asked));
        *hold(&self.shared.console) = Some(console.inner());
        Ok(console)
    }

    /// Lends the terminal to others.
    pub fn lender(&self) -> Lender {
        Lender(self.shared.console())
    }

    /// Whether a stop was asked for, also if that was not counted yet.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }

    /// How often a stop was asked for.
    pub fn times(&self) -> u32 {
        self.shared.times.load(Ordering::SeqCst)
    }

    /// Whether it was (also) asked for by SIGINT.
    pub fn by_interrupt(&self) -> bool {
        self.shared.interrupt.load(Ordering::SeqCst)
    }

    /// Whether that came (also) from a terminal, which tells our children too.
    pub fn by_terminal(&self) -> bool {
        self.shared.terminal.load(Ordering::SeqCst)
    }

    /// From now on the driver is told. Says at once what came before.
    pub fn tell(&self, driver: Sender<Message>) {
        let mut slot = hold(&self.shared.driver);
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
