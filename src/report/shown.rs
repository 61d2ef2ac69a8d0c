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

/// A text in one line: a line end becomes `\n`.
pub fn line(line: &str) -> String {
    text(line).replace('\n', "\\n").replace('\t', " ")
}

/// Lines of a log, as a terminal would leave them: colours dropped, and of what a carriage return
/// wrote over only the last.
pub fn log(bytes: &[u8]) -> Vec<String> {
    let text = decode(bytes);
    let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
    lines.map(|line| self::text(&anstream::adapter::strip_str(last_written(line)).to_string())).collect()
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
        assert_eq!(line("a\nb\tc"), "a\\nb c");
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
