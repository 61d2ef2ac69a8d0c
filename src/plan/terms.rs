//! On which terms a stage runs: which pattern of paraffin.yaml gave what.
//!
//! Patterns are Python's `fnmatch`, on the stage's name and on its address. For each setting the
//! first matching pattern of `stages` that gives it counts, then the stage's queue; a flag of the
//! command line stands before both. Variables are settings of their own, one by one.

use std::cell::LazyCell;
use std::time::Duration;

use indexmap::IndexMap;

use crate::format::fnmatch;
use crate::format::paraffin::{FILE, queue_name};
use crate::format::suggest;
use crate::model::settings::{DEFAULT_QUEUE, EnvValue, Origin, Retries, Rule, Settings, Terms};
use crate::model::{Address, Class, Fault, RepoPath};

/// What the command line says.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Overrides {
    /// `--queue-slots gpu=1`
    pub queue_slots: IndexMap<String, usize>,
    /// `--timeout`; `Some(None)`: none.
    pub timeout: Option<Option<Duration>>,
    /// `--retries`
    pub retries: Option<u32>,
    /// `--jobserver`
    pub jobserver: bool,
}

/// The terms of a stage, and who gave each that is not the usual one.
#[derive(Clone, PartialEq, Debug)]
pub struct Assigned {
    /// The terms.
    pub terms: Terms,
    /// Setting → who gave it; variables as `env.NAME`.
    pub origins: IndexMap<String, Origin>,
}

/// The settings with what the command line says of them.
#[derive(Clone, Debug)]
pub struct Rulebook<'a> {
    settings: &'a Settings,
    overrides: &'a Overrides,
}

/// The texts on which patterns are tried: the name, what DVC prints, and the full address.
fn names(address: &Address) -> Vec<String> {
    let mut names = vec![address.seen_from(&RepoPath::root())];
    if let Some(name) = &address.name {
        names.push(name.clone());
        names.push(format!("{}:{name}", address.file));
    }
    names
}

fn matches(pattern: &str, names: &[String]) -> bool {
    names.iter().any(|name| fnmatch::matches(pattern, name))
}

impl<'a> Rulebook<'a> {
    /// Takes both.
    ///
    /// # Errors
    /// The command line names a queue that nothing knows, or gives one more slots than it has
    /// values for.
    pub fn new(settings: &'a Settings, overrides: &'a Overrides) -> Result<Self, Fault> {
        let book = Self { settings, overrides };
        for (queue, slots) in &overrides.queue_slots {
            book.known_queue(queue)?;
            let values = settings.queues.get(queue).into_iter().flat_map(|rule| &rule.env);
            for (variable, value) in values {
                if matches!(value, EnvValue::PerSlot(values) if values.len() < *slots) {
                    let text = format!("--queue-slots {queue}={slots}: '{variable}' has fewer values in {FILE}");
                    return Err(Fault::new(Class::UsageError, text));
                }
            }
        }
        Ok(book)
    }

    /// The names of all queues, sorted.
    pub fn queues(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.settings.queues.keys().chain(self.settings.queue.values()).map(String::as_str).collect();
        names.push(DEFAULT_QUEUE);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The queue of this name on the command line.
    ///
    /// # Errors
    /// Nothing knows it.
    pub fn known_queue(&self, name: &str) -> Result<String, Fault> {
        let queues = self.queues();
        let name = queue_name(name);
        if queues.contains(&name) {
            return Ok(name.to_owned());
        }
        let fault = Fault::new(Class::UsageError, format!("there is no queue '{name}' (known: {})", queues.join(", ")));
        Err(match suggest::did_you_mean(name, queues) {
            Some(question) => fault.with("hint", question),
            None => fault,
        })
    }

    /// How many slots a queue has; none: as many as there are jobs.
    pub fn slots_of(&self, queue: &str) -> Option<usize> {
        self.overrides.queue_slots.get(queue).copied().or_else(|| self.settings.queues.get(queue)?.slots)
    }

    /// How much there is of each resource.
    pub fn resources(&self) -> &'a IndexMap<String, u64> {
        &self.settings.resources
    }

    /// The queue of a stage, and the pattern that says so.
    pub fn queue_of(&self, address: &Address) -> (&'a str, Origin) {
        let names = LazyCell::new(|| names(address));
        let found = self.settings.queue.iter().find(|(pattern, _)| matches(pattern, &names));
        found.map_or((DEFAULT_QUEUE, Origin::Default), |(pattern, queue)| (queue, Origin::Pattern(pattern.clone())))
    }

