//! The nearest known name to one that is not known.

/// How alike two names must be (1 is equal).
const ALIKE: f64 = 0.75;

/// How many are named at most.
const MOST: usize = 3;

/// Those of `known` that someone who typed `wanted` may have meant, the nearest first.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut found: Vec<(f64, &str)> =
        known.into_iter().map(|name| (likeness(&wanted, &name.to_lowercase()), name)).filter(|(likeness, _)| *likeness >= ALIKE).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    found.dedup_by(|a, b| a.1 == b.1);
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Swapped and missing letters count little, a shared beginning or a part in full much.
fn likeness(wanted: &str, name: &str) -> f64 {
    let typos = strsim::normalized_damerau_levenshtein(wanted, name);
    let part = if wanted.len() >= 3 && name.contains(wanted) { 0.8 } else { 0.0 };
    // One slip in a short name would count too much.
    let slip = if wanted.len() >= 3 && strsim::damerau_levenshtein(wanted, name) == 1 { ALIKE } else { 0.0 };
    typos.max(part).max(slip)
}

/// `Did you mean 'a'?`, `Did you mean 'a' or 'b'?`; none without a near name.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = nearest(wanted, known).into_iter().map(|name| format!("'{name}'")).collect();
    let (last, before) = names.split_last()?;
    Some(if before.is_empty() { format!("Did you mean {last}?") } else { format!("Did you mean {} or {last}?", before.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["prepare", "train@a", "train@b", "evaluate"];
        assert_eq!(nearest("prepaer", known), ["prepare"]);
        assert_eq!(nearest("train", known), ["train@a", "train@b"]);
        assert_eq!(nearest("EVALUATE", known), ["evaluate"]);
        assert!(nearest("xyz", known).is_empty());
        assert_eq!(did_you_mean("train", known).as_deref(), Some("Did you mean 'train@a' or 'train@b'?"));
        assert_eq!(did_you_mean("zzz", known), None);
    }
}
