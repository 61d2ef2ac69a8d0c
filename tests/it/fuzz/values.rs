//! Values as the scripts write them in JSON: what JSON has no form for is an object of one key
//! (`{"i": "12"}`, `{"f": "1.5"}`, `{"t": "2020-01-02"}`, `{"b": [1]}`, `{"s": [..]}`, `{"m": [[k, v]]}`).

use std::collections::HashMap;
use std::sync::Arc;

use dvc_paraffin::format::floats;
use dvc_paraffin::model::{Key, Map, Value};
use serde_json::{Value as Json, json};

/// A value in this form; the items of sets are sorted, since Python gives them in any order.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(number) => json!({"i": number.to_string()}),
        Value::BigInt(text) => json!({"i": &**text}),
        Value::Float(number) => json!({"f": floats::repr(*number)}),
        Value::Str(text) => json!(&**text),
        Value::Time(text) => json!({"t": &**text}),
        Value::Bytes(bytes) => json!({"b": bytes.to_vec()}),
        Value::Set(map) => {
            let mut items: Vec<Json> = map.keys().map(|key| to_json(&key.0)).collect();
            items.sort_by_key(Json::to_string);
            json!({"s": items})
        }
        Value::Seq(items) => json!(items.iter().map(to_json).collect::<Vec<_>>()),
        Value::Map(map) => {
            let pairs: Vec<Json> = map.iter().map(|(key, value)| json!([to_json(&key.0), to_json(value)])).collect();
            json!({"m": pairs})
        }
    }
}

/// The same with the items of sets sorted in our way.
pub fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(sorted).collect(),
        Json::Object(object) => {
            let item = |(key, value): (&String, &Json)| {
                let mut value = sorted(value);
                if let (true, Json::Array(items)) = (key == "s", &mut value) {
                    items.sort_by_key(Json::to_string);
                }
                (key.clone(), value)
            };
            Json::Object(object.iter().map(item).collect())
        }
        other => other.clone(),
    }
}

/// The value behind such JSON; `{"id": 1, "v": ...}` names a list or map, `{"ref": 1}` is it again.
pub fn from_json(json: &Json) -> Value {
    read(json, &mut HashMap::new())
}

fn read(json: &Json, shared: &mut HashMap<u64, Value>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::str(text),
        Json::Array(items) => Value::seq(items.iter().map(|item| read(item, shared)).collect()),
        Json::Number(number) => panic!("a bare number: {number}"),
        Json::Object(object) => {
            let (kind, inner) = object.iter().next().unwrap();
            match (kind.as_str(), inner) {
                ("i", Json::String(text)) => text.parse().map_or_else(|_| Value::BigInt(Arc::from(&**text)), Value::Int),
                ("f", Json::String(text)) => Value::Float(text.parse().unwrap()),
                ("t", Json::String(text)) => Value::Time(Arc::from(&**text)),
                ("ref", id) => shared[&id.as_u64().unwrap()].clone(),
                ("id", id) => {
                    let value = read(&object["v"], shared);
                    shared.insert(id.as_u64().unwrap(), value.clone());
                    value
                }
                ("b", Json::Array(items)) => Value::Bytes(items.iter().map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect()),
                ("s", Json::Array(items)) => Value::Set(Arc::new(items.iter().map(|key| (Key(read(key, shared)), Value::Null)).collect())),
                ("m", Json::Array(items)) => {
                    let mut map = Map::default();
                    for pair in items {
                        let key = Key(read(&pair[0], shared));
                        map.insert(key, read(&pair[1], shared));
                    }
                    Value::map(map)
                }
                other => panic!("no such kind of value: {other:?}"),
            }
        }
    }
}
