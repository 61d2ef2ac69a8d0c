//! What the file may say, and how mistakes in it are told.

use std::time::Duration;

use super::*;
use crate::model::settings::Cause;

const FULL: &str = "\
jobs: 4
queue: {\"train@*\": gpu, \"B_X*\": BQueue, old: celery}
queues:
  gpu: {slots: 2, env: {CUDA_VISIBLE_DEVICES: [0, 1], MODE: fast}, timeout: 2h}
stages:
  \"train@*\": {needs: {mem: 16G}, mutex: [licence], retries: {max: 3, on: [75, SIGKILL, timeout], backoff: 10s}}
  \"export\": {priority: 10, early_stop: [75], slow_after: 10m, jobserver: true, timeout: none, grace: 1.5, mutex: one, log_max: 10M}
resources: {mem: 60G, db: 3}
";

#[test]
fn reads_everything() {
    let settings = parse(FILE, FULL).unwrap();
    assert_eq!(settings.jobs, Some(4));
    assert_eq!(settings.queue["B_X*"], "BQueue");
    assert_eq!(settings.queue["old"], "default");
    let gpu = &settings.queues["gpu"];
    assert_eq!((gpu.slots, gpu.timeout), (Some(2), Some(Some(Duration::from_secs(7200)))));
    assert_eq!(gpu.env["CUDA_VISIBLE_DEVICES"], EnvValue::PerSlot(vec!["0".to_owned(), "1".to_owned()]));
    assert_eq!(gpu.env["MODE"], EnvValue::One("fast".to_owned()));
    let train = &settings.stages["train@*"];
    assert_eq!(train.needs.as_ref().unwrap()["mem"], 16 << 30);
    let retries = train.retries.as_ref().unwrap();
    assert_eq!((retries.max, retries.backoff), (3, Duration::from_secs(10)));
    assert_eq!(retries.on, [Cause::Code(75), Cause::Signal(9), Cause::Timeout]);
    let export = &settings.stages["export"];
    assert_eq!((export.priority, export.jobserver, export.timeout), (Some(10), Some(true), Some(None)));
    assert_eq!(export.mutex.as_deref(), Some(&["one".to_owned()][..]));
    assert_eq!((export.grace, export.log_max), (Some(Duration::from_millis(1500)), Some(10 << 20)));
    assert_eq!(settings.resources["db"], 3);
}

#[test]
fn the_file_of_paraffin_works_unchanged() {
    let settings = parse(FILE, "queue:\n  \"B_X*\": BQueue\n  \"A_X_AddNodeNumbers\": AQueue\n").unwrap();
    assert_eq!(settings.queue.keys().collect::<Vec<_>>(), ["B_X*", "A_X_AddNodeNumbers"]);
    assert_eq!(parse(FILE, "# nothing\n").unwrap(), Settings::default());
    assert_eq!(parse(FILE, "queue:\n").unwrap(), Settings::default());
}

#[test]
fn hooks_are_read() {
    let settings = parse(FILE, "hooks: {pre-push: {lock: warn, cache: off, push: run}, pre-commit: {run: true}}\n").unwrap();
    let pre_push = settings.hooks.pre_push;
    assert_eq!((pre_push.lock, pre_push.cache, pre_push.push), (Some(Weight::Warn), None, Push::Run));
    assert!(settings.hooks.pre_commit.run && settings.hooks.post_checkout.run);
    assert_eq!(parse(FILE, "hooks: {pre-push: {cache: false}}\n").unwrap().hooks.pre_push.cache, None);
}

#[test]
fn a_mistake_is_told_with_its_line_and_the_right_word() {
    for (text, message) in [
        ("slots: 3\n", "paraffin.yaml:1: unknown key 'slots' (known: jobs, queue, queues, stages, resources, mask, keep_runs, hooks)"),
        (
            "jobs: 2\nqueus: {}\n",
            "paraffin.yaml:2: unknown key 'queus'. Did you mean 'queues' or 'queue'? (known: jobs, queue, queues, stages, resources, mask, keep_runs, hooks)",
        ),
        ("jobs: 0\n", "paraffin.yaml:1: jobs: must be a whole number from 1 on"),
        ("queue: [a]\n", "paraffin.yaml:1: queue: must be a map of patterns to names of queues"),
        ("- a\n", "paraffin.yaml:1: must be a map"),
        (
            "queues:\n  gpu:\n    slot: 1\n",
            "paraffin.yaml:3: queues.gpu: unknown key 'slot'. Did you mean 'slots'? (known: slots, env, timeout, grace, retries, slow_after, log_max)",
        ),
        ("queues:\n  gpu:\n    slots: 0\n", "paraffin.yaml:3: queues.gpu.slots: must be a whole number from 1 on"),
        (
            "queues:\n  gpu: {priority: 1}\n",
            "paraffin.yaml:2: queues.gpu: unknown key 'priority' (known: slots, env, timeout, grace, retries, slow_after, log_max)",
        ),
        (
            "stages:\n  \"t@*\":\n    timeout: 2x\n",
            "paraffin.yaml:3: stages.t@*.timeout: must be a duration (like 90, 90s, 10m, 2h) or none",
        ),
        (
            "stages:\n  a: {retries: {max: 1, on: [SIGNOPE]}}\n",
            "paraffin.yaml:2: stages.a.retries.on.0: must be an exit code, a signal like SIGKILL, or timeout",
        ),
        ("stages:\n  a: {retries: {on: [1]}}\n", "paraffin.yaml:2: stages.a.retries: needs 'max': how often a stage is tried again"),
        ("stages:\n  a: {early_stop: [0]}\n", "paraffin.yaml:2: stages.a.early_stop.0: must be an exit code from 1 to 255"),
        (
            "stages:\n  a:\n    needs: {men: 1G}\nresources: {mem: 2G}\n",
            "paraffin.yaml:3: stages.a.needs.men: unknown resource 'men'. Did you mean 'mem'?",
        ),
        (
            "resources: {mem: 2}\nstages:\n  a:\n    needs:\n      mem: 3\n",
            "paraffin.yaml:5: stages.a.needs.mem: can never be had: it needs 3, and there are 2 in 'resources'",
        ),
        ("queues:\n  g:\n    slots: 3\n    env: {D: [0, 1]}\n", "paraffin.yaml:4: queues.g.env.D: 2 values for 3 slots"),
        (
            "queues:\n  g:\n    env:\n      D: [0]\n",
            "paraffin.yaml:4: queues.g.env.D: a list needs the queue's 'slots': it has one value for each",
        ),
        ("queues:\n  g: {env: {'a=b': 1}}\n", "paraffin.yaml:2: queues.g.env.a=b: 'a=b' cannot be the name of a variable"),
        (
            "queues:\n  default: {slots: 1}\n  celery: {slots: 2}\n",
            "paraffin.yaml:3: queues.celery: 'celery' is another name for 'default': both are given",
        ),
        (
            "hooks: {pre-pull: {}}\n",
            "paraffin.yaml:1: hooks: unknown key 'pre-pull'. Did you mean 'pre-push'? (known: pre-push, pre-commit, post-checkout)",
        ),
        ("hooks:\n  pre-push:\n    lock: yes\n", "paraffin.yaml:3: hooks.pre-push.lock: must be one of error, warn, off"),
        ("hooks:\n  pre-commit:\n    run: maybe\n", "paraffin.yaml:3: hooks.pre-commit.run: must be true or false"),
        ("queues: {1: {}}\n", "paraffin.yaml:1: queues: keys must be texts (put them into quotes)"),
    ] {
        assert_eq!(parse(FILE, text).unwrap_err().to_string(), message);
    }
    let syntax = parse(FILE, "jobs: 1\nqueue: [\n").unwrap_err();
    assert_eq!((syntax.file.as_str(), syntax.line.is_some()), (FILE, true), "{syntax}");
    let twice = parse(FILE, "queue: {a: b, a: c}\n").unwrap_err();
    assert!(twice.message.contains("duplicate"), "{twice}");
}

/// Editors check the file by the schema, the program by this module: they must know the same keys.
#[test]
fn the_schema_knows_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let keys = |pointer: &str| -> Vec<String> {
        let map = schema.pointer(pointer).and_then(|value| value.as_object());
        map.unwrap_or_else(|| panic!("{pointer}")).keys().cloned().collect()
    };
    assert_eq!(keys("/properties"), KEYS);
    assert_eq!(keys("/properties/hooks/properties"), HOOK_KEYS.map(|(name, _)| name));
    for (name, wanted) in HOOK_KEYS {
        assert_eq!(keys(&format!("/properties/hooks/properties/{name}/properties")), wanted);
    }
    assert_eq!(keys("/$defs/queue/properties"), QUEUE_KEYS);
    assert_eq!(keys("/$defs/stage/properties"), STAGE_KEYS);
    assert_eq!(keys("/$defs/retries/oneOf/1/properties"), RETRIES_KEYS);
}
