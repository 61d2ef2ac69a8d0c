//! What git tells a `pre-push` hook of the push, on standard input (git: `githooks(5)`), or pre-commit by
//! variables.

/// One reference that is pushed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pushed {
    /// Its name here (`refs/heads/main`), or what was typed instead (`HEAD~1`).
    pub local: String,
    /// What it points to: a commit, or a tag.
    pub tip: String,
    /// Its name there.
    pub remote: String,
    /// What it pointed to there; none for a new one.
    pub was: Option<String>,
}

impl Pushed {
    /// The name as people say it: `main`, not `refs/heads/main`.
    pub fn name(&self) -> &str {
        let short = |name: &'_ str| -> Option<usize> {
            ["refs/heads/", "refs/tags/"].iter().find(|prefix| name.starts_with(**prefix)).map(|prefix| prefix.len())
        };
        short(&self.remote).map_or(&self.remote, |at| &self.remote[at..])
    }
}

/// The references of a push, one a line: name and id here, name and id there. Deletions are left out.
///
/// # Errors
/// A line that is not of this form.
pub fn parse(input: &str) -> Result<Vec<Pushed>, String> {
    let mut pushed = Vec::new();
    for line in input.lines().filter(|line| !line.trim().is_empty()) {
        // A name that was typed here may hold spaces, as in `HEAD@{2 days ago}`.
        let mut words = line.rsplitn(4, ' ');
        let (Some(was), Some(remote), Some(tip), Some(local)) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(line.to_owned());
        };
        if !is_id(was) || !is_id(tip) {
            return Err(line.to_owned());
        }
        if !is_nothing(tip) {
            let was = (!is_nothing(was)).then(|| was.to_owned());
            pushed.push(Pushed { local: local.to_owned(), tip: tip.to_owned(), remote: remote.to_owned(), was });
        }
    }
    Ok(pushed)
}

/// The same from the variables that pre-commit sets, which hands on no input and one reference only; none outside
/// of it. Of a wholly new branch it names no commit, but the branch.
pub fn of_pre_commit(get: impl Fn(&str) -> Option<String>) -> Option<Pushed> {
    let said = |name: &str| get(name).filter(|value| !value.is_empty());
    said("PRE_COMMIT")?;
    let local = said("PRE_COMMIT_LOCAL_BRANCH");
    let tip = said("PRE_COMMIT_TO_REF").or_else(|| local.clone())?;
    let remote = said("PRE_COMMIT_REMOTE_BRANCH").unwrap_or_else(|| tip.clone());
    let was = said("PRE_COMMIT_FROM_REF").filter(|id| !is_nothing(id));
    Some(Pushed { local: local.unwrap_or_else(|| tip.clone()), tip, remote, was })
}

fn is_id(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_nothing(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_git_are_read() {
        let (a, b, none) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let input = format!(
            "refs/heads/main {a} refs/heads/main {b}\n(delete) {none} refs/heads/old {a}\nHEAD@{{2 days ago}} {b} refs/heads/new {none}\n\n"
        );
        let pushed = parse(&input).unwrap();
        assert_eq!(pushed.len(), 2);
        assert_eq!((pushed[0].name(), pushed[0].was.as_deref()), ("main", Some(b.as_str())));
        assert_eq!((pushed[1].local.as_str(), pushed[1].was.as_deref()), ("HEAD@{2 days ago}", None));
        assert_eq!(parse("").unwrap(), []);
        assert!(parse("nonsense\n").is_err() && parse("a b c d\n").is_err());
    }

    #[test]
    fn pre_commit_names_one() {
        let of =
            |pairs: &[(&str, &str)]| of_pre_commit(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        assert_eq!(of(&[("PRE_COMMIT_TO_REF", "x")]), None);
        let known = of(&[
            ("PRE_COMMIT", "1"),
            ("PRE_COMMIT_TO_REF", "x"),
            ("PRE_COMMIT_FROM_REF", "y"),
            ("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/r"),
        ]);
        let known = known.unwrap();
        assert_eq!((known.tip.as_str(), known.was.as_deref(), known.name()), ("x", Some("y"), "r"));
        let new = of(&[("PRE_COMMIT", "1"), ("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/b")]).unwrap();
        assert_eq!((new.tip.as_str(), new.was), ("refs/heads/b", None));
        assert_eq!(of(&[("PRE_COMMIT", "1")]), None);
    }
}
