//! `demo`: a fresh git and DVC repository with a pipeline worth running at once.
//!
//! Two branches of seven stages, small real computations in portable shell, each with a short
//! pause so that one can see what runs beside what. The project is built next to its place and
//! moved there when it is whole, so a failure leaves nothing behind, and a directory that holds
//! something is never touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::{IndexAddOption, Repository, RepositoryInitOptions, Signature};
use minijinja::{Environment, context};
use thiserror::Error;

use crate::model::{Class, Fault};

/// The job slots that the demo runs with.
pub const JOBS: usize = 4;

/// The number of stages that it has.
pub const STAGES: usize = 14;

/// Seconds that each stage pauses.
const PAUSE: u32 = 1;

/// The files of the project: path, template.
const FILES: [(&str, &str); 6] = [
    ("README.md", include_str!("../../templates/demo/README.md.j2")),
    ("dvc.yaml", include_str!("../../templates/demo/dvc.yaml.j2")),
    ("params.yaml", include_str!("../../templates/demo/params.yaml.j2")),
    ("src/params_to_outs.sh", include_str!("../../templates/demo/src/params_to_outs.sh.j2")),
    ("src/add_node_numbers.sh", include_str!("../../templates/demo/src/add_node_numbers.sh.j2")),
    ("src/sum_node_attributes.sh", include_str!("../../templates/demo/src/sum_node_attributes.sh.j2")),
];

/// What `dvc init` writes.
const DVC_FILES: [(&str, &str); 3] = [
    (".dvc/config", ""),
    (".dvc/.gitignore", "/config.local\n/tmp\n/cache\n"),
    (
        ".dvcignore",
        "# Add patterns of files dvc should ignore, which could improve\n# the performance. Learn more at\n# https://dvc.org/doc/user-guide/dvcignore\n",
    ),
];

/// Why there is no demo.
#[derive(Debug, Error)]
pub enum Error {
    /// Something stands at its place.
    #[error("'{}' exists and is not an empty directory: nothing was made", path.display())]
    InUse {
        /// The place.
        path: PathBuf,
    },
    /// A file or directory could not be made.
    #[error("cannot make '{}': {source}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// git refused.
    #[error("cannot make a git repository in '{}': {source}", path.display())]
    Git {
        /// Where.
        path: PathBuf,
        /// Why.
        source: git2::Error,
    },
    /// A built-in template is wrong.
    #[error("cannot render '{name}': {source}")]
    Template {
        /// Which.
        name: String,
        /// Why.
        source: minijinja::Error,
    },
}

impl Error {
    /// The same as a plain value.
    pub fn fault(&self) -> Fault {
        let class = match self {
            Self::InUse { .. } | Self::Template { .. } => Class::DvcException,
            Self::Make { .. } => Class::IOError,
            Self::Git { .. } => Class::GitError,
        };
        let fault = Fault::new(class, self.to_string());
        match self {
            Self::InUse { .. } => fault.with("hint", "name another place: `dvc-paraffin demo DIR`."),
            _ => fault,
        }
    }
}

/// Makes the project in `dir` (which must be new or empty) with its first state committed,
/// and returns its absolute path. Nothing is run.
///
/// # Errors
/// If the place is in use or cannot be written; nothing is left behind then.
pub fn create(dir: &Path) -> Result<PathBuf, Error> {
    let make = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Make { path, source }
    };
    refuse_used(dir)?;
    let dir = std::path::absolute(dir).map_err(make(dir))?;
    let parent = dir.parent().unwrap_or(&dir).to_path_buf();
    fs::create_dir_all(&parent).map_err(make(&parent))?;
    // The scratch directory is removed when it goes out of scope; the project has moved by then.
    let scratch = tempfile::Builder::new().prefix(".dvc-paraffin-demo-").tempdir_in(&parent).map_err(make(&parent))?;
    let project = scratch.path().join("project");
    fs::create_dir(&project).map_err(make(&project))?;
    for (path, text) in render()? {
        let path = project.join(path);
        let folder = path.parent().unwrap_or(&project);
        fs::create_dir_all(folder).map_err(make(folder))?;
        fs::write(&path, text).map_err(make(&path))?;
    }
    commit(&project).map_err(|source| Error::Git { path: dir.clone(), source })?;
    fs::rename(&project, &dir).map_err(make(&dir))?;
    Ok(dir)
}

fn refuse_used(dir: &Path) -> Result<(), Error> {
    let in_use = || Error::InUse { path: dir.to_path_buf() };
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(in_use())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A link that leads nowhere is something too.
            if fs::symlink_metadata(dir).is_ok() { Err(in_use()) } else { Ok(()) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(in_use()),
        Err(source) => Err(Error::Make { path: dir.to_path_buf(), source }),
    }
}

