//! What mends a finding: a command where there is one, as it is typed where the reader stands.
//!
//! A command works on what is checked out. For a commit that is not, the words lead there first, and say what
//! becomes of it: a branch goes on, a tag must be moved, and what has been followed by others is amended.

use std::collections::HashSet;

use crate::model::finding::{Checked, Finding, Named, Subject, Wrong};
use crate::model::{Address, RepoPath};

/// So many digits of a commit are shown.
const DIGITS: usize = 8;

/// Knows what mends the findings of a check.
pub struct Mender<'a> {
    checked: &'a Checked,
    /// DVC repositories of commits in which stages outside of the uppermost dvc.yaml are to run.
    wide: HashSet<(Option<&'a str>, &'a RepoPath)>,
}

/// A way to mend something.
struct Way {
    /// What is typed, or done.
    words: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A command that changes files.
    Command,
    /// An edit that ends with such a command.
    Steps,
    /// An edit, or a command of git's: what has changed is plain.
    Edit,
    /// Something that changes no file of git's.
    Data,
}

impl<'a> Mender<'a> {
    /// For what a check has found.
    pub fn of(checked: &'a Checked) -> Self {
        let is_below = |finding: &&Finding| {
            let dir = finding.address.as_ref().and_then(|address| address.file.parent());
            dir.is_some_and(|dir| !dir.is_root())
        };
        let below = checked.findings.iter().filter(is_below);
        Self { checked, wide: below.map(|finding| (finding.commit.as_deref(), &finding.project)).collect() }
    }

    /// The command, or the words, without what is to be done with the result.
    pub fn fix(&self, finding: &Finding) -> Option<String> {
        let way = self.way(finding)?;
        let Some(commit) = self.elsewhere(finding) else { return Some(way.words) };
        let name = self.name(commit);
        Some(match (self.checked.standpoint.is_bare, way.kind) {
            (true, _) => format!("in a work tree of {name}: {}", way.words),
            (false, Kind::Edit | Kind::Steps) => format!("git checkout {name}, then {}", way.words),
            (false, _) => format!("git checkout {name} && {}", way.words),
        })
    }

    /// All that is to be done, in one line.
    pub fn words(&self, finding: &Finding) -> Option<String> {
        let (way, fix) = (self.way(finding)?, self.fix(finding)?);
        let commit = match way.kind {
            Kind::Command | Kind::Steps => ", then commit what it has changed",
            Kind::Edit => ", then commit",
            Kind::Data => return Some(fix),
        };
        let Some(elsewhere) = self.elsewhere(finding) else {
            return Some(if way.kind == Kind::Edit { fix } else { format!("{fix}{commit}") });
        };
        Some(match self.checked.standpoint.names.get(elsewhere) {
            Some(Named::Branch(_)) => format!("{fix}{commit}"),
            Some(Named::Tag(tag)) => {
                let tag = word(tag);
                format!("{fix}{commit} and move the tag (git tag -f {tag}); or git tag -d {tag}")
            }
            None => format!("{fix}, then amend this commit and rebase what follows it: a later commit does not mend it"),
        })
    }

