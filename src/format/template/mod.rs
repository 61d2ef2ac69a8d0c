//! The templates of dvc.yaml: `vars`, `${…}`, `foreach` and `matrix`.
//!
//! Works on values alone, after the schema was checked: [`Resolver`] takes the document and
//! gives one stage after another as DVC would. It does not know what a stage's keys mean.

mod context;
mod expr;
mod fill;
mod group;
mod node;
mod pystr;
mod resolver;
mod vars;

pub use pystr::{python_repr, python_str};
pub use resolver::{Resolved, Resolver, TopLevel, Tracked};
pub(crate) use vars::{join, normpath};

use super::params::ParamsError;

/// How true and false values of a map become options (`parsing.bool`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BoolOption {
    /// `--k` or nothing.
    #[default]
    StoreTrue,
    /// `--k` or `--no-k`.
    BooleanOptional,
}

/// How a list in a map becomes options (`parsing.list`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ListOption {
    /// `--k a b`.
    #[default]
    Nargs,
    /// `--k a --k b`.
    Append,
}

/// What the configuration says of templates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TemplateSettings {
    /// `parsing.bool`
    pub parsing_bool: BoolOption,
    /// `parsing.list`
    pub parsing_list: ListOption,
}

/// What can go wrong with one template, before it is known where it stands.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A malformed expression, or a value that cannot stand there.
    #[error("{0}")]
    Parse(String),
    /// An unknown key.
    #[error("Could not find '{0}'")]
    KeyNotInContext(String),
    /// Two sources define the same key.
    #[error("{0}")]
    Merge(String),
    /// A variable is called `item` or `key` where these are set by an iteration.
    #[error("{0}")]
    Reserved(String),
    /// A file of variables cannot be taken.
    #[error("{0}")]
    ParamsLoad(String),
    /// A file of variables is named twice.
    #[error("{0}")]
    AlreadyLoaded(String),
    /// A file of variables cannot be read.
    #[error(transparent)]
    File(#[from] ParamsError),
    /// What makes DVC fail with an error that is not its own.
    #[error("{0}")]
    Unexpected(String),
}

impl TemplateError {
    /// The name of DVC's class.
    pub fn class_name(&self) -> &'static str {
        match self {
            Self::Parse(_) => "ParseError",
            Self::KeyNotInContext(_) => "KeyNotInContext",
            Self::Merge(_) => "MergeError",
            Self::Reserved(_) => "ReservedKeyError",
            Self::ParamsLoad(_) => "ParamsLoadError",
            Self::AlreadyLoaded(_) => "VarsAlreadyLoaded",
            Self::File(_) => "ParseError",
            Self::Unexpected(_) => "TypeError",
        }
    }
}

/// What can go wrong with the templates of one dvc.yaml.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// DVC's `ResolveError`.
    #[error("{message}")]
    Resolve {
        /// The whole sentence.
        message: String,
        /// What is wrong there; none where the sentence says it all.
        inner: Option<Box<TemplateError>>,
    },
    /// A file of variables cannot be read: DVC lets this through as it is.
    #[error(transparent)]
    File(#[from] ParamsError),
    /// DVC's `unexpected error`.
    #[error("{0}")]
    Unexpected(String),
}

impl ResolveError {
    fn plain(message: String) -> Self {
        Self::Resolve { message, inner: None }
    }
}

impl TemplateError {
    /// The error with its place. DVC lets errors that are not of these kinds pass.
    fn at(self, what: &str, file: &str) -> ResolveError {
        let spacing = match &self {
            Self::Parse(_) | Self::Merge(_) | Self::AlreadyLoaded(_) => '\n',
            Self::KeyNotInContext(_) | Self::Reserved(_) | Self::ParamsLoad(_) => ' ',
            Self::File(_) | Self::Unexpected(_) => return self.bare(),
        };
        let message = format!("failed to parse {what} in '{file}':{spacing}{self}");
        ResolveError::Resolve { message, inner: Some(Box::new(self)) }
    }

    fn bare(self) -> ResolveError {
        match self {
            Self::File(error) => ResolveError::File(error),
            Self::Unexpected(message) => ResolveError::Unexpected(message),
            other => ResolveError::Resolve { message: other.to_string(), inner: Some(Box::new(other)) },
        }
    }
}
