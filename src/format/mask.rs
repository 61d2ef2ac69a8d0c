//! What must not be seen in reports, logs and journals: patterns from paraffin.yaml, and values that
//! queues give to their stages.
//!
//! A mask replaces what it finds; it never shortens a text to nothing, so that one sees that
//! something was there.

use std::borrow::Cow;

use regex::Regex;

use crate::model::settings::{EnvValue, Rule, Settings};

/// What stands in the place of what was masked.
pub const MASKED: &str = "***";

/// Values of variables that are not longer than this are words like `0` or `cpu`, and stay.
const SHORT: usize = 7;

/// The patterns.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    patterns: Vec<Regex>,
    secrets: Vec<String>,
}

impl Masks {
    /// The masks that the settings ask for. Patterns were checked when the file was read.
    pub fn new(settings: &Settings) -> Self {
        let patterns = settings.mask.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
        let rules = settings.queues.values().chain(settings.stages.values());
        let mut secrets: Vec<String> = rules.flat_map(values).filter(|value| value.chars().count() > SHORT).map(str::to_owned).collect();
        // Of two that begin alike the longer one must go whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { patterns, secrets }
    }

    /// Whether a text could be changed by [`Masks::text`].
    pub fn any(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Whether a part of a log could be changed by [`Masks::log`].
    pub fn any_in_logs(&self) -> bool {
        self.any() || !self.secrets.is_empty()
    }

    /// A text of ours: commands, values, messages.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for pattern in &self.patterns {
            if let Cow::Owned(masked) = pattern.replace_all(&text, MASKED) {
                text = Cow::Owned(masked);
            }
        }
        text
    }

    /// A part of a log: the values of variables go too.
    pub fn log<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASKED));
            }
        }
        match text {
            Cow::Borrowed(text) => self.text(text),
            Cow::Owned(text) => Cow::Owned(self.text(&text).into_owned()),
        }
    }
}

fn values(rule: &Rule) -> Vec<&str> {
    rule.env
        .values()
        .flat_map(|value| match value {
            EnvValue::One(value) => std::slice::from_ref(value),
            EnvValue::PerSlot(values) => values.as_slice(),
        })
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::paraffin;

    #[test]
    fn patterns_hold_everywhere_and_values_of_variables_in_logs() {
        let text = "mask: ['tok_[a-z]+']\nqueues: {gpu: {slots: 2, env: {KEY: [verysecret1, short], N: 0}}}\n";
        let masks = Masks::new(&paraffin::parse("paraffin.yaml", text).unwrap());
        assert_eq!(masks.text("a tok_abc verysecret1"), "a *** verysecret1");
        assert_eq!(masks.log("a tok_abc verysecret1 short 0"), "a *** *** short 0");
        assert!(masks.any() && !Masks::default().any());
    }
}
