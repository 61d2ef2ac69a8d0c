//! How long stages took in earlier runs, so that a long chain starts early.
//!
//! Kept beside the logs, outside of everything that DVC writes. It is a guess for the order of
//! starts and nothing else: a file that is missing, damaged or cannot be written changes no result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::{Error, atomic};

/// The file, below `.dvc/tmp`.
const FILE: &str = "paraffin/durations.json";

/// The weight of a stage where nothing is known of any.
const UNKNOWN: u64 = 1000;

/// Seconds by full address.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Durations(BTreeMap<String, f64>);

fn place(tmp: &Path) -> PathBuf {
    tmp.join(FILE)
}

impl Durations {
    /// What is known; nothing where nothing can be read. `tmp` is `.dvc/tmp`.
    pub fn load(tmp: &Path) -> Self {
        let bytes = fs::read(place(tmp)).unwrap_or_default();
        let map: BTreeMap<String, f64> = serde_json::from_slice(&bytes).unwrap_or_default();
        Self(map.into_iter().filter(|(_, seconds)| seconds.is_finite() && *seconds >= 0.0).collect())
    }

    /// Notes how long a stage took.
    pub fn learn(&mut self, address: String, time: Duration) {
        // Milliseconds are exact enough, and keep the file small.
        self.0.insert(address, (time.as_secs_f64() * 1000.0).round() / 1000.0);
    }

    /// Adds what was learnt since to the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(self, tmp: &Path) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut all = Self::load(tmp).0;
        all.extend(self.0);
        let text = serde_json::to_string(&all).unwrap_or_default();
        let path = place(tmp);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        atomic::write_passing(&path, text.as_bytes()).map(|_| ())
    }

    /// A weight for each of these stages, in milliseconds. Those that never ran count as the mean of
    /// those that did.
    pub fn weights(&self, addresses: &[String]) -> Vec<u64> {
        let known: Vec<Option<f64>> = addresses.iter().map(|address| self.0.get(address).copied()).collect();
        let (count, sum) = known.iter().flatten().fold((0_u32, 0.0), |(count, sum), seconds| (count + 1, sum + seconds));
        let mean = if count == 0 { None } else { Some(sum / f64::from(count)) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "neither negative nor more than centuries")]
        let weight = |seconds: f64| (seconds * 1000.0).clamp(1.0, 1e12) as u64;
        known.into_iter().map(|seconds| seconds.or(mean).map_or(UNKNOWN, weight)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_learnt_is_kept_beside_what_was_known() {
        let dir = tempfile::tempdir().unwrap();
        let learn = |address: &str, ms| {
            let mut durations = Durations::default();
            durations.learn(address.to_owned(), Duration::from_millis(ms));
            durations.save(dir.path()).unwrap();
        };
        learn("a", 2000);
        learn("b", 500);
        learn("a", 4000);
        let known = Durations::load(dir.path());
        assert_eq!(known.weights(&["a".to_owned(), "b".to_owned(), "c".to_owned()]), [4000, 500, 2250]);
        fs::write(place(dir.path()), "{\"a\": 1, ").unwrap();
        assert_eq!(Durations::load(dir.path()), Durations::default());
        assert_eq!(Durations::default().weights(&["a".to_owned()]), [UNKNOWN]);
    }
}
