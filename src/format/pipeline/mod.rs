//! A dvc.yaml, from bytes to stages: syntax, schema, templates, and what the keys mean.
//!
//! [`load`] does it all at once. [`ProjectFile`] and [`StageLoader`] do it step by step, for
//! those who must look at dvc.lock in between or need a few stages only: DVC finds errors in
//! that order. Files come through `Files`; nothing is checked that needs the disk otherwise
//! (ignored outputs, missing directories).

mod build;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;

use super::Files;
use super::params::ParamsError;
use super::schema::{self, ValidationError};
use super::template::{ResolveError, Resolved, Resolver, TemplateSettings, TopLevel, Tracked};
use super::yaml::{self, Step, YamlError};
use crate::model::{Class, Fault, Map, RepoPath, Stage, Value};

pub use build::foreign_scheme;
use build::shown_path;
pub(crate) use build::{Paths, refuse_stage_file};

/// Why a dvc.yaml (or a `.dvc` file) cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// There is no such file.
    #[error("'{path}' does not exist")]
    Missing {
        /// Its absolute path.
        path: String,
    },
    /// The system refused.
    #[error("cannot read '{path}'")]
    Io {
        /// The file as it is shown.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is no YAML.
    #[error("'{shown}' is invalid")]
    Syntax {
        /// The file as it is shown, `./dvc.yaml`.
        shown: String,
        /// What is wrong.
        #[source]
        source: Box<YamlError>,
        /// The file's text, for the excerpt.
        text: String,
    },
    /// It does not fit the schema.
    #[error(transparent)]
    Validation(#[from] Box<ValidationError>),
    /// Something is wrong with its templates.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// There is no stage of this name.
    #[error("Stage '{name}' not found inside '{file}' file")]
    StageNotFound {
        /// The file as it is shown.
        file: String,
        /// The name.
        name: String,
    },
    /// A stage has an empty name.
    #[error("Stage name not provided.Please specify the name as: `{file}:stage_name`")]
    StageNameUnspecified {
        /// The file as it is shown.
        file: String,
    },
    /// A dvc.yaml or `.dvc` file stands among the deps or outputs.
    #[error("DVC file '{path}' cannot be {}.", if *.what == "output" { "an output" } else { "a dependency" })]
    StageFile {
        /// The path as it is written.
        path: String,
        /// `dependency` or `output`.
        what: &'static str,
    },
    /// A path is a URL of a kind that DVC has no settings for.
    #[error("config file error: Unsupported URL type {scheme}://")]
    UrlType {
        /// Its scheme.
        scheme: String,
    },
    /// What makes DVC fail with an `unexpected error`.
    #[error("{0}")]
    Unexpected(String),
}

impl PipelineError {
    /// The failure as DVC classes it. For files that are not valid the detail `text` is the
    /// whole text that DVC prints (instead of `ERROR: …`), with `line` and `column` beside it.
    pub fn fault(&self) -> Fault {
        let message = self.to_string();
        match self {
            Self::Missing { .. } => Fault::new(Class::StageFileDoesNotExistError, message),
            Self::Io { source, .. } => Fault::new(Class::IOError, message).caused_by(Fault::new(Class::IOError, source.to_string())),
            Self::Syntax { shown, source, text } => schema::syntax_fault(source, shown, text),
            Self::Validation(error) => error.fault(),
            Self::Resolve(ResolveError::Resolve { .. }) => Fault::new(Class::ResolveError, message),
            Self::Resolve(ResolveError::File(error)) => ParamsError::fault(error),
            Self::Resolve(ResolveError::Unexpected(_)) | Self::Unexpected(_) => Fault::new(Class::Unexpected, message),
            Self::StageNotFound { .. } => Fault::new(Class::StageNotFound, message),
            Self::StageNameUnspecified { .. } => Fault::new(Class::StageNameUnspecified, message),
            Self::UrlType { .. } => Fault::new(Class::ConfigError, message),
            Self::StageFile { what: "output", .. } => Fault::new(Class::OutputIsStageFileError, message),
            Self::StageFile { .. } => Fault::new(Class::DependencyIsStageFileError, message),
        }
    }
}

/// What a dvc.yaml means.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// The names of the stages that each `foreach` or `matrix` made, by the name in dvc.yaml.
    pub groups: IndexMap<String, Vec<String>>,
    /// The lists beside the stages.
    pub top_level: TopLists,
    /// The variables from files that stages used, one for each stage that used any.
    pub tracked: Vec<Tracked>,
    /// What DVC warns of.
    pub warnings: Vec<String>,
}

