//! What must not be seen in reports, logs and journals: patterns from paraffin.yaml, and values that
//! queues give to their stages.
//!
//! A mask replaces what it finds; it never shortens a text to nothing, so that one sees that
//! something was there. A run is masked by what held when it ran and by what holds when it is looked at, in that order:
//! the first comes from its journal, where values are digests. So values are looked for by digests in any case.

use std::borrow::Cow;

use regex::Regex;
use sha2::{Digest as _, Sha256};

use crate::model::event::EventKind;
use crate::model::hidden::{self, Hidden, MARK, Trace};
use crate::model::settings::{EnvValue, Rule, Settings};
use crate::model::values::Values;

/// What stands in the place of what was masked.
pub const MASKED: &str = "***";

/// Values of variables that are not longer than this are words like `0` or `cpu`, and stay.
const SHORT: usize = 7;

/// How many hexadecimal digits of a digest are kept.
const DIGITS: usize = 32;

/// What is masked by those who were told so at one time.
#[derive(Clone, Debug)]
struct Layer {
    hidden: Hidden,
    patterns: Vec<Regex>,
    /// What a sum of bytes is made with.
    factor: u64,
}

/// What a regular expression is told by. Other signs that may be escaped in one mean nothing by themselves.
const SIGNS: [char; 14] = ['\\', '.', '+', '*', '?', '(', ')', '[', ']', '{', '}', '|', '^', '$'];

/// All that is masked.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// What digests of texts begin with.
    salt: String,
    layers: Vec<Layer>,
}

impl Masks {
    /// The masks that the settings ask for. Patterns were checked when the file was read. The salt is any text that no
    /// other run has.
    pub fn new(settings: &Settings, salt: &str) -> Self {
        let rules = settings.queues.values().chain(settings.stages.values());
        // A pattern without any sign of one may be a secret itself, written down by who knows no better.
        let (words, patterns): (Vec<&String>, Vec<&String>) = settings.mask.iter().partition(|pattern| !pattern.contains(SIGNS));
        let mut values: Vec<&str> = rules.flat_map(values).flat_map(pieces).filter(|value| value.chars().count() > SHORT).collect();
        values.extend(words.into_iter().map(String::as_str));
        // Of two that begin alike the longer one must go whole.
        values.sort_by_key(|value| (std::cmp::Reverse(value.len()), *value));
        values.dedup();
        if values.is_empty() && patterns.is_empty() {
            return Self::default();
        }
        let factor = factor(salt);
        let trace =
            |value: &str| Trace { bytes: value.len(), sum: short(sum(value.as_bytes(), factor)), digest: digest(salt, value.as_bytes()) };
        let values = values.into_iter().map(trace).collect();
        Self::of_run(&Hidden { salt: salt.to_owned(), patterns: patterns.into_iter().cloned().collect(), values })
    }

    /// The masks of a run that is on record.
    pub fn of_run(hidden: &Hidden) -> Self {
        let patterns = hidden.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
        let layer = Layer { factor: factor(&hidden.salt), patterns, hidden: hidden.clone() };
        Self { salt: hidden.salt.clone(), layers: vec![layer] }
    }

