//! Which sections and keys DVC's configuration may hold, and of which kind each value is.
//!
//! The tables follow DVC's own (dvc: `config_schema.py`); the words of the refusals are those
//! of the validator that DVC uses. Only the first refusal is told, as DVC does.

use super::config::{ConfigError, LinkType};
use super::config_ini::{Item, Section};
use super::pytext;

/// The kind of a value.
#[derive(Clone, Copy)]
enum Kind {
    Str,
    Any,
    Bool,
    AtLeastOne,
    Percent,
    Int,
    Float,
    NotNegative,
    OneOf(&'static [&'static str]),
    Links,
}

type Keys = &'static [(&'static str, Kind)];

/// The sections that DVC knows, in its order.
pub(super) const SECTIONS: &[&str] =
    &["core", "cache", "remote", "state", "index", "machine", "feature", "plots", "exp", "parsing", "hydra", "studio", "db"];

const CORE: Keys = &[
    ("remote", Kind::Any),
    ("checksum_jobs", Kind::AtLeastOne),
    ("interactive", Kind::Bool),
    ("analytics", Kind::Bool),
    ("hardlink_lock", Kind::Bool),
    ("no_scm", Kind::Bool),
    ("autostage", Kind::Bool),
    ("experiments", Kind::Bool),
    ("check_update", Kind::Bool),
    ("site_cache_dir", Kind::Str),
    ("machine", Kind::Any),
];
const LOCAL: Keys = &[
    ("type", Kind::Links),
    ("protected", Kind::Bool),
    ("shared", Kind::OneOf(&["group"])),
    ("slow_link_warning", Kind::Bool),
    ("verify", Kind::Bool),
];
const CACHE: Keys = &[
    ("local", Kind::Str),
    ("s3", Kind::Str),
    ("gs", Kind::Str),
    ("hdfs", Kind::Str),
    ("webhdfs", Kind::Str),
    ("ssh", Kind::Str),
    ("azure", Kind::Str),
    ("dir", Kind::Str),
];
const STATE: Keys = &[("dir", Kind::Str), ("row_limit", Kind::AtLeastOne), ("row_cleanup_quota", Kind::Percent)];
const INDEX: Keys = &[("dir", Kind::Str)];
const MACHINE: Keys = &[
    ("cloud", Kind::OneOf(&["aws", "azure"])),
    ("region", Kind::OneOf(&["us-west", "us-east", "eu-west", "eu-north"])),
    ("image", Kind::Str),
    ("spot", Kind::Bool),
    ("spot_price", Kind::Float),
    ("instance_hdd_size", Kind::Int),
    ("instance_type", Kind::Any),
    ("instance_gpu", Kind::Any),
    ("ssh_private", Kind::Str),
    ("startup_script", Kind::Str),
    ("setup_script", Kind::Str),
];
const FEATURE: Keys = &[("machine", Kind::Bool)];
const PLOTS: Keys = &[("html_template", Kind::Str), ("auto_open", Kind::Bool), ("out_dir", Kind::Str)];
const EXP: Keys = &[
    ("code", Kind::Str),
    ("data", Kind::Str),
    ("models", Kind::Str),
    ("metrics", Kind::Str),
    ("params", Kind::Str),
    ("plots", Kind::Str),
    ("live", Kind::Str),
    ("auto_push", Kind::Bool),
    ("git_remote", Kind::Str),
];
const PARSING: Keys = &[("bool", Kind::OneOf(&["store_true", "boolean_optional"])), ("list", Kind::OneOf(&["nargs", "append"]))];
const HYDRA: Keys = &[
    ("enabled", Kind::Bool),
    ("config_dir", Kind::Str),
    ("config_module", Kind::Str),
    ("config_name", Kind::Str),
    ("plugins_path", Kind::Str),
];
const STUDIO: Keys = &[("token", Kind::Str), ("url", Kind::Str), ("repo_url", Kind::Str), ("offline", Kind::Bool)];
const DB: Keys = &[("url", Kind::Str), ("username", Kind::Str), ("password", Kind::Str)];

