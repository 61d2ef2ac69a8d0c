//! The repository on disk: where it begins, how it is configured, which git holds it.
//!
//! Opening only reads; what DVC creates when it opens a repository is made by
//! [`Workspace::prepare`], so that commands that only look leave no traces. The environment
//! comes in as values (dvc: `repo/__init__.py`, `config.py`, `dirs.py`).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::Cache;
use super::dvcignore::DvcIgnore;
use super::error::Error;
use super::git::Git;
use super::os::Stamp;
use super::source::WorkTree;
use super::state::links::LinkDb;
use super::state::{self, StateDb};
use super::{gitignore, lock, os};
use crate::format::Files;
use crate::format::config::{self, Config, Source};
use crate::model::RepoPath;

/// What the environment says about configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Env {
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Where the system's configuration file is.
    pub system_config: Option<PathBuf>,
    /// Where the user's configuration file is.
    pub global_config: Option<PathBuf>,
    /// `DVC_SITE_CACHE_DIR`.
    pub site_cache: Option<PathBuf>,
    /// The name of the user; none where only the system knows it.
    pub user: Option<String>,
}

impl Env {
    /// From the variables of the process, asked for by name.
    pub fn from_vars(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        let (site, user) = os::config_dirs();
        let xdg_site = path("XDG_CONFIG_DIRS").and_then(|dirs| std::env::split_paths(&dirs).next()).filter(|dir| dir.is_absolute());
        let xdg_user = path("XDG_CONFIG_HOME");
        let system = path("DVC_SYSTEM_CONFIG_DIR").unwrap_or_else(|| xdg_site.unwrap_or_else(|| PathBuf::from(site)).join("dvc"));
        let global =
            path("DVC_GLOBAL_CONFIG_DIR").or_else(|| Some(xdg_user.or_else(|| home.as_ref().map(|home| home.join(user)))?.join("dvc")));
        let mut names = ["LOGNAME", "USER", "LNAME", "USERNAME"].into_iter().filter_map(|name| get(name).filter(|user| !user.is_empty()));
        let user = names.next().and_then(|user| user.into_string().ok());
        Self { home, system_config: Some(system), global_config: global, site_cache: path("DVC_SITE_CACHE_DIR"), user }
    }
}

/// An open repository.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    root_text: String,
    cwd: RepoPath,
    config: Config,
    env: Env,
    git: Option<Arc<Git>>,
    cache: Cache,
    files: Arc<WorkTree>,
    ignore: Mutex<Arc<DvcIgnore>>,
}

/// What [`Workspace::prepare`] changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prepared {
    /// Paths that got a line in a `.gitignore`, in order.
    pub ignored: Vec<RepoPath>,
    /// The `.gitignore` files that changed.
    pub changed: Vec<RepoPath>,
}

impl Workspace {
    /// Opens the repository that holds `cwd`, an absolute path.
    ///
    /// # Errors
    /// There is none, its configuration is refused, or there is no git where one is required.
    pub fn open(cwd: &Path, env: &Env) -> Result<Self, Error> {
        let root = find_root(cwd)?;
        let config = read_config(&root, env)?;
        let git = if config.no_scm { None } else { Some(Arc::new(Git::open(&root)?)) };
        Self::opened(root, cwd, env, config, git)
    }

    /// The same as if nothing were configured, with git if there is one: for who has to tell that the configuration
    /// is refused, and where.
    ///
    /// # Errors
    /// There is none.
    pub fn open_unconfigured(cwd: &Path, env: &Env) -> Result<Self, Error> {
        let root = find_root(cwd)?;
        let git = Git::open(&root).ok().map(Arc::new);
        Self::opened(root, cwd, env, Config::default(), git)
    }

    fn opened(root: PathBuf, cwd: &Path, env: &Env, config: Config, git: Option<Arc<Git>>) -> Result<Self, Error> {
        let text = |path: &Path| path.to_str().map(str::to_owned).ok_or_else(|| Error::NotUtf8 { path: path.to_path_buf() });
        let root_text = text(&root)?;
        let cwd = RepoPath::locate(&root_text, &RepoPath::root(), &text(cwd)?);
        let cache_dir = config.cache_dir.as_ref().map_or_else(|| root.join(".dvc/cache"), PathBuf::from);
        let cache = Cache::new(cache_dir, config.shared_group);
        let files = Arc::new(WorkTree::new(&root));
        let ignore = Mutex::new(Arc::new(DvcIgnore::new(files.clone())));
        Ok(Self { root, root_text, cwd, config, env: env.clone(), git, cache, files, ignore })
    }