/// All files with their texts.
fn render() -> Result<Vec<(String, String)>, Error> {
    let environment = Environment::new();
    let draws = [context! { suffix => "", count => 1000 }, context! { suffix => "_1", count => 500 }];
    let values = context! { branches => ["A", "B"], groups => ["X", "Y"], draws, pause => PAUSE, stages => STAGES };
    let mut files: Vec<(String, String)> = DVC_FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    for (path, template) in FILES {
        let text = environment.render_str(template, &values).map_err(|source| Error::Template { name: path.to_owned(), source })?;
        // The renderer takes the last newline away.
        files.push((path.to_owned(), text + "\n"));
    }
    Ok(files)
}

/// Makes a git repository and commits all; the author is the user's, or a built-in one.
fn commit(project: &Path) -> Result<(), git2::Error> {
    let repository = Repository::init_opts(project, RepositoryInitOptions::new().initial_head("main").no_reinit(true))?;
    let mut index = repository.index()?;
    index.add_all(["*"], IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = match repository.signature() {
        Ok(author) => author,
        Err(_) => Signature::now("dvc-paraffin demo", "demo@dvc-paraffin.invalid")?,
    };
    repository.commit(Some("HEAD"), &author, &author, "A pipeline of two branches", &tree, &[])?;
    Ok(())
}

/// What is printed when the demo has run: the levels and where to look next. `dir` as it was
/// typed, `program` as this program can be called from there, `levels` from the chart.
pub fn closing_words(dir: &Path, program: &str, levels: &str) -> String {
    let indented: String = levels.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect();
    let dir = dir.display();
    format!(
        "\n\
The stages by level (each ran as soon as what it needs was there, levels are not waited for):

{indented}
The results are in {dir}/nodes. What to try next:
  go there                          cd {dir}
  nothing changed, nothing runs     {program} repro
  see the chart of levels           {program} graph --levels
  change a seed in params.yaml, then
  ask what would run, and why       {program} repro --dry --explain
  run just that                     {program} repro -j 4
  DVC agrees                        dvc status
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_below(dir: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(all_below(&path));
            }
            found.push(path);
        }
        found
    }

    #[test]
    fn makes_a_committed_project() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("deep/demo");
        let made = create(&dir).unwrap();
        assert_eq!(made, dir);
        let repository = Repository::open(&dir).unwrap();
        assert!(repository.statuses(None).unwrap().is_empty());
        assert_eq!(repository.head().unwrap().name().unwrap(), "refs/heads/main");
        assert_eq!(fs::read_to_string(dir.join(".dvc/config")).unwrap(), "");
        let text = fs::read_to_string(dir.join("dvc.yaml")).unwrap();
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let stages = yaml["stages"].as_mapping().unwrap();
        assert_eq!(stages.len(), STAGES);
        assert_eq!(
            yaml["stages"]["B_Y_AddNodeNumbers"]["cmd"].as_str().unwrap(),
            "sh src/add_node_numbers.sh nodes/B/Y/sums.txt nodes/B/Y/numbers.txt nodes/B/Y/numbers_1.txt"
        );
        let params: serde_yaml::Value = serde_yaml::from_str(&fs::read_to_string(dir.join("params.yaml")).unwrap()).unwrap();
        for (name, stage) in stages {
            if stage.get("params").is_some() {
                assert!(params.get(name).is_some(), "{name:?}");
            }
        }
        // Nothing of the scratch directory is left.
        assert_eq!(fs::read_dir(scratch.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn an_empty_directory_is_taken_and_a_used_one_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let empty = scratch.path().join("empty");
        fs::create_dir(&empty).unwrap();
        create(&empty).unwrap();
        let before = all_below(scratch.path());
        let file = scratch.path().join("empty/README.md");
        for used in [&empty, &file] {
            assert!(matches!(create(used), Err(Error::InUse { .. })), "{used:?}");
        }
        assert_eq!(all_below(scratch.path()).len(), before.len());
        assert_eq!(create(&empty).unwrap_err().fault().class, Class::DvcException);
    }

    #[test]
    fn closing_words_name_the_next_steps() {
        let words = closing_words(Path::new("demo"), "dvc-paraffin", "7 stages\n  1  a\n\n7 stages\n");
        assert!(words.contains("\n  7 stages\n    1  a\n\n  7 stages\n"), "{words}");
        assert!(words.contains("cd demo\n"));
    }
}