const REMOTE: Keys = &[
    ("url", Kind::Str),
    ("checksum_jobs", Kind::AtLeastOne),
    ("jobs", Kind::AtLeastOne),
    ("worktree", Kind::Bool),
    ("no_traverse", Kind::Bool),
    ("version_aware", Kind::Bool),
];
const VERIFY: Keys = &[("verify", Kind::Bool)];
const HTTP: Keys = &[
    ("auth", Kind::OneOf(&["basic", "digest", "custom"])),
    ("custom_auth_header", Kind::Str),
    ("user", Kind::Str),
    ("password", Kind::Str),
    ("ask_password", Kind::Bool),
    ("ssl_verify", Kind::Str),
    ("method", Kind::Str),
    ("connect_timeout", Kind::NotNegative),
    ("read_timeout", Kind::NotNegative),
];
const WEBDAV: Keys = &[
    ("user", Kind::Str),
    ("password", Kind::Str),
    ("ask_password", Kind::Bool),
    ("token", Kind::Str),
    ("bearer_token_command", Kind::Str),
    ("custom_auth_header", Kind::Str),
    ("cert_path", Kind::Str),
    ("key_path", Kind::Str),
    ("timeout", Kind::Int),
    ("ssl_verify", Kind::Str),
];
const S3: Keys = &[
    ("region", Kind::Str),
    ("profile", Kind::Str),
    ("credentialpath", Kind::Str),
    ("configpath", Kind::Str),
    ("endpointurl", Kind::Str),
    ("access_key_id", Kind::Str),
    ("secret_access_key", Kind::Str),
    ("session_token", Kind::Str),
    ("listobjects", Kind::Bool),
    ("use_ssl", Kind::Bool),
    ("allow_anonymous_login", Kind::Bool),
    ("ssl_verify", Kind::Str),
    ("sse", Kind::Str),
    ("sse_kms_key_id", Kind::Str),
    ("sse_customer_algorithm", Kind::Str),
    ("sse_customer_key", Kind::Str),
    ("acl", Kind::Str),
    ("grant_read", Kind::Str),
    ("grant_read_acp", Kind::Str),
    ("grant_write_acp", Kind::Str),
    ("grant_full_control", Kind::Str),
    ("cache_regions", Kind::Str),
    ("read_timeout", Kind::Int),
    ("connect_timeout", Kind::Int),
];
const GS: Keys =
    &[("projectname", Kind::Str), ("credentialpath", Kind::Str), ("endpointurl", Kind::Str), ("allow_anonymous_login", Kind::Bool)];
const SSH: Keys = &[
    ("type", Kind::Links),
    ("port", Kind::Int),
    ("user", Kind::Str),
    ("password", Kind::Str),
    ("ask_password", Kind::Bool),
    ("passphrase", Kind::Str),
    ("ask_passphrase", Kind::Bool),
    ("keyfile", Kind::Str),
    ("timeout", Kind::Int),
    ("gss_auth", Kind::Bool),
    ("allow_agent", Kind::Bool),
    ("max_sessions", Kind::Int),
];
const HDFS: Keys = &[("user", Kind::Str), ("kerb_ticket", Kind::Str), ("replication", Kind::Str)];
const WEBHDFS: Keys = &[
    ("kerberos", Kind::Bool),
    ("kerberos_principal", Kind::Str),
    ("proxy_to", Kind::Str),
    ("ssl_verify", Kind::Str),
    ("token", Kind::Str),
    ("use_https", Kind::Bool),
    ("user", Kind::Str),
    ("password", Kind::Str),
    ("data_proxy_target", Kind::Str),
];
const AZURE: Keys = &[
    ("connection_string", Kind::Str),
    ("sas_token", Kind::Str),
    ("account_name", Kind::Str),
    ("account_key", Kind::Str),
    ("tenant_id", Kind::Str),
    ("client_id", Kind::Str),
    ("client_secret", Kind::Str),
    ("allow_anonymous_login", Kind::Bool),
    ("exclude_environment_credential", Kind::Bool),
    ("exclude_visual_studio_code_credential", Kind::Bool),
    ("exclude_shared_token_cache_credential", Kind::Bool),
    ("exclude_managed_identity_credential", Kind::Bool),
    ("timeout", Kind::Int),
    ("read_timeout", Kind::Int),
    ("connection_timeout", Kind::Int),
];
const OSS: Keys = &[("oss_key_id", Kind::Str), ("oss_key_secret", Kind::Str), ("oss_endpoint", Kind::Str)];
const GDRIVE: Keys = &[
    ("profile", Kind::Str),
    ("gdrive_use_service_account", Kind::Bool),
    ("gdrive_client_id", Kind::Str),
    ("gdrive_client_secret", Kind::Str),
    ("gdrive_user_credentials_file", Kind::Str),
    ("gdrive_service_account_user_email", Kind::Str),
    ("gdrive_service_account_json_file_path", Kind::Str),
    ("gdrive_trash_only", Kind::Bool),
    ("gdrive_acknowledge_abuse", Kind::Bool),
];

