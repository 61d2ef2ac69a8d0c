//! Parameter files of the model: the same keys as YAML, JSON, TOML or Python.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::Value;

/// A parameter file. A key with a dot lies in a map (a table, a class).
#[derive(Clone, Debug, Default)]
pub struct ParamsFile {
    /// Keys with all values they ever had, the last one standing.
    pub keys: BTreeMap<String, Vec<Value>>,
    /// A key that is left out for the time being.
    pub missing: Option<String>,
}

/// Where they are. The one below `sub` is also what templates of `sub/dvc.yaml` see.
pub const FILES: &[&str] = &["conf.json", "conf.toml", "conf.py", "conf.yaml", "sub/params.yaml"];

impl ParamsFile {
    /// A new one.
    pub fn new() -> Self {
        let value = |text: &str| vec![serde_json::from_str(text).unwrap()];
        let keys = [("lr", "0.1"), ("name", "\"first\""), ("size", "3"), ("tab.k", "[1, 2]"), ("tab.on", "true")];
        Self { keys: keys.into_iter().map(|(key, text)| (key.to_owned(), value(text))).collect(), missing: None }
    }

    /// Its text.
    pub fn text(&self, path: &str) -> String {
        let present =
            || self.keys.iter().filter(|(key, _)| self.missing.as_ref() != Some(*key)).map(|(key, all)| (key, all.last().unwrap()));
        let flat: Vec<_> = present().filter(|(key, _)| !key.contains('.')).collect();
        let nested: Vec<_> = present().filter_map(|(key, value)| Some((key.strip_prefix("tab.")?, value))).collect();
        let ending = path.rsplit('.').next().unwrap();
        let mut text = String::new();
        match ending {
            "json" => {
                let mut map: serde_json::Map<String, Value> = flat.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                map.insert("tab".to_owned(), nested.into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect());
                text = serde_json::to_string_pretty(&map).unwrap() + "\n";
            }
            "py" => {
                text.push_str("import os\n\nhome = os.getcwd\n");
                flat.iter().for_each(|(key, value)| {
                    let _ = writeln!(text, "{key} = {}", python(value));
                });
                text.push_str("\nclass tab:\n    rest = 0\n");
                nested.iter().for_each(|(key, value)| {
                    let _ = writeln!(text, "    {key} = {}", python(value));
                });
            }
            "toml" => {
                let line = |value: &Value| if value.is_null() { "0".to_owned() } else { value.to_string() };
                flat.iter().for_each(|(key, value)| {
                    let _ = writeln!(text, "{key} = {}", line(value));
                });
                text.push_str("[tab]\n");
                nested.iter().for_each(|(key, value)| {
                    let _ = writeln!(text, "{key} = {}", line(value));
                });
            }
            _ => {
                flat.iter().for_each(|(key, value)| {
                    let _ = writeln!(text, "{key}: {value}");
                });
                text.push_str("tab:\n  rest: null\n");
                nested.iter().for_each(|(key, value)| {
                    let _ = writeln!(text, "  {key}: {value}");
                });
            }
        }
        text
    }

    /// Gives a key another value, or one that it had.
    pub fn edit(&mut self, rng: &mut Rng, number: u32) -> String {
        let keys: Vec<String> = self.keys.keys().filter(|key| *key != "size").cloned().collect();
        let key = rng.choice(&keys).unwrap();
        let values = self.keys.get_mut(key).unwrap();
        let text = match rng.u8(..9) {
            0 => format!("{number}"),
            1 => format!("{number}.5"),
            2 => format!("{number}e-05"),
            3 => "true".to_owned(),
            4 => "null".to_owned(),
            5 => format!("[{number}, 2]"),
            6 => "[\"ü\", \"b: c\"]".to_owned(),
            7 => "\"no\"".to_owned(),
            _ => values[0].to_string(),
        };
        values.push(serde_json::from_str(&text).unwrap());
        format!("set {key} to {text}")
    }
}

fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}
