//! Why a stage must run, as data. Sentences are made in `report::words` only.

use serde::{Deserialize, Serialize};

/// One reason for which a stage does not count as unchanged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// dvc.lock has no entry for it.
    NeverRun,
    /// The command differs.
    CmdChanged {
        /// As recorded.
        old: String,
        /// As in dvc.yaml.
        new: String,
    },
    /// A `.dvc` file was edited since DVC wrote it.
    FileAltered,
    /// A dep does not exist.
    DepMissing {
        /// Its text in dvc.yaml.
        path: String,
    },
    /// A dep differs.
    DepModified {
        /// Its text in dvc.yaml.
        path: String,
        /// The recorded hash; none if dvc.lock does not know this dep.
        old: Option<String>,
        /// The hash now.
        new: String,
    },
    /// A params file does not exist.
    ParamsFileMissing {
        /// Its text in dvc.yaml.
        path: String,
    },
    /// dvc.lock knows no parameters of this file.
    ParamsFileNew {
        /// Its text in dvc.yaml.
        path: String,
    },
    /// A parameter is not in its file.
    ParamMissing {
        /// The file's text in dvc.yaml.
        path: String,
        /// The dotted key.
        key: String,
    },
    /// dvc.lock does not know the parameter.
    ParamNew {
        /// The file's text in dvc.yaml.
        path: String,
        /// The dotted key.
        key: String,
        /// The value now, as people read it.
        new: String,
    },
    /// A parameter differs.
    ParamModified {
        /// The file's text in dvc.yaml.
        path: String,
        /// The dotted key.
        key: String,
        /// The recorded value, as people read it.
        old: String,
        /// The value now.
        new: String,
    },
    /// An output does not exist.
    OutMissing {
        /// Its text in dvc.yaml.
        path: String,
    },
    /// An output's recorded content is not in the cache.
    OutNotInCache {
        /// Its text in dvc.yaml.
        path: String,
        /// The recorded hash.
        old: String,
    },
    /// An output differs from what was recorded.
    OutModified {
        /// Its text in dvc.yaml.
        path: String,
        /// The recorded hash; none if dvc.lock does not know this output.
        old: Option<String>,
        /// The hash now.
        new: String,
    },
    /// `always_changed: true`.
    AlwaysChanged,
    /// It has neither deps nor outs.
    Callback,
    /// `--force`.
    Forced,
    /// `--force-downstream`, and this stage ran.
    ForcedBy {
        /// Its address.
        stage: String,
    },
    /// An installed dvc was asked, which can read what we cannot, and says this.
    SaidByDvc {
        /// What it is about (`changed deps`, `changed outs`); none for a remark on the stage.
        heading: Option<String>,
        /// The dep or output as DVC shows it.
        path: Option<String>,
        /// The parameter, where the path is a params file.
        key: Option<String>,
        /// What happened (`modified`, `deleted`, `changed command` ...).
        word: String,
    },
    /// Only in a dry run: a stage it depends on would run, so its deps may change.
    UpstreamMayChange {
        /// Addresses of the direct ones that would run.
        stages: Vec<String>,
    },
}

impl Reason {
    /// Does something to each text in it.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        let texts: Vec<&mut String> = match self {
            Self::NeverRun | Self::FileAltered | Self::AlwaysChanged | Self::Callback | Self::Forced => Vec::new(),
            Self::CmdChanged { old, new } => vec![old, new],
            Self::DepMissing { path } | Self::ParamsFileMissing { path } | Self::ParamsFileNew { path } | Self::OutMissing { path } => {
                vec![path]
            }
            Self::DepModified { path, old, new } | Self::OutModified { path, old, new } => [path, new].into_iter().chain(old).collect(),
            Self::ParamMissing { path, key } => vec![path, key],
            Self::ParamNew { path, key, new } => vec![path, key, new],
            Self::ParamModified { path, key, old, new } => vec![path, key, old, new],
            Self::OutNotInCache { path, old } => vec![path, old],
            Self::ForcedBy { stage } => vec![stage],
            Self::SaidByDvc { heading, path, key, word } => [heading, path, key].into_iter().flatten().chain([word]).collect(),
            Self::UpstreamMayChange { stages } => stages.iter_mut().collect(),
        };
        texts.into_iter().for_each(edit);
    }
}

/// Whether a stage must run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Nothing to do.
    Fresh,
    /// These are the reasons.
    Stale(Vec<Reason>),
}
