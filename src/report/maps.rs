//! The maps that stages ran, as their JSON answers tell of them.

use serde::Serialize;
use serde_json::Value;

use super::mapped;
use super::shown;
use super::tally::count;

/// So many partitions of a map are shown, those that failed first.
const MOST: usize = 500;
/// So many that failed are named on its line.
const NAMED: usize = 3;

/// A map of a stage.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct MapRow {
    /// The place of its stage.
    pub place: usize,
    /// `12 partitions, 1 failed: rows 201 to 300`
    pub line: String,
    /// Its partitions.
    pub parts: Vec<PartRow>,
    /// How many more there are.
    pub more: usize,
}

/// One partition.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct PartRow {
    /// Its number, from 0.
    pub index: u64,
    /// Which rows or items it had.
    pub what: String,
    /// `ran`, `resumed`, `failed` or `not_started`.
    pub status: String,
    /// Why it failed.
    pub why: String,
    /// How many tries it had.
    pub tries: u64,
    /// Where its log is.
    pub log: String,
}

/// A map by its answer.
pub fn row(place: usize, answer: &Value) -> MapRow {
    let mut parts: Vec<PartRow> = answer["partitions"].as_array().into_iter().flatten().map(part).collect();
    let all = count(parts.len(), "partition");
    let (failed, others): (Vec<PartRow>, Vec<PartRow>) = parts.drain(..).partition(|part| part.status == "failed");
    let named = failed.iter().take(NAMED).map(|part| part.what.as_str()).collect::<Vec<_>>().join("; ");
    let line = match failed.len() {
        0 => match answer["error"]["message"].as_str() {
            Some(error) => format!("{all}: {}", shown::line(error)),
            None => all,
        },
        some if some > NAMED => format!("{all}, {some} failed: {named}; and {} more", some - NAMED),
        some => format!("{all}, {some} failed: {named}"),
    };
    parts.extend(failed.into_iter().chain(others));
    let more = parts.len().saturating_sub(MOST);
    parts.truncate(MOST);
    MapRow { place, line, parts, more }
}

fn part(part: &Value) -> PartRow {
    let (first, number) = (part["first"].as_u64().unwrap_or(0), part["count"].as_u64().unwrap_or(0));
    let text = |key: &str| part[key].as_str().map_or(String::new(), shown::line);
    let label = text("label");
    let what = if label.is_empty() { mapped::span(first, number, "row") } else { label };
    PartRow {
        index: part["index"].as_u64().unwrap_or(0),
        what,
        status: text("status"),
        why: text("why"),
        tries: part["attempt"].as_u64().unwrap_or(0),
        log: text("log"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_failed_is_named_and_comes_first() {
        let part = |index: u64, status: &str| json!({"index": index, "first": index * 100, "count": 100, "status": status, "attempt": 1});
        let answer =
            json!({"partitions": [part(0, "ran"), part(1, "ran"), part(2, "failed")], "error": {"message": "1 of 3 partitions failed"}});
        let found = row(7, &answer);
        assert_eq!(found.line, "3 partitions, 1 failed: rows 201 to 300");
        assert_eq!(found.parts.iter().map(|part| part.index).collect::<Vec<_>>(), [2, 0, 1]);
        let many = json!({"partitions": (0..600).map(|index| part(index, "failed")).collect::<Vec<_>>()});
        let found = row(7, &many);
        assert!(found.line.ends_with("rows 1 to 100; rows 101 to 200; rows 201 to 300; and 597 more"), "{}", found.line);
        assert_eq!((found.parts.len(), found.more), (500, 100));
    }

    #[test]
    fn a_map_that_never_began_says_why() {
        let answer = json!({"partitions": [], "error": {"message": "cannot read 'x'\n"}});
        assert_eq!(row(0, &answer).line, "0 partitions: cannot read 'x'\\n");
        let label = json!({"partitions": [{"index": 0, "label": "'a.png'", "count": 1, "status": "failed"}]});
        assert_eq!(row(0, &label).line, "1 partition, 1 failed: 'a.png'");
    }
}