/// The tables for a remote of this scheme; none for an unknown one.
fn remote_tables(scheme: &str) -> Option<Vec<Keys>> {
    Some(match scheme {
        "" => vec![REMOTE, LOCAL],
        "s3" => vec![REMOTE, VERIFY, S3],
        "gs" => vec![REMOTE, VERIFY, GS],
        "ssh" => vec![REMOTE, VERIFY, SSH],
        "hdfs" => vec![REMOTE, HDFS],
        "webhdfs" => vec![REMOTE, VERIFY, WEBHDFS],
        "azure" => vec![REMOTE, VERIFY, AZURE],
        "oss" => vec![REMOTE, VERIFY, OSS],
        "gdrive" => vec![REMOTE, VERIFY, GDRIVE],
        "http" | "https" => vec![REMOTE, VERIFY, HTTP],
        "webdav" | "webdavs" => vec![REMOTE, VERIFY, WEBDAV],
        _ => return None,
    })
}

/// Checks the merged configuration; gives the warnings.
pub(super) fn validate(merged: &Section) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    for (name, item) in merged {
        let Item::Section(section) = item else {
            let known = SECTIONS.contains(&name.as_str());
            return Err(if known { refuse("expected a dictionary", &[name], false) } else { extra(&[name]) });
        };
        match name.as_str() {
            "core" => check(&[CORE], section, &[name])?,
            "cache" => check(&[CACHE, LOCAL], section, &[name])?,
            "remote" => each(section, name, remote)?,
            "machine" => each(section, name, |section, path| check(&[MACHINE], section, path))?,
            "db" => each(section, name, |section, path| check(&[DB], section, path))?,
            "state" => check(&[STATE], section, &[name])?,
            "index" => check(&[INDEX], section, &[name])?,
            "feature" => warnings.extend(feature(section)?),
            "plots" => check(&[PLOTS], section, &[name])?,
            "exp" => check(&[EXP], section, &[name])?,
            "parsing" => check(&[PARSING], section, &[name])?,
            "hydra" => check(&[HYDRA], section, &[name])?,
            "studio" => check(&[STUDIO], section, &[name])?,
            _ => return Err(extra(&[name])),
        }
    }
    Ok(warnings)
}

fn each(group: &Section, kind: &str, body: impl Fn(&Section, &[&str]) -> Result<(), ConfigError>) -> Result<(), ConfigError> {
    for (name, item) in group {
        match item {
            Item::Section(section) => body(section, &[kind, name])?,
            Item::Text(_) | Item::List(_) => return Err(refuse("expected a dictionary", &[kind, name], true)),
        }
    }
    Ok(())
}

fn remote(section: &Section, path: &[&str]) -> Result<(), ConfigError> {
    let Some(Item::Text(url)) = section.get("url") else { return Err(refuse("expected 'url'", path, true)) };
    let (scheme, host) = url_parts(url);
    if scheme == "remote" && host {
        return Ok(());
    }
    let scheme = if host { scheme } else { String::new() };
    match remote_tables(&scheme) {
        Some(tables) => check(&tables, section, path),
        None => Err(refuse(&format!("Unsupported URL type {scheme}://"), path, true)),
    }
}

/// The scheme of an URL, and whether a host follows.
fn url_parts(url: &str) -> (String, bool) {
    let scheme = url
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| scheme.starts_with(|ch: char| ch.is_ascii_alphabetic()))
        .filter(|scheme| scheme.chars().all(|ch| ch.is_ascii_alphanumeric() || matches!(ch, '+' | '-' | '.')));
    let rest = scheme.map_or(url, |scheme| &url[scheme.len() + 1..]);
    let host = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    (scheme.unwrap_or_default().to_ascii_lowercase(), host)
}

/// Unknown features are dropped with a warning.
fn feature(section: &Section) -> Result<Vec<String>, ConfigError> {
    let (known, mut unknown): (Vec<_>, Vec<_>) = section.iter().partition(|(key, _)| FEATURE.iter().any(|(name, _)| name == key));
    check(&[FEATURE], &known.into_iter().map(|(key, item)| (key.clone(), item.clone())).collect(), &["feature"])?;
    unknown.sort_by_key(|(key, _)| key.as_str());
    let names: Vec<String> = unknown.iter().map(|(key, _)| format!("'feature.{key}'")).collect();
    Ok(match names.len() {
        0 => Vec::new(),
        1 => vec![format!("{} config option is unsupported", names[0])],
        _ => vec![format!("{} config options are unsupported", names.join(", "))],
    })
}

fn check(tables: &[Keys], section: &Section, path: &[&str]) -> Result<(), ConfigError> {
    for (key, item) in section {
        let mut path = path.to_vec();
        path.push(key);
        let Some((_, kind)) = tables.iter().flat_map(|table| table.iter()).find(|(name, _)| name == key) else {
            return Err(extra(&path));
        };
        verify(*kind, item).map_err(|text| refuse(&text, &path, true))?;
    }
    Ok(())
}

