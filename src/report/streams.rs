//! The two streams of a process, with colours where wanted.
//!
//! Each call writes whole lines in one piece and flushes, so that lines of ours and lines of
//! a stage that inherited the terminal never tear each other. What cannot be written is lost
//! silently: the run goes on (see [`crate::report::sink`]).

use std::io::Write;

use anstyle::{AnsiColor, Style};

/// Where lines go.
pub struct Streams {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    color_err: bool,
}

/// The colour of DVC's `WARNING`.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// The colour of DVC's `ERROR`.
pub const RED: Style = AnsiColor::Red.on_default();
/// The colour of DVC's `DEBUG`.
pub const BLUE: Style = AnsiColor::Blue.on_default();

impl Streams {
    /// Takes standard output, standard error, and whether the latter shows colours.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, color_err: bool) -> Self {
        Self { out, err, color_err }
    }

    /// A line (or several) for standard output.
    pub fn out(&mut self, text: &str) {
        self.out_bytes(format!("{text}\n").as_bytes());
    }

    /// A line (or several) for standard error.
    pub fn err(&mut self, text: &str) {
        self.err_bytes(format!("{text}\n").as_bytes());
    }

    /// Bytes as they are for standard output.
    pub fn out_bytes(&mut self, bytes: &[u8]) {
        let _ = self.out.write_all(bytes);
        let _ = self.out.flush();
    }

    /// Bytes as they are for standard error.
    pub fn err_bytes(&mut self, bytes: &[u8]) {
        let _ = self.err.write_all(bytes);
        let _ = self.err.flush();
    }

    /// `LABEL: text` on standard error, the label in its colour.
    pub fn labelled(&mut self, label: &str, color: Style, text: &str) {
        let label = paint(label, color, self.color_err);
        self.err(&format!("{label}: {text}"));
    }
}

/// The text in a colour, if colours are wanted.
pub fn paint(text: &str, style: Style, wanted: bool) -> String {
    if wanted { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// What a terminal would show of a line: the part after the last carriage return, without
/// escape sequences and control characters; none if nothing is left.
pub fn visible(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\r');
    let text = text.rsplit('\r').next().unwrap_or(text);
    let plain = anstream::adapter::strip_str(text).to_string();
    let clean: String = plain.chars().map(|ch| if ch == '\t' { ' ' } else { ch }).filter(|ch| !ch.is_control()).collect();
    let clean = clean.trim();
    if clean.is_empty() { None } else { Some(clean.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_seen_of_a_line_is_shown() {
        assert_eq!(visible(b" 10%\r 20%\r").as_deref(), Some("20%"));
        assert_eq!(visible(b"\x1b[31mred\x1b[0m\ttext").as_deref(), Some("red text"));
        assert_eq!(visible(b"\x1b[0m  "), None);
        assert_eq!(visible(b"\xff\x07x").as_deref(), Some("\u{fffd}x"));
    }
}