    /// The terms of a stage.
    ///
    /// # Errors
    /// It could never run on them.
    pub fn assign(&self, address: &Address) -> Result<Assigned, Fault> {
        let names = LazyCell::new(|| names(address));
        let (queue, by) = self.queue_of(address);
        let patterns = self.settings.stages.iter().filter(|(pattern, _)| matches(pattern, &names));
        let mut rules: Vec<(Origin, &Rule)> = patterns.map(|(pattern, rule)| (Origin::Stages(pattern.clone()), rule)).collect();
        let of_stage = rules.len();
        rules.extend(self.settings.queues.get(queue).map(|rule| (Origin::Queue(queue.to_owned()), rule)));
        let mut picker = Picker { rules, of_stage, origins: IndexMap::new() };
        if by != Origin::Default {
            picker.origins.insert("queue".to_owned(), by);
        }
        let usual = Terms::default();
        let mut terms = Terms {
            queue: queue.to_owned(),
            slots: picker.of_stage("slots", |rule| rule.slots).unwrap_or(usual.slots),
            env: picker.env(),
            timeout: picker.any("timeout", |rule| rule.timeout).unwrap_or(usual.timeout),
            grace: picker.any("grace", |rule| rule.grace).unwrap_or(usual.grace),
            retries: picker.any("retries", |rule| rule.retries.clone()).unwrap_or(usual.retries),
            slow_after: picker.any("slow_after", |rule| rule.slow_after).unwrap_or(usual.slow_after),
            log_max: picker.any("log_max", |rule| rule.log_max).unwrap_or(usual.log_max),
            priority: picker.of_stage("priority", |rule| rule.priority).unwrap_or(usual.priority),
            needs: picker.of_stage("needs", |rule| rule.needs.clone()).unwrap_or(usual.needs),
            mutex: picker.of_stage("mutex", |rule| rule.mutex.clone()).unwrap_or(usual.mutex),
            early_stop: picker.of_stage("early_stop", |rule| rule.early_stop.clone()).unwrap_or(usual.early_stop),
            jobserver: picker.of_stage("jobserver", |rule| rule.jobserver).unwrap_or(usual.jobserver),
        };
        self.override_by_flags(&mut terms, &mut picker.origins);
        let assigned = Assigned { terms, origins: picker.origins };
        self.must_fit(address, &assigned)?;
        Ok(assigned)
    }

    fn override_by_flags(&self, terms: &mut Terms, origins: &mut IndexMap<String, Origin>) {
        let mut by_flag = |setting: &str| origins.insert(setting.to_owned(), Origin::CommandLine);
        if let Some(timeout) = self.overrides.timeout {
            terms.timeout = timeout;
            by_flag("timeout");
        }
        if let Some(max) = self.overrides.retries {
            // What counts and how long to wait stays as the file has it.
            terms.retries = Retries { max, ..std::mem::take(&mut terms.retries) };
            by_flag("retries");
        }
        if self.overrides.jobserver {
            terms.jobserver = true;
            by_flag("jobserver");
        }
    }

    /// A stage that could never start is an error before anything runs.
    fn must_fit(&self, address: &Address, assigned: &Assigned) -> Result<(), Fault> {
        let name = address.seen_from(&RepoPath::root());
        let Terms { queue, slots, env, .. } = &assigned.terms;
        let there = self.slots_of(queue);
        if there.is_some_and(|there| *slots > there) {
            let there = there.unwrap_or(0);
            let text = format!("stage '{name}' can never run: it takes {slots} slots of the queue '{queue}', which has {there}");
            return Err(self.blame(assigned, "slots", &text));
        }
        for (variable, value) in env {
            let EnvValue::PerSlot(values) = value else { continue };
            let text = match there {
                None => format!("'{variable}' is a list for stage '{name}', but the queue '{queue}' has no 'slots'"),
                Some(there) if values.len() < there => {
                    format!("'{variable}' has {} values for stage '{name}', but the queue '{queue}' has {there} slots", values.len())
                }
                Some(_) => continue,
            };
            return Err(self.blame(assigned, &format!("env.{variable}"), &text));
        }
        Ok(())
    }

    /// A mistake in what someone gave.
    fn blame(&self, assigned: &Assigned, setting: &str, text: &str) -> Fault {
        let rule = match assigned.origins.get(setting) {
            Some(Origin::Stages(pattern)) => self.settings.stages.get(pattern),
            Some(Origin::Queue(queue)) => self.settings.queues.get(queue),
            _ => None,
        };
        let key = setting.split('.').next().unwrap_or(setting);
        let line = rule.and_then(|rule| rule.lines.get(key)).map(|line| format!(":{line}")).unwrap_or_default();
        Fault::new(Class::ConfigError, format!("{FILE}{line}: {text}"))
    }

