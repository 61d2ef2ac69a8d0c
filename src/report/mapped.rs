//! What a map says: how far it is, why partitions failed, where the time went; as text, JSON and CSV.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::answer;
use super::shown;
use super::tally;
use super::words::shell_quote;
use crate::model::mapped::{Estimate, Mapped, Part, Status};

/// The columns of the trace. The first five are parfun's, in nanoseconds of wall time.
const HEAD: &str = "requested_partition_size,partition_size,partition_duration,function_duration,combine_duration,\
index,start,end,attempts,exit,cpu,rss";

/// What would be run, a line for each partition.
pub fn plan(mapped: &Mapped, unit: &str) -> String {
    let command = |part: &Part| part.planned.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ");
    mapped.parts.iter().map(|part| format!("partition {} ({}): {}\n", part.index, rows(part, unit), command(part))).collect()
}

fn rows(part: &Part, unit: &str) -> String {
    if let Some(label) = &part.label {
        return format!("{}, {}", tally::count(usize::try_from(part.count).unwrap_or(usize::MAX), unit), shown::line(label));
    }
    span(part.first, part.count, unit)
}

/// Which rows, people count from 1: `rows 201 to 300`.
pub(super) fn span(first: u64, count: u64, unit: &str) -> String {
    match count {
        0 => format!("no {unit}s"),
        1 => format!("{unit} {}", first + 1),
        count => format!("{unit}s {} to {}", first + 1, first + count),
    }
}

/// Why a partition failed, with which rows it had and where its log is. `unit` is what its input is made of.
pub fn failure(part: &Part, unit: &str) -> String {
    let tries = if part.attempt > 1 { format!(" {} times, at last", part.attempt) } else { String::new() };
    let why = part.why.as_deref().map_or_else(|| "it failed".to_owned(), shown::line);
    format!("partition {} ({}) failed{tries}: {why}", part.index, rows(part, unit))
}

/// The answer as JSON. It is made from one partition to the next: there may be very many.
pub fn json(mapped: &Mapped, exit_code: i32) -> String {
    let answer = Answer {
        version: 1,
        exit_code,
        out: mapped.out.as_ref().map(|out| out.to_string_lossy()),
        partitions: Rows(&mapped.parts),
        error: mapped.fault.as_ref().map(answer::error),
    };
    serde_json::to_string_pretty(&answer).unwrap_or_default() + "\n"
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    exit_code: i32,
    out: Option<Cow<'a, str>>,
    partitions: Rows<'a>,
    error: Option<Value>,
}

struct Rows<'a>(&'a [Part]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|part| Row {
            index: part.index,
            first: part.first,
            count: part.count,
            label: part.label.as_deref(),
            status: status(part.status),
            returncode: part.returncode,
            attempt: part.attempt,
            started: part.started.and_then(answer::time_of_day),
            ended: part.ended.and_then(answer::time_of_day),
            log: part.log.as_ref().map(|log| log.to_string_lossy()),
            why: part.why.as_deref(),
        }))
    }
}

#[derive(Serialize)]
struct Row<'a> {
    index: u64,
    first: u64,
    count: u64,
    label: Option<&'a str>,
    status: &'static str,
    returncode: Option<i32>,
    attempt: u32,
    started: Option<String>,
    ended: Option<String>,
    log: Option<Cow<'a, str>>,
    why: Option<&'a str>,
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Ran => "ran",
        Status::Resumed => "resumed",
        Status::Failed => "failed",
        Status::NotStarted => "not_started",
    }
}

