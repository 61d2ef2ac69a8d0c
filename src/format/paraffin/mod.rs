//! paraffin.yaml: what this program is told beside dvc.yaml.
//!
//! Read with an ordinary YAML reader, since DVC never sees this file; our own reader only tells on
//! which line a mistake stands. A key that this version does not know is an error and not passed
//! over: a limit that is written down must never be ignored silently. docs/paraffin-yaml.md
//! describes the file for people, docs/paraffin.schema.json for editors.

mod read;
pub mod units;

use indexmap::IndexMap;
use regex::Regex;
use serde_yaml::Value;
use thiserror::Error as ThisError;

use crate::format::yaml;
use crate::model::finding::Weight;
use crate::model::settings::{DEFAULT_QUEUE, EnvValue, Hooks, KeepRuns, Push, Retries, Rule, Settings};
use crate::model::{Class, Fault};

use read::{At, Source, unknown};

/// The name of the file, in the root of the DVC repository.
pub const FILE: &str = "paraffin.yaml";

/// Keys of the file.
pub const KEYS: [&str; 8] = ["jobs", "queue", "queues", "stages", "resources", "mask", "keep_runs", "hooks"];
/// Keys of `keep_runs`.
pub const KEEP_KEYS: [&str; 2] = ["number", "age"];
/// Keys of a queue.
pub const QUEUE_KEYS: [&str; 7] = ["slots", "env", "timeout", "grace", "retries", "slow_after", "log_max"];
/// Keys of a pattern of stages.
pub const STAGE_KEYS: [&str; 12] =
    ["slots", "env", "timeout", "grace", "retries", "slow_after", "log_max", "priority", "needs", "mutex", "early_stop", "jobserver"];
/// Keys of `retries`.
pub const RETRIES_KEYS: [&str; 3] = ["max", "on", "backoff"];

/// Keys of `hooks`, and those of each hook.
pub const HOOK_KEYS: [(&str, &[&str]); 3] =
    [("pre-push", &["lock", "cache", "push"]), ("pre-commit", &["lock", "run"]), ("post-checkout", &["run"])];

/// The JSON Schema of the file.
pub const SCHEMA: &str = include_str!("../../../docs/paraffin.schema.json");

/// What a duration looks like.
pub const DURATION: &str = "a duration (like 90, 90s, 10m, 2h)";