fn verify(kind: Kind, item: &Item) -> Result<(), String> {
    let text = match item {
        Item::Text(text) => text.as_str(),
        Item::List(names) if matches!(kind, Kind::Links) => return links(names.iter().map(String::as_str)),
        Item::List(_) | Item::Section(_) if matches!(kind, Kind::Any) => return Ok(()),
        // No kind but the two above accepts more than one value; an impossible text is refused below.
        Item::List(_) | Item::Section(_) => "\0",
    };
    let number = || pytext::strip(text).replace('_', "");
    match kind {
        Kind::Any => Ok(()),
        Kind::Str if text == "\0" => Err("expected str".to_owned()),
        Kind::Str => Ok(()),
        Kind::Bool => {
            if matches!(text.to_lowercase().as_str(), "true" | "false") {
                Ok(())
            } else {
                Err("expected true or false".to_owned())
            }
        }
        Kind::Int | Kind::AtLeastOne | Kind::Percent => {
            let value: i128 = number().parse().map_err(|_| "expected int".to_owned())?;
            match kind {
                Kind::AtLeastOne if value < 1 => Err("value must be at least 1".to_owned()),
                Kind::Percent if value < 0 => Err("value must be at least 0".to_owned()),
                Kind::Percent if value > 100 => Err("value must be at most 100".to_owned()),
                _ => Ok(()),
            }
        }
        Kind::Float | Kind::NotNegative => {
            let value: f64 = number().parse().map_err(|_| "expected float".to_owned())?;
            if matches!(kind, Kind::NotNegative) && value < 0.0 { Err("value must be at least 0".to_owned()) } else { Ok(()) }
        }
        Kind::OneOf(choices) => {
            let text = text.to_lowercase();
            if choices.contains(&text.as_str()) { Ok(()) } else { Err(format!("expected one of {}", choices.join(", "))) }
        }
        Kind::Links => links(text.split(',').map(pytext::strip)),
    }
}

fn links<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let unknown: Vec<&str> = names.filter(|name| LinkType::of(name).is_none()).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("Unsupported cache type(s): {}", unknown.join(", "))) }
}

fn extra(path: &[&str]) -> ConfigError {
    refuse("extra keys not allowed", path, false)
}

fn refuse(text: &str, path: &[&str], value: bool) -> ConfigError {
    let place: String = path.iter().map(|part| format!("[{}]", pytext::repr(part))).collect();
    ConfigError(format!("{text}{} @ data{place}", if value { " for dictionary value" } else { "" }))
}

#[cfg(test)]
mod tests {
    use crate::format::config::{Source, load};

    fn refusal(text: &str) -> String {
        load(&[Source { dir: "/r/.dvc", text: text.as_bytes() }], None).unwrap_err().to_string()
    }

    #[test]
    fn refusals_are_worded_as_dvc_words_them() {
        for (text, want) in [
            ("[core]\nfoo = 1\n", "extra keys not allowed @ data['core']['foo']"),
            ("[core]\nautostage = 1\n", "expected true or false for dictionary value @ data['core']['autostage']"),
            ("[foo]\nx = 1\n", "extra keys not allowed @ data['foo']"),
            ("[core]\nchecksum_jobs = 0\n", "value must be at least 1 for dictionary value @ data['core']['checksum_jobs']"),
            ("[core]\nchecksum_jobs = x\n", "expected int for dictionary value @ data['core']['checksum_jobs']"),
            ("[cache]\ntype = foo,copy\n", "Unsupported cache type(s): foo for dictionary value @ data['cache']['type']"),
            ("[cache]\nshared = all\n", "expected one of group for dictionary value @ data['cache']['shared']"),
            ("[cache]\ndir = a,b\n", "expected str for dictionary value @ data['cache']['dir']"),
            ("['remote \"r\"']\njobs = 1\n", "expected 'url' for dictionary value @ data['remote']['r']"),
            ("['remote \"r\"']\nurl = foo://x/y\n", "Unsupported URL type foo:// for dictionary value @ data['remote']['r']"),
            ("['remote \"r\"']\nurl = ../x\nregion = y\n", "extra keys not allowed @ data['remote']['r']['region']"),
        ] {
            assert_eq!(refusal(text), format!("config file error: {want}"), "{text}");
        }
    }

    #[test]
    fn unknown_features_only_warn() {
        let config = load(&[Source { dir: "/r/.dvc", text: b"[feature]\nb = 1\na = 2\n" }], None).unwrap();
        assert_eq!(config.warnings, ["'feature.a', 'feature.b' config options are unsupported"]);
    }
}
