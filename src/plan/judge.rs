//! Whether a stage must run, and why: the recorded against the observed.
//!
//! Two steps, so that outputs need not be hashed where an input has changed already (DVC stops
//! at the first difference too; ours lists all of a step). Sources: dvc `stage/__init__.py`
//! `changed`, `output.py` `status`, `dependency/param.py` `workspace_status`.

use crate::format::template::python_str;
use crate::model::value::{Map, Value};
use crate::model::{Cmd, Digest, Listed, Observed, Out, Reason, Record, RepoPath, Seen, SeenParams, Stage, Verdict};

/// What the user allows or demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Missing files alone are no reason (`--allow-missing`).
    pub allow_missing: bool,
}

/// The hash that a stage upstream has for an output path now, if there is such an output:
/// what `--allow-missing` compares a missing dep with.
pub type UpstreamHash<'a> = dyn Fn(&RepoPath) -> Option<Option<Digest>> + 'a;

/// Reasons that lie in the command and in what the stage reads.
pub fn inputs(stage: &Stage, record: Option<&Record>, observed: &Observed, rules: Rules, upstream: &UpstreamHash<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(record) = record.filter(|record| !stage.is_data_file() && record.cmd != stage.cmd) {
        reasons.push(Reason::CmdChanged { old: cmd_text(record.cmd.as_ref()), new: cmd_text(stage.cmd.as_ref()) });
    }
    if stage.altered {
        reasons.push(Reason::FileAltered);
    }
    if !stage.frozen {
        if stage.is_callback() {
            reasons.push(Reason::Callback);
        } else if stage.always_changed {
            reasons.push(Reason::AlwaysChanged);
        }
        deps(stage, record, observed, rules, upstream, &mut reasons);
        for (index, seen) in observed.params.iter().enumerate() {
            // To a missing file DVC compares by hash, and a params file has another kind of hash
            // than an output: any stage that makes it counts as changed.
            let missing = matches!(seen, SeenParams::Missing);
            if missing && rules.allow_missing && upstream(&stage.params[index].path).is_none() {
                continue;
            }
            params(stage, index, record, seen, &mut reasons);
        }
    }
    reasons
}

/// The verdict from the reasons of both steps. That dvc.lock has no entry is no reason by
/// itself (a frozen stage without outputs stays unchanged), but the best explanation.
pub fn verdict(stage: &Stage, record: Option<&Record>, mut reasons: Vec<Reason>) -> Verdict {
    if reasons.is_empty() {
        return Verdict::Fresh;
    }
    if record.is_none() && !stage.is_data_file() && !stage.is_callback() {
        reasons.insert(0, Reason::NeverRun);
    }
    Verdict::Stale(reasons)
}

fn deps(stage: &Stage, record: Option<&Record>, observed: &Observed, rules: Rules, upstream: &UpstreamHash<'_>, reasons: &mut Vec<Reason>) {
    for (dep, seen) in stage.deps.iter().zip(&observed.deps) {
        let recorded = recorded_dep(stage, record, &dep.def_path);
        match seen {
            Seen::Missing => {
                let differs_upstream = || upstream(&dep.path).is_some_and(|now| now.as_ref() != recorded);
                if !rules.allow_missing || differs_upstream() {
                    reasons.push(Reason::DepMissing { path: dep.def_path.clone() });
                }
            }
            Seen::Found(now, _) if Some(now) != recorded => reasons.push(Reason::DepModified {
                path: dep.def_path.clone(),
                old: recorded.map(|digest| digest.value.clone()),
                new: now.value.clone(),
            }),
            Seen::Found(..) => {}
        }
    }
}