    /// The repository at `root` as git has it, with the `.dvc/config` of that. Nothing of it need be on disk;
    /// the configuration of this clone, of the user and of the system counts as always.
    ///
    /// # Errors
    /// The configuration is refused.
    pub fn of_git(git: &Arc<Git>, root: PathBuf, config: Option<Vec<u8>>, env: &Env) -> Result<Self, Error> {
        let root_text = root.to_str().map(str::to_owned).ok_or_else(|| Error::NotUtf8 { path: root.clone() })?;
        let config = configured(&root, config, env)?;
        let cache = Cache::new(config.cache_dir.as_ref().map_or_else(|| root.join(".dvc/cache"), PathBuf::from), config.shared_group);
        let files = Arc::new(WorkTree::new(&root));
        let ignore = Mutex::new(Arc::new(DvcIgnore::new(files.clone())));
        let (cwd, git) = (RepoPath::root(), Some(Arc::clone(git)));
        Ok(Self { root, root_text, cwd, config, env: env.clone(), git, cache, files, ignore })
    }

    /// The root as an absolute path, with symbolic links as the user came.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The same as text.
    pub fn root_text(&self) -> &str {
        &self.root_text
    }

    /// Where the user stands.
    pub fn cwd(&self) -> &RepoPath {
        &self.cwd
    }

    /// The merged configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the locks in `.dvc/tmp` are made of.
    pub fn lock_kind(&self) -> lock::Kind {
        if self.config.hardlink_lock { lock::Kind::Hardlink } else { lock::Kind::Flock }
    }

    /// Git; none with `core.no_scm`.
    pub fn git(&self) -> Option<&Arc<Git>> {
        self.git.as_ref()
    }