/// Why paraffin.yaml cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, ThisError)]
#[error("{}{}: {}{}{message}", file, line.map(|line| format!(":{line}")).unwrap_or_default(), place, if place.is_empty() { "" } else { ": " })]
pub struct Error {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The way to the value: `queues.gpu.slots`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl Error {
    /// The same as a plain value.
    pub fn fault(&self) -> Fault {
        Fault::new(Class::ConfigError, self.to_string())
    }
}

/// Reads the file's text; `file` is its name for errors. An empty file says nothing.
///
/// # Errors
/// If it is not YAML, has an unknown key or a value of the wrong kind, or contradicts itself.
pub fn parse(file: &str, text: &str) -> Result<Settings, Error> {
    let document: Value = serde_yaml::from_str(text).map_err(|error| Error {
        file: file.to_owned(),
        line: error.location().map(|location| location.line()),
        place: String::new(),
        message: error.to_string(),
    })?;
    let source = Source { file, doc: yaml::parse(text.as_bytes()).ok() };
    let root = At::root(&source, &document);
    let mut settings = Settings::default();
    for (key, at) in root.known("a map", &KEYS)? {
        match key {
            "jobs" => settings.jobs = Some(at.whole(1)?),
            "queue" => {
                for (pattern, at) in at.entries("a map of patterns to names of queues")? {
                    settings.queue.insert(pattern.to_owned(), queue_name(&at.text()?).to_owned());
                }
            }
            "queues" => {
                for (name, at) in at.entries("a map of queues")? {
                    if settings.queues.insert(queue_name(name).to_owned(), rule(&at, &QUEUE_KEYS)?).is_some() {
                        return Err(at.error("'celery' is another name for 'default': both are given"));
                    }
                }
            }
            "stages" => {
                for (pattern, at) in at.entries("a map of patterns to what holds for their stages")? {
                    settings.stages.insert(pattern.to_owned(), rule(&at, &STAGE_KEYS)?);
                }
            }
            "resources" => settings.resources = at.amounts(units::size)?,
            "mask" => settings.mask = at.items().iter().map(pattern).collect::<Result<_, _>>()?,
            "keep_runs" => settings.keep_runs = keep_runs(&at)?,
            _ => settings.hooks = hooks(&at)?,
        }
    }
    check(&root, &settings)?;
    Ok(settings)
}

/// Older releases of paraffin called the default queue `celery`.
pub fn queue_name(name: &str) -> &str {
    if name == "celery" { DEFAULT_QUEUE } else { name }
}

/// A queue, or a pattern of stages.
fn rule(at: &At<'_>, keys: &[&str]) -> Result<Rule, Error> {
    let mut rule = Rule::default();
    for (key, at) in at.known("a map", keys)? {
        rule.lines.extend(at.line().map(|line| (key.to_owned(), line)));
        match key {
            "slots" => rule.slots = Some(at.whole(1)?),
            "env" => rule.env = env(&at)?,
            "timeout" => rule.timeout = Some(or_none(&at)?),
            "grace" => rule.grace = Some(at.read(DURATION, units::duration)?),
            "retries" => rule.retries = Some(retries(&at)?),
            "slow_after" => rule.slow_after = Some(or_none(&at)?),
            "log_max" => rule.log_max = Some(at.read("a size (like 100M or 1G)", units::size)?),
            "priority" => rule.priority = Some(at.value().as_i64().ok_or_else(|| at.error("must be a whole number"))?),
            "needs" => rule.needs = Some(at.amounts(units::size)?),
            "mutex" => rule.mutex = Some(at.items().iter().map(At::text).collect::<Result<_, _>>()?),
            "early_stop" => rule.early_stop = Some(at.items().iter().map(exit_code).collect::<Result<_, _>>()?),
            _ => rule.jobserver = Some(at.value().as_bool().ok_or_else(|| at.error("must be true or false"))?),
        }
    }
    Ok(rule)
}

/// A regular expression that cannot match what is not there.
fn pattern(at: &At<'_>) -> Result<String, Error> {
    let text = at.text()?;
    match Regex::new(&text) {
        Ok(regex) if regex.is_match("") => Err(at.error("matches the empty text: everything would be masked")),
        Ok(_) => Ok(text),
        // The last line of its message says what is wrong, the others draw the place.
        Err(error) => Err(at.error(format!("is no regular expression: {}", error.to_string().lines().last().unwrap_or_default().trim()))),
    }
}

/// A number of runs, or a map.
fn keep_runs(at: &At<'_>) -> Result<KeepRuns, Error> {
    if at.value().is_number() {
        return Ok(KeepRuns { number: Some(at.whole(1)?), age: None });
    }
    let mut keep = KeepRuns { number: None, age: None };
    for (key, at) in at.known("a number of runs or a map", &KEEP_KEYS)? {
        match key {
            "number" => keep.number = Some(at.whole(1)?),
            _ => keep.age = Some(at.read("a duration (like 12h, 30d)", units::duration)?),
        }
    }
    Ok(keep)
}

/// What the hooks of git do.
fn hooks(at: &At<'_>) -> Result<Hooks, Error> {
    let mut hooks = Hooks::default();
    for (name, at) in at.known("a map of hooks", &HOOK_KEYS.map(|(name, _)| name))? {
        let keys = HOOK_KEYS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, keys)| keys);
        for (key, at) in at.known("a map", keys)? {
            let flag = |at: &At<'_>| at.value().as_bool().ok_or_else(|| at.error("must be true or false"));
            match (name, key) {
                ("pre-push", "lock") => hooks.pre_push.lock = weight(&at)?,
                ("pre-push", "cache") => hooks.pre_push.cache = weight(&at)?,
                ("pre-push", _) => hooks.pre_push.push = choice(&at, &[("off", Push::Off), ("check", Push::Check), ("run", Push::Run)])?,
                ("pre-commit", "lock") => hooks.pre_commit.lock = weight(&at)?,
                ("pre-commit", _) => hooks.pre_commit.run = flag(&at)?,
                _ => hooks.post_checkout.run = flag(&at)?,
            }
        }
    }
    Ok(hooks)
}

