//! Texts of paraffin.yaml and of flags that stand for a quantity: durations, sizes, causes.

use std::time::Duration;

use crate::model::settings::Cause;

/// Factors of the units of time, in seconds.
const TIMES: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];

/// Names of signals with the numbers that Linux and macOS share.
const SIGNALS: [(&str, i32); 12] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGSEGV", 11),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
];

/// The digits at the beginning, and what follows them.
fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|ch: char| !ch.is_ascii_digit() && ch != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// `90`, `90s`, `10m`, `2h`, `1.5h`, `200ms`: a bare number counts seconds.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text);
    let factor = match unit {
        "" => 1.0,
        unit => TIMES.iter().find(|(name, _)| *name == unit)?.1,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}

/// `1024`, `16G`, `1.5T`: units are powers of 1024, a following `B` or `iB` is allowed.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text);
    let unit = unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B')).unwrap_or(unit);
    let power = match unit {
        "" => 0,
        "K" | "k" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    let factor = 1024_u64.pow(power);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    #[expect(clippy::cast_precision_loss, reason = "a fraction of a unit is no exact number anyway")]
    let bytes = number.parse::<f64>().ok()? * factor as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in the range")]
    (bytes.is_finite() && (0.0..9e18).contains(&bytes)).then_some(bytes as u64)
}

/// An amount as it would be written: in the largest unit that gives a whole number.
pub fn size_text(size: u64) -> String {
    let units = [(40, "T"), (30, "G"), (20, "M"), (10, "K")];
    let whole = units.iter().find(|(bits, _)| size > 0 && size.trailing_zeros() >= *bits);
    whole.map_or_else(|| size.to_string(), |(bits, unit)| format!("{}{unit}", size >> bits))
}

/// `SIGKILL`, `timeout`, or an exit code as text.
pub fn cause(text: &str) -> Option<Cause> {
    match text.trim() {
        "timeout" => Some(Cause::Timeout),
        name if name.starts_with("SIG") => SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, number)| Cause::Signal(*number)),
        number => number.parse().ok().filter(|code| (0..=255).contains(code)).map(Cause::Code),
    }
}

/// A cause as it is written in paraffin.yaml.
pub fn cause_text(cause: Cause) -> String {
    match cause {
        Cause::Code(code) => code.to_string(),
        Cause::Timeout => "timeout".to_owned(),
        Cause::Signal(number) => {
            SIGNALS.iter().find(|(_, known)| *known == number).map_or_else(|| format!("signal {number}"), |(name, _)| (*name).to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("90", 90.0), ("90s", 90.0), ("10m", 600.0), ("2h", 7200.0), ("1.5h", 5400.0), ("200ms", 0.2), ("1d", 86400.0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "s", "2x", "-1", "1..2", "1h30m", "9e99"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("10", 10), ("1K", 1024), ("16G", 16 << 30), ("1.5M", 3 << 19), ("2T", 2 << 40), ("4GiB", 4 << 30), ("1kB", 1024)]
        {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "G", "1X", "-1", "99999999999T"] {
            assert_eq!(size(text), None, "{text}");
        }
        for text in ["0", "10", "1K", "1536M", "16G", "2T", "1025"] {
            assert_eq!(size(text).map(size_text).as_deref(), Some(text));
        }
    }

    #[test]
    fn causes() {
        for (text, wanted) in [("75", Cause::Code(75)), ("SIGKILL", Cause::Signal(9)), ("timeout", Cause::Timeout)] {
            assert_eq!(cause(text), Some(wanted));
            assert_eq!(cause_text(wanted), text);
        }
        for text in ["", "256", "-9", "SIGNOPE", "KILL", "Timeout"] {
            assert_eq!(cause(text), None, "{text}");
        }
    }
}
