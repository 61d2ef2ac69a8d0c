//! Putting the parts of a result together, in the order of the input, as they come.
//!
//! A part that comes before its turn waits. What is written goes to a name of its own and becomes the
//! result at the very end, so the result is there whole or not at all.
//! Tables have one header: those of all parts must say the same, and the first stands in the result.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::format::map::totals::Totals;
use crate::format::map::union::Union;
use crate::format::rows::scan::Scanner;
use crate::format::rows::{Format, fields};
use crate::run::job::hold;
use crate::store::rows::{Groups, Input, Rows, Target};

use super::MapError;
use super::cut::Portion;

/// How parts become one.
#[derive(Debug)]
pub enum Manner {
    /// One after the other.
    Concat {
        /// How they are read.
        format: Format,
        /// Whether a table begins with a header.
        header: bool,
    },
    /// Row by row, each at the place in the input of the row that it was made of.
    Ordered {
        /// How they are read.
        format: Format,
        /// Whether a table begins with a header.
        header: bool,
        /// The rows of the input.
        rows: Arc<Mutex<Groups>>,
        /// Where what came waits.
        dir: PathBuf,
    },
    /// Numbers over all of them.
    Totals {
        /// So far.
        totals: Totals,
        /// Whether the sizes of partitions follow from time; then the order of additions must not show.
        is_chosen: bool,
        /// How parts are read if they are tables with a header.
        table: Option<Format>,
    },
    /// JSON objects and arrays.
    Union(Union),
    /// Nothing is done with them until all are there.
    Kept,
}

/// A part that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Came {
    /// The number of its partition.
    pub index: u64,
    /// The rows or items of the input that it was made of.
    pub places: Range<u64>,
    /// Where it is.
    pub path: PathBuf,
}

/// Puts parts together.
#[derive(Debug)]
pub struct Joiner {
    manner: Manner,
    target: Target,
    /// Parts that wait for their turn.
    waiting: BTreeMap<u64, (PathBuf, Range<u64>)>,
    next: u64,
    /// The columns of the input, if it has some.
    names: Vec<Vec<u8>>,
    /// The header of the first part that has one, as its fields, and which part that was.
    header: Option<(Vec<Vec<u8>>, u64)>,
    /// The same as it stood there, with its line end.
    first_header: Vec<u8>,
    /// All parts in order, for those who want them at the end.
    parts: Vec<Came>,
    /// How long each took.
    times: HashMap<u64, Duration>,
}

impl Joiner {
    /// Nothing came yet; the first part to come in is that of this partition. The input has columns of these names, if any.
    pub fn new(manner: Manner, target: Target, first: u64, names: Vec<Vec<u8>>) -> Self {
        Self {
            names,
            manner,
            target,
            waiting: BTreeMap::new(),
            next: first,
            header: None,
            first_header: Vec::new(),
            parts: Vec::new(),
            times: HashMap::new(),
        }
    }

    /// A part is there. A partition without a part (it failed, and may) has its turn all the same.
    ///
    /// # Errors
    /// It does not go with those before, or nothing can be written.
    pub fn accept(&mut self, portion: &Portion, part: Option<PathBuf>) -> Result<(), MapError> {
        self.waiting.insert(portion.index, (part.unwrap_or_default(), portion.first..portion.first + portion.count));
        while let Some((part, places)) = self.waiting.remove(&self.next) {
            let index = self.next;
            self.next += 1;
            if part.as_os_str().is_empty() {
                if let Manner::Ordered { rows, .. } = &self.manner {
                    hold(rows).lose(places);
                }
                continue;
            }
            let began = Instant::now();
            self.take(index, &part, places.clone())?;
            self.times.insert(index, began.elapsed());
            self.parts.push(Came { index, places, path: part });
        }
        Ok(())
    }

    /// How long it took to put a part to the others.
    pub fn time_of(&self, index: u64) -> Duration {
        self.times.get(&index).copied().unwrap_or_default()
    }

    /// All parts that came, in order.
    pub fn parts(&self) -> &[Came] {
        &self.parts
    }