fn weight(at: &At<'_>) -> Result<Option<Weight>, Error> {
    choice(at, &[("error", Some(Weight::Error)), ("warn", Some(Weight::Warn)), ("off", None)])
}

/// One of these words. What other readers of YAML take for false is `off`.
fn choice<T: Copy>(at: &At<'_>, words: &[(&str, T)]) -> Result<T, Error> {
    let said = match at.value() {
        Value::Bool(false) => "off",
        Value::String(text) => text,
        _ => "",
    };
    let found = words.iter().find(|(word, _)| *word == said).map(|(_, value)| *value);
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    found.ok_or_else(|| at.error(format!("must be one of {}", names.join(", "))))
}

/// A duration, or `none` for a limit that does not hold.
fn or_none(at: &At<'_>) -> Result<Option<std::time::Duration>, Error> {
    if at.value().as_str() == Some("none") {
        return Ok(None);
    }
    at.read("a duration (like 90, 90s, 10m, 2h) or none", units::duration).map(Some)
}

fn env(at: &At<'_>) -> Result<IndexMap<String, EnvValue>, Error> {
    let mut env = IndexMap::new();
    for (name, at) in at.entries("a map of variables to values")? {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(at.error(format!("'{name}' cannot be the name of a variable")));
        }
        let value = match at.value() {
            Value::Sequence(_) => EnvValue::PerSlot(at.items().iter().map(At::text).collect::<Result<_, _>>()?),
            _ => EnvValue::One(at.text()?),
        };
        env.insert(name.to_owned(), value);
    }
    Ok(env)
}

fn exit_code(at: &At<'_>) -> Result<i32, Error> {
    let code = at.value().as_i64().and_then(|code| i32::try_from(code).ok());
    code.filter(|code| (1..=255).contains(code)).ok_or_else(|| at.error("must be an exit code from 1 to 255"))
}

/// A number of further tries, or a map.
fn retries(at: &At<'_>) -> Result<Retries, Error> {
    if at.value().is_number() {
        return Ok(Retries { max: at.whole(0)?, ..Retries::default() });
    }
    let mut retries = Retries::default();
    for (key, at) in at.known("a number of further tries or a map", &RETRIES_KEYS)? {
        match key {
            "max" => retries.max = at.whole(0)?,
            "on" => {
                let wanted = "an exit code, a signal like SIGKILL, or timeout";
                retries.on = at.items().iter().map(|at| at.read(wanted, units::cause)).collect::<Result<_, _>>()?;
            }
            _ => retries.backoff = at.read(DURATION, units::duration)?,
        }
    }
    if retries.max == 0 {
        return Err(at.error("needs 'max': how often a stage is tried again"));
    }
    Ok(retries)
}

/// What can be known to be wrong without a stage in sight.
fn check(root: &At<'_>, settings: &Settings) -> Result<(), Error> {
    for (name, queue) in &settings.queues {
        for (variable, value) in &queue.env {
            let EnvValue::PerSlot(values) = value else { continue };
            let wrong = match queue.slots {
                None => "a list needs the queue's 'slots': it has one value for each".to_owned(),
                Some(slots) if values.len() < slots => format!("{} values for {slots} slots", values.len()),
                Some(_) => continue,
            };
            return Err(root.below(&["queues", name, "env", variable]).error(wrong));
        }
    }
    for (pattern, rule) in &settings.stages {
        for (resource, amount) in rule.needs.iter().flatten() {
            let wrong = match settings.resources.get(resource) {
                None => unknown("resource", resource, settings.resources.keys().map(String::as_str)),
                Some(there) if amount > there => {
                    let [amount, there] = [*amount, *there].map(units::size_text);
                    format!("can never be had: it needs {amount}, and there are {there} in 'resources'")
                }
                Some(_) => continue,
            };
            return Err(root.below(&["stages", pattern, "needs", resource]).error(wrong));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
