//! DVC's configuration: the INI files of four levels, checked and merged into one value.
//!
//! The texts are read as ConfigObj reads them, the keys are checked against DVC's schema (the
//! tables in `config_schema.rs`), and what the rest of the program asks for is taken out. It
//! does not know where the files lie: each text comes with the directory of its file, because
//! relative paths inside it are relative to that.

use indexmap::IndexMap;
use thiserror::Error;

use super::config_ini::{Item, Section, parse};
use super::config_schema::validate;

/// Why a configuration is refused. The text is DVC's, without its leading words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("config file error: {0}")]
pub struct ConfigError(pub String);

/// A way to place a cached file in the work tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinkType {
    /// Blocks shared by the file system, copied on write.
    Reflink,
    /// A second name of the same file.
    Hardlink,
    /// A symbolic link to the cache.
    Symlink,
    /// A plain copy.
    Copy,
}

impl LinkType {
    /// The type of this name.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "reflink" => Self::Reflink,
            "hardlink" => Self::Hardlink,
            "symlink" => Self::Symlink,
            "copy" => Self::Copy,
            _ => return None,
        })
    }
}

/// `parsing.bool`: how a true value of a map becomes an option of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ParsingBool {
    /// `--key`, and nothing for false.
    #[default]
    StoreTrue,
    /// `--key` and `--no-key`.
    BooleanOptional,
}

/// `parsing.list`: how a list of a map becomes an option of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ParsingList {
    /// `--key a b`.
    #[default]
    Nargs,
    /// `--key a --key b`.
    Append,
}

/// The merged configuration, as far as this program asks for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// `core.no_scm`: there is no git.
    pub no_scm: bool,
    /// `core.autostage`: changed files are added to the git index.
    pub autostage: bool,
    /// `core.interactive`: each stage is asked for.
    pub interactive: bool,
    /// `core.hardlink_lock`: locks are hard links.
    pub hardlink_lock: bool,
    /// `core.site_cache_dir`.
    pub site_cache_dir: Option<String>,
    /// `core.remote`, lower case: the default remote's name.
    pub remote: Option<String>,
    /// `core.checksum_jobs`.
    pub checksum_jobs: Option<usize>,
    /// `cache.dir`, absolute (or an URL).
    pub cache_dir: Option<String>,
    /// `cache.type` in the order of preference.
    pub cache_types: Vec<LinkType>,
    /// `cache.shared = group`.
    pub shared_group: bool,
    /// `cache.verify`.
    pub verify: bool,
    /// `parsing.bool`.
    pub parsing_bool: ParsingBool,
    /// `parsing.list`.
    pub parsing_list: ParsingList,
    /// Remotes by name, with their options; paths are absolute.
    pub remotes: IndexMap<String, IndexMap<String, String>>,
    /// What DVC warns of while it reads the configuration.
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            no_scm: false,
            autostage: false,
            interactive: false,
            hardlink_lock: false,
            site_cache_dir: None,
            remote: None,
            checksum_jobs: None,
            cache_dir: None,
            cache_types: vec![LinkType::Reflink, LinkType::Copy],
            shared_group: false,
            verify: false,
            parsing_bool: ParsingBool::default(),
            parsing_list: ParsingList::default(),
            remotes: IndexMap::new(),
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// The address of a remote (an URL or an absolute path).
    pub fn remote_url(&self, name: &str) -> Option<&str> {
        self.remotes.get(name)?.get("url").map(String::as_str)
    }

    /// The absolute path of a remote that is a plain directory, with objects in it as in a cache; none for all others. What
    /// begins with `file://` is none of them: DVC takes it, as it stands, for a path below the current directory.
    pub fn remote_dir(&self, name: &str) -> Option<&str> {
        self.remote_url(name).filter(|url| url.starts_with('/') && !self.keeps_versions(name))
    }

    /// Whether a remote keeps versions of files, not objects.
    pub fn keeps_versions(&self, name: &str) -> bool {
        let is = |option: &str| {
            self.remotes.get(name).and_then(|remote| remote.get(option)).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        is("version_aware") || is("worktree")
    }
}

/// The text of one configuration file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Absolute path of the directory that holds the file.
    pub dir: &'a str,
    /// Its content.
    pub text: &'a [u8],
}

