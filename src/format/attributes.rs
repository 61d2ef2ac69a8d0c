//! `.gitattributes`, as far as it says that the work tree has a file in another form than git keeps it.
//!
//! By the files of the repository itself (git: `gitattributes(5)`, `convert.c`); what a user or a clone sets for
//! itself is not the commit's matter. Where no line says which ends the lines of a file have, that is up to each
//! clone's settings, and so nothing is known of them.

use regex::Regex;

use super::ignore;

/// The lines of one `.gitattributes`.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    lines: Vec<Line>,
    /// What `[attr]name ...` stands for; only the file in the root of git may have these.
    macros: Vec<(String, Vec<Word>)>,
}

#[derive(Clone, Debug)]
struct Line {
    /// About paths from the root of git.
    pattern: Regex,
    words: Vec<Word>,
}

/// A name with its state.
type Word = (String, State);

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Set,
    Unset,
    Unspecified,
    Value(String),
}

/// What is known of the ends of the lines in the work tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ends {
    /// Nothing: a clone's own settings decide.
    #[default]
    Open,
    /// They are those that git keeps.
    Kept,
    /// `\r\n`.
    Dos,
    /// `\r\n`, unless it is no text or has such ends in git already.
    DosIfText,
}

/// What converts a file between git and the work tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Form {
    /// The ends of its lines.
    pub ends: Ends,
    /// A program, by the name that the configuration of a clone may give it.
    pub filter: Option<String>,
    /// Its text is kept in another encoding than this.
    pub encoding: Option<String>,
    /// `$Id$` is filled in.
    pub ident: bool,
}

/// What the macro that git has of its own stands for.
const BINARY: &str = "[attr]binary -diff -merge -text";

/// The names that count.
const NAMES: [&str; 5] = ["text", "eol", "filter", "working-tree-encoding", "ident"];

impl Attributes {
    /// Reads the file of a directory (empty for the root of git).
    pub fn parse(dir: &str, text: &str) -> Self {
        let mut found = Self::default();
        let built_in = if dir.is_empty() { BINARY } else { "" };
        for line in [built_in].into_iter().chain(text.lines()) {
            let (pattern, rest) = split(line.trim_start());
            let words: Vec<Word> = rest.split_whitespace().map(word).collect();
            if let Some(name) = pattern.strip_prefix("[attr]") {
                if dir.is_empty() {
                    found.macros.push((name.to_owned(), words));
                }
            } else if !pattern.is_empty()
                && !pattern.starts_with(['#', '!'])
                && let Some(pattern) = matcher(&pattern, dir)
            {
                found.lines.push(Line { pattern, words });
            }
        }
        found
    }
}

/// The pattern of a line, without quotes, and what follows.
fn split(line: &str) -> (String, &str) {
    if let Some(quoted) = line.strip_prefix('"')
        && let Some((pattern, rest)) = quoted.split_once("\" ")
    {
        return (pattern.to_owned(), rest);
    }
    let (pattern, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (pattern.to_owned(), rest)
}

fn word(text: &str) -> Word {
    let (name, state) = match (text.split_once('='), text.strip_prefix('-'), text.strip_prefix('!')) {
        (Some((name, value)), ..) => (name, State::Value(value.to_owned())),
        (_, Some(name), _) => (name, State::Unset),
        (_, _, Some(name)) => (name, State::Unspecified),
        _ => (text, State::Set),
    };
    (name.to_owned(), state)
}

fn matcher(pattern: &str, dir: &str) -> Option<Regex> {
    let below = match pattern.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if pattern.contains('/') => pattern.to_owned(),
        None => format!("**/{pattern}"),
    };
    ignore::matcher(&if dir.is_empty() { below } else { format!("{dir}/{below}") }, false)
}

