//! From events to one value: aliases, merges, tags, duplicate keys.
//!
//! One pass with a stack of our own, so depth costs no machine stack here; but whoever walks
//! the value later recurses, so depth is bounded all the same ([`DEEPEST`]; ruamel gives up
//! near 300 levels itself). What the loader of DVC finds only while it builds values (a
//! duplicate key, an unknown tag) is told after all syntax errors, outermost first, as there.

mod mapping;

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Doc;
use super::error::{Mark, YamlError};
use super::events::{Event, Events, Props};
use super::place::{Node, Places, Spot};
use super::scalar::{self, Dialect};
use super::time;
use crate::model::{Key, Map, Value};

/// How many lists and maps may be within one another.
const DEEPEST: usize = 400;

const TAG: &str = "tag:yaml.org,2002:";

/// Reads the one document of a text.
pub(super) fn compose(text: &str) -> Result<Doc, YamlError> {
    let mut events = Events::new(text);
    let (first, _) = events.next()?;
    if matches!(first, Event::StreamEnd) {
        return Ok(Doc { value: Value::Null, places: Places::default(), anchored: false });
    }
    let dialect = match events.version() {
        Some((1, 1)) => Dialect::V1_1,
        None | Some((1, 2)) => Dialect::V1_2,
        Some((major, minor)) => return Err(YamlError::Value(format!("({major}, {minor})"))),
    };
    let mut builder = Builder { dialect, ..Builder::default() };
    loop {
        let (event, spot) = events.next()?;
        match event {
            Event::DocumentEnd => break,
            event => builder.take(event, spot)?,
        }
    }
    if let (Event::DocumentStart, spot) = events.next()? {
        let began = builder.places.root.value.into();
        return Err(YamlError::within("expected a single document in the stream", began, "but found another document", spot.into()));
    }
    builder.finish()
}

/// A node that is complete.
#[derive(Clone)]
struct Item {
    value: Value,
    node: Node,
    kind: Kind,
}

/// What a node is in YAML's own terms, where the value does not tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Sequence,
    Mapping,
    /// The plain scalar `<<`.
    Merge,
    /// The plain scalar `=`.
    Equals,
    /// A list or map within itself.
    Unfinished,
}

impl Kind {
    /// The name in error texts.
    fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Mapping => "mapping",
            _ => "scalar",
        }
    }
}

/// A list or map that is not complete; a map's keys and values alternate.
struct Open<'a> {
    props: Props<'a>,
    spot: Spot,
    mapping: bool,
    items: Vec<Item>,
}

/// What an anchor names.
enum Anchored {
    /// A complete node.
    Done(Item),
    /// A list or map that is still open, by its depth.
    Open(usize),
}

/// Makes values of events.
#[derive(Default)]
pub(super) struct Builder<'a> {
    dialect: Dialect,
    open: Vec<Open<'a>>,
    anchors: HashMap<&'a str, Anchored>,
    places: Places,
    root: Option<Value>,
    /// Lists of items that were used and are empty again.
    spare: Vec<Vec<Item>>,
    /// Short texts that were seen: most are keys that come again and again.
    known: HashMap<Box<str>, Value, RandomState>,
    /// The first thing wrong that is no syntax error.
    wrong: Option<(Rank, YamlError)>,
}

/// Which of several errors is told: ruamel builds values level by level, and within a level
/// list by list and map by map, each from its first item to its last.
type Rank = (usize, Spot, Spot);

