//! A configuration as text again, for the repository in which an installed dvc fetches.
//!
//! Only what matters there: the remotes with all their options, and the cache. Quotes are those
//! of ConfigObj, which reads it: a value is quoted by what it does not hold.

use std::fmt::Write as _;

use super::config::Config;

/// The configuration of a repository without git that has our remotes and our cache.
pub fn for_fetching(config: &Config, cache_dir: &str) -> String {
    let mut text = String::from("[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n");
    if let Some(name) = &config.remote {
        let _ = writeln!(text, "    remote = {}", quoted(name));
    }
    let _ = writeln!(text, "[cache]\n    dir = {}", quoted(cache_dir));
    if config.shared_group {
        text.push_str("    shared = group\n");
    }
    for (name, options) in &config.remotes {
        let _ = writeln!(text, "['remote \"{name}\"']");
        for (key, value) in options {
            let _ = writeln!(text, "    {key} = {}", quoted(value));
        }
    }
    text
}

fn quoted(value: &str) -> String {
    let mark = if value.contains('\n') || (value.contains('"') && value.contains('\'')) {
        if value.contains("'''") { "\"\"\"" } else { "'''" }
    } else if value.contains('"') {
        "'"
    } else {
        "\""
    };
    format!("{mark}{value}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::config::{Source, load};

    #[test]
    fn is_read_back_as_it_was() {
        let source = "[core]\nremote = Store\n['remote \"store\"']\nurl = s3://b/p\nsecret_access_key = 'a\"b#c, d'\naccess_key_id = \"it's\"\n['remote \"here\"']\nurl = /x y\n";
        let config = load(&[Source { dir: "/r/.dvc", text: source.as_bytes() }], None).unwrap();
        assert_eq!(config.remotes["store"]["secret_access_key"], "a\"b#c, d");
        let again = load(&[Source { dir: "/r/.dvc", text: for_fetching(&config, "/c ache").as_bytes() }], None).unwrap();
        assert_eq!((again.remotes, again.remote), (config.remotes, config.remote));
        assert_eq!(again.cache_dir.as_deref(), Some("/c ache"));
        assert!(again.no_scm);
    }
}
