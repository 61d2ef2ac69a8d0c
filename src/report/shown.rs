//! Foreign text made fit for people's eyes: names, commands, messages and logs are written by who
//! knows whom, and what is shown must be what is there.
//!
//! Colours of a terminal are dropped; other control characters, characters that turn the
//! direction of writing or have no width, and bytes that are no UTF-8 appear as escapes. Escaping
//! for HTML, Markdown or a table comes after that and elsewhere.

/// Characters that change how others are shown, or that hide: shown as escapes.
fn is_treacherous(ch: char) -> bool {
    matches!(ch,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text of several lines: line ends and tabs stay.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '\n' | '\t' => out.push(ch),
            ch if ch.is_control() || is_treacherous(ch) => out.extend(ch.escape_unicode()),
            ch => out.push(ch),
        }
    }
    out
}

/// A text in one line: a line end becomes `\n`, a tab `\t`. What is nothing but blanks would not be seen at all.
pub fn line(line: &str) -> String {
    let blank = line.chars().all(char::is_whitespace);
    let mut out = String::with_capacity(line.len());
    for ch in line.chars() {
        match ch {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ch if blank || ch.is_control() || is_treacherous(ch) => out.extend(ch.escape_unicode()),
            ch => out.push(ch),
        }
    }
    out
}

/// Lines of a log, as a terminal would leave them: colours dropped, and of what a carriage return
/// wrote over only the last.
pub fn log(bytes: &[u8]) -> Vec<String> {
    let text = decode(bytes);
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    lines.map(|line| self::text(&anstream::adapter::strip_str(last_written(line)).to_string())).collect()
}

/// A line of a log for a terminal that must not obey it: of all that a terminal would take for an order only
/// colours pass, and these only if they are wanted.
pub fn on_terminal(bytes: &[u8], colours: bool) -> String {
    let text = decode(bytes);
    let mut rest = last_written(&text);
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&self::text(&rest[..at]));
        let length = order(&rest[at..]);
        let whole = &rest[at..at + length];
        if length == 1 {
            out.extend('\x1b'.escape_unicode());
        } else if colours && is_colour(whole) {
            out.push_str(whole);
        }
        rest = &rest[at + length..];
    }
    out + &self::text(rest)
}

/// The length of the order to a terminal with which a text begins; that of its first character if it is none.
fn order(text: &str) -> usize {
    let rest = text.get(1..).unwrap_or_default();
    let ends_at = |from: usize, is_inner: fn(u8) -> bool| {
        let inner = rest.bytes().skip(from).take_while(|byte| is_inner(*byte)).count();
        let last = rest.as_bytes().get(from + inner).filter(|byte| matches!(byte, 0x30..=0x7e));
        last.map_or(1, |_| 1 + from + inner + 1)
    };
    match rest.bytes().next() {
        Some(b'[') => ends_at(1, |byte| matches!(byte, 0x20..=0x3f)),
        // A title, a link, what is meant for a device: up to a bell or `ESC \`.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let bell = rest.find('\u{7}').map(|at| at + 1);
            let mark = rest.find("\x1b\\").map(|at| at + 2);
            bell.into_iter().chain(mark).min().map_or(1, |end| 1 + end)
        }
        _ => ends_at(0, |byte| matches!(byte, 0x20..=0x2f)),
    }
}

fn is_colour(order: &str) -> bool {
    let inner = order.strip_prefix("\x1b[").and_then(|rest| rest.strip_suffix('m'));
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')))
}

fn last_written(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line)
}

/// Bytes that are no UTF-8 become `\xff`.
fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// A text of at most so many characters: what is too much is taken out of its middle, since names of
/// one family differ at their ends.
pub fn cut(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let tail = most.saturating_sub(1) / 3;
    let head: String = text.chars().take(most.saturating_sub(1) - tail).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}\u{2026}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_shown_as_an_escape() {
        assert_eq!(text("a\u{202e}b\u{7}\u{200b}ü\n"), "a\\u{202e}b\\u{7}\\u{200b}ü\n");
        assert_eq!(line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!([line("\t"), line(" \u{a0}"), line("a b"), line("")], ["\\t", "\\u{20}\\u{a0}", "a b", ""]);
    }

    #[test]
    fn a_log_gives_a_terminal_no_orders_but_colours() {
        for (log, want) in [
            ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
            ("\x1b[38:5:9mred\x1b[m", "\x1b[38:5:9mred\x1b[m"),
            ("a\x1b[2J\x1b[Hb\x1b[?1049hc\x1b[>4;2md", "abcd"),
            ("a\x1b]0;title\u{7}b\x1b]8;;http://x\x1b\\c", "abc"),
            ("a\x1bPq#0\x1b\\b\x1bcc\x1b(0d", "abcd"),
            ("a\x1b]0;no end", "a\\u{1b}]0;no end"),
            ("a\x1b[", "a\\u{1b}["),
            ("a\x1b", "a\\u{1b}"),
            ("\x1b[31\u{fc}", "\\u{1b}[31\u{fc}"),
            ("a\u{8}\u{7}\u{9b}31m\u{202e}b", "a\\u{8}\\u{7}\\u{9b}31m\\u{202e}b"),
            (" 10%\r 20%\tdone\r", " 20%\tdone"),
        ] {
            assert_eq!(on_terminal(log.as_bytes(), true), want, "{log:?}");
        }
        assert_eq!(on_terminal(b"\x1b[31mred\x1b[0m \xff", false), "red \\xff");
    }

    #[test]
    fn a_log_is_what_a_terminal_leaves_of_it() {
        assert_eq!(log(b" 10%\r 20%\r\n\x1b[31mred\x1b[0m \xff\n"), [" 20%", "red \\xff"]);
        assert_eq!(log(b"a\r\n\nb"), ["a", "", "b"]);
    }

    #[test]
    fn a_long_text_loses_its_middle() {
        assert_eq!((cut("train", 5), cut("trainings", 7)), ("train".to_owned(), "trai\u{2026}gs".to_owned()));
        assert_eq!(cut("\u{1f600}\u{1f600}\u{1f600}", 2), "\u{1f600}\u{2026}");
    }
}