/// Reads and merges the files, given from the weakest (system) to the strongest (local) level.
///
/// # Errors
/// What DVC refuses: text that is no INI, unknown sections or keys, values of the wrong kind.
pub fn load(sources: &[Source<'_>], home: Option<&str>) -> Result<Config, ConfigError> {
    let mut merged = Section::new();
    for name in super::config_schema::SECTIONS {
        merged.insert((*name).to_owned(), Item::Section(Section::new()));
    }
    for source in sources {
        let text = std::str::from_utf8(source.text).map_err(|error| not_utf8(source.text, error))?;
        let mut section = named(lower(parse(text)?));
        resolve_paths(&mut section, source.dir, home);
        merge(&mut merged, section);
    }
    let warnings = validate(&merged)?;
    Ok(Config { warnings, ..extract(&merged) })
}

fn not_utf8(text: &[u8], error: std::str::Utf8Error) -> ConfigError {
    let at = error.valid_up_to();
    let byte = text.get(at).copied().unwrap_or_default();
    ConfigError(format!("'utf-8' codec can't decode byte 0x{byte:02x} in position {at}: invalid start byte"))
}

/// Lower-cases the names of sections and keys.
fn lower(section: Section) -> Section {
    section
        .into_iter()
        .map(|(key, item)| {
            let item = if let Item::Section(inner) = item { Item::Section(lower(inner)) } else { item };
            (key.to_lowercase(), item)
        })
        .collect()
}

/// `remote "name"` becomes an entry of the section `remote` (dvc: `config.py` `_parse_named`).
fn named(section: Section) -> Section {
    let mut result = Section::new();
    for kind in ["remote", "machine", "db"] {
        result.insert(kind.to_owned(), Item::Section(Section::new()));
    }
    for (title, item) in section {
        match split_title(&title) {
            Some((kind, name)) => {
                if let Some(Item::Section(group)) = result.get_mut(kind) {
                    group.insert(name.to_owned(), item);
                }
            }
            None => {
                result.insert(title, item);
            }
        }
    }
    result
}

fn split_title(title: &str) -> Option<(&'static str, &str)> {
    let title = super::pytext::strip(title);
    let kind = ["remote", "machine", "db"].into_iter().find(|kind| title.starts_with(kind))?;
    let name = super::pytext::strip(&title[kind.len()..]).strip_prefix('"')?.strip_suffix('"')?;
    Some((kind, name))
}

/// Merges section by section and key by key; the later file wins.
fn merge(into: &mut Section, from: Section) {
    for (key, item) in from {
        match (into.get_mut(&key), item) {
            (Some(Item::Section(old)), Item::Section(new)) => merge(old, new),
            (_, item) => {
                into.insert(key, item);
            }
        }
    }
}

/// Keys of remotes that hold paths.
const REMOTE_PATHS: [&str; 8] = [
    "url",
    "gdrive_user_credentials_file",
    "gdrive_service_account_json_file_path",
    "credentialpath",
    "configpath",
    "keyfile",
    "cert_path",
    "key_path",
];

fn resolve_paths(section: &mut Section, dir: &str, home: Option<&str>) {
    if let Some(Item::Section(cache)) = section.get_mut("cache") {
        resolve_key(cache, "dir", dir, home);
    }
    if let Some(Item::Section(remotes)) = section.get_mut("remote") {
        for remote in remotes.values_mut() {
            if let Item::Section(remote) = remote {
                for key in REMOTE_PATHS {
                    resolve_key(remote, key, dir, home);
                }
            }
        }
    }
}

fn resolve_key(section: &mut Section, key: &str, dir: &str, home: Option<&str>) {
    if let Some(Item::Text(text)) = section.get_mut(key) {
        *text = resolve(dir, text, home);
    }
}

/// Where a path of a configuration file points (dvc: `config.py` `_resolve`).
fn resolve(dir: &str, path: &str, home: Option<&str>) -> String {
    let scheme = path.chars().take_while(|ch| ch.is_alphanumeric() || *ch == '_').map(char::len_utf8).sum::<usize>();
    if path.starts_with('/') || (scheme > 0 && path[scheme..].starts_with("://")) {
        return path.to_owned();
    }
    if let Some(rest) = path.strip_prefix('~')
        && (rest.is_empty() || rest.starts_with('/'))
        && let Some(home) = home.filter(|home| home.starts_with('/'))
    {
        return format!("{}{rest}", home.trim_end_matches('/'));
    }
    crate::model::RepoPath::new(&format!("{dir}/{path}")).as_str().to_owned()
}

/// Takes out what the program needs; the values have been checked.
fn extract(merged: &Section) -> Config {
    let section = |name: &str| match merged.get(name) {
        Some(Item::Section(section)) => section.clone(),
        _ => Section::new(),
    };
    let (core, cache, parsing) = (section("core"), section("cache"), section("parsing"));
    let types = match cache.get("type") {
        Some(Item::Text(text)) => text.split(',').filter_map(|name| LinkType::of(super::pytext::strip(name))).collect(),
        Some(Item::List(names)) => names.iter().filter_map(|name| LinkType::of(name)).collect(),
        _ => Vec::new(),
    };
    Config {
        no_scm: flag(&core, "no_scm"),
        autostage: flag(&core, "autostage"),
        interactive: flag(&core, "interactive"),
        hardlink_lock: flag(&core, "hardlink_lock"),
        site_cache_dir: text(&core, "site_cache_dir"),
        remote: text(&core, "remote").map(|name| name.to_lowercase()),
        checksum_jobs: text(&core, "checksum_jobs").and_then(|jobs| super::pytext::strip(&jobs).replace('_', "").parse().ok()),
        cache_dir: text(&cache, "dir"),
        cache_types: if types.is_empty() { Config::default().cache_types } else { types },
        shared_group: cache.contains_key("shared"),
        verify: flag(&cache, "verify"),
        parsing_bool: match text(&parsing, "bool") {
            Some(style) if style.eq_ignore_ascii_case("boolean_optional") => ParsingBool::BooleanOptional,
            _ => ParsingBool::StoreTrue,
        },
        parsing_list: match text(&parsing, "list") {
            Some(style) if style.eq_ignore_ascii_case("append") => ParsingList::Append,
            _ => ParsingList::Nargs,
        },
        remotes: section("remote").iter().map(|(name, item)| (name.clone(), options(item))).collect(),
        warnings: Vec::new(),
    }
}

fn options(item: &Item) -> IndexMap<String, String> {
    let Item::Section(section) = item else { return IndexMap::new() };
    section.keys().filter_map(|key| Some((key.clone(), text(section, key)?))).collect()
}

fn text(section: &Section, key: &str) -> Option<String> {
    match section.get(key)? {
        Item::Text(text) => Some(text.clone()),
        Item::List(items) => Some(items.join(", ")),
        Item::Section(_) => None,
    }
}

fn flag(section: &Section, key: &str) -> bool {
    text(section, key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Config, ConfigError> {
        load(&[Source { dir: "/r/.dvc", text: text.as_bytes() }], Some("/home/u"))
    }

    #[test]
    fn an_empty_configuration_is_the_default() {
        assert_eq!(load(&[], None).unwrap(), Config::default());
        assert_eq!(one("").unwrap(), Config::default());
    }

    #[test]
    fn later_levels_win_and_paths_are_relative_to_their_file() {
        let system = Source { dir: "/etc/xdg/dvc", text: b"[core]\n  Autostage = TRUE\n[cache]\ndir = c\ntype = 'hardlink,symlink'\n" };
        let repo = Source {
            dir: "/r/.dvc",
            text: b"[core]\n    remote = Store\n[cache]\n    dir = ../mycache # here\n['remote \"store\"']\n    url = ../../rem\n[ remote \"s\" ]\nurl=s3://b/p\n",
        };
        let local = Source { dir: "/r/.dvc", text: b"[core]\nautostage = false\n[cache]\ntype = reflink, copy\nshared = group\n" };
        let config = load(&[system, repo, local], Some("/home/u")).unwrap();
        assert!(!config.autostage);
        assert_eq!(config.cache_dir.as_deref(), Some("/r/mycache"));
        assert_eq!(config.remote.as_deref(), Some("store"));
        assert_eq!(config.remote_url("store"), Some("/rem"));
        assert_eq!(config.remote_url("s"), Some("s3://b/p"));
        assert_eq!(config.cache_types, [LinkType::Reflink, LinkType::Copy]);
        assert!(config.shared_group);
    }

    #[test]
    fn home_is_expanded() {
        assert_eq!(one("[cache]\ndir = ~/c\n").unwrap().cache_dir.as_deref(), Some("/home/u/c"));
        assert_eq!(one("[cache]\ndir = ~x/c\n").unwrap().cache_dir.as_deref(), Some("/r/.dvc/~x/c"));
    }
}
