//! A run as a Chrome trace: a process for each queue, a thread for each slot (chrome://tracing, Perfetto).

use serde_json::{Map, Value, json};

use super::dossier::Dossier;
use super::facts::Shown;
use super::history::{Entry, Try};
use super::shown;
use super::view::{View, ns};

/// The trace.
pub fn render(dossier: &Dossier) -> String {
    let mut queues: Vec<&str> = Vec::new();
    let mut events: Vec<Value> = Vec::new();
    let mut threads: Vec<(usize, usize)> = Vec::new();
    for (entry, shown) in dossier.history.stages.iter().zip(&dossier.facts.shown) {
        for attempt in &entry.tries {
            let queue = entry.planned.queue.as_str();
            let pid = queues.iter().position(|known| *known == queue).unwrap_or_else(|| {
                queues.push(queue);
                events.push(name("process_name", queues.len() - 1, 0, &format!("queue {queue}")));
                queues.len() - 1
            });
            let tid = attempt.slots.numbers()[0];
            if !threads.contains(&(pid, tid)) {
                threads.push((pid, tid));
                events.push(name("thread_name", pid, tid, &format!("slot {tid}")));
            }
            events.extend(pieces(dossier, entry, *shown, attempt, pid, tid));
        }
    }
    let about: Map<String, Value> = View::of(dossier).facts.into_iter().map(|fact| (fact.name, Value::String(fact.value))).collect();
    let mut text = json!({"displayTimeUnit": "ms", "otherData": about, "traceEvents": events}).to_string();
    text.push('\n');
    text
}

fn name(kind: &str, pid: usize, tid: usize, text: &str) -> Value {
    json!({"ph": "M", "name": kind, "pid": pid + 1, "tid": tid, "args": {"name": shown::line(text)}})
}

/// The try as a whole, and within it its saving.
fn pieces(dossier: &Dossier, entry: &Entry, shown: Shown, attempt: &Try, pid: usize, tid: usize) -> Vec<Value> {
    let phases = attempt.phases(dossier.facts.wall);
    let piece = |name: String, from: u64, length: u64, args: Map<String, Value>| json!({"ph": "X", "cat": "stage", "name": name, "ts": micros(from), "dur": micros(length), "pid": pid + 1, "tid": tid, "args": args});
    let status = attempt.end.as_ref().map_or(shown, |(_, outcome)| Shown::Over(outcome.status)).key();
    let mut args = Map::new();
    args.insert("status".to_owned(), json!(status));
    args.insert("attempt".to_owned(), json!(attempt.number));
    args.insert("wait_us".to_owned(), micros(ns(phases.wait)));
    args.insert("cmd".to_owned(), json!(entry.planned.cmds.iter().map(|cmd| shown::text(cmd)).collect::<Vec<_>>()));
    let whole = piece(shown::line(&entry.planned.address), ns(attempt.start), ns(phases.work()), args);
    if phases.save.is_zero() {
        return vec![whole];
    }
    let from = attempt.start + phases.before + phases.run;
    vec![whole, piece("save".to_owned(), ns(from), ns(phases.save), Map::new())]
}

/// Microseconds, as the format wants them, without losing nanoseconds.
fn micros(ns: u64) -> Value {
    if ns.is_multiple_of(1000) {
        return json!(ns / 1000);
    }
    #[expect(clippy::cast_precision_loss, reason = "exact for runs of weeks")]
    let micros = ns as f64 / 1000.0;
    json!(micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::well;

    #[test]
    fn queues_are_processes_and_slots_threads() {
        let trace: Value = serde_json::from_str(&render(&well().dossier())).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let of = |ph: &str| events.iter().filter(|event| event["ph"] == ph).collect::<Vec<_>>();
        let names: Vec<&str> = of("M").iter().map(|event| event["args"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["queue default", "slot 0", "queue gpu", "slot 0", "slot 1"]);
        let stage = of("X").into_iter().find(|event| event["name"] == "train@b").unwrap();
        assert_eq!((&stage["ts"], &stage["dur"], &stage["pid"], &stage["tid"]), (&json!(521_000), &json!(1_000_000), &json!(2), &json!(1)));
        assert_eq!(stage["args"]["status"], "restored");
    }
}