    /// Patterns that match none of these stages, and queues that look misspelt.
    pub fn remarks<'s>(&self, addresses: impl Iterator<Item = &'s Address>) -> Vec<String> {
        let all: LazyCell<Vec<Vec<String>>, _> = LazyCell::new(|| addresses.map(names).collect());
        let patterns = self.settings.queue.keys().map(|pattern| ("queue", pattern));
        let patterns = patterns.chain(self.settings.stages.keys().map(|pattern| ("stages", pattern)));
        let idle = patterns.filter(|(_, pattern)| !all.iter().any(|names| matches(pattern, names)));
        let mut remarks: Vec<String> = idle.map(|(part, pattern)| format!("{FILE}: {part}.{pattern} matches no stage")).collect();
        for queue in self.settings.queue.values().filter(|queue| !self.settings.queues.contains_key(*queue)) {
            if let Some(question) = suggest::did_you_mean(queue, self.settings.queues.keys().map(String::as_str)) {
                remarks.push(format!("{FILE}: the queue '{queue}' has no entry in 'queues', so that it has no limits. {question}"));
            }
        }
        remarks
    }
}

/// Looks a setting up in the rules that hold for a stage, the strongest first.
struct Picker<'a> {
    rules: Vec<(Origin, &'a Rule)>,
    /// How many of them are of the stage.
    of_stage: usize,
    origins: IndexMap<String, Origin>,
}

