//! What went wrong, as a value: DVC's exception class, its sentence, and the cause beneath.
//!
//! Lower floors have typed errors of their own; where such an error must travel (to the JSON
//! answer, to the journal, over the end of a stage) it becomes a `Fault`. The class decides the
//! exit code and the hint at the edge, and scripts read it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The classes of DVC's exceptions that this program can meet, by DVC's names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are DVC's own and say what they say")]
pub enum Class {
    BadParamFileError,
    CacheLinkError,
    CheckoutError,
    CheckoutErrorSuggestGit,
    CircularDependencyError,
    ConfigError,
    CyclicGraphError,
    DependencyDoesNotExistError,
    DependencyIsNotFileOrDirError,
    DependencyIsStageFileError,
    DvcException,
    EncodingError,
    EntryNotFound,
    FileIsGitIgnored,
    FileNotFoundError,
    GitError,
    Interrupted,
    InvalidArgumentError,
    InvalidStageName,
    IOError,
    JSONFileCorruptedError,
    LockError,
    LockfileCorruptedError,
    MapError,
    MissingDataSource,
    MissingParamsError,
    NoOutputOrStageError,
    NotDvcRepoError,
    NotSupported,
    OutputAlreadyTrackedError,
    OutputDoesNotExistError,
    OutputDuplicationError,
    OutputIsIgnoredError,
    OutputIsNotFileOrDirError,
    OutputIsStageFileError,
    OverlappingOutputPathsError,
    ParamsIsADirectoryError,
    PythonFileCorruptedError,
    ReproductionError,
    ResolveError,
    SCMError,
    StageCmdFailedError,
    StageFileDoesNotExistError,
    StageFileIsNotDvcFileError,
    StageNameUnspecified,
    StageNotFound,
    StagePathAsOutputError,
    StagePathNotDirectoryError,
    StagePathNotFoundError,
    StagePathOutsideError,
    TOMLFileCorruptedError,
    Unexpected,
    UsageError,
    YAMLFileCorruptedError,
    YAMLSyntaxError,
    YAMLValidationError,
}

/// A failure with its causes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// The class.
    #[serde(rename = "kind")]
    pub class: Class,
    /// The sentence, as DVC says it where DVC has one.
    pub message: String,
    /// Further facts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// What lies beneath.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Fault>>,
}

impl Fault {
    /// A failure without a cause.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), details: BTreeMap::new(), cause: None }
    }

    /// The same with something beneath it.
    #[must_use]
    pub fn caused_by(mut self, cause: Fault) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// The same with one more fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// This failure and those beneath it, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Fault> {
        std::iter::successors(Some(self), |fault| fault.cause.as_deref())
    }

    /// Does something to each text of it.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        edit(&mut self.message);
        self.details.values_mut().for_each(&mut *edit);
        self.cause.iter_mut().for_each(|cause| cause.each_text(edit));
    }

    /// The fact of this name, here or beneath.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.chain().find_map(|fault| fault.details.get(name)).map(String::as_str)
    }
}

impl fmt::Display for Fault {
    /// The messages joined as DVC joins them (dvc: `logger.py` `_walk_exc`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self.chain().map(|fault| fault.message.as_str()).filter(|text| !text.is_empty()).collect();
        f.write_str(&messages.join(": "))
    }
}

impl std::error::Error for Fault {}
