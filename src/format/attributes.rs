//! `.gitattributes`, as far as it says that git keeps a file in another form than the work tree has it.
//!
//! Only that question is answered, by the files of the repository itself (git: `gitattributes(5)`).
//! Line ends are not meant here: they are told apart by trying. Macros are not known.

use super::ignore;

/// What converts a file, by the last line that is about it; none if it is kept as it is. `files` are the texts
/// of the `.gitattributes` from the root of git down to the file's directory, each with its directory (empty for
/// the root); `path` is the file from the root.
pub fn converted_by(files: &[(String, String)], path: &str) -> Option<String> {
    let mut found: [Option<String>; 3] = [const { None }; 3];
    for (dir, text) in files {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(pattern) = words.next().filter(|word| !word.starts_with(['#', '[', '!'])) else { continue };
            let mut words = words.filter(|word| KINDS.contains(&name_of(word))).peekable();
            if words.peek().is_some() && is_about(pattern, dir, path) {
                words.for_each(|word| set(&mut found, word));
            }
        }
    }
    found.into_iter().flatten().next()
}

/// The attributes that count.
const KINDS: [&str; 3] = ["filter", "working-tree-encoding", "ident"];

/// The name of an attribute that is set to something, set, unset, or unspecified again.
fn name_of(word: &str) -> &str {
    word.trim_start_matches(['-', '!']).split('=').next().unwrap_or_default()
}

fn is_about(pattern: &str, dir: &str, path: &str) -> bool {
    let pattern = pattern.trim_matches('"');
    let below = match pattern.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if pattern.contains('/') => pattern.to_owned(),
        None => format!("**/{pattern}"),
    };
    let whole = if dir.is_empty() { below } else { format!("{dir}/{below}") };
    ignore::is_path(&whole, path, false)
}

fn set(found: &mut [Option<String>; 3], word: &str) {
    for (place, kind) in found.iter_mut().zip(KINDS) {
        if name_of(word) != kind {
            continue;
        }
        *place = match word.split_once('=') {
            _ if word.starts_with(['-', '!']) => None,
            Some(("filter", "lfs")) => Some("Git LFS".to_owned()),
            Some(("filter", name)) => Some(format!("the filter '{name}'")),
            Some((_, value)) => Some(format!("{kind}={value}")),
            None => Some(format!("the attribute '{kind}'")),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_about_a_path_counts() {
        let files = [
            (String::new(), "# *.x filter=no\n*.bin filter=lfs diff=lfs -text\n/top.csv filter=crypt\nsub/a.txt ident\n*.u working-tree-encoding=UTF-16\n[attr]m filter=x\n".to_owned()),
            ("sub".to_owned(), "keep.bin -filter\nd/* filter=tar\n".to_owned()),
        ];
        for (path, want) in [
            ("a.bin", Some("Git LFS")),
            ("deep/er/a.bin", Some("Git LFS")),
            ("top.csv", Some("the filter 'crypt'")),
            ("sub/top.csv", None),
            ("sub/a.txt", Some("the attribute 'ident'")),
            ("b.u", Some("working-tree-encoding=UTF-16")),
            ("sub/keep.bin", None),
            ("sub/d/x", Some("the filter 'tar'")),
            ("d/x", None),
            ("a.x", None),
        ] {
            let own = if path.starts_with("sub/") { &files[..] } else { &files[..1] };
            assert_eq!(converted_by(own, path).as_deref(), want, "{path}");
        }
    }
}