    /// The paths of all parts that came, in order.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.parts.iter().map(|part| part.path.clone()).collect()
    }

    /// How many partitions had their turn, with those that have no part.
    pub fn turns(&self) -> u64 {
        self.next
    }

    /// All have come: the result takes its place, unless `stop` says so before.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub fn finish(mut self, stop: &dyn Fn() -> bool) -> Result<(), MapError> {
        if let Manner::Ordered { rows, .. } = &self.manner {
            self.target.write(&self.first_header)?;
            if !self.first_header.is_empty() && !self.first_header.ends_with(b"\n") && !self.first_header.ends_with(b"\r") {
                self.target.write(b"\n")?;
            }
            hold(rows).write_back(&mut self.target)?;
        }
        let text = match &self.manner {
            Manner::Totals { totals, .. } => totals.text().map_err(MapError::Part)?,
            Manner::Union(union) => union.text(),
            Manner::Concat { .. } | Manner::Ordered { .. } | Manner::Kept => String::new(),
        };
        self.target.write(text.as_bytes())?;
        Ok(self.target.place(stop)?)
    }

    /// Where the result goes.
    pub fn target(&mut self) -> &mut Target {
        &mut self.target
    }

    fn take(&mut self, index: u64, part: &Path, places: Range<u64>) -> Result<(), MapError> {
        let failed = |source| MapError::read(part, source);
        match &mut self.manner {
            Manner::Kept => Ok(()),
            Manner::Concat { format, header } => {
                let (format, header) = (*format, *header);
                self.append(index, part, format, header, !places.is_empty())
            }
            Manner::Ordered { format, header, rows, dir } => {
                let made = Rows::open(Input::open(part, false, None)?, *format, *header)?;
                let (own_header, delimiter) = (made.header().to_vec(), format.delimiter());
                let kept = hold(rows).take_back(places, made, dir)?;
                kept.map_err(|why| MapError::Part(format!("the part of partition {index}: {why}")))?;
                match delimiter {
                    Some(delimiter) if !own_header.is_empty() => self.compare(index, &own_header, delimiter).map(drop),
                    _ => Ok(()),
                }
            }
            Manner::Totals { totals, is_chosen, table } => {
                let text = std::fs::read(part).map_err(failed)?;
                if let Some(format) = table.filter(|_| !places.is_empty() && !text.is_empty()) {
                    let line = first_row(&mut File::open(part).map_err(failed)?, format).map_err(failed)?;
                    refuse_numbers(&self.names, index, &line, format.delimiter().unwrap_or(b','))?;
                }
                totals.add(&text).map_err(|error| MapError::Part(format!("the part of partition {index}: {error}")))?;
                if *is_chosen && totals.depends_on_order() {
                    let text = "sums of numbers that are not whole would depend on how large partitions happen to be: --size or --chunks makes them the same each time";
                    return Err(MapError::Part(text.to_owned()));
                }
                Ok(())
            }
            Manner::Union(union) => {
                let text = std::fs::read(part).map_err(failed)?;
                union.add(&text).map_err(|error| MapError::Part(format!("the part of partition {index}: {error}")))
            }
        }
    }

    fn append(&mut self, index: u64, part: &Path, format: Format, header: bool, of_rows: bool) -> Result<(), MapError> {
        let failed = |source| MapError::read(part, source);
        let mut file = File::open(part).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size == 0 {
            return Ok(());
        }
        let mut from = 0;
        if let (Format::Table { delimiter }, true) = (format, header) {
            let line = first_row(&mut file, format).map_err(failed)?;
            if of_rows {
                refuse_numbers(&self.names, index, &line, delimiter)?;
            }
            from = self.compare(index, &line, delimiter)?;
        }
        if from < size {
            file.seek(SeekFrom::End(-1)).map_err(failed)?;
            let mut last = [0];
            file.read_exact(&mut last).map_err(failed)?;
            file.seek(SeekFrom::Start(from)).map_err(failed)?;
            self.target.copy(&mut file)?;
            // A lone return ends a row of a table as well.
            if last != *b"\n" && !(last == *b"\r" && matches!(format, Format::Table { .. })) {
                self.target.write(b"\n")?;
            }
        }
        Ok(())
    }

    /// Compares a header with the first one; from where on the part is taken.
    fn compare(&mut self, index: u64, line: &[u8], delimiter: u8) -> Result<u64, MapError> {
        let names = names_of(line, delimiter);
        match &self.header {
            None => {
                self.header = Some((names, index));
                self.first_header = line.to_vec();
                Ok(0)
            }
            Some((first, _)) if *first == names => Ok(line.len() as u64),
            Some((first, of)) => {
                let say = |names: &[Vec<u8>]| names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(", ");
                let text =
                    format!("the header of partition {index} differs from that of partition {of}: [{}] and [{}]", say(&names), say(first));
                Err(MapError::Part(text))
            }
        }
    }
}

/// Refuses what stands in the place of a header and is nothing but numbers: a row, most likely, that would be lost where parts
/// begin with the same one. Columns are called so in the input, or they are counted from 0.
fn refuse_numbers(names: &[Vec<u8>], index: u64, line: &[u8], delimiter: u8) -> Result<(), MapError> {
    let own = names_of(line, delimiter);
    let is_number = |name: &Vec<u8>| std::str::from_utf8(name).is_ok_and(|text| text.trim().parse::<f64>().is_ok());
    let is_count = own.len() > 1 && own.iter().enumerate().all(|(at, name)| name == at.to_string().as_bytes());
    if own == names || is_count || !own.iter().all(is_number) {
        return Ok(());
    }
    Err(MapError::Part(format!(
        "the part of partition {index} begins with '{}', which is no header. The result is a table, as its name or the input says: each \
         part must begin with the same header. --out FILE.txt makes it lines, --no-header a table without one",
        String::from_utf8_lossy(line.trim_ascii())
    )))
}

/// The fields of a header.
pub fn names_of(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    fields::split(fields::unmarked(line), delimiter).into_iter().map(Cow::into_owned).collect()
}

/// The first row of a file with its line end.
fn first_row(file: &mut File, format: Format) -> io::Result<Vec<u8>> {
    let (mut scanner, mut found) = (Scanner::new(format.style()), Vec::new());
    let (mut text, mut block) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok(text);
        }
        scanner.feed(&block[..count], &mut found);
        text.extend_from_slice(&block[..count]);
        if let Some(first) = found.first() {
            text.truncate(usize::try_from(first.end).unwrap_or(usize::MAX));
            return Ok(text);
        }
    }
}
