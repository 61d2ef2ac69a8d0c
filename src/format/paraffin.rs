//! paraffin.yaml: what this program is told beside dvc.yaml.
//!
//! Read with an ordinary YAML reader: DVC never sees this file. Two keys so far: `jobs` and
//! `queue` (pattern on stage names → queue, the first match in the order of the file wins).
//! A key that this version does not know is an error and not passed over: a limit that is
//! written down must never be ignored silently.

use indexmap::IndexMap;
use serde_yaml::Value;
use thiserror::Error;

use super::fnmatch;
use crate::model::{Class, Fault};

/// The name of the file, in the root of the DVC repository.
pub const FILE: &str = "paraffin.yaml";

/// The queue of a stage that no pattern matches.
pub const DEFAULT_QUEUE: &str = "default";

/// The file's content.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paraffin {
    /// Job slots where the command line names none.
    pub jobs: Option<usize>,
    /// Patterns and their queues, in the order of the file.
    pub queue: IndexMap<String, String>,
}

/// Why paraffin.yaml cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Error {
    /// It is not YAML.
    #[error("cannot read '{file}': {message}")]
    Syntax {
        /// The file.
        file: String,
        /// What the reader says, with line and column.
        message: String,
    },
    /// A key is not known.
    #[error("cannot read '{file}': unknown key '{key}' (this version knows: jobs, queue)")]
    UnknownKey {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// A value is of the wrong kind.
    #[error("cannot read '{file}': {key} must be {wanted}")]
    Wrong {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What is expected.
        wanted: &'static str,
    },
}

impl Error {
    /// The same as a plain value.
    pub fn fault(&self) -> Fault {
        Fault::new(Class::ConfigError, self.to_string())
    }
}

impl Paraffin {
    /// Reads the file's text; `file` is its name for errors. An empty file says nothing.
    ///
    /// # Errors
    /// If it is not YAML, has an unknown key or a value of the wrong kind.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let wrong = |key: &str, wanted| Error::Wrong { file: file.to_owned(), key: key.to_owned(), wanted };
        let document: Value =
            serde_yaml::from_str(text).map_err(|error| Error::Syntax { file: file.to_owned(), message: error.to_string() })?;
        let map = match document {
            Value::Null => return Ok(Self::default()),
            Value::Mapping(map) => map,
            _ => return Err(wrong("the file", "a map")),
        };
        let mut paraffin = Self::default();
        for (key, value) in &map {
            match key.as_str() {
                Some("jobs") => {
                    let jobs = value.as_u64().and_then(|jobs| usize::try_from(jobs).ok()).filter(|jobs| *jobs > 0);
                    paraffin.jobs = Some(jobs.ok_or_else(|| wrong("'jobs'", "a whole number from 1 on"))?);
                }
                Some("queue") => {
                    let wanted = "a map of patterns to names of queues";
                    let Value::Mapping(rules) = value else { return Err(wrong("'queue'", wanted)) };
                    for (pattern, queue) in rules {
                        let (Some(pattern), Some(queue)) = (pattern.as_str(), queue.as_str()) else {
                            return Err(wrong("'queue'", wanted));
                        };
                        paraffin.queue.insert(pattern.to_owned(), queue.to_owned());
                    }
                }
                _ => {
                    let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
                    return Err(Error::UnknownKey { file: file.to_owned(), key });
                }
            }
        }
        Ok(paraffin)
    }

    /// The queue of a stage, by its name in dvc.yaml (older releases of paraffin called the
    /// default queue `celery`).
    pub fn queue_of(&self, stage: &str) -> &str {
        let queue = self.queue.iter().find(|(pattern, _)| fnmatch::matches(pattern, stage)).map_or(DEFAULT_QUEUE, |(_, queue)| queue);
        if queue == "celery" { DEFAULT_QUEUE } else { queue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_jobs_and_queues() {
        let text = "jobs: 3\nqueue:\n  \"B_X*\": BQueue\n  \"A_X_AddNodeNumbers\": AQueue\n  \"B_*\": other\n  \"c\": celery\n";
        let paraffin = Paraffin::parse(FILE, text).unwrap();
        assert_eq!(paraffin.jobs, Some(3));
        for (stage, queue) in
            [("B_X_ParamsToOuts", "BQueue"), ("A_X_AddNodeNumbers", "AQueue"), ("B_Y", "other"), ("A_Y", "default"), ("c", "default")]
        {
            assert_eq!(paraffin.queue_of(stage), queue, "{stage}");
        }
        assert_eq!(Paraffin::parse(FILE, "# nothing\n").unwrap(), Paraffin::default());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, message) in [
            ("slots: 3\n", "cannot read 'paraffin.yaml': unknown key 'slots' (this version knows: jobs, queue)"),
            ("jobs: 0\n", "cannot read 'paraffin.yaml': 'jobs' must be a whole number from 1 on"),
            ("queue: [a]\n", "cannot read 'paraffin.yaml': 'queue' must be a map of patterns to names of queues"),
            ("- a\n", "cannot read 'paraffin.yaml': the file must be a map"),
        ] {
            assert_eq!(Paraffin::parse(FILE, text).unwrap_err().to_string(), message);
        }
        assert!(matches!(Paraffin::parse(FILE, "a: [\n"), Err(Error::Syntax { .. })));
    }
}