    /// These, and then others.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.layers.extend(others.layers.iter().cloned());
        self
    }

    /// Without those of the run itself, which its journal has behind it.
    #[must_use]
    pub fn later(&self) -> Self {
        Self { salt: self.salt.clone(), layers: self.layers.iter().skip(1).cloned().collect() }
    }

    /// What the journal of a run with these masks keeps of them.
    pub fn hidden(&self) -> Hidden {
        self.layers.first().map(|layer| layer.hidden.clone()).unwrap_or_default()
    }

    /// Whether a text could be changed by them.
    pub fn any(&self) -> bool {
        self.layers.iter().any(|layer| !layer.patterns.is_empty() || !layer.hidden.values.is_empty())
    }

    /// The text as it may be seen.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.layers.iter().fold(Cow::Borrowed(text), |text, layer| match layer.text(&text) {
            Some(masked) => Cow::Owned(masked),
            None => text,
        })
    }

    /// Masks a text in its place.
    pub fn edit(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.text(text) {
            *text = masked;
        }
    }

    /// Masks all that an event says.
    pub fn event(&self, kind: &mut EventKind) {
        kind.each_text(&mut |text| self.edit(text));
        if let EventKind::ValuesKept(kept) = kind {
            self.values(kept);
        }
    }

    /// Masks names and values as they were read. Those that differed still do: each has its digest behind it.
    pub fn values(&self, values: &mut Values) {
        values.replace(&|text| self.marked(text), &mut |text| self.edit(text));
    }

    /// Masks names and values that were masked before by those of the run.
    pub fn values_again(&self, values: &mut Values) {
        let again = |text: &str| match text.rsplit_once(MARK) {
            Some((shown, digest)) => Some(hidden::marked(&self.text(shown), digest)),
            None => self.marked(text),
        };
        values.replace(&again, &mut |text| self.edit(text));
    }

    fn marked(&self, text: &str) -> Option<String> {
        let masked = self.text(text);
        (masked != text || text.contains(MARK)).then(|| hidden::marked(&masked, &digest(&self.salt, text.as_bytes())))
    }
}

impl Layer {
    /// The text with its masks, if there is anything to mask.
    fn text(&self, text: &str) -> Option<String> {
        let mut masked: Option<String> = None;
        for trace in &self.hidden.values {
            let text = masked.as_deref().unwrap_or(text);
            if let Some(found) = self.without(trace, text) {
                masked = Some(found);
            }
        }
        for pattern in &self.patterns {
            let text = masked.as_deref().unwrap_or(text);
            if let Cow::Owned(found) = pattern.replace_all(text, MASKED) {
                masked = Some(found);
            }
        }
        masked
    }

    /// The text with a mask wherever the value stands.
    fn without(&self, trace: &Trace, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut from = 0;
        for at in self.places(trace, text.as_bytes()) {
            // The bytes of a whole text can only stand between characters.
            let (Some(before), Some(_)) = (text.get(from..at), text.get(at + trace.bytes..)) else { continue };
            out.push_str(before);
            out.push_str(MASKED);
            from = at + trace.bytes;
        }
        (from > 0).then(|| out + &text[from..])
    }

    /// Where the value stands.
    fn places(&self, trace: &Trace, text: &[u8]) -> Vec<usize> {
        let (mut places, mut free) = (Vec::new(), 0);
        if trace.bytes == 0 || text.len() < trace.bytes {
            return places;
        }
        let highest = (1..trace.bytes).fold(1u64, |power, _| power.wrapping_mul(self.factor));
        let mut rolling = sum(&text[..trace.bytes], self.factor);
        for at in 0.. {
            let end = at + trace.bytes;
            if at >= free && short(rolling) == trace.sum && digest(&self.hidden.salt, &text[at..end]) == trace.digest {
                places.push(at);
                free = end;
            }
            let Some(next) = text.get(end) else { break };
            let rest = rolling.wrapping_sub(u64::from(text[at]).wrapping_mul(highest));
            rolling = rest.wrapping_mul(self.factor).wrapping_add(u64::from(*next));
        }
        places
    }
}

/// A polynomial of the bytes, which can be moved along a text byte by byte.
fn sum(bytes: &[u8], factor: u64) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_mul(factor).wrapping_add(u64::from(*byte)))
}

/// What is kept of a sum: too little to tell much of the value.
fn short(sum: u64) -> u16 {
    u16::try_from(sum.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48).unwrap_or(0)
}

/// An odd number for the salt.
fn factor(salt: &str) -> u64 {
    Sha256::digest(salt.as_bytes()).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) | 1
}

