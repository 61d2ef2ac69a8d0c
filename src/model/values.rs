//! Parameters and metrics as they were at one moment, and which commit they are compared with.
//!
//! The values are flat, as DVC's own comparison has them: one text such as `train.lr` for each,
//! lists as the text that Python gives them. They are kept in the journal of a run, so they can
//! be written as JSON and read back without loss, also what JSON has no form for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fault::Fault;
use super::floats;
use super::value::Value;

/// One value: nothing, a truth value, a number or a text; or a list of such, where a whole file is one.
#[derive(Clone, PartialEq, Debug)]
pub struct Leaf(pub Value);

/// What one file holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Values by their dotted keys.
    Keys(BTreeMap<String, Leaf>),
    /// One value without a key.
    Single(Leaf),
}

/// What all files of one sort hold, by their paths from the root of the repository.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// What could be read.
    pub files: BTreeMap<String, Content>,
    /// Why the others could not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Fault>,
}

/// Parameters and metrics of one moment.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Values {
    /// The parameters.
    pub params: Table,
    /// The metrics.
    pub metrics: Table,
    /// Why there are none at all: the repository could not be read as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Values {
    /// Puts something else in the place of names and values, where `replacement` knows anything for a path, a key or
    /// the text of a value; and does something to what is said of files that could not be read.
    pub fn replace(&mut self, replacement: &dyn Fn(&str) -> Option<String>, edit: &mut dyn FnMut(&mut String)) {
        let name = |name: String| replacement(&name).unwrap_or(name);
        for table in [&mut self.params, &mut self.metrics] {
            let files = std::mem::take(&mut table.files).into_iter();
            table.files = files.map(|(path, content)| (name(path), content.replaced(replacement))).collect();
            let errors = std::mem::take(&mut table.errors).into_iter();
            table.errors = errors.map(|(path, fault)| (name(path), fault)).collect();
            table.errors.values_mut().for_each(|fault| fault.each_text(edit));
        }
        self.error.iter_mut().for_each(|fault| fault.each_text(edit));
    }
}

impl Content {
    fn replaced(self, replacement: &dyn Fn(&str) -> Option<String>) -> Self {
        let leaf = |Leaf(value): Leaf| Leaf(replaced(value, replacement));
        match self {
            Self::Keys(keys) => {
                Self::Keys(keys.into_iter().map(|(name, value)| (replacement(&name).unwrap_or(name), leaf(value))).collect())
            }
            Self::Single(value) => Self::Single(leaf(value)),
        }
    }
}

/// A number is replaced by what its text is replaced by.
fn replaced(value: Value, replacement: &dyn Fn(&str) -> Option<String>) -> Value {
    let text = match &value {
        Value::Str(text) | Value::Time(text) | Value::BigInt(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => floats::repr(*number),
        Value::Seq(items) => return Value::seq(items.iter().map(|item| replaced(item.clone(), replacement)).collect()),
        _ => return value,
    };
    replacement(&text).map_or(value, |text| Value::str(&text))
}

/// What git says of the work tree.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GitFacts {
    /// The commit that is checked out; none before the first one.
    pub commit: Option<String>,
    /// The branch; none if there is only a commit.
    pub branch: Option<String>,
    /// Whether tracked files differ from that commit.
    pub dirty: bool,
}

impl GitFacts {
    /// Does something to each text of it.
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        self.commit.iter_mut().chain(&mut self.branch).for_each(edit);
    }
}

impl Serialize for Leaf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float(value) => number(serializer, &value.to_string()),
            Value::BigInt(text) => number(serializer, text),
            Value::Str(text) | Value::Time(text) => serializer.serialize_str(text),
            Value::Seq(items) => serializer.collect_seq(items.iter().cloned().map(Leaf)),
            // No leaf is made of these.
            Value::Bytes(_) | Value::Set(_) | Value::Map(_) => Err(serde::ser::Error::custom("not a plain value")),
        }
    }
}

/// A number that JSON has no form for.
fn number<S: Serializer>(serializer: S, text: &str) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("number", text)?;
    map.end()
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor).map(Leaf)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::BigInt(Arc::from(value.to_string())), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::str(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Leaf(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::seq(values))
    }

    /// Numbers come as maps of one entry: ours for what JSON lacks, and those of a reader that keeps every digit.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (_, text) = map.next_entry::<String, String>()?.ok_or_else(|| de::Error::custom("an empty map is no plain value"))?;
        numeral(&text).ok_or_else(|| de::Error::custom("not a number"))
    }
}

/// The number that a text is.
fn numeral(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or_else(|_| Value::BigInt(Arc::from(text)), Value::Int));
    }
    text.parse().ok().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(value: Value) -> (String, Leaf) {
        (format!("{value:?}"), Leaf(value))
    }

    #[test]
    fn values_survive_being_written() {
        let big = "123456789012345678901234567890";
        let numbers = [Value::Int(-3), Value::Float(1.0), Value::Float(0.1), Value::Float(1e300), Value::BigInt(big.into())];
        let odd = [Value::Float(f64::INFINITY), Value::Float(f64::NEG_INFINITY), Value::Null, Value::Bool(true), Value::str("1")];
        let list = Value::seq(vec![Value::Int(1), Value::str("a"), Value::Float(f64::INFINITY)]);
        let keys: BTreeMap<String, Leaf> = numbers.into_iter().chain(odd).chain([list]).map(leaf).collect();
        let table = |content| Table { files: BTreeMap::from([("params.yaml".to_owned(), content)]), errors: BTreeMap::new() };
        let values = Values { params: table(Content::Keys(keys)), metrics: table(Content::Single(Leaf(Value::Float(0.5)))), error: None };
        let text = serde_json::to_string(&values).unwrap();
        let read: Values = serde_json::from_str(&text).unwrap();
        // Equality is Python's; the form tells the kinds of numbers apart.
        assert_eq!(format!("{read:?}"), format!("{values:?}"));
        let through: Values = serde_json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(format!("{through:?}"), format!("{values:?}"));
    }

    #[test]
    fn what_is_no_number_is_told_so() {
        assert_eq!(format!("{:?}", serde_json::from_str::<Leaf>(r#"{"number": "NaN"}"#).unwrap()), "Leaf(Float(NaN))");
        assert!(serde_json::from_str::<Leaf>(r#"{"number": "x"}"#).is_err());
        assert!(serde_json::from_str::<Leaf>("{}").is_err());
    }
}