impl<'a> Builder<'a> {
    pub(super) fn take(&mut self, event: Event<'a>, spot: Spot) -> Result<(), YamlError> {
        match event {
            Event::Alias(name) => {
                let item = self.alias(name, spot)?;
                self.put(item);
            }
            Event::Scalar { props, text, plain } => {
                let (value, kind) = self.scalar(&props, &text, plain, spot);
                let item = Item { value, node: Node { value: spot, ..Node::default() }, kind };
                self.anchor(props.anchor, &item);
                self.put(item);
            }
            Event::SeqStart(props) => self.start(props, spot, false)?,
            Event::MapStart(props) => self.start(props, spot, true)?,
            Event::SeqEnd | Event::MapEnd => {
                let mut open = self.open.pop().expect("the parser balances starts and ends");
                let item = if open.mapping { self.mapping(&mut open) } else { self.sequence(&mut open) };
                self.close(open.props.anchor, &item);
                self.put(item);
                open.items.clear();
                self.spare.push(open.items);
            }
            Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => {}
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Doc, YamlError> {
        match self.wrong {
            Some((_, error)) => Err(error),
            None => Ok(Doc { value: self.root.unwrap_or(Value::Null), places: self.places, anchored: !self.anchors.is_empty() }),
        }
    }

    /// Remembers an error of the item at `spot`, unless there is one that comes first.
    fn blame(&mut self, rank: Rank, error: YamlError) {
        if self.wrong.as_ref().is_none_or(|(other, _)| rank < *other) {
            self.wrong = Some((rank, error));
        }
    }

    /// The rank of an error in an item of a list or map that was just closed.
    fn inner(&self, open: &Open, spot: Spot) -> Rank {
        (self.open.len() + 1, open.spot, spot)
    }

    /// The rank of an error in an item of the list or map that is open.
    fn rank(&self, spot: Spot) -> Rank {
        (self.open.len(), self.open.last().map(|open| open.spot).unwrap_or_default(), spot)
    }

    fn start(&mut self, props: Props<'a>, spot: Spot, mapping: bool) -> Result<(), YamlError> {
        if self.open.len() == DEEPEST {
            return Err(YamlError::Deep(spot.into()));
        }
        if let Some(name) = props.anchor {
            self.anchors.insert(name, Anchored::Open(self.open.len()));
        }
        let items = self.spare.pop().unwrap_or_default();
        self.open.push(Open { props, spot, mapping, items });
        Ok(())
    }

    fn anchor(&mut self, name: Option<&'a str>, item: &Item) {
        if let Some(name) = name {
            self.anchors.insert(name, Anchored::Done(item.clone()));
        }
    }

    /// A list or map has had its anchor since it began: one of the same name within it is newer.
    fn close(&mut self, name: Option<&'a str>, item: &Item) {
        if let Some(name) = name
            && matches!(self.anchors.get(name), Some(Anchored::Open(depth)) if *depth == self.open.len())
        {
            self.anchors.insert(name, Anchored::Done(item.clone()));
        }
    }

    fn alias(&mut self, name: &str, spot: Spot) -> Result<Item, YamlError> {
        match self.anchors.get(name) {
            // It keeps its place: that of the anchor.
            Some(Anchored::Done(item)) => Ok(item.clone()),
            Some(Anchored::Open(_)) => {
                // Values are made for DVC, too; what has no end shows only when they are used.
                self.blame((usize::MAX, spot, spot), YamlError::Recursive(spot.into()));
                Ok(Item { value: Value::Null, node: Node { value: spot, ..Node::default() }, kind: Kind::Unfinished })
            }
            None => Err(YamlError::plain(format!("found undefined alias {}", scalar::quoted(name)), spot.into())),
        }
    }

    /// Puts a complete node where it belongs.
    fn put(&mut self, item: Item) {
        let Some(parent) = self.open.last() else {
            if matches!(item.kind, Kind::Merge | Kind::Equals) {
                self.stray(item.kind, item.node.value);
            }
            self.places.root = item.node;
            self.root = Some(item.value);
            return;
        };
        let is_key = parent.mapping && parent.items.len().is_multiple_of(2);
        if matches!(item.kind, Kind::Merge | Kind::Equals) && !is_key {
            self.stray(item.kind, item.node.value);
        }
        if let Some(parent) = self.open.last_mut() {
            parent.items.push(item);
        }
    }

    /// `<<` or `=` where it is no key.
    fn stray(&mut self, kind: Kind, spot: Spot) {
        let name = if kind == Kind::Merge { "merge" } else { "value" };
        self.blame(self.rank(spot), unknown_tag(&format!("{TAG}{name}"), spot));
    }

    fn scalar(&mut self, props: &Props, text: &str, plain: bool, spot: Spot) -> (Value, Kind) {
        let made = match props.tag.as_deref() {
            None if !plain => return (self.text(text), Kind::Scalar),
            None => match scalar::resolve(text, self.dialect) {
                scalar::Type::Merge => return (Value::str(text), Kind::Merge),
                scalar::Type::Equals => return (Value::str(text), Kind::Equals),
                scalar::Type::Str => return (self.text(text), Kind::Scalar),
                kind => scalar::construct(kind, text, self.dialect),
            },
            Some(tag) => match tag.strip_prefix(TAG) {
                Some("str") => return (Value::str(text), Kind::Scalar),
                Some("merge") => return (Value::str(text), Kind::Merge),
                Some("value") => return (Value::str(text), Kind::Equals),
                Some(name) => tagged_scalar(name, text, spot, self.dialect),
                None => Err(unknown_tag(tag, spot)),
            },
        };
        let value = made.unwrap_or_else(|error| {
            self.blame(self.rank(spot), error);
            Value::Null
        });
        (value, Kind::Scalar)
    }

    /// A text; one allocation for all short ones that are the same.
    fn text(&mut self, text: &str) -> Value {
        const SHORT: usize = 12;
        const MOST: usize = 256;
        if text.len() > SHORT {
            return Value::str(text);
        }
        if let Some(value) = self.known.get(text) {
            return value.clone();
        }
        let value = Value::str(text);
        if self.known.len() < MOST {
            self.known.insert(text.into(), value.clone());
        }
        value
    }

    fn sequence(&mut self, open: &mut Open) -> Item {
        let node = self.children(open.spot, open.items.iter().map(|item| item.node));
        let tag = open.props.tag.as_deref().filter(|_| !self.only_merged(open));
        let value = match tag.map(|tag| tag.strip_prefix(TAG).ok_or(tag)) {
            None | Some(Ok("seq")) => Value::seq(open.items.drain(..).map(|item| item.value).collect()),
            Some(Ok("omap")) => self.ordered_map(open),
            Some(Ok("pairs")) => self.pairs(open),
            Some(tag) => {
                self.blame(self.rank(open.spot), wrong_tag(tag, "sequence", open.spot));
                Value::Null
            }
        };
        Item { value, node, kind: Kind::Sequence }
    }

    /// `!!omap`: a list of maps of one entry each.
    fn ordered_map(&mut self, open: &Open) -> Value {
        let mut map = Map::default();
        for (key, value) in self.singles(open, "while constructing an ordered map") {
            map.insert(key, value);
        }
        Value::map(map)
    }

    /// `!!pairs`: the same, as a list of pairs.
    fn pairs(&mut self, open: &Open) -> Value {
        let pairs = self.singles(open, "while constructing pairs");
        Value::seq(pairs.into_iter().map(|(key, value)| Value::seq(vec![key.0, value])).collect())
    }

    fn singles(&mut self, open: &Open, context: &str) -> Vec<(Key, Value)> {
        let mut pairs = Vec::new();
        for item in &open.items {
            let problem = match &item.value {
                Value::Map(map) if map.len() == 1 => {
                    pairs.extend(map.iter().map(|(key, value)| (key.clone(), value.clone())));
                    continue;
                }
                Value::Map(map) => format!("expected a single mapping item, but found {} items", map.len()),
                _ => format!("expected a mapping of length 1, but found {}", item.kind.name()),
            };
            self.blame(self.inner(open, item.node.value), YamlError::within(context, open.spot.into(), problem, item.node.value.into()));
        }
        pairs
    }

    /// Keeps the places of the parts of a list or map.
    fn children(&mut self, spot: Spot, nodes: impl Iterator<Item = Node>) -> Node {
        let first = self.places.nodes.len();
        self.places.nodes.extend(nodes);
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Node { value: spot, key: Spot::default(), first: small(first), count: small(self.places.nodes.len() - first) }
    }

    /// The places of the parts of a complete node.
    fn nodes(&self, node: &Node) -> Vec<Node> {
        self.places.children(node).to_vec()
    }
}

/// A scalar whose tag says what it is.
fn tagged_scalar(name: &str, text: &str, spot: Spot, dialect: Dialect) -> Result<Value, YamlError> {
    let kind = match name {
        "null" => return Ok(Value::Null),
        "bool" => scalar::Type::Bool,
        "int" => scalar::Type::Int,
        "float" => scalar::Type::Float,
        "timestamp" if !time::is_time(text) => {
            return Err(YamlError::plain(format!("failed to construct timestamp from \"{text}\""), spot.into()));
        }
        "timestamp" => scalar::Type::Time,
        "binary" => return scalar::binary(text, spot.into()),
        name => return Err(wrong_tag(Ok(name), "scalar", spot)),
    };
    scalar::construct(kind, text, dialect)
}

/// A tag that nobody knows.
fn unknown_tag(tag: &str, spot: Spot) -> YamlError {
    YamlError::plain(format!("could not determine a constructor for the tag {}", scalar::quoted(tag)), spot.into())
}

/// A tag that does not fit the kind of its node.
fn wrong_tag(tag: Result<&str, &str>, found: &str, spot: Spot) -> YamlError {
    let at: Mark = spot.into();
    match tag {
        Ok("str" | "null" | "bool" | "int" | "float" | "binary") => {
            YamlError::plain(format!("expected a scalar node, but found {found}"), at)
        }
        Ok("seq") => YamlError::plain(format!("expected a sequence node, but found {found}"), at),
        Ok("map" | "set") => YamlError::plain(format!("expected a mapping node, but found {found}"), at),
        Ok("omap") => YamlError::within("while constructing an ordered map", at, format!("expected a sequence, but found {found}"), at),
        Ok("pairs") => YamlError::within("while constructing pairs", at, format!("expected a sequence, but found {found}"), at),
        Ok("timestamp") => YamlError::plain("failed to construct timestamp".to_owned(), at),
        Ok(name) => unknown_tag(&format!("{TAG}{name}"), spot),
        Err(tag) => unknown_tag(tag, spot),
    }
}
