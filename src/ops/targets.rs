//! Which stages a target of the command line means (dvc: `repo/stage.py` `load_all`, `collect`).
//!
//! A target is `name`, `path/dvc.yaml`, `path/dvc.yaml:name`, `data.dvc`, a foreach or matrix
//! group, a pattern with `--glob`, or with `--recursive` a directory. Unlike DVC, a target that
//! means no stage at all is an error: DVC would run the whole repository.

use std::collections::HashSet;

use crate::format::{fnmatch, suggest, target};
use crate::model::{Address, Class, Fault, RepoPath, Stage, StageId};
use crate::plan::graph::Graph;
use crate::plan::select;
use crate::run::peer::only_dvc_sees;

use super::load::Repository;

/// How targets are to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Names are patterns (`--glob`).
    pub glob: bool,
    /// Directories stand for the stages below them (`--recursive`).
    pub recursive: bool,
}

/// Why a stage cannot be judged without an installed dvc; none if it can.
pub fn foreign(stage: &Stage, cwd: &RepoPath) -> Option<String> {
    let (path, kind) = only_dvc_sees(stage)?;
    Some(format!(
        "stage '{}' needs '{path}' ({kind}), which dvc-paraffin cannot read without an installed dvc",
        stage.address.seen_from(cwd)
    ))
}

impl Repository {
    /// Reads the files that the targets name, before the rest of the repository is collected:
    /// an error in them comes first, as with DVC.
    ///
    /// # Errors
    /// A file that cannot be read or does not exist.
    pub fn load_targets(&mut self, targets: &[String], reading: Reading) -> Result<(), Fault> {
        for text in targets {
            if reading.recursive && self.is_dir(text) {
                continue;
            }
            let parsed = target::parse(text, reading.glob).map_err(|error| error.fault())?;
            self.load_file(&self.target_file(parsed.file.as_deref()))?;
        }
        Ok(())
    }

    /// The stages that the targets mean, each once, in the order of the targets.
    ///
    /// # Errors
    /// A target that means no stage.
    pub fn resolve_targets(&self, targets: &[String], reading: Reading, graph: Option<&Graph>) -> Result<Vec<StageId>, Fault> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for text in targets {
            let stages = match graph.filter(|_| reading.recursive && self.is_dir(text)) {
                Some(graph) => self.inside(text, graph)?,
                None => self.one_target(text, reading)?,
            };
            found.extend(stages.into_iter().filter(|stage| seen.insert(*stage)));
        }
        Ok(found)
    }

    /// Whether one of the targets stands for all stages below a directory.
    pub(super) fn name_a_directory(&self, targets: &[String], reading: Reading) -> bool {
        reading.recursive && targets.iter().any(|text| self.is_dir(text))
    }

    pub(super) fn is_dir(&self, text: &str) -> bool {
        self.locate(text).under(self.workspace().root()).is_dir()
    }

    pub(super) fn locate(&self, text: &str) -> RepoPath {
        RepoPath::locate(&self.root_text(), self.cwd(), text)
    }

    fn target_file(&self, path: Option<&str>) -> RepoPath {
        self.locate(path.unwrap_or("dvc.yaml"))
    }

    fn inside(&self, text: &str, graph: &Graph) -> Result<Vec<StageId>, Fault> {
        let dir = self.locate(text);
        let all: Vec<StageId> = self.pipeline().iter().map(|(id, _)| id).collect();
        let mut order = select::post_order(graph, &all, |_| true);
        order.retain(|id| dir.contains(&self.pipeline().get(*id).address.file));
        if order.is_empty() {
            return Err(Fault::new(Class::NoOutputOrStageError, format!("there is no stage in '{text}' or below")));
        }
        Ok(order)
    }

    fn one_target(&self, text: &str, reading: Reading) -> Result<Vec<StageId>, Fault> {
        let parsed = target::parse(text, reading.glob).map_err(|error| error.fault())?;
        let file = self.target_file(parsed.file.as_deref());
        let stages = self.pipeline().of_file(&file);
        let name: Option<String> = parsed.name;
        let Some(name) = name.filter(|_| !file.file_name().ends_with(".dvc")) else {
            if stages.is_empty() && reading.glob {
                return Err(self.nothing(text, &file));
            }
            return Ok(stages.to_vec());
        };
        let named = |wanted: &str| self.pipeline().find(&Address { file: file.clone(), name: Some(wanted.to_owned()) });
        if let Some(members) = self.group(&file, &name) {
            return Ok(members.iter().filter_map(|member| named(member)).collect());
        }
        if reading.glob {
            let matches =
                |id: &StageId| self.pipeline().get(*id).address.name.as_deref().is_some_and(|found| fnmatch::matches(&name, found));
            let found: Vec<StageId> = stages.iter().copied().filter(matches).collect();
            return if found.is_empty() { Err(self.nothing(text, &file)) } else { Ok(found) };
        }
        named(&name).map(|id| vec![id]).ok_or_else(|| self.unknown(text, &name, &file))
    }

    /// dvc: `StageNotFound`; a way out goes along: what a path means, or the nearest name.
    pub(super) fn unknown(&self, text: &str, name: &str, file: &RepoPath) -> Fault {
        let shown = file.seen_from(self.cwd());
        let fault = Fault::new(Class::StageNotFound, format!("Stage '{name}' not found inside '{shown}' file"));
        if let Some(hint) = self.path_hint(text) {
            return fault.with("hint", hint);
        }
        let names = self.pipeline().of_file(file).iter().filter_map(|id| self.pipeline().get(*id).address.name.as_deref());
        match suggest::nearest(name, names.chain(self.group_names(file))).first() {
            Some(nearest) => fault.with("nearest", *nearest),
            None => fault,
        }
    }

    /// What to type instead of a path that is no target: targets are stages.
    fn path_hint(&self, text: &str) -> Option<String> {
        let path = self.locate(text);
        let maker = self.pipeline().iter().find(|(_, stage)| stage.outs.iter().any(|out| out.path == path));
        if let Some((_, stage)) = maker {
            return Some(format!(
                "'{text}' is an output of the stage '{}', which can be named instead.",
                stage.address.seen_from(self.cwd())
            ));
        }
        self.is_dir(text).then(|| format!("'{text}' is a directory; `-R {text}` takes the stages below it."))
    }

    fn nothing(&self, text: &str, file: &RepoPath) -> Fault {
        Fault::new(Class::StageNotFound, format!("no stage in '{}' matches '{text}'", file.seen_from(self.cwd())))
    }
}
