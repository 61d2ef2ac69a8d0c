//! Data as YAML, JSON and TOML hold it, with Python's idea of equality.
//!
//! DVC compares parameters with Python's `==` (`1 == 1.0 == True`) and writes them as Python
//! prints them, so the value must keep what Python keeps: integers of any size, the kind of a
//! number, dates as such, and the identity of a list or map that an alias names twice
//! (the containers are shared pointers: the same pointer is written as `&id001` / `*id001`).

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap};

/// One value of a document.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// An integer that does not fit: decimal digits, perhaps with a leading `-`.
    BigInt(Arc<str>),
    /// A floating point number.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// A date or a time, in the text that Python's `str` gives it (`2020-01-02`,
    /// `2020-01-02 03:04:05`).
    Time(Arc<str>),
    /// Bytes (`!!binary`).
    Bytes(Arc<[u8]>),
    /// A set (`!!set`); only its keys count.
    Set(Arc<Map>),
    /// A list.
    Seq(Arc<Vec<Value>>),
    /// A map in the order of its file.
    Map(Arc<Map>),
}

/// The one empty tuple.
static EMPTY_TUPLE: LazyLock<Arc<Vec<Value>>> = LazyLock::new(Arc::default);

/// A map that keeps its order.
pub type Map = IndexMap<Key, Value, RandomState>;

/// A map's key: a value that can be hashed, equal as in Python (`1`, `1.0` and `true` clash).
#[derive(Clone, Debug)]
pub struct Key(pub Value);

impl Value {
    /// Text as a value.
    pub fn str(text: &str) -> Self {
        Self::Str(Arc::from(text))
    }

    /// A list as a value.
    pub fn seq(items: Vec<Value>) -> Self {
        Self::Seq(Arc::new(items))
    }

    /// Python's `()`: tuples are lists here, but this one is the same wherever it stands, as in Python.
    pub fn empty_tuple() -> Self {
        Self::Seq(EMPTY_TUPLE.clone())
    }

    /// Whether it is `()` and not `[]`.
    pub fn is_empty_tuple(&self) -> bool {
        matches!(self, Self::Seq(items) if Arc::ptr_eq(items, &EMPTY_TUPLE))
    }

    /// A map as a value.
    pub fn map(map: Map) -> Self {
        Self::Map(Arc::new(map))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_seq(&self) -> Option<&[Value]> {
        match self {
            Self::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The entry of a map under a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The name that Python gives the type (`str`, `int`, `NoneType`, ...).
    pub fn python_type(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Time(text) if text.len() > 10 => "datetime",
            Self::Time(_) => "date",
            Self::Bytes(_) => "bytes",
            Self::Set(_) => "set",
            Self::Seq(_) => "list",
            Self::Map(_) => "dict",
        }
    }

    /// Python's number behind a bool, int or float, as far as a double can hold it.
    fn number(&self) -> Option<Number<'_>> {
        match self {
            Self::Bool(value) => Some(Number::Int(i64::from(*value))),
            Self::Int(value) => Some(Number::Int(*value)),
            Self::BigInt(text) => Some(Number::Big(text)),
            Self::Float(value) => Some(Number::Float(*value)),
            _ => None,
        }
    }
}

/// A number for comparison.
enum Number<'a> {
    Int(i64),
    Big(&'a str),
    Float(f64),
}

/// The integer that a double is equal to, if it is one that fits.
fn exact_int(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() != 0.0 || !(-LIMIT..LIMIT).contains(&value) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range and the fraction were just checked")]
    Some(value as i64)
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Big(a), Self::Big(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => exact_int(*b) == Some(*a),
            (Self::Big(a), Self::Float(b)) | (Self::Float(b), Self::Big(a)) => {
                b.is_finite() && b.fract() == 0.0 && format!("{b:.0}") == **a
            }
            (Self::Int(_), Self::Big(_)) | (Self::Big(_), Self::Int(_)) => false,
        }
    }
}

impl PartialEq for Value {
    /// Python's `==`: numbers by value, maps without order, lists with order, `nan` unequal to itself.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Str(a), Self::Str(b)) | (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Seq(a), Self::Seq(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Set(a), Self::Set(b)) => a.len() == b.len() && a.keys().all(|key| b.contains_key(key)),
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

impl Key {
    /// A text key.
    pub fn str(text: &str) -> Self {
        Self(Value::str(text))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // A map needs an equality that is total: a NaN key is equal to itself here.
            (Value::Float(a), Value::Float(b)) if a.is_nan() && b.is_nan() => true,
            (a, b) => a == b,
        }
    }
}

impl Eq for Key {}

/// A text finds its key in a map without becoming one. It is hashed as [`Key`] hashes it.
impl Equivalent<Key> for str {
    fn equivalent(&self, key: &Key) -> bool {
        key.as_str() == Some(self)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Str(text) | Value::Time(text) | Value::BigInt(text) => text.hash(state),
            Value::Bool(value) => i64::from(*value).hash(state),
            Value::Int(value) => value.hash(state),
            Value::Float(value) => match exact_int(*value) {
                Some(int) => int.hash(state),
                None if value.fract() == 0.0 && value.is_finite() => format!("{value:.0}").hash(state),
                None => value.to_bits().hash(state),
            },
            Value::Bytes(bytes) => bytes.hash(state),
            // Containers are rare as keys; equality decides among them.
            Value::Null | Value::Set(_) | Value::Seq(_) | Value::Map(_) => 0_u8.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_as_in_python() {
        assert_eq!(Value::Int(1), Value::Float(1.0));
        assert_eq!(Value::Bool(true), Value::Int(1));
        assert_ne!(Value::Int(1), Value::str("1"));
        assert_ne!(Value::Float(f64::NAN), Value::Float(f64::NAN));
        assert_eq!(Value::BigInt("100000000000000000000".into()), Value::Float(1e20));
        assert_ne!(Value::Int(i64::MAX), Value::Float(9_223_372_036_854_775_807.0));
    }

    #[test]
    fn maps_ignore_order_and_lists_do_not() {
        let map = |pairs: &[(&str, i64)]| Value::map(pairs.iter().map(|(k, v)| (Key::str(k), Value::Int(*v))).collect());
        assert_eq!(map(&[("a", 1), ("b", 2)]), map(&[("b", 2), ("a", 1)]));
        assert_ne!(Value::seq(vec![Value::Int(1), Value::Int(2)]), Value::seq(vec![Value::Int(2), Value::Int(1)]));
    }

    #[test]
    fn keys_clash_as_in_python() {
        let mut map = Map::default();
        map.insert(Key(Value::Int(1)), Value::Null);
        assert!(map.contains_key(&Key(Value::Bool(true))));
        assert!(map.contains_key(&Key(Value::Float(1.0))));
        assert!(!map.contains_key("1"));
    }

    #[test]
    fn a_text_finds_its_key() {
        let keys = [Value::Int(1), Value::Time("2001-01-01".into()), Value::str("a"), Value::str("")];
        let map: Map = keys.into_iter().map(|key| (Key(key), Value::Null)).collect();
        let found = ["1", "2001-01-01", "a", "", "b"].map(|text| map.get_index_of(text));
        assert_eq!(found, [None, None, Some(2), Some(3), None]);
    }
}
