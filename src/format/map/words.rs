//! The words of a command with places in braces: `{in}`, `{in2}`, `{out}`, `{item}`, `{index}`.
//!
//! Each place is filled once; what is put in is not read again, and other braces stay as they are. Words are
//! bytes, as the system takes them. Several values go into a word that is nothing but their place, one word for
//! each.

use std::ops::Range;

/// What can be put into a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The part of an input, from 0; `{in}` is `{in1}`.
    In(usize),
    /// Where the result is to go.
    Out,
    /// An item, such as a path or a line.
    Item,
    /// The number of the partition, from 0.
    Index,
}

/// A place that cannot be filled, in words of the command line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WordError {
    /// There are not so many inputs.
    #[error("'{{in{wanted}}}' is no input: there {} {inputs}", if *inputs == 1 { "is" } else { "are" })]
    NoInput {
        /// The number in braces.
        wanted: usize,
        /// How many there are.
        inputs: usize,
    },
    /// Several values for a part of a word.
    #[error("'{word}' would have to hold several items: where a partition has more than one, the place stands in a word of its own")]
    Several {
        /// The word.
        word: String,
    },
}

/// A command as it was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words(Vec<Word>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Word {
    text: Vec<u8>,
    places: Vec<(Range<usize>, Place)>,
}

impl Words {
    /// Reads the words of a command for so many inputs.
    ///
    /// # Errors
    /// An input is named that is not there.
    pub fn read(words: impl IntoIterator<Item = Vec<u8>>, inputs: usize) -> Result<Self, WordError> {
        words.into_iter().map(|text| Word::read(text, inputs)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a place occurs.
    pub fn has(&self, wanted: impl Fn(Place) -> bool) -> bool {
        self.0.iter().flat_map(|word| &word.places).any(|(_, place)| wanted(*place))
    }

    /// The words with all places filled.
    ///
    /// # Errors
    /// Several values for a place that has its word not to itself.
    pub fn fill(&self, values: impl Fn(Place) -> Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, WordError> {
        let mut filled = Vec::with_capacity(self.0.len());
        for word in &self.0 {
            match word.places.as_slice() {
                [(range, place)] if range.len() == word.text.len() => filled.extend(values(*place)),
                _ => filled.push(word.fill(&values)?),
            }
        }
        Ok(filled)
    }
}

impl Word {
    fn read(text: Vec<u8>, inputs: usize) -> Result<Self, WordError> {
        let (mut places, mut from) = (Vec::new(), 0);
        while let Some(open) = text[from..].iter().position(|byte| *byte == b'{').map(|at| from + at) {
            let Some(close) = text[open..].iter().position(|byte| *byte == b'}').map(|at| open + at) else { break };
            from = match place(&text[open + 1..close], inputs)? {
                Some(place) => {
                    places.push((open..close + 1, place));
                    close + 1
                }
                None => open + 1,
            };
        }
        Ok(Self { text, places })
    }

    fn fill(&self, values: &impl Fn(Place) -> Vec<Vec<u8>>) -> Result<Vec<u8>, WordError> {
        let (mut filled, mut from) = (Vec::new(), 0);
        for (range, place) in &self.places {
            filled.extend_from_slice(&self.text[from..range.start]);
            match values(*place).as_slice() {
                [value] => filled.extend_from_slice(value),
                _ => return Err(WordError::Several { word: String::from_utf8_lossy(&self.text).into_owned() }),
            }
            from = range.end;
        }
        filled.extend_from_slice(&self.text[from..]);
        Ok(filled)
    }
}

fn place(name: &[u8], inputs: usize) -> Result<Option<Place>, WordError> {
    let number = |digits: &[u8]| -> Option<usize> {
        let is_number = digits.iter().all(u8::is_ascii_digit) && digits.first().is_some_and(|first| *first != b'0');
        if is_number { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
    };
    Ok(match name {
        b"in" => Some(Place::In(0)),
        b"out" => Some(Place::Out),
        b"item" => Some(Place::Item),
        b"index" => Some(Place::Index),
        [b'i', b'n', digits @ ..] => match number(digits) {
            Some(wanted) if wanted > inputs => return Err(WordError::NoInput { wanted, inputs }),
            wanted => wanted.map(|wanted| Place::In(wanted - 1)),
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str], inputs: usize) -> Result<Words, WordError> {
        Words::read(list.iter().map(|word| word.as_bytes().to_vec()), inputs)
    }

    fn filled(list: &[&str], items: &[&str]) -> Result<Vec<String>, WordError> {
        let value = |place| match place {
            Place::In(at) => vec![format!("IN{at}")],
            Place::Out => vec!["{in}".to_owned()],
            Place::Item => items.iter().map(|item| (*item).to_owned()).collect(),
            Place::Index => vec!["7".to_owned()],
        };
        let bytes = |place| value(place).into_iter().map(String::into_bytes).collect();
        let filled = words(list, 2)?.fill(bytes)?;
        Ok(filled.into_iter().map(|word| String::from_utf8(word).unwrap()).collect())
    }

    #[test]
    fn places_are_filled_once_and_anywhere_in_a_word() {
        let list = [
            "a{in}b{in2}",
            "--out={out}",
            "{index}{index}",
            "{in1}",
            "{{in}}",
            "{x}",
            "{",
            "}",
            "{in",
            "{in0}",
            "{in01}",
            "{In}",
            "{ in }",
        ];
        let want = ["aIN0bIN1", "--out={in}", "77", "IN0", "{IN0}", "{x}", "{", "}", "{in", "{in0}", "{in01}", "{In}", "{ in }"];
        assert_eq!(filled(&list, &["i"]).unwrap(), want);
    }

    #[test]
    fn several_items_need_a_word_of_their_own() {
        assert_eq!(filled(&["a", "{item}", "z"], &["1", "{in}"]).unwrap(), ["a", "1", "{in}", "z"]);
        assert_eq!(filled(&["{item}"], &[]).unwrap(), Vec::<String>::new());
        let error = filled(&["x={item}"], &["1", "2"]).unwrap_err();
        assert!(error.to_string().starts_with("'x={item}' would have to hold several items"), "{error}");
    }

    #[test]
    fn an_input_that_is_not_there_is_named() {
        assert_eq!(words(&["{in3}"], 2).unwrap_err().to_string(), "'{in3}' is no input: there are 2");
        assert_eq!(words(&["{in2}"], 1).unwrap_err().to_string(), "'{in2}' is no input: there is 1");
        assert!(!words(&["{in2}"], 2).unwrap().has(|place| place == Place::Item));
        assert!(words(&["x{in2}"], 2).unwrap().has(|place| place == Place::In(1)));
    }
}