/// The lists beside the stages, resolved.
#[derive(Clone, Debug, Default)]
pub struct TopLists {
    /// `metrics`
    pub metrics: Vec<Value>,
    /// `plots`
    pub plots: Vec<Value>,
    /// `params`
    pub params: Vec<Value>,
    /// `artifacts`
    pub artifacts: Map,
    /// `datasets`
    pub datasets: Vec<Value>,
}

/// Reads a dvc.yaml and resolves all that is in it. `root` is the absolute path of the
/// repository, `cwd` the directory that paths in sentences are relative to.
///
/// # Errors
/// The first thing that DVC would complain of.
pub fn load(files: &dyn Files, root: &str, path: &RepoPath, settings: &TemplateSettings, cwd: &RepoPath) -> Result<Project, PipelineError> {
    let file = ProjectFile::read(files, root, path, cwd)?;
    file.loader(files, root, *settings, cwd)?.project()
}

/// A dvc.yaml that fits the schema.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    path: RepoPath,
    document: Value,
    lines: Vec<(String, usize)>,
}

impl ProjectFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Where it is missing, no YAML, or does not fit the schema.
    pub fn read(files: &dyn Files, root: &str, path: &RepoPath, cwd: &RepoPath) -> Result<Self, PipelineError> {
        match files.read(path) {
            Ok(Some(bytes)) => Self::parse(&bytes, path, cwd),
            Ok(None) => Err(PipelineError::Missing { path: path.under(root.as_ref()).to_string_lossy().into_owned() }),
            Err(source) => Err(PipelineError::Io { path: path.seen_from(cwd), source }),
        }
    }

    /// Checks the bytes of a file.
    ///
    /// # Errors
    /// Where they are no YAML or do not fit the schema.
    pub fn parse(bytes: &[u8], path: &RepoPath, cwd: &RepoPath) -> Result<Self, PipelineError> {
        let (document, places) = parse_checked(bytes, path, cwd, schema::check_project)?;
        let steps = [Step::from("stages")];
        let marks = places.keys(&document, &steps);
        let names = document.get("stages").and_then(Value::as_map).into_iter().flat_map(Map::keys);
        let lines = names.map(|key| key.as_str().unwrap_or_default().to_owned()).zip(marks.into_iter().map(|mark| mark.line)).collect();
        Ok(Self { path: path.clone(), document, lines })
    }

    /// The document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Loads the variables, after which stages can be had.
    ///
    /// # Errors
    /// What is wrong with `vars` or the files that they name.
    pub fn loader<'f>(
        &self,
        files: &'f dyn Files,
        root: &'f str,
        settings: TemplateSettings,
        cwd: &'f RepoPath,
    ) -> Result<StageLoader<'f>, PipelineError> {
        let resolver = Resolver::new(files, root, &self.path, settings, cwd, self.document.clone())?;
        Ok(StageLoader { resolver, root, path: self.path.clone(), lines: self.lines.iter().cloned().collect(), tracked: Vec::new() })
    }
}