/// What is said of a file by the attributes of the root of git, of the directory below on its way, and so on
/// (those that have any). `path` is the file from the root.
pub fn form_of<'a>(files: impl Iterator<Item = &'a Attributes>, path: &str) -> Form {
    let files: Vec<&Attributes> = files.collect();
    let macros: Vec<&(String, Vec<Word>)> = files.iter().flat_map(|file| &file.macros).collect();
    let mut found: [State; 5] = [const { State::Unspecified }; 5];
    let lines = files.iter().flat_map(|file| &file.lines);
    for line in lines.filter(|line| line.pattern.is_match(path)) {
        for (name, state) in &line.words {
            set(&mut found, name, state);
            let defined = macros.iter().rev().find(|(own, _)| own == name && *state == State::Set);
            for (name, state) in defined.into_iter().flat_map(|(_, words)| words) {
                set(&mut found, name, state);
            }
        }
    }
    let [text, eol, filter, encoding, ident] = found;
    let value = |state: State| if let State::Value(value) = state { Some(value) } else { None };
    Form { ends: ends(&text, &eol), filter: value(filter), encoding: value(encoding), ident: ident == State::Set }
}

fn set(found: &mut [State; 5], name: &str, state: &State) {
    for (place, _) in found.iter_mut().zip(NAMES).filter(|(_, own)| *own == name) {
        *place = state.clone();
    }
}

/// As git decides when it writes a file (`convert.c`, `convert_attrs` and `will_convert_lf_to_crlf`).
fn ends(text: &State, eol: &State) -> Ends {
    let is = |state: &State, want: &str| matches!(state, State::Value(value) if value == want);
    match text {
        State::Unset => Ends::Kept,
        _ if is(eol, "lf") => Ends::Kept,
        State::Value(value) if value == "auto" && is(eol, "crlf") => Ends::DosIfText,
        _ if is(eol, "crlf") => Ends::Dos,
        _ => Ends::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_about_a_path_counts() {
        let top = "# *.x filter=no\n*.bin filter=lfs diff=lfs -text\n/top.csv filter=crypt\nsub/a.txt ident\n*.u working-tree-encoding=UTF-16\n[attr]m filter=x ident\n*.m m\n*.n m -ident\n\"a b.q\" filter=q\n*.off -filter\n";
        let files =
            [Attributes::parse("", top), Attributes::parse("sub", "keep.bin -filter\nd/* filter=tar\n[attr]no filter=no\n*.no no\n")];
        let filter = |name: &str| Form { filter: Some(name.to_owned()), ..Form::default() };
        let lfs = Form { ends: Ends::Kept, ..filter("lfs") };
        let ident = Form { ident: true, ..Form::default() };
        for (path, want) in [
            ("a.bin", lfs.clone()),
            ("deep/er/a.bin", lfs),
            ("top.csv", filter("crypt")),
            ("sub/top.csv", Form::default()),
            ("sub/a.txt", ident),
            ("b.u", Form { encoding: Some("UTF-16".to_owned()), ..Form::default() }),
            ("sub/keep.bin", Form { ends: Ends::Kept, ..Form::default() }),
            ("sub/d/x", filter("tar")),
            ("d/x", Form::default()),
            ("a.x", Form::default()),
            ("a.m", Form { ident: true, ..filter("x") }),
            ("a.n", filter("x")),
            ("a b.q", filter("q")),
            ("a.off", Form::default()),
            ("sub/a.no", Form::default()),
        ] {
            let own = if path.starts_with("sub/") { &files[..] } else { &files[..1] };
            assert_eq!(form_of(own.iter(), path), want, "{path}");
        }
    }

    #[test]
    fn the_ends_of_lines_are_known_where_attributes_say_them() {
        for (words, want) in [
            ("text", Ends::Open),
            ("text=auto", Ends::Open),
            ("-text", Ends::Kept),
            ("binary", Ends::Kept),
            ("text eol=lf", Ends::Kept),
            ("eol=lf", Ends::Kept),
            ("eol=crlf", Ends::Dos),
            ("text eol=crlf", Ends::Dos),
            ("-text eol=crlf", Ends::Kept),
            ("text=auto eol=crlf", Ends::DosIfText),
            ("text=auto eol=lf", Ends::Kept),
            ("!text eol=native", Ends::Open),
        ] {
            let file = Attributes::parse("", &format!("* -text eol=crlf\n* !text !eol {words}\n"));
            assert_eq!(form_of([&file].into_iter(), "x").ends, want, "{words}");
        }
    }
}
