//! Dates and times: which texts are such, and how Python shows them.

use std::sync::Arc;

use super::error::YamlError;
use crate::model::Value;

/// Whether a plain scalar is a date or a time. (A date without a time must have two digits each
/// for month and day.)
pub(super) fn is_plain(text: &str) -> bool {
    is_time(text) && !one_digit_date(text)
}

fn one_digit_date(text: &str) -> bool {
    text.len() < 10 || (text.len() == 10 && Stamp::read(text).is_none_or(|stamp| stamp.time.is_none() && text.as_bytes()[7] != b'-'))
}

/// Whether the text has the form of a date or a time.
pub(super) fn is_time(text: &str) -> bool {
    Stamp::read(text).is_some()
}

/// The parts of a date or a time.
struct Stamp<'a> {
    date: (u16, u8, u8),
    time: Option<(u8, u8, u8)>,
    fraction: &'a str,
    zone: Option<i32>,
}

impl<'a> Stamp<'a> {
    /// Takes a text apart (ruamel: `util.py` `timestamp_regexp`).
    fn read(text: &'a str) -> Option<Self> {
        let (year, rest) = digits(text, 4, 4)?;
        let (month, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
        let (day, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
        let date = (u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        if rest.is_empty() {
            return Some(Self { date, time: None, fraction: "", zone: None });
        }
        let after = rest.trim_start_matches([' ', '\t']);
        let rest = if after.len() < rest.len() { after } else { rest.strip_prefix(['T', 't'])? };
        let (hour, rest) = digits(rest, 1, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
        let (second, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
        let time = Some((u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?));
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", rest),
        };
        let zone = rest.trim_start_matches([' ', '\t']);
        // Blanks belong to a zone only.
        if zone.is_empty() && !rest.is_empty() {
            return None;
        }
        Some(Self { date, time, fraction, zone: read_zone(zone)? })
    }
}

/// A zone in minutes; the outer none where it has another form.
#[expect(clippy::option_option, reason = "no zone and no valid zone are two things")]
fn read_zone(zone: &str) -> Option<Option<i32>> {
    if zone.is_empty() {
        return Some(None);
    }
    if zone == "Z" {
        return Some(Some(0));
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(zone.strip_prefix(['+', '-'])?, 1, 2)?;
    let minutes = match rest.strip_prefix(':') {
        Some(rest) => match digits(rest, 2, 2)? {
            (minutes, "") => minutes,
            _ => return None,
        },
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(Some(sign * i32::try_from(hours * 60 + minutes).ok()?))
}

/// A number of so many digits, and the rest.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    Some((text[..count].parse().ok()?, &text[count..]))
}

/// A date or a time in the text that Python's `str` gives it.
pub(super) fn construct(text: &str) -> Result<Value, YamlError> {
    let wrong = |what: &str| YamlError::Value(what.to_owned());
    let Some(stamp) = Stamp::read(text) else { return Err(wrong("failed to construct timestamp")) };
    // Python makes the zone before the date.
    if let Some(zone) = stamp.zone.filter(|zone| zone.abs() >= 24 * 60) {
        return Err(YamlError::Value(bad_zone(zone)));
    }
    let (year, month, day) = stamp.date;
    if year == 0 {
        return Err(wrong("year 0 is out of range"));
    }
    if !(1..=12).contains(&month) {
        return Err(wrong("month must be in 1..12"));
    }
    let small = |number: u8| i8::try_from(number).unwrap_or(i8::MAX);
    let year_number = i16::try_from(year).map_err(|_| wrong("year is out of range"))?;
    let date = jiff::civil::Date::new(year_number, small(month), small(day)).map_err(|_| wrong("day is out of range for month"))?;
    let Some((hour, minute, second)) = stamp.time else {
        return Ok(Value::Time(Arc::from(format!("{year:04}-{month:02}-{day:02}"))));
    };
    for (number, limit, what) in
        [(hour, 23, "hour must be in 0..23"), (minute, 59, "minute must be in 0..59"), (second, 59, "second must be in 0..59")]
    {
        if number > limit {
            return Err(wrong(what));
        }
    }
    let mut at = date.at(small(hour), small(minute), small(second), 0);
    let mut micros = micros(stamp.fraction);
    if micros == 1_000_000 {
        micros = 0;
        at = at.checked_add(jiff::SignedDuration::from_secs(1)).map_err(|_| wrong("date value out of range"))?;
    }
    let mut shown = format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute(), at.second());
    if micros > 0 {
        shown.push_str(&format!(".{micros:06}"));
    }
    if let Some(zone) = stamp.zone {
        let sign = if zone < 0 { '-' } else { '+' };
        shown.push_str(&format!("{sign}{:02}:{:02}", zone.abs() / 60, zone.abs() % 60));
    }
    Ok(Value::Time(Arc::from(shown)))
}

/// What Python says of a zone of a day or more.
fn bad_zone(minutes: i32) -> String {
    let (days, seconds) = (minutes.div_euclid(24 * 60), minutes.rem_euclid(24 * 60) * 60);
    let mut parts = vec![format!("days={days}")];
    parts.extend((seconds > 0).then(|| format!("seconds={seconds}")));
    format!(
        "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not datetime.timedelta({}).",
        parts.join(", ")
    )
}

/// Digits after the point as millionths, rounded by the seventh.
fn micros(fraction: &str) -> u32 {
    let mut number = 0;
    for at in 0..6 {
        number = number * 10 + fraction.as_bytes().get(at).map_or(0, |byte| u32::from(byte - b'0'));
    }
    number + u32::from(fraction.as_bytes().get(6).is_some_and(|byte| *byte > b'4'))
}
