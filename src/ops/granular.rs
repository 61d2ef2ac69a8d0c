//! Which stages, and which of their outputs, the targets of `status` and `checkout` mean.
//!
//! Other than for `repro` a target may also be the path of an output or of something inside of
//! one. No more files are read than DVC reads, so that a broken one elsewhere is no hindrance
//! (dvc: `repo/stage.py` `collect_granular`).

use crate::format::target;
use crate::model::{Address, Class, Fault, RepoPath, StageId};
use crate::plan::graph::Graph;
use crate::plan::select;

use super::load::Repository;

/// A stage to look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Its address.
    pub stage: Address,
    /// Only the outputs that are or hold this path; none for all.
    pub within: Option<RepoPath>,
}

/// Reads what the targets of one command need.
pub struct Chooser<'a> {
    repository: &'a mut Repository,
    with_deps: bool,
    recursive: bool,
    /// The graph of the whole repository, once it was needed.
    graph: Option<Graph>,
}

impl<'a> Chooser<'a> {
    /// Nothing is read yet.
    pub fn new(repository: &'a mut Repository, with_deps: bool, recursive: bool) -> Self {
        Self { repository, with_deps, recursive, graph: None }
    }

    /// The stages that the targets mean, in DVC's order; all without targets.
    ///
    /// # Errors
    /// A file that cannot be read, or a target that means nothing.
    pub fn choose(self, targets: &[String]) -> Result<Vec<Choice>, Fault> {
        self.choose_or(targets, |_, fault| fault)
    }

    /// The same; a failure is told in other words, given the target that means nothing.
    ///
    /// # Errors
    /// As [`Chooser::choose`].
    pub fn choose_or(mut self, targets: &[String], words: impl Fn(&str, Fault) -> Fault) -> Result<Vec<Choice>, Fault> {
        if targets.is_empty() {
            self.repository.load_all()?;
            let all = self.repository.pipeline().iter();
            return Ok(all.map(|(_, stage)| Choice { stage: stage.address.clone(), within: None }).collect());
        }
        let mut choices = Vec::new();
        for text in targets {
            choices.extend(self.one(text).map_err(|fault| words(text, fault))?);
        }
        Ok(choices)
    }

    fn one(&mut self, text: &str) -> Result<Vec<Choice>, Fault> {
        let parsed = target::parse(text, false).map_err(|error| error.fault())?;
        let file = self.repository.locate(parsed.file.as_deref().unwrap_or("dvc.yaml"));
        let name = parsed.name.as_deref();
        let is_dir = self.recursive && self.repository.is_dir(text);
        let is_stage_file = parsed.file.as_deref().is_some_and(target::is_stage_file);
        let there = file.under(self.repository.workspace().root()).exists();
        // First what can be told from one file alone.
        let mut found = Vec::new();
        if parsed.file.is_none() && !is_dir && there {
            self.repository.load_file(&file)?;
            found = self.in_file(&file, name).unwrap_or_default();
        } else if is_stage_file && !self.with_deps {
            self.repository.load_file(&file)?;
            found = self.in_file(&file, name)?;
        }
        if found.is_empty() && is_dir {
            return Ok(plain(self.below(&self.repository.locate(text))?));
        }
        if found.is_empty() {
            if let Some(choice) = self.with_output(&self.repository.locate(text))? {
                return Ok(vec![choice]);
            }
            found = match self.repository.load_file(&file) {
                Ok(()) => self.in_file(&file, name),
                Err(fault) => Err(fault),
            }
            .map_err(|fault| self.neither(text, &file, is_stage_file, fault))?;
        }
        let found = if self.with_deps { self.with_upstream(found)? } else { found };
        Ok(plain(found))
    }

    /// The failure of a text that names neither output nor stage.
    fn neither(&self, text: &str, file: &RepoPath, is_stage_file: bool, cause: Fault) -> Fault {
        let shown = file.seen_from(self.repository.cwd());
        let cause = match cause.class {
            Class::StageNotFound => cause,
            Class::StageFileDoesNotExistError if !is_stage_file => Fault { message: format!("'{shown}' does not exist"), ..cause },
            _ => return cause,
        };
        let message = format!("'{text}' does not exist as an output or a stage name in '{shown}'");
        Fault::new(Class::NoOutputOrStageError, message).caused_by(cause)
    }

    /// The stages of a file that was read: all, one, or those of a group.
    fn in_file(&self, file: &RepoPath, name: Option<&str>) -> Result<Vec<Address>, Fault> {
        let address = |name: &str| Address { file: file.clone(), name: Some(name.to_owned()) };
        let Some(name) = name.filter(|_| !file.file_name().ends_with(".dvc")) else {
            return Ok(self.repository.of_file(file).iter().map(|stage| stage.address.clone()).collect());
        };
        if let Some(members) = self.repository.group(file, name) {
            return Ok(members.iter().map(|member| address(member)).collect());
        }
        match self.repository.stage(&address(name)) {
            Some(stage) => Ok(vec![stage.address.clone()]),
            None => Err(self.repository.unknown(name, name, file)),
        }
    }

    fn graph(&mut self) -> Result<&Graph, Fault> {
        if self.graph.is_none() {
            self.repository.load_all()?;
            self.graph = Some(Graph::build(self.repository.pipeline(), self.repository.cwd())?);
        }
        Ok(self.graph.as_ref().expect("it was just made"))
    }

    /// The stage whose output is or holds a path.
    fn with_output(&mut self, path: &RepoPath) -> Result<Option<Choice>, Fault> {
        self.graph()?;
        let mut stages = self.repository.pipeline().iter().map(|(_, stage)| stage);
        let found = stages.find(|stage| stage.outs.iter().any(|out| out.path.contains(path)));
        Ok(found.map(|stage| Choice { stage: stage.address.clone(), within: Some(path.clone()) }))
    }

    /// The stages whose files lie in a directory.
    fn below(&mut self, dir: &RepoPath) -> Result<Vec<Address>, Fault> {
        let graph = self.graph()?;
        let all: Vec<StageId> = (0..graph.len()).map(|index| StageId(u32::try_from(index).expect("stage numbers fit"))).collect();
        let order = select::post_order(graph, &all, |_| true);
        Ok(self.addresses(&order).filter(|address| dir.contains(&address.file)).collect())
    }

    /// The stages and all that they depend on, also through frozen ones. (DVC's order is random.)
    fn with_upstream(&mut self, found: Vec<Address>) -> Result<Vec<Address>, Fault> {
        self.graph()?;
        let starts: Vec<StageId> = found.iter().filter_map(|address| self.repository.pipeline().find(address)).collect();
        let order = select::post_order(self.graph()?, &starts, |_| true);
        Ok(self.addresses(&order).collect())
    }

    fn addresses(&self, ids: &[StageId]) -> impl Iterator<Item = Address> {
        ids.iter().map(|id| self.repository.pipeline().get(*id).address.clone())
    }
}

fn plain(found: Vec<Address>) -> Vec<Choice> {
    found.into_iter().map(|stage| Choice { stage, within: None }).collect()
}