impl Picker<'_> {
    fn any<T>(&mut self, setting: &str, get: impl Fn(&Rule) -> Option<T>) -> Option<T> {
        self.first(setting, self.rules.len(), get)
    }

    /// Only rules of the stage: a queue's `slots` mean something else.
    fn of_stage<T>(&mut self, setting: &str, get: impl Fn(&Rule) -> Option<T>) -> Option<T> {
        self.first(setting, self.of_stage, get)
    }

    fn first<T>(&mut self, setting: &str, count: usize, get: impl Fn(&Rule) -> Option<T>) -> Option<T> {
        let (origin, value) = self.rules[..count].iter().find_map(|(origin, rule)| Some((origin, get(rule)?)))?;
        self.origins.insert(setting.to_owned(), origin.clone());
        Some(value)
    }

    fn env(&mut self) -> IndexMap<String, EnvValue> {
        let mut env = IndexMap::new();
        for (origin, rule) in &self.rules {
            for (name, value) in &rule.env {
                if !env.contains_key(name) {
                    env.insert(name.clone(), value.clone());
                    self.origins.insert(format!("env.{name}"), origin.clone());
                }
            }
        }
        env
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::paraffin::parse;

    const TEXT: &str = "\
queue: {\"train@*\": gpu, \"sub/dvc.yaml:*\": low, old: celery}
queues:
  gpu: {slots: 2, timeout: 2h, env: {DEVICE: [0, 1], MODE: fast}, retries: 1}
  low: {slots: 1, grace: 1}
stages:
  \"train@big\": {slots: 2, timeout: none, env: {MODE: slow}}
  \"train@*\": {timeout: 1h, priority: 3, needs: {mem: 2}}
resources: {mem: 4}
";

    fn address(text: &str) -> Address {
        let (file, name) = text.rsplit_once(':').unwrap_or(("dvc.yaml", text));
        Address { file: RepoPath::new(file), name: Some(name.to_owned()) }
    }

    fn assign(text: &str, overrides: &Overrides, stage: &str) -> Result<Assigned, Fault> {
        let settings = parse(FILE, text).unwrap();
        Rulebook::new(&settings, overrides).unwrap().assign(&address(stage))
    }

    #[test]
    fn the_first_pattern_that_gives_a_setting_counts_then_the_queue() {
        let Assigned { terms, origins } = assign(TEXT, &Overrides::default(), "train@big").unwrap();
        assert_eq!((terms.queue.as_str(), terms.slots, terms.timeout, terms.priority), ("gpu", 2, None, 3));
        assert_eq!(terms.env["MODE"], EnvValue::One("slow".to_owned()));
        assert!(matches!(&terms.env["DEVICE"], EnvValue::PerSlot(values) if values.len() == 2));
        assert_eq!((terms.retries.max, terms.needs["mem"]), (1, 2));
        assert_eq!(origins["queue"], Origin::Pattern("train@*".to_owned()));
        assert_eq!(origins["timeout"], Origin::Stages("train@big".to_owned()));
        assert_eq!(origins["priority"], Origin::Stages("train@*".to_owned()));
        assert_eq!(origins["retries"], Origin::Queue("gpu".to_owned()));
        assert_eq!(origins["env.DEVICE"], Origin::Queue("gpu".to_owned()));
        let other = assign(TEXT, &Overrides::default(), "train@small").unwrap().terms;
        assert_eq!((other.slots, other.timeout), (1, Some(Duration::from_secs(3600))));
    }

    #[test]
    fn addresses_match_too_and_the_rest_is_usual() {
        let low = assign(TEXT, &Overrides::default(), "sub/dvc.yaml:x").unwrap().terms;
        assert_eq!((low.queue.as_str(), low.grace), ("low", Duration::from_secs(1)));
        assert_eq!(assign(TEXT, &Overrides::default(), "other").unwrap().terms, Terms::default());
        assert_eq!(assign(TEXT, &Overrides::default(), "old").unwrap().terms.queue, "default");
        assert_eq!(assign("queue: {'dvc.yaml:a': q}", &Overrides::default(), "a").unwrap().terms.queue, "q");
    }

    #[test]
    fn flags_stand_before_the_file() {
        let overrides =
            Overrides { timeout: Some(Some(Duration::from_secs(5))), retries: Some(0), jobserver: true, ..Overrides::default() };
        let Assigned { terms, origins } = assign(TEXT, &overrides, "train@small").unwrap();
        assert_eq!((terms.timeout, terms.retries.max, terms.jobserver), (Some(Duration::from_secs(5)), 0, true));
        assert_eq!(origins["timeout"], Origin::CommandLine);
    }

    #[test]
    fn what_can_never_run_is_an_error_with_its_line() {
        let one = Overrides { queue_slots: [("gpu".to_owned(), 1)].into_iter().collect(), ..Overrides::default() };
        let text = assign(TEXT, &one, "train@big").unwrap_err().message;
        assert_eq!(text, "paraffin.yaml:6: stage 'train@big' can never run: it takes 2 slots of the queue 'gpu', which has 1");
        let list = "queues: {default: {slots: 3}}\nstages:\n  a:\n    env: {D: [0, 1]}\n";
        let text = assign(list, &Overrides::default(), "a").unwrap_err().message;
        assert_eq!(text, "paraffin.yaml:4: 'D' has 2 values for stage 'a', but the queue 'default' has 3 slots");
        let text = assign("stages: {a: {env: {D: [0]}}}", &Overrides::default(), "a").unwrap_err().message;
        assert_eq!(text, "paraffin.yaml:1: 'D' is a list for stage 'a', but the queue 'default' has no 'slots'");
    }

    #[test]
    fn queues_of_the_command_line_must_be_known() {
        let settings = parse(FILE, TEXT).unwrap();
        let none = Overrides::default();
        let book = Rulebook::new(&settings, &none).unwrap();
        assert_eq!(book.queues(), ["default", "gpu", "low"]);
        assert_eq!(book.known_queue("celery").unwrap(), "default");
        let fault = book.known_queue("gpus").unwrap_err();
        assert_eq!(
            (fault.message.as_str(), fault.detail("hint")),
            ("there is no queue 'gpus' (known: default, gpu, low)", Some("Did you mean 'gpu'?"))
        );
        let more = Overrides { queue_slots: [("gpu".to_owned(), 3)].into_iter().collect(), ..Overrides::default() };
        assert!(Rulebook::new(&settings, &more).unwrap_err().message.contains("'DEVICE' has fewer values"));
    }

    #[test]
    fn patterns_without_stages_are_remarked_on() {
        let text = "queue: {'x*': gpuu, a: gpu}\nqueues: {gpu: {slots: 1}}\nstages: {'y': {}, a: {}}\n";
        let settings = parse(FILE, text).unwrap();
        let none = Overrides::default();
        let remarks = Rulebook::new(&settings, &none).unwrap().remarks([address("a")].iter());
        let want = [
            "paraffin.yaml: queue.x* matches no stage",
            "paraffin.yaml: stages.y matches no stage",
            "paraffin.yaml: the queue 'gpuu' has no entry in 'queues', so that it has no limits. Did you mean 'gpu'?",
        ];
        assert_eq!(remarks, want);
    }
}