    /// The commit of a finding, if it is not the one that is checked out.
    fn elsewhere<'f>(&self, finding: &'f Finding) -> Option<&'f str> {
        finding.commit.as_deref().filter(|commit| self.checked.standpoint.head.as_deref() != Some(*commit))
    }

    /// Whether what git does not have is not on the disk either.
    fn is_gone(&self, finding: &Finding) -> bool {
        finding.path.as_ref().is_some_and(|path| self.checked.standpoint.gone.contains(path))
    }

    fn name(&self, commit: &str) -> String {
        match self.checked.standpoint.names.get(commit) {
            Some(Named::Branch(name) | Named::Tag(name)) => word(name),
            None => commit.get(..DIGITS).unwrap_or(commit).to_owned(),
        }
    }

    fn way(&self, finding: &Finding) -> Option<Way> {
        let typed = |path: &RepoPath| word(&self.checked.standpoint.typed(path));
        let at = typed(&finding.project);
        let cd = if at == "." { String::new() } else { format!(" --cd {at}") };
        let own = || finding.address.as_ref().map(|address| word(&address.seen_from(&RepoPath::root())));
        let path = || finding.path.as_deref().map(|path| typed(&RepoPath::new(path))).unwrap_or_default();
        let lock = || {
            let dir = finding.address.as_ref().and_then(|address| address.file.parent()).unwrap_or_default();
            typed(&finding.project.join(dir.as_str()).join("dvc.lock"))
        };
        // What depends on a stage is out of step once the stage is mended, so all is reproduced.
        let is_wide = self.wide.contains(&(finding.commit.as_deref(), &finding.project));
        let repro = format!("dvc-paraffin{cd} repro{}", if is_wide { " --all-pipelines" } else { "" });
        let command = |words| Some(Way { words, kind: Kind::Command });
        let edit = |words| Some(Way { words, kind: Kind::Edit });
        let data = |words| Some(Way { words, kind: Kind::Data });
        match &finding.wrong {
            Wrong::NeverRan => {
                let own = own()?;
                command(format!("dvc{cd} unfreeze {own} && {repro} && dvc{cd} freeze {own}"))
            }
            Wrong::Differs if is_data_file(finding.address.as_ref()) => command(format!("dvc{cd} commit {}", own()?)),
            // What no remote will have can only be made again.
            Wrong::NoEntry | Wrong::NotRecorded | Wrong::NotInOutput | Wrong::Differs | Wrong::NeverPushed => command(repro),
            Wrong::NotInGit if self.is_gone(finding) && finding.subject == Subject::Out => {
                command(format!("{repro} && git add -f {}", path()))
            }
            Wrong::NotInGit if self.is_gone(finding) => edit(format!("bring back {0}, then git add -f {0}", path())),
            // No stage may write over what git has; clones get it from the cache.
            Wrong::InGit => edit(format!("git rm -r --cached {}", path())),
            // Git may have been told to ignore it.
            Wrong::NotInGit => edit(format!("git add -f {}", path())),
            Wrong::NotInFile => edit("add the parameter to its file, or take it out of dvc.yaml".to_owned()),
            Wrong::NoStage => edit(format!("take the entry of this stage out of {}", lock())),
            Wrong::NoPipeline => edit(format!("git rm {}", path())),
            Wrong::Altered => command(format!("dvc{cd} commit {}", own()?)),
            Wrong::HeldMore(..) => {
                let words = format!("name what git ignores there (__pycache__/, say) in .dvcignore, then {repro}");
                Some(Way { words, kind: Kind::Steps })
            }
            Wrong::MayHaveHeldMore(..) => {
                let words = format!("{repro}; before that name in .dvcignore what git ignores there (__pycache__/, say)");
                Some(Way { words, kind: Kind::Steps })
            }
            Wrong::LineEnds { crlf } => {
                let is_dir = finding.recorded.as_deref().is_some_and(|hash| hash.ends_with(".dir"));
                let below = if is_dir { "/**" } else { "" };
                edit(format!(
                    "say in .gitattributes which line ends it has ('{}{below} text eol={}')",
                    finding.path.as_deref()?,
                    if *crlf { "crlf" } else { "lf" }
                ))
            }
            Wrong::NoObject => data(format!("dvc{cd} fetch {}", own()?)),
            Wrong::NotPushed(remote) => data(format!("dvc{cd} push --remote {} {}", word(remote), own()?)),
            // What is missing belongs to a stage that this one depends on.
            Wrong::Unknown(_) => data(format!("dvc{cd} fetch --with-deps {}", own()?)),
            Wrong::Converted(_) | Wrong::Outside | Wrong::Submodule | Wrong::Foreign(_) => None,
        }
    }
}

fn is_data_file(address: Option<&Address>) -> bool {
    address.is_some_and(|address| address.name.is_none())
}

/// A word for a shell.
fn word(text: &str) -> String {
    let is_plain = |ch: char| ch.is_ascii_alphanumeric() || "_-./:@=+,%".contains(ch);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
