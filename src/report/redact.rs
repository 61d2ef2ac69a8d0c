//! Takes what differs from run to run out of a text, so that screens can be compared whole.

use regex::Regex;

/// Rules that replace parts of a text.
#[derive(Clone, Debug, Default)]
pub struct Redact {
    rules: Vec<(Regex, String)>,
}

impl Redact {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rules for durations (`[time]`), factors (`[factor]`) and times of day (`[when]`).
    pub fn times() -> Self {
        Self::new()
            .rule(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[when]")
            .rule(r"\b\d+h\d\dm\b|\b\d+m\d\ds\b|\b\d+(\.\d+)?s\b", "[time]")
            .rule(r"\b\d+\.\d+x\b", "[factor]x")
    }

    /// The same with a rule more. A pattern that is no regular expression adds none.
    #[must_use]
    pub fn rule(mut self, pattern: &str, with: &str) -> Self {
        if let Ok(regex) = Regex::new(pattern) {
            self.rules.push((regex, with.to_owned()));
        }
        self
    }

    /// The same with a rule for a text as it stands.
    #[must_use]
    pub fn text(self, text: &str, with: &str) -> Self {
        self.rule(&regex::escape(text), with)
    }

    /// The text with all rules applied, in their order.
    pub fn apply(&self, text: &str) -> String {
        self.rules.iter().fold(text.to_owned(), |text, (regex, with)| regex.replace_all(&text, with.as_str()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_times_out() {
        let text = "wall 2m31s, stage time 15.0s, speed-up 3.0x at 2026-11-21T09:49:43.439Z in /tmp/x.y";
        let got = Redact::times().text("/tmp/x.y", "[dir]").apply(text);
        assert_eq!(got, "wall [time], stage time [time], speed-up [factor]x at [when] in [dir]");
    }
}