fn digest(salt: &str, bytes: &[u8]) -> String {
    let digest = Sha256::new().chain_update(salt.as_bytes()).chain_update(bytes).finalize();
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// What of a value can stand in a line: its lines. A text of ours may have it whole.
fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.contains('\n').then(|| value.lines());
    std::iter::once(value).chain(lines.into_iter().flatten())
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
    use crate::model::value::Value;
    use crate::model::values::{Content, Leaf, Table};

    fn masks(yaml: &str) -> Masks {
        Masks::new(&paraffin::parse("paraffin.yaml", yaml).unwrap(), "salt")
    }

    #[test]
    fn patterns_and_long_values_of_variables_are_masked() {
        let masks = masks(
            "mask: ['tok_[a-z]+']\nqueues: {gpu: {slots: 2, env: {KEY: [verysecret1, short], N: 0, L: \"first line\\nsecond\\n\"}}}\n",
        );
        assert_eq!(masks.text("a tok_abc verysecret1verysecret1. short 0"), "a *** ******. short 0");
        assert_eq!(masks.text("first line\nsecond\n, first line, second"), "***, ***, second");
        assert!(masks.any() && !Masks::default().any());
    }

    #[test]
    fn a_run_on_record_hides_its_values_without_holding_them() {
        let masks = masks("queues: {gpu: {env: {KEY: 'pässwört-1', OTHER: pässwört-12}}}\n");
        let kept = serde_json::to_string(&masks.hidden()).unwrap();
        assert!(!kept.contains("ssw"), "{kept}");
        let again = Masks::of_run(&serde_json::from_str(&kept).unwrap());
        for text in ["pässwört-1", "äpässwört-12 xpässwört-1", "pässwört-", "p\u{e4}sswört-3", ""] {
            assert_eq!(again.text(text), masks.text(text));
        }
        assert_eq!(again.text("äpässwört-12 xpässwört-1ä"), "ä*** x***ä");
    }

    #[test]
    fn any_text_hides_what_plain_search_finds() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut word = |most: usize| (0..rng.usize(8..most)).map(|_| *rng.choice(&['a', 'b', '\u{e4}']).unwrap()).collect::<String>();
        for _ in 0..300 {
            let (value, text) = (word(10), word(600));
            let settings = paraffin::parse("paraffin.yaml", &format!("queues: {{q: {{env: {{KEY: {value}}}}}}}\n")).unwrap();
            assert_eq!(Masks::new(&settings, &word(20)).text(&text), text.replace(&value, MASKED), "{value} in {text}");
        }
    }

    #[test]
    fn masked_names_and_values_are_as_different_as_they_were() {
        let values = |entries: &[(&str, Value)]| {
            let keys = entries.iter().map(|(name, value)| ((*name).to_owned(), Leaf(value.clone()))).collect();
            Values { params: Table { files: [("p".to_owned(), Content::Keys(keys))].into(), ..Table::default() }, ..Values::default() }
        };
        let (one, two) = (("k_1", Value::str("tok_a")), ("k_2", Value::Int(4711)));
        let (masks, later) = (masks("mask: ['tok_[a-z]+', '_\\d', '4711']\n"), self::masks("mask: [k]\n"));
        let mut now = values(&[one.clone(), two.clone(), ("k", Value::str("a\u{1}b"))]);
        masks.values(&mut now);
        let text = serde_json::to_string(&now).unwrap();
        assert!(!text.contains("tok_a") && !text.contains("k_") && !text.contains("4711"), "{text}");
        let mut then = values(&[one, two, ("k", Value::str("a\u{1}b"))]);
        let all = masks.clone().and(&later);
        all.values(&mut then);
        all.later().values_again(&mut now);
        assert_eq!(now, then);
        let Some(Content::Keys(keys)) = now.params.files.get("p") else { panic!("{now:?}") };
        let names: Vec<&str> = keys.keys().map(|name| hidden::shown(name)).collect();
        assert_eq!((keys.len(), names), (3, vec!["***", "******", "******"]));
    }
}