/// A row for each partition, in the order of the input.
pub fn trace(mapped: &Mapped) -> String {
    let mut text = format!("{HEAD}\n");
    for part in &mapped.parts {
        let since = |time: Option<i128>| time.map(|time| (time - mapped.began).to_string()).unwrap_or_default();
        let cells = [
            part.requested.to_string(),
            part.count.to_string(),
            part.cut.as_nanos().to_string(),
            part.ran.as_nanos().to_string(),
            part.joined.as_nanos().to_string(),
            part.index.to_string(),
            since(part.started),
            since(part.ended),
            part.attempt.to_string(),
            part.returncode.map(|code| code.to_string()).unwrap_or_default(),
            (part.usage.user + part.usage.system).as_nanos().to_string(),
            part.usage.peak_rss.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// Where the time went, in parfun's figures.
pub fn profile(mapped: &Mapped) -> String {
    let parts = &mapped.parts;
    let sum = |of: &dyn Fn(&Part) -> Duration| parts.iter().map(of).sum::<Duration>();
    let (cut, ran, joined) = (sum(&|part| part.cut), sum(&|part| part.ran), sum(&|part| part.joined));
    let cpu = sum(&|part| part.usage.user + part.usage.system);
    let all = cut + ran + joined;
    let share = |time: Duration| if all.is_zero() { 0.0 } else { 100.0 * time.as_secs_f64() / all.as_secs_f64() };
    let longest = parts.iter().map(|part| part.ran).max().unwrap_or_default();
    let shortest = parts.iter().map(|part| part.ran).min().unwrap_or_default();
    let mean = ran.checked_div(u32::try_from(parts.len()).unwrap_or(u32::MAX)).unwrap_or_default();
    let critical = (cut + joined).max(longest);
    let speed_up = if critical.is_zero() { 1.0 } else { all.as_secs_f64() / critical.as_secs_f64() };
    let line = |name: &str, time: Duration| format!("  {name:<22}{:>10} ({:5.1} %)\n", tally::duration(time), share(time));
    let mut text = format!("profile of {}\n", tally::count(parts.len(), "partition"));
    text += &format!("  {:<22}{:>10}\n", "wall time", tally::duration(mapped.wall));
    text += &format!("  {:<22}{:>10}\n", "CPU time of commands", tally::duration(cpu));
    text += &line("computing", ran);
    text += &format!(
        "    {:<20}{:>10} min, {} max, {} mean\n",
        "of a partition",
        tally::duration(shortest),
        tally::duration(longest),
        tally::duration(mean)
    );
    text += &line("splitting", cut);
    text += &line("combining", joined);
    text += &format!("  {:<22}{speed_up:>9.1}x with endless jobs\n", "speed-up, at most");
    text + &estimate(&mapped.estimate)
}

fn estimate(estimate: &Estimate) -> String {
    let state = match estimate {
        Estimate::Fixed => "the size was given".to_owned(),
        Estimate::Learning => "still learning".to_owned(),
        Estimate::Known { each, start } => format!(
            "cost of x rows = {} + x * {}",
            tally::duration(Duration::try_from_secs_f64(*start).unwrap_or_default()),
            seconds(*each)
        ),
    };
    format!("  {:<22}{state}\n", "partition size")
}

/// A time that may be much less than a millisecond.
fn seconds(seconds: f64) -> String {
    match seconds {
        long if long >= 0.1 => format!("{long:.2} s"),
        milli if milli >= 1e-4 => format!("{:.2} ms", milli * 1e3),
        micro => format!("{:.3} µs", micro * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Usage;

    fn mapped(estimate: Estimate) -> Mapped {
        let ms = Duration::from_millis;
        let part = |index: u64, ran: u64| Part {
            status: Status::Ran,
            ran: ms(ran),
            cut: ms(1),
            joined: ms(1),
            usage: Usage { user: ms(30), system: ms(10), peak_rss: 4096 },
            ..Part::new(index, index * 100, 100)
        };
        let parts = vec![part(0, 300), part(1, 100), part(2, 194)];
        Mapped { out: None, parts, began: 0, wall: ms(400), estimate, fault: None }
    }

    #[test]
    fn the_profile_says_where_the_time_went() {
        let text = profile(&mapped(Estimate::Known { each: 0.000_25, start: 0.05 }));
        let want = "\
profile of 3 partitions
  wall time                  0.40s
  CPU time of commands       0.12s
  computing                  0.59s ( 99.0 %)
    of a partition           0.10s min, 0.30s max, 0.20s mean
  splitting                  0.00s (  0.5 %)
  combining                  0.00s (  0.5 %)
  speed-up, at most           2.0x with endless jobs
  partition size        cost of x rows = 0.05s + x * 0.25 ms
";
        assert_eq!(text, want);
        assert!(profile(&mapped(Estimate::Learning)).ends_with("still learning\n"));
        assert!(profile(&Mapped { parts: Vec::new(), ..mapped(Estimate::Fixed) }).contains("1.0x with endless jobs"));
    }

    #[test]
    fn a_partition_is_known_by_its_rows_or_its_label() {
        let part = Part { status: Status::Failed, attempt: 3, why: Some("exited with 1".to_owned()), ..Part::new(2, 200, 100) };
        assert_eq!(failure(&part, "row"), "partition 2 (rows 201 to 300) failed 3 times, at last: exited with 1");
        let named = Part { label: Some("'a.png'".to_owned()), count: 1, ..part };
        assert_eq!(failure(&named, "item"), "partition 2 (1 item, 'a.png') failed 3 times, at last: exited with 1");
    }
}
