//! What groups are told by: the values of a row in some columns, and which group has them.
//!
//! Each key stands in memory once, behind the one before it, and a table of numbers finds it: no list, no block and no
//! copy for each. So a group costs its values with 4 bytes for each of them, 8 bytes for where they end, and while
//! the input is read 5 to 11 for the table and an eighth that is taken in advance. Knows no file.

use std::hash::BuildHasher as _;

use foldhash::quality::RandomState;

use crate::format::rows::{Format, fields};

use super::groups::push;

/// Keys by their numbers, in the order in which they first came.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u64>,
}

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|number| self.get(number))
    }

    /// That of a number; nothing where there is none.
    pub fn get(&self, number: usize) -> &[u8] {
        let place = |at: usize| self.ends.get(at).map_or(self.bytes.len(), |end| usize::try_from(*end).unwrap_or(usize::MAX));
        let begin = number.checked_sub(1).map_or(0, place);
        self.bytes.get(begin..place(number)).unwrap_or_default()
    }

    fn add(&mut self, key: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < key.len() {
            self.bytes.reserve_exact(key.len() + self.bytes.len() / 8 + 1024);
        }
        self.bytes.extend_from_slice(key);
        push(&mut self.ends, self.bytes.len() as u64);
    }

    /// Gives back what was taken in advance.
    pub fn settle(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Finds keys: their numbers, each at the first free place from where its hash points to.
#[derive(Debug)]
pub struct Index {
    /// As many as a power of two, a quarter of them free at least.
    places: Vec<u32>,
    hasher: RandomState,
}

/// What stands in a free place.
const FREE: u32 = u32::MAX;

impl Index {
    /// Of these keys.
    pub fn of(keys: &Keys) -> Self {
        let mut index = Self { places: Vec::new(), hasher: RandomState::default() };
        index.grow(keys);
        index
    }

    /// Which number a key has.
    pub fn find(&self, keys: &Keys, key: &[u8]) -> Option<u32> {
        Some(self.places[self.place(keys, key)]).filter(|number| *number != FREE)
    }

    /// Which number a key has, or gets now; none if there are too many.
    pub fn number(&mut self, keys: &mut Keys, key: &[u8]) -> Option<u32> {
        let place = self.place(keys, key);
        if self.places[place] == FREE {
            let number = u32::try_from(keys.len()).ok().filter(|number| *number != FREE)?;
            keys.add(key);
            if keys.len() > self.places.len() / 4 * 3 {
                self.grow(keys);
                return Some(number);
            }
            self.places[place] = number;
        }
        Some(self.places[place])
    }

    /// Where a key stands, or would.
    fn place(&self, keys: &Keys, key: &[u8]) -> usize {
        let last = self.places.len() - 1;
        let mut at = self.hasher.hash_one(key) as usize & last;
        while self.places[at] != FREE && keys.get(self.places[at] as usize) != key {
            at = (at + 1) & last;
        }
        at
    }

    /// Makes place for twice as many.
    fn grow(&mut self, keys: &Keys) {
        let wanted = (keys.len() * 3 / 2).next_power_of_two().max(64);
        // The old ones first: there need not be both.
        self.places = Vec::new();
        self.places.resize(wanted, FREE);
        for (number, key) in (0..).zip(keys.iter()) {
            let place = self.place(keys, key);
            self.places[place] = number;
        }
    }
}

/// Picks out of rows what their group is told by.
pub enum Picker {
    /// Of a table.
    Columns {
        /// Between its fields.
        delimiter: u8,
        /// Which fields.
        at: Vec<usize>,
    },
    /// At the top of a JSON object.
    Keys(Vec<String>),
}

impl Picker {
    /// By the names of columns or keys.
    ///
    /// # Errors
    /// A column is not there, or there are none; in words.
    pub fn new(format: Format, columns: &[String], header: &[u8]) -> Result<Self, String> {
        match format {
            // Where nothing is no row lacks a column.
            Format::Table { delimiter } if header.is_empty() => Ok(Self::Columns { delimiter, at: Vec::new() }),
            Format::Table { delimiter } => {
                let names = fields::split(fields::unmarked(header), delimiter);
                let place = |column: &String| {
                    let found = names.iter().position(|name| name.as_ref() == column.as_bytes());
                    let all = || names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(", ");
                    found.ok_or_else(|| format!("there is no column '{column}'; there are: {}", all()))
                };
                Ok(Self::Columns { delimiter, at: columns.iter().map(place).collect::<Result<_, _>>()? })
            }
            Format::JsonLines => Ok(Self::Keys(columns.to_vec())),
            Format::Lines => Err("lines have no columns; --format tells what it is".to_owned()),
        }
    }

    /// Puts the key of a row into `key`, in place of what was there.
    ///
    /// # Errors
    /// It has none; in words.
    pub fn key(&self, row: &[u8], key: &mut Vec<u8>) -> Result<(), String> {
        key.clear();
        match self {
            Self::Columns { delimiter, at } => {
                let fields = fields::split(row, *delimiter);
                at.iter().try_for_each(|at| add(key, fields.get(*at).map(|field| field.as_ref()).unwrap_or_default()))
            }
            Self::Keys(names) => {
                let value: serde_json::Value = serde_json::from_slice(row).map_err(|error| format!("not JSON: {error}"))?;
                names.iter().try_for_each(|name| {
                    let field = value.get(name).ok_or_else(|| format!("there is no key '{name}'"))?;
                    add(key, field.to_string().as_bytes())
                })
            }
        }
    }
}

/// Adds a value with its length: what ends one value cannot begin the next.
fn add(key: &mut Vec<u8>, value: &[u8]) -> Result<(), String> {
    let length = u32::try_from(value.len()).map_err(|_| "a value of more than 4 GiB".to_owned())?;
    key.extend(length.to_le_bytes());
    key.extend_from_slice(value);
    Ok(())
}

/// The values of a key, for people.
pub fn values(mut key: &[u8]) -> Vec<String> {
    let mut values = Vec::new();
    while let Some((length, rest)) = key.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
        values.push(String::from_utf8_lossy(&rest[..length]).into_owned());
        key = &rest[length..];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_one_number() {
        let mut keys = Keys::default();
        let mut index = Index::of(&keys);
        let texts: Vec<String> = (0..10_000).map(|number: u32| format!("{}", number % 3_000)).collect();
        for text in &texts {
            let known = index.find(&keys, text.as_bytes());
            let number = index.number(&mut keys, text.as_bytes()).unwrap();
            assert!(known.is_none_or(|known| known == number));
            assert_eq!(number.to_string(), *text);
        }
        keys.settle();
        assert_eq!(keys.len(), 3_000);
        let again = Index::of(&keys);
        for (number, key) in (0..).zip(keys.iter()) {
            assert_eq!((again.find(&keys, key), keys.get(number as usize)), (Some(number), key));
        }
        assert_eq!(again.find(&keys, b""), None);
        assert_eq!(keys.get(3_000), b"");
    }

    #[test]
    fn an_empty_key_is_one() {
        let mut keys = Keys::default();
        let mut index = Index::of(&keys);
        assert_eq!([b"", &b"a"[..], b""].map(|key| index.number(&mut keys, key)), [Some(0), Some(1), Some(0)]);
    }
}
