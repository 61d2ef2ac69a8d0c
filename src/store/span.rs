//! What our own work is spent on (`--profile`): spans of time with a name, written as a trace that
//! chrome://tracing and Perfetto show.
//!
//! One recorder for the whole process, because every floor that works has spans to tell of and
//! none should have to be handed the recorder. Switched off, a span costs one look at a flag.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::atomic;
use super::error::Error;

/// What is recorded, if anything is.
static RECORDER: OnceLock<Recorder> = OnceLock::new();

struct Recorder {
    began: Instant,
    events: Mutex<Vec<Value>>,
}

/// A piece of work; it lasts until this is dropped.
#[must_use]
pub struct Span(Option<Running>);

struct Running {
    phase: &'static str,
    about: String,
    began: Instant,
}

/// Begins a piece of work: its phase, and what it is about.
pub fn span(phase: &'static str, about: impl FnOnce() -> String) -> Span {
    Span(RECORDER.get().map(|_| Running { phase, about: about(), began: Instant::now() }))
}

impl Drop for Span {
    fn drop(&mut self) {
        let (Some(Running { phase, about, began }), Some(recorder)) = (self.0.take(), RECORDER.get()) else { return };
        let since = |to: Instant, from: Instant| u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX);
        let event = json!({
            "name": phase, "ph": "X", "pid": 1, "tid": thread(recorder),
            "ts": since(began, recorder.began), "dur": since(Instant::now(), began), "args": {"about": about},
        });
        recorder.tell(event);
    }
}

impl Recorder {
    fn tell(&self, event: Value) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

/// The number of this thread, which is named in the trace the first time.
fn thread(recorder: &Recorder) -> u32 {
    static THREADS: AtomicU32 = AtomicU32::new(1);
    thread_local!(static OWN: Cell<u32> = const { Cell::new(0) });
    OWN.with(|own| {
        if own.get() == 0 {
            own.set(THREADS.fetch_add(1, Ordering::Relaxed));
            let name = std::thread::current().name().unwrap_or("?").to_owned();
            recorder.tell(json!({"name": "thread_name", "ph": "M", "pid": 1, "tid": own.get(), "args": {"name": name}}));
        }
        own.get()
    })
}

/// From now on spans are recorded.
pub fn record() {
    RECORDER.get_or_init(|| Recorder { began: Instant::now(), events: Mutex::default() });
}

/// Writes what was recorded.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: &Path) -> Result<(), Error> {
    let Some(recorder) = RECORDER.get() else { return Ok(()) };
    let events = std::mem::take(&mut *recorder.events.lock().unwrap_or_else(PoisonError::into_inner));
    atomic::write(file, json!({"traceEvents": events, "displayTimeUnit": "ms"}).to_string().as_bytes())
}
