//! Foreign text in Markdown: no name, value or log can become markup, a link, or a mention.
//!
//! Everything foreign stands in code, where neither GitHub nor GitLab looks for mentions, issues,
//! commits or emoji. What a code span cannot hold in a table cell (`|`, backticks, backslashes
//! before them) stands between tags, as character references, which mean themselves everywhere.

use std::fmt::Write;

use super::Flavor;

/// Text as code, fit for running text and table cells, line by line.
pub fn code(text: &str, flavor: Flavor) -> String {
    let plain = !text.contains(['`', '|', '\\', '$', '\n', '\r']) && !text.starts_with(' ') && !text.ends_with(' ');
    match (text.is_empty(), plain, flavor) {
        (true, ..) => String::new(),
        (_, true, _) => format!("`{text}`"),
        (_, false, Flavor::Github) => {
            let lines: Vec<String> = text.split('\n').map(|line| format!("<code>{}</code>", references(line))).collect();
            lines.join("<br>")
        }
        // It shows tags as they are written.
        (_, false, Flavor::Bitbucket) => references(text),
    }
}

/// Each character that could mean something as a reference to itself. An empty comment keeps what
/// looks like the address of a mail from being one.
fn references(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for ch in text.chars() {
        match ch {
            '@' => out.push_str("&#64;<!-- -->"),
            '\n' | '\r' => out.push(' '),
            ch if ch.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", u32::from(ch));
            }
            ch => out.push(ch),
        }
    }
    out
}

/// One line as code inside of HTML tags, where Markdown is not read.
pub fn tagged(text: &str) -> String {
    let mut out = String::from("<code>");
    for ch in text.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            ch => out.push(ch),
        }
    }
    out + "</code>"
}

/// A number as it is, so that a column of them reads well; all else as code.
pub fn value(text: &str, flavor: Flavor) -> String {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let number = digits.starts_with(|ch: char| ch.is_ascii_digit())
        && text.len() <= 24
        && text.chars().all(|ch| ch.is_ascii_digit() || matches!(ch, '.' | '-' | '+' | 'e' | 'E'));
    if number || text == "-" { text.to_owned() } else { code(text, flavor) }
}

/// A sentence as it is if each of its words is surely no more than a word, else as code.
pub fn sentence(text: &str, flavor: Flavor) -> String {
    let harmless = !text.contains("  ") && !text.starts_with(' ') && text.split(' ').all(is_harmless);
    if harmless { text.to_owned() } else { code(text, flavor) }
}

/// A word of letters, a number with its unit, or either in parentheses: no markup, no link, no
/// mention; nor a commit, which both letters and digits can name.
fn is_harmless(word: &str) -> bool {
    let word = word.strip_prefix('(').unwrap_or(word);
    let word = word.strip_suffix([',', ':']).unwrap_or(word);
    let word = word.strip_suffix(')').unwrap_or(word);
    let commit = word.len() >= 7 && word.chars().all(|ch| ch.is_ascii_hexdigit());
    let number = word.starts_with(|ch: char| ch.is_ascii_digit())
        && word.ends_with(|ch: char| ch.is_ascii_alphanumeric())
        && word.chars().all(|ch| ch.is_ascii_digit() || ch.is_ascii_lowercase() || ch == '.');
    let letters = word.split(['-', '.']).all(|part| !part.is_empty() && part.chars().all(|ch| ch.is_ascii_alphabetic()));
    let link = word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    !commit && !link && (number || letters || word == "%")
}

/// Lines as a block of code whose fence is longer than any in it.
pub fn fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for ch in text.chars() {
        run = if ch == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let ticks = "`".repeat(longest.max(2) + 1);
    format!("{ticks}text\n{text}\n{ticks}")
}

/// A key as it stands in the first line, which it can neither end nor leave. Keys that differ stay
/// different, up to a length that no name of a workflow has.
pub fn key(key: &str) -> String {
    const LONGEST: usize = 120;
    let mut out = String::new();
    let mut before = ' ';
    for ch in key.chars() {
        let plain = ch.is_alphanumeric() || matches!(ch, '.' | '_' | '/' | ':' | '@' | ' ') || (ch == '-' && before != '-');
        if plain {
            out.push(ch);
        } else {
            for byte in ch.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        before = ch;
    }
    let out: String = out.trim().chars().take(LONGEST).collect();
    if out.is_empty() { "default".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_code_spans_while_they_can() {
        let github = |text| code(text, Flavor::Github);
        assert_eq!(github("train@us-east/1 <b> #12"), "`train@us-east/1 <b> #12`");
        assert_eq!(github("a|b"), "<code>a&#124;b</code>");
        assert_eq!(github("a`b\\"), "<code>a&#96;b&#92;</code>");
        assert_eq!(github("me@x.org|"), "<code>me&#64;<!-- -->x&#46;org&#124;</code>");
        assert_eq!(code("a|b", Flavor::Bitbucket), "a&#124;b");
        assert_eq!(github("a:\n    - b"), "<code>a&#58;</code><br><code>    &#45; b</code>");
        assert_eq!(code("a:\n- b", Flavor::Bitbucket), "a&#58; &#45; b");
        assert_eq!((github(" a"), github("")), ("<code> a</code>".to_owned(), String::new()));
    }

    #[test]
    fn numbers_and_our_own_words_need_no_code() {
        let value = |text| value(text, Flavor::Github);
        assert_eq!([value("0.5"), value("-1e-05"), value("-"), value("+2")].concat(), "0.5-1e-05-+2");
        assert_eq!(
            (value("e"), value("adam"), value("1 | 2")),
            ("`e`".to_owned(), "`adam`".to_owned(), "<code>1 &#124; 2</code>".to_owned())
        );
    }

    #[test]
    fn sentences_are_code_where_a_word_may_be_more() {
        for text in ["never run", "(no entry in dvc.lock)", "exit code 1", "With 8 jobs (simulated)", "55 % of 2 jobs", "2.74s", "Speed-up"]
        {
            assert_eq!(sentence(text, Flavor::Github), text);
        }
        for text in [
            "dep @x",
            "see #12",
            "GH-12",
            "www.x.org",
            "WWW.x.org",
            "a \u{fc}",
            "at deadbeef",
            "1.",
            "- x",
            "a_b",
            "x  y",
            "1234567",
            "a | b",
            "<b>",
            ":x:",
        ] {
            assert_ne!(sentence(text, Flavor::Github), text);
        }
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fence("a"), "```text\na\n```");
        assert_eq!(fence("```\n</details>\n````"), "`````text\n```\n</details>\n````\n`````");
    }

    #[test]
    fn a_key_stays_in_its_comment() {
        assert_eq!(key("Build and test"), "Build and test");
        assert_eq!(key("x --> <b>\n"), "x -%2D%3E %3Cb%3E%0A");
        assert_eq!((key(" "), key(">")), ("default".to_owned(), "%3E".to_owned()));
        assert_ne!(key("a--b"), key("a-b"));
    }
}