/// The document of a file with a schema, and the places of its parts.
///
/// # Errors
/// Where it is no YAML or does not fit.
pub fn parse_checked(
    bytes: &[u8],
    path: &RepoPath,
    cwd: &RepoPath,
    check: fn(&Value) -> Result<(), Vec<schema::Invalid>>,
) -> Result<(Value, yaml::Places), PipelineError> {
    let shown = shown_path(path, cwd);
    let text = || String::from_utf8_lossy(bytes).into_owned();
    let doc =
        yaml::parse(bytes).map_err(|source| PipelineError::Syntax { shown: shown.clone(), source: Box::new(source), text: text() })?;
    let yaml::Doc { value, places, .. } = doc;
    let document = yaml::or_empty_map(value);
    match check(&document) {
        Ok(()) => Ok((document, places)),
        Err(errors) => Err(Box::new(ValidationError::new(&shown, &text(), &document, &places, &errors)).into()),
    }
}

/// Makes stages of one dvc.yaml, one by one.
pub struct StageLoader<'f> {
    resolver: Resolver<'f>,
    root: &'f str,
    path: RepoPath,
    lines: IndexMap<String, usize>,
    tracked: Vec<Tracked>,
}

impl<'f> StageLoader<'f> {
    /// The names of all stages, in order.
    ///
    /// # Errors
    /// What is wrong with the data of any `foreach` or `matrix`.
    pub fn names(&mut self) -> Result<Vec<String>, PipelineError> {
        Ok(self.resolver.names()?)
    }

    /// The stages that a `foreach` or `matrix` of this name made; none for any other name.
    ///
    /// # Errors
    /// What is wrong with the data of the group.
    pub fn members(&mut self, entry: &str) -> Result<Option<Vec<String>>, PipelineError> {
        Ok(self.resolver.members(entry)?)
    }

    /// The stage of this name.
    ///
    /// # Errors
    /// Where there is none, or something is wrong with it.
    pub fn stage(&mut self, name: &str) -> Result<Stage, PipelineError> {
        if name.is_empty() {
            return Err(PipelineError::StageNameUnspecified { file: self.resolver.shown_file().to_owned() });
        }
        match self.resolver.stage(name)? {
            Some(mut resolved) => {
                if !resolved.tracked.is_empty() {
                    self.tracked.push(std::mem::take(&mut resolved.tracked));
                }
                self.build(&resolved)
            }
            None => Err(PipelineError::StageNotFound { file: self.resolver.shown_file().to_owned(), name: name.to_owned() }),
        }
    }

    /// All stages and all that stands beside them.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn project(mut self) -> Result<Project, PipelineError> {
        let names = self.names()?;
        let stages: Result<Vec<Stage>, _> = names.iter().map(|name| self.stage(name)).collect();
        let mut groups = IndexMap::new();
        for entry in self.resolver.entries() {
            if let Some(members) = self.resolver.members(&entry)? {
                groups.insert(entry, members);
            }
        }
        let (top_level, warnings) = (self.top_lists()?, self.resolver.warnings().to_vec());
        Ok(Project { stages: stages?, groups, top_level, tracked: self.tracked, warnings })
    }

    /// What DVC warns of, so far.
    pub fn warnings(&self) -> &[String] {
        self.resolver.warnings()
    }

    /// The templates, for those who show what they mean.
    pub fn resolver(&mut self) -> &mut Resolver<'f> {
        &mut self.resolver
    }

    fn top_lists(&self) -> Result<TopLists, PipelineError> {
        let list = |section| self.resolver.top_level(section).map_err(|(_, error)| error);
        Ok(TopLists {
            metrics: list(TopLevel::Metrics)?,
            plots: list(TopLevel::Plots)?,
            params: list(TopLevel::Params)?,
            artifacts: self.resolver.artifacts().map_err(|(_, error)| error)?,
            datasets: list(TopLevel::Datasets)?,
        })
    }

    fn build(&self, resolved: &Resolved) -> Result<Stage, PipelineError> {
        let site = build::Site { root: self.root, file: &self.path, line: self.lines.get(&resolved.entry).copied() };
        build::stage(&site, &resolved.name, &resolved.data)
    }
}