    /// The files of the work tree.
    pub fn files(&self) -> &Arc<WorkTree> {
        &self.files
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// `.dvc/tmp`.
    pub fn tmp_dir(&self) -> PathBuf {
        self.root.join(".dvc/tmp")
    }

    /// The directory for caches of the whole machine.
    pub fn site_cache_dir(&self) -> PathBuf {
        let set = self.env.site_cache.clone().or_else(|| self.config.site_cache_dir.as_ref().map(PathBuf::from));
        set.unwrap_or_else(|| PathBuf::from(if cfg!(target_os = "macos") { "/Library/Caches/dvc" } else { "/var/tmp/dvc" }))
    }

    /// What DVC remembers of this repository's files; none before [`Workspace::prepare`], and for
    /// users without a name.
    pub fn state(&self) -> Option<StateDb> {
        self.own_site_cache().map(|dir| StateDb::new(&dir))
    }

    /// What DVC remembers of the files it has placed; none where there is no [`Workspace::state`].
    pub fn links(&self) -> Option<LinkDb> {
        self.own_site_cache().map(|dir| LinkDb::new(&dir))
    }

    /// The part of the machine's cache that belongs to this repository.
    fn own_site_cache(&self) -> Option<PathBuf> {
        let born = fs::metadata(self.tmp_dir().join("btime")).ok()?;
        let user = self.env.user.clone().or_else(os::user_name)?;
        let token = state::token(&self.root_text, Stamp::of(&born).mtime, &user);
        Some(self.site_cache_dir().join("repo").join(token))
    }

    /// The rules of `.dvcignore` as read so far.
    pub fn dvcignore(&self) -> Arc<DvcIgnore> {
        Arc::clone(&self.ignore.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets the rules of `.dvcignore`: to be called when a command has run.
    pub fn forget_dvcignore(&self) {
        *self.ignore.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(DvcIgnore::new(self.files.clone()));
    }

    /// Where a path is on disk.
    pub fn place(&self, path: &RepoPath) -> PathBuf {
        path.under(&self.root)
    }

    /// Where `text`, relative to `base`, points to.
    pub fn locate(&self, base: &RepoPath, text: &str) -> RepoPath {
        RepoPath::locate(&self.root_text, base, text)
    }

    /// Makes what DVC makes when it opens a repository: `.dvc/tmp`, its `btime`, and the lines
    /// of `.dvc/.gitignore`.
    ///
    /// # Errors
    /// The system refuses to create or write.
    pub fn prepare(&self) -> Result<Prepared, Error> {
        let tmp = self.tmp_dir();
        fs::create_dir_all(&tmp).map_err(Error::io("create", &tmp))?;
        let btime = tmp.join("btime");
        // Its time of change names this repository: it must never be touched again.
        match fs::OpenOptions::new().write(true).create_new(true).open(&btime) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("create", &btime)(error)),
            _ => {}
        }
        let mut prepared = Prepared::default();
        if let Some(git) = &self.git {
            let dir = self.root.join(".dvc");
            for name in ["config.local", "tmp", "cache"] {
                if !git.is_ignored(&dir.join(name))? {
                    gitignore::add(git, &dir, name, std::iter::empty())?;
                    prepared.ignored.push(RepoPath::new(&format!(".dvc/{name}")));
                    prepared.changed = vec![RepoPath::new(".dvc/.gitignore")];
                }
            }
        }
        Ok(prepared)
    }
}

impl Files for Workspace {
    fn read(&self, path: &RepoPath) -> io::Result<Option<Vec<u8>>> {
        self.files.read(path)
    }
}

/// The first directory from here upwards that has a directory `.dvc`.
///
/// # Errors
/// There is none.
pub fn find_root(cwd: &Path) -> Result<PathBuf, Error> {
    if !cwd.is_dir() {
        return Err(Error::NoDirectory { path: cwd.to_path_buf() });
    }
    let mut dir = cwd.to_path_buf();
    loop {
        if dir.join(".dvc").is_dir() {
            return Ok(dir);
        }
        if os::is_mount(&dir) || !dir.pop() {
            return Err(Error::NotDvcRepo { top: dir });
        }
    }
}

fn read_config(root: &Path, env: &Env) -> Result<Config, Error> {
    let shared = read_if_there(&root.join(".dvc/config"))?;
    configured(root, shared, env)
}

/// The merged configuration, given what the repository's own file holds.
fn configured(root: &Path, shared: Option<Vec<u8>>, env: &Env) -> Result<Config, Error> {
    let mut texts = Vec::new();
    let dir_text = |dir: &Path| dir.to_str().unwrap_or("/").to_owned();
    for dir in [&env.system_config, &env.global_config].into_iter().flatten() {
        texts.extend(read_if_there(&dir.join("config"))?.map(|text| (dir_text(dir), text)));
    }
    let dvc = root.join(".dvc");
    let local = read_if_there(&dvc.join("config.local"))?;
    texts.extend(shared.into_iter().chain(local).map(|text| (dir_text(&dvc), text)));
    let sources: Vec<Source<'_>> = texts.iter().map(|(dir, text)| Source { dir, text }).collect();
    Ok(config::load(&sources, env.home.as_deref().and_then(Path::to_str))?)
}

fn read_if_there(file: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read", file)(error)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A repository with git in a temporary directory.
    pub(in crate::store) fn repository() -> (tempfile::TempDir, Workspace) {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        fs::create_dir(dir.path().join(".dvc")).unwrap();
        let workspace = Workspace::open(dir.path(), &Env::default()).unwrap();
        (dir, workspace)
    }

    #[test]
    fn finds_the_root_upwards() {
        let (dir, _) = repository();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let workspace = Workspace::open(&deep, &Env::default()).unwrap();
        assert_eq!(workspace.root(), dir.path());
        assert_eq!(workspace.cwd().as_str(), "a/b");
        assert_eq!(workspace.cache().dir(), dir.path().join(".dvc/cache"));
    }

    #[test]
    fn says_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let error = Workspace::open(dir.path(), &Env::default()).unwrap_err();
        assert!(error.to_string().starts_with("you are not inside of a DVC repository (checked up to mount point '/"), "{error}");
        assert_eq!(error.fault().class, crate::model::Class::NotDvcRepoError);
        let error = Workspace::open(&dir.path().join("no"), &Env::default()).unwrap_err();
        assert!(matches!(error, Error::NoDirectory { .. }));
        fs::create_dir(dir.path().join(".dvc")).unwrap();
        let error = Workspace::open(dir.path(), &Env::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is not a git repository", dir.path().display()));
        fs::write(dir.path().join(".dvc/config"), "[core]\n    no_scm = True\n").unwrap();
        assert!(Workspace::open(dir.path(), &Env::default()).unwrap().git().is_none());
        fs::write(dir.path().join(".dvc/config"), "[core]\nfoo = 1\n").unwrap();
        let error = Workspace::open(dir.path(), &Env::default()).unwrap_err();
        assert_eq!(error.to_string(), "config file error: extra keys not allowed @ data['core']['foo']");
    }

    #[test]
    fn prepares_once() {
        let (dir, workspace) = repository();
        assert!(!workspace.tmp_dir().exists());
        let prepared = workspace.prepare().unwrap();
        assert_eq!(prepared.changed, [RepoPath::new(".dvc/.gitignore")]);
        assert_eq!(fs::read_to_string(dir.path().join(".dvc/.gitignore")).unwrap(), "/config.local\n/tmp\n/cache\n");
        let stamp = os::Stamp::of(&fs::metadata(workspace.tmp_dir().join("btime")).unwrap());
        assert_eq!(workspace.prepare().unwrap(), Prepared::default());
        assert_eq!(os::Stamp::of(&fs::metadata(workspace.tmp_dir().join("btime")).unwrap()), stamp);
    }

    #[test]
    fn reads_files() {
        let (dir, workspace) = repository();
        fs::write(dir.path().join("f"), "x").unwrap();
        assert_eq!(workspace.read(&RepoPath::new("f")).unwrap().unwrap(), b"x");
        assert!(workspace.read(&RepoPath::new("f/g")).unwrap().is_none());
        assert!(workspace.read(&RepoPath::root()).is_err());
    }

    #[test]
    fn the_environment_names_the_places() {
        let env = Env::from_vars(|name| match name {
            "HOME" => Some("/h".into()),
            "DVC_SYSTEM_CONFIG_DIR" => Some("/sys".into()),
            _ => None,
        });
        assert_eq!(env.system_config.as_deref(), Some(Path::new("/sys")));
        assert_eq!(env.global_config, Some(Path::new("/h").join(os::config_dirs().1).join("dvc")));
    }
}