fn params(stage: &Stage, index: usize, record: Option<&Record>, seen: &SeenParams, reasons: &mut Vec<Reason>) {
    let dep = &stage.params[index];
    let path = dep.def_path.clone();
    let SeenParams::Values(values) = seen else {
        reasons.push(Reason::ParamsFileMissing { path });
        return;
    };
    let empty = Map::default();
    let recorded = record.and_then(|record| record.params.get(&dep.def_path)).unwrap_or_else(|| {
        reasons.push(Reason::ParamsFileNew { path: path.clone() });
        &empty
    });
    for (key, now) in values {
        let old = recorded.get(key);
        let key = python_str(&key.0);
        match (now, old) {
            (None, _) => reasons.push(Reason::ParamMissing { path: path.clone(), key }),
            (Some(now), None) => reasons.push(Reason::ParamNew { path: path.clone(), key, new: value_text(now) }),
            (Some(now), Some(old)) if now != old => {
                reasons.push(Reason::ParamModified { path: path.clone(), key, old: value_text(old), new: value_text(now) })
            }
            _ => {}
        }
    }
    if dep.keys.is_empty() {
        let gone = recorded.keys().filter(|key| !values.iter().any(|(name, _)| name == *key));
        reasons.extend(gone.map(|key| Reason::ParamMissing { path: path.clone(), key: python_str(&key.0) }));
    }
}

/// Reasons that lie in what the stage writes.
pub fn outs(stage: &Stage, record: Option<&Record>, observed: &Observed, rules: Rules) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (out, seen) in stage.outs.iter().zip(&observed.outs) {
        let recorded = recorded_out(stage, record, &out.def_path);
        let path = out.def_path.clone();
        if let Some(old) = recorded.filter(|_| !seen.in_cache) {
            if !rules.allow_missing {
                reasons.push(Reason::OutNotInCache { path, old: old.value.clone() });
            }
            continue;
        }
        match &seen.seen {
            Seen::Missing if rules.allow_missing => {}
            Seen::Missing => reasons.push(Reason::OutMissing { path }),
            Seen::Found(now, _) if Some(now) != recorded => {
                reasons.push(Reason::OutModified { path, old: recorded.map(|digest| digest.value.clone()), new: now.value.clone() });
            }
            Seen::Found(..) => {}
        }
    }
    reasons
}

/// The hash that is recorded for a dep: in dvc.lock, or in the `.dvc` file itself.
pub fn recorded_dep<'a>(stage: &'a Stage, record: Option<&'a Record>, def_path: &str) -> Option<&'a Digest> {
    if stage.is_data_file() {
        stage.deps.iter().find(|dep| dep.def_path == def_path)?.recorded.as_ref().map(|(digest, _)| digest)
    } else {
        record?.dep(def_path)?.digest.as_ref()
    }
}

/// The hash that is recorded for an output: in dvc.lock, or in the `.dvc` file itself.
pub fn recorded_out<'a>(stage: &'a Stage, record: Option<&'a Record>, def_path: &str) -> Option<&'a Digest> {
    if stage.is_data_file() {
        stage.outs.iter().find(|out| out.def_path == def_path)?.recorded.as_ref().map(|(digest, _)| digest)
    } else {
        record?.out(def_path)?.digest.as_ref()
    }
}

/// The files of an output whose entry lists them one by one.
pub fn listed_out<'a>(out: &'a Out, record: Option<&'a Record>) -> Option<&'a Listed> {
    out.listed.as_ref().or_else(|| record?.out(&out.def_path)?.listed.as_ref())
}

/// A command as people read it.
pub fn cmd_text(cmd: Option<&Cmd>) -> String {
    match cmd {
        None => String::new(),
        Some(Cmd::One(text)) => text.clone(),
        Some(Cmd::Many(items)) => items.join("\n"),
    }
}

/// A value as people read it: near to YAML's flow style.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::BigInt(text) | Value::Time(text) | Value::Str(text) => text.to_string(),
        Value::Float(value) => crate::format::floats::repr(*value),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Seq(items) => format!("[{}]", items.iter().map(value_text).collect::<Vec<_>>().join(", ")),
        Value::Set(map) => format!("{{{}}}", map.keys().map(|key| value_text(&key.0)).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            format!(
                "{{{}}}",
                map.iter().map(|(key, value)| format!("{}: {}", value_text(&key.0), value_text(value))).collect::<Vec<_>>().join(", ")
            )
        }
    }
}
