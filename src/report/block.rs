//! What one stage has to say, kept until it is over, so that stages that run at the same time
//! do not get mixed up.
//!
//! A stage may print without end; only the last part is kept (all of it is in the log file).

use std::collections::VecDeque;

use crate::model::Stream;

/// Who a kept line comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum From {
    /// A line of DVC's or ours.
    Us,
    /// The stage.
    Stage(Stream),
}

/// The lines of one stage.
#[derive(Debug, Default)]
pub(super) struct Block {
    lines: VecDeque<(From, Vec<u8>)>,
    bytes: usize,
    /// How many lines of the stage's output were dropped.
    pub dropped: usize,
}

/// From this many bytes on the oldest lines of output are dropped.
const LIMIT: usize = 1 << 20;

impl Block {
    /// Keeps a line of ours.
    pub fn ours(&mut self, text: &str) {
        self.lines.push_back((From::Us, text.as_bytes().to_vec()));
    }

    /// Keeps a line of the stage.
    pub fn line(&mut self, stream: Stream, text: &[u8]) {
        self.bytes += text.len() + 1;
        self.lines.push_back((From::Stage(stream), text.to_vec()));
        if self.bytes > LIMIT {
            // Down to half, so that a stage that prints much is not searched at each line.
            self.shorten(|bytes, _| bytes > LIMIT / 2);
        }
    }

    /// Keeps at most this many lines of the stage's output, the last ones.
    pub fn tail(&mut self, lines: usize) {
        self.shorten(|_, count| count > lines);
    }

    fn shorten(&mut self, too_much: impl Fn(usize, usize) -> bool) {
        let mut count = self.lines.iter().filter(|(from, _)| *from != From::Us).count();
        let mut bytes = self.bytes;
        let mut dropped = 0;
        self.lines.retain(|(from, text)| {
            if *from == From::Us || !too_much(bytes, count) {
                return true;
            }
            bytes -= text.len() + 1;
            count -= 1;
            dropped += 1;
            false
        });
        self.bytes = bytes;
        self.dropped += dropped;
    }

    /// The lines in order.
    pub fn lines(&self) -> impl Iterator<Item = (From, &[u8])> {
        self.lines.iter().map(|(from, text)| (*from, text.as_slice()))
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_and_all_of_ours() {
        let mut block = Block::default();
        block.ours("> cmd");
        for number in 0..10 {
            block.line(Stream::Out, format!("{number}").as_bytes());
        }
        block.ours("Updating lock file 'dvc.lock'");
        block.tail(2);
        let lines: Vec<&[u8]> = block.lines().map(|(_, text)| text).collect();
        assert_eq!(lines, [&b"> cmd"[..], b"8", b"9", b"Updating lock file 'dvc.lock'"]);
        assert_eq!(block.dropped, 8);
    }

    #[test]
    fn does_not_grow_without_end() {
        let mut block = Block::default();
        for _ in 0..30_000 {
            block.line(Stream::Out, &[b'x'; 99]);
        }
        assert!(block.bytes <= LIMIT);
        assert_eq!(block.dropped + block.lines().count(), 30_000);
    }
}
