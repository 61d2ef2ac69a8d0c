//! What can be wrong with a YAML text, in the words of the loader that DVC uses.
//!
//! The sentences are data: which context, which problem, where. How they are laid out (path,
//! code excerpt) is up to whoever knows the file.

use thiserror::Error;

use crate::model::{Class, Fault};

/// A place in a text, counted from 1 as people do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// Why a text is no YAML that DVC would read.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum YamlError {
    /// Not UTF-8.
    #[error("is not valid utf-8")]
    Encoding,
    /// A character that YAML does not allow.
    #[error("unacceptable character #x{code:04x}: special characters are not allowed")]
    Character {
        /// The character.
        code: u32,
        /// How many characters stand before it.
        position: usize,
    },
    /// Wrong syntax, a duplicate key, an unknown tag.
    #[error("{problem} (line {}, column {})", at.line, at.column)]
    Marked {
        /// What was being read, and where that began.
        context: Option<(String, Mark)>,
        /// What is wrong.
        problem: String,
        /// Where that is.
        at: Mark,
    },
    /// A value that Python cannot make (`2020-13-45`): its exception's text.
    #[error("{0}")]
    Value(String),
    /// Lists and maps in one another beyond reason.
    #[error("lists and maps are nested too deep (line {}, column {})", .0.line, .0.column)]
    Deep(Mark),
    /// An alias within the very list or map that it names.
    #[error("alias to a value that holds itself (line {}, column {})", .0.line, .0.column)]
    Recursive(Mark),
}

/// One sentence of an error, with the line of the text to show below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The sentence, as DVC prints it.
    pub text: String,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl YamlError {
    /// Without a context.
    pub(super) fn plain(problem: impl Into<String>, at: Mark) -> Self {
        Self::Marked { context: None, problem: problem.into(), at }
    }

    /// With a context.
    pub(super) fn within(context: &str, began: Mark, problem: impl Into<String>, at: Mark) -> Self {
        Self::Marked { context: Some((context.to_owned(), began)), problem: problem.into(), at }
    }

    /// Where it is, if it is anywhere.
    pub fn mark(&self) -> Option<Mark> {
        match self {
            Self::Marked { at, .. } | Self::Deep(at) | Self::Recursive(at) => Some(*at),
            _ => None,
        }
    }

    /// The sentences below DVC's `'./dvc.yaml' is invalid.`
    /// (dvc: `utils/strictyaml.py` `YAMLSyntaxError.__pretty_exc__`).
    pub fn notes(&self) -> Vec<Note> {
        match self {
            Self::Marked { context, problem, at } => {
                let mut notes = Vec::new();
                if let Some((context, began)) = context {
                    let line = (began != at).then_some(began.line);
                    notes.push(Note { text: sentence(context, *began), line });
                }
                notes.push(Note { text: sentence(problem, *at), line: Some(at.line) });
                notes
            }
            Self::Deep(at) => vec![Note { text: sentence("lists and maps are nested too deep", *at), line: Some(at.line) }],
            Self::Recursive(at) => {
                vec![Note { text: sentence("found an alias to a value that holds itself", *at), line: Some(at.line) }]
            }
            Self::Encoding | Self::Character { .. } | Self::Value(_) => Vec::new(),
        }
    }

    /// The failure of a file with a schema (dvc.yaml, dvc.lock, `.dvc`), `shown` as DVC shows
    /// it (`./dvc.yaml`); `text` is the file's text.
    pub fn syntax_fault(&self, shown: &str, text: &str) -> Fault {
        let plain = shown.strip_prefix("./").unwrap_or(shown);
        match self {
            Self::Encoding => Fault::new(Class::IOError, format!("unable to read: '{plain}', is not valid utf-8")),
            Self::Value(message) => Fault::new(Class::Unexpected, message.clone()),
            Self::Character { .. } => {
                Fault::new(Class::YAMLSyntaxError, format!("unable to read: '{plain}', YAML file structure is corrupted"))
            }
            _ => {
                let hint = if has_conflict_marker(text) { " (possible merge conflicts)" } else { "" };
                let mut fault = Fault::new(Class::YAMLSyntaxError, format!("'{shown}' is invalid{hint}."));
                let notes: Vec<String> = self.notes().into_iter().map(|note| note.text).collect();
                fault = fault.with("notes", notes.join("\n"));
                match self.mark() {
                    Some(mark) => fault.with("line", mark.line.to_string()).with("column", mark.column.to_string()),
                    None => fault,
                }
            }
        }
    }

    /// The failure of any other file (params, variables).
    pub fn data_fault(&self, shown: &str) -> Fault {
        match self {
            Self::Encoding => Fault::new(Class::IOError, format!("unable to read: '{shown}', is not valid utf-8")),
            Self::Value(message) => Fault::new(Class::Unexpected, message.clone()),
            _ => Fault::new(Class::YAMLFileCorruptedError, format!("unable to read: '{shown}', YAML file structure is corrupted"))
                .caused_by(Fault::new(Class::YAMLSyntaxError, self.to_string())),
        }
    }
}

/// `Found x, in line 1, column 2`.
fn sentence(message: &str, at: Mark) -> String {
    format!("{}, in line {}, column {}", capitalised(message), at.line, at.column)
}

/// Python's `str.capitalize`: the first letter large, all others small.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()).unwrap_or_default()
}

/// Whether a line looks like git's mark of a merge conflict.
fn has_conflict_marker(text: &str) -> bool {
    text.lines().any(|line| {
        let mark = line.bytes().take_while(|byte| b"<=>".contains(byte)).count();
        mark == 7 && line.as_bytes().get(7) == Some(&b' ')
    })
}
