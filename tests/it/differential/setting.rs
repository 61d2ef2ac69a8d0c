//! What surrounds a pipeline: git or none, where the repository lies in it, the cache, and how
//! options are written. Chosen once for each pipeline.

use std::path::{Path, PathBuf};

use fastrand::Rng;

/// How a repository stands to git.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Git {
    /// It is the root of the git repository.
    Root,
    /// It is a folder in one (`dvc init --subdir`).
    Subdir,
    /// There is none (`dvc init --no-scm`).
    None,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where git is.
    pub git: Git,
    /// `cache.type`, or nothing.
    pub cache_type: &'static str,
    /// `cache.shared = group`
    pub shared: bool,
    /// `cache.dir`, or nothing; as `.dvc/config` wants it.
    pub cache_dir: &'static str,
    /// `core.autostage`
    pub autostage: bool,
    /// `parsing.bool = boolean_optional` and `parsing.list = append`.
    pub parsing: bool,
}

const CACHE_TYPES: &[&str] = &["copy", "hardlink", "symlink", "reflink,hardlink", "hardlink,copy", "symlink,copy", "reflink,symlink,copy"];

impl Setting {
    /// A random one; half of what can be chosen is what people have.
    pub fn random(rng: &mut Rng) -> Self {
        let git = match rng.u8(..8) {
            0 => Git::None,
            1 => Git::Subdir,
            _ => Git::Root,
        };
        Self {
            git,
            cache_type: if rng.bool() { "" } else { rng.choice(CACHE_TYPES).unwrap() },
            shared: rng.u8(..5) == 0,
            cache_dir: match rng.u8(..6) {
                0 => "../../cache",
                1 => "../store",
                _ => "",
            },
            autostage: rng.u8(..6) == 0,
            parsing: rng.u8(..4) == 0,
        }
    }

    /// The root of the repository in the folder given for it.
    pub fn root(&self, work: &Path) -> PathBuf {
        if self.git == Git::Subdir { work.join("proj") } else { work.to_owned() }
    }

    /// The cache as seen from the root.
    pub fn cache(&self) -> &'static str {
        match self.cache_dir {
            "" => ".dvc/cache",
            inside if !inside.starts_with("../../") => "store",
            _ => "../cache",
        }
    }

    /// The arguments of `dvc init`.
    pub fn init(&self) -> Vec<&'static str> {
        match self.git {
            Git::Root => vec!["init", "-q"],
            Git::Subdir => vec!["init", "-q", "--subdir"],
            Git::None => vec!["init", "-q", "--no-scm"],
        }
    }

    /// `.dvc/config`.
    pub fn config(&self) -> String {
        let mut text = String::from("[core]\n");
        let mut set = |wanted: bool, line: &str| {
            if wanted {
                text.push_str(line);
                text.push('\n');
            }
        };
        set(self.git == Git::None, "    no_scm = True");
        set(self.autostage, "    autostage = true");
        set(true, "[cache]");
        set(!self.cache_type.is_empty(), &format!("    type = \"{}\"", self.cache_type));
        set(self.shared, "    shared = group");
        set(!self.cache_dir.is_empty(), &format!("    dir = {}", self.cache_dir));
        set(self.parsing, "[parsing]\n    bool = boolean_optional\n    list = append");
        text
    }

    /// Whether work files are links to the cache, so that the cache must not lose what they need.
    pub fn has_symlinks(&self) -> bool {
        self.cache_type.contains("symlink")
    }

    /// Whether work files may be one with objects of the cache.
    pub fn has_links(&self) -> bool {
        self.cache_type.replace("reflink", "").contains("link")
    }
}
