//! The one trait of all that shows a run.
//!
//! Sinks are called by one thread, in order, and never fail: a screen that cannot be written
//! to must not end a run of hours.

use crate::model::Event;

/// Something that is told of each event of a run.
pub trait Sink {
    /// Takes notice of one event.
    fn event(&mut self, event: &Event);
}

/// Tells several sinks, in order.
#[derive(Default)]
pub struct Tee(pub Vec<Box<dyn Sink>>);

impl Sink for Tee {
    fn event(&mut self, event: &Event) {
        for sink in &mut self.0 {
            sink.event(event);
        }
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn event(&mut self, event: &Event) {
        (**self).event(event);
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn event(&mut self, event: &Event) {
        (**self).event(event);
    }
}
