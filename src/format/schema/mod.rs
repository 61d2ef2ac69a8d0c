//! The schemas of DVC's own files, and the text that DVC prints where a file does not fit.
//!
//! `check` is a small engine with the rules of voluptuous, `rules` the schemas themselves,
//! `frame` lays out messages and excerpts as rich does. Nothing here reads files.

mod check;
mod frame;
mod rules;

pub use check::{Invalid, Part};
pub use frame::{syntax_fault, syntax_text};
pub use rules::{check_data_file, check_entry, check_lock, check_project};

use super::yaml::{Places, Step};
use crate::model::{Class, Fault, Value};

/// A file does not fit its schema.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ValidationError {
    /// DVC's sentence: `'./dvc.yaml' validation failed: 2 errors`.
    pub message: String,
    /// The whole text that DVC prints, without colours.
    pub text: String,
    /// The first error's line, where one is known.
    pub line: Option<usize>,
    /// The first error's column.
    pub column: Option<usize>,
    /// What is wrong, one by one.
    pub errors: Vec<Invalid>,
}

impl ValidationError {
    /// Finds lines and columns, and lays the text out.
    pub fn new(shown: &str, text: &str, document: &Value, places: &Places, errors: &[Invalid]) -> Self {
        let count = if errors.len() > 1 { format!(": {} errors", errors.len()) } else { String::new() };
        let message = format!("'{shown}' validation failed{count}");
        let blamed: Vec<_> = errors.iter().map(|error| places.blame(document, &steps(error))).collect();
        let first = blamed.iter().find_map(|(mark, _)| *mark);
        let text = frame::validation_text(&message, text, document, errors, &blamed);
        Self { message, text, line: first.map(|mark| mark.line), column: first.map(|mark| mark.column), errors: errors.to_vec() }
    }

    /// The failure, with `text`, `line` and `column` as details.
    pub fn fault(&self) -> Fault {
        let fault = Fault::new(Class::YAMLValidationError, self.message.clone()).with("text", self.text.clone());
        match (self.line, self.column) {
            (Some(line), Some(column)) => fault.with("line", line.to_string()).with("column", column.to_string()),
            _ => fault,
        }
    }
}

fn steps(error: &Invalid) -> Vec<Step> {
    error
        .path
        .iter()
        .map(|part| match part {
            Part::Key(key) => Step::Key(key.clone()),
            Part::Index(index) => Step::Index(*index),
            // No value is found under a name that stands for a kind of keys.
            Part::AnyText => Step::from("<class 'str'>"),
        })
        .collect()
}
