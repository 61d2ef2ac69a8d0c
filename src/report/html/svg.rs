//! What all drawings share: text and numbers fit for SVG, and the axis of time.
//!
//! Drawings carry no style of their own and no ids made from names: a class says what a shape
//! is, the style sheet how that looks in light, in dark and on paper. Times lie on percentages of
//! the width, so that a drawing is as wide as the page and its text keeps its size.

use std::fmt::Write as _;
use std::time::Duration;

/// Text between tags or within an attribute's double quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            ch => out.push(ch),
        }
    }
    out
}

/// A number with two digits behind the point at most, none where they say nothing.
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// How many columns a text takes in a fixed-width font: wide characters of the East take two.
pub fn columns(text: &str) -> usize {
    text.chars().map(|ch| if matches!(ch, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{ffdc}' | '\u{1f300}'..) { 2 } else { 1 }).sum()
}

/// The text, cut in its middle where it takes more than so many columns.
pub fn shortened(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let half = (most - 1) / 2;
    let taken = |chars: &mut dyn Iterator<Item = char>, room: usize| -> String {
        let mut left = room;
        chars.map_while(|ch| left.checked_sub(columns(ch.encode_utf8(&mut [0; 4]))).map(|rest| (left = rest, ch).1)).collect()
    };
    let head = taken(&mut text.chars(), most - 1 - half);
    let tail: String = taken(&mut text.chars().rev(), half).chars().rev().collect();
    format!("{head}…{tail}")
}

/// The time of a run along the width of a drawing.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// What lies at the right edge.
    pub end: Duration,
}

impl Axis {
    /// The axis of a run that took so long.
    pub fn new(end: Duration) -> Self {
        Self { end: end.max(Duration::from_millis(1)) }
    }

    /// Where a moment lies, from 0 to 1.
    pub fn part(self, at: Duration) -> f64 {
        (at.as_secs_f64() / self.end.as_secs_f64()).clamp(0.0, 1.0)
    }

    /// The same as an attribute's value.
    pub fn percent(self, at: Duration) -> String {
        format!("{}%", number(self.part(at) * 100.0))
    }

    /// Round times, at most eight of them.
    pub fn ticks(self) -> Vec<Duration> {
        const STEPS: [u64; 30] = [
            1,
            2,
            5,
            10,
            20,
            50,
            100,
            200,
            500,
            1_000,
            2_000,
            5_000,
            10_000,
            15_000,
            30_000,
            60_000,
            120_000,
            300_000,
            600_000,
            900_000,
            1_800_000,
            3_600_000,
            7_200_000,
            14_400_000,
            21_600_000,
            43_200_000,
            86_400_000,
            172_800_000,
            604_800_000,
            2_592_000_000,
        ];
        let end = u64::try_from(self.end.as_millis()).unwrap_or(u64::MAX);
        let step = STEPS.into_iter().find(|step| end / step <= 8).unwrap_or(end / 8);
        (0..=end / step).map(|tick| Duration::from_millis(tick * step)).collect()
    }

    /// `0`, `20ms`, `0.5s`, `1m30s`, `2h`, `1d12h`: in one unit along the axis of a short run.
    fn words(self, time: Duration) -> String {
        let seconds = time.as_secs();
        if time.is_zero() {
            return "0".to_owned();
        }
        if self.end < Duration::from_millis(100) {
            return format!("{}ms", time.as_millis());
        }
        if seconds < 60 {
            return format!("{}s", number(time.as_secs_f64()));
        }
        let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect()
    }

    /// Lines at the ticks over so much height, with their times above.
    pub fn draw(self, height: u32) -> String {
        let mut out = format!("<g class=\"axis\"><path d=\"M0 {AXIS}h9999\"/>");
        for tick in self.ticks() {
            let at = self.percent(tick);
            let _ = write!(out, "<line x1=\"{at}\" x2=\"{at}\" y1=\"{}\" y2=\"{height}\"/>", AXIS - 4);
            // The last one would stick out of the drawing.
            if self.part(tick) < 0.96 {
                let _ = write!(out, "<text x=\"{at}\" dx=\"3\" y=\"11\">{}</text>", self.words(tick));
            }
        }
        out.push_str("</g>");
        out
    }
}

/// The height of the line that bears the times.
pub const AXIS: u32 = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, want) in [(0.0, "0"), (-0.001, "0"), (12.0, "12"), (12.3456, "12.35"), (0.5, "0.5"), (100.0, "100")] {
            assert_eq!(number(value), want);
        }
    }

    #[test]
    fn names_are_cut_in_the_middle() {
        assert_eq!(shortened("train@us-east", 20), "train@us-east");
        assert_eq!(shortened("abcdefghij", 5), "ab…ij");
        assert_eq!(shortened("日本語日本語", 7), "日…語");
        assert!(columns(&shortened("日本語日本語日本語", 10)) <= 10);
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (ms, want) in [
            (30, vec!["0", "5ms", "10ms", "15ms", "20ms", "25ms", "30ms"]),
            (140, vec!["0", "0.02s", "0.04s", "0.06s", "0.08s", "0.1s", "0.12s", "0.14s"]),
            (2740, vec!["0", "0.5s", "1s", "1.5s", "2s", "2.5s"]),
            (90_000, vec!["0", "15s", "30s", "45s", "1m", "1m15s", "1m30s"]),
            (3 * 86_400_000, vec!["0", "12h", "1d", "1d12h", "2d", "2d12h", "3d"]),
        ] {
            let axis = Axis::new(Duration::from_millis(ms));
            assert_eq!(axis.ticks().into_iter().map(|tick| axis.words(tick)).collect::<Vec<_>>(), want);
        }
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..1000 {
            let bits = rng.u32(1..50);
            let end = Duration::from_millis(rng.u64(0..1 << bits));
            let ticks = Axis::new(end).ticks();
            assert!((1..=9).contains(&ticks.len()), "{end:?}: {ticks:?}");
        }
    }

    #[test]
    fn nothing_foreign_ends_a_text() {
        assert_eq!(escaped("<a href='\"&"), "&lt;a href=&#39;&quot;&amp;");
    }
}
