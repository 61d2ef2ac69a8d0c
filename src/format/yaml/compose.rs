//! From events to one value: aliases, merges, tags, duplicate keys.
//!
//! One pass with a stack of our own, so depth costs no machine stack here; but whoever walks
//! the value later recurses, so depth is bounded all the same ([`DEEPEST`]; ruamel gives up
//! near 300 levels itself). What the loader of DVC finds only while it builds values (a
//! duplicate key, an unknown tag) is told after all syntax errors, outermost first, as there.

use std::collections::HashMap;

use indexmap::map::Entry;

use super::Doc;
use super::error::{Mark, YamlError};
use super::events::{Event, Events, Props};
use super::place::{Node, Places, Spot};
use super::scalar::{self, Dialect};
use crate::model::{Key, Map, Value};

/// How many lists and maps may be within one another.
const DEEPEST: usize = 400;

const TAG: &str = "tag:yaml.org,2002:";

/// Reads the one document of a text.
pub(super) fn compose(text: &str) -> Result<Doc, YamlError> {
    let mut bytes = text.as_bytes();
    let mut events = Events::new(&mut bytes);
    let (first, _) = events.next()?;
    if matches!(first, Event::StreamEnd) {
        return Ok(Doc { value: Value::Null, places: Places::default(), anchored: false });
    }
    let dialect = match events.version {
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
struct Open {
    props: Props,
    spot: Spot,
    mapping: bool,
    items: Vec<Item>,
}

/// What an anchor names.
enum Anchored {
    /// A complete node.
    Done(Item),
    /// A list or map that is still open.
    Open,
}

#[derive(Default)]
struct Builder {
    dialect: Dialect,
    open: Vec<Open>,
    anchors: HashMap<String, Anchored>,
    places: Places,
    root: Option<Value>,
    /// The first thing wrong that is no syntax error, with its level.
    wrong: Option<(usize, YamlError)>,
}

impl Builder {
    fn take(&mut self, event: Event, spot: Spot) -> Result<(), YamlError> {
        match event {
            Event::Alias(name) => {
                let item = self.alias(&name, spot)?;
                self.put(item);
            }
            Event::Scalar { props, text, plain } => {
                let (value, kind) = self.scalar(&props, text, plain, spot);
                let item = Item { value, node: Node { value: spot, ..Node::default() }, kind };
                self.anchor(props.anchor, &item);
                self.put(item);
            }
            Event::SeqStart(props) => self.start(props, spot, false)?,
            Event::MapStart(props) => self.start(props, spot, true)?,
            Event::SeqEnd | Event::MapEnd => {
                let open = self.open.pop().expect("the parser balances starts and ends");
                let item = if open.mapping { self.mapping(&open) } else { self.sequence(&open) };
                self.anchor(open.props.anchor, &item);
                self.put(item);
            }
            Event::DocumentStart | Event::DocumentEnd | Event::StreamEnd => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Doc, YamlError> {
        match self.wrong {
            Some((_, error)) => Err(error),
            None => Ok(Doc { value: self.root.unwrap_or(Value::Null), places: self.places, anchored: !self.anchors.is_empty() }),
        }
    }

    /// Remembers an error of the value at this level, unless there is one further out or
    /// before it on the same level.
    fn blame(&mut self, level: usize, error: YamlError) {
        if self.wrong.as_ref().is_none_or(|(at, _)| level < *at) {
            self.wrong = Some((level, error));
        }
    }

    fn start(&mut self, props: Props, spot: Spot, mapping: bool) -> Result<(), YamlError> {
        if self.open.len() == DEEPEST {
            return Err(YamlError::Deep(spot.into()));
        }
        if let Some(name) = &props.anchor {
            self.anchors.insert(name.clone(), Anchored::Open);
        }
        self.open.push(Open { props, spot, mapping, items: Vec::new() });
        Ok(())
    }

    fn anchor(&mut self, name: Option<String>, item: &Item) {
        if let Some(name) = name {
            self.anchors.insert(name, Anchored::Done(item.clone()));
        }
    }

    fn alias(&self, name: &str, spot: Spot) -> Result<Item, YamlError> {
        match self.anchors.get(name) {
            Some(Anchored::Done(item)) => {
                let mut item = item.clone();
                item.node.value = spot;
                Ok(item)
            }
            Some(Anchored::Open) => Err(YamlError::Recursive(spot.into())),
            None => Err(YamlError::plain(format!("found undefined alias {}", scalar::quoted(name)), spot.into())),
        }
    }

    /// Puts a complete node where it belongs.
    fn put(&mut self, item: Item) {
        let Some(parent) = self.open.last() else {
            if matches!(item.kind, Kind::Merge | Kind::Equals) {
                self.stray(item.kind, item.node.value, 0);
            }
            self.places.root = item.node;
            self.root = Some(item.value);
            return;
        };
        let is_key = parent.mapping && parent.items.len().is_multiple_of(2);
        if matches!(item.kind, Kind::Merge | Kind::Equals) && !is_key {
            self.stray(item.kind, item.node.value, self.open.len());
        }
        if let Some(parent) = self.open.last_mut() {
            parent.items.push(item);
        }
    }

    /// `<<` or `=` where it is no key.
    fn stray(&mut self, kind: Kind, spot: Spot, level: usize) {
        let name = if kind == Kind::Merge { "merge" } else { "value" };
        self.blame(level, unknown_tag(&format!("{TAG}{name}"), spot));
    }

    fn scalar(&mut self, props: &Props, text: String, plain: bool, spot: Spot) -> (Value, Kind) {
        let made = match props.tag.as_deref() {
            None if !plain => return (Value::Str(text.into()), Kind::Scalar),
            None => match scalar::resolve(&text, self.dialect) {
                scalar::Type::Merge => return (Value::Str(text.into()), Kind::Merge),
                scalar::Type::Equals => return (Value::Str(text.into()), Kind::Equals),
                scalar::Type::Str => return (Value::Str(text.into()), Kind::Scalar),
                kind => scalar::construct(kind, &text, self.dialect),
            },
            Some(tag) => match tag.strip_prefix(TAG) {
                Some("str") => return (Value::Str(text.into()), Kind::Scalar),
                Some("merge") => return (Value::Str(text.into()), Kind::Merge),
                Some("value") => return (Value::Str(text.into()), Kind::Equals),
                Some(name) => tagged_scalar(name, &text, spot, self.dialect),
                None => Err(unknown_tag(tag, spot)),
            },
        };
        let value = made.unwrap_or_else(|error| {
            let level = self.open.len();
            self.blame(level, error);
            Value::Null
        });
        (value, Kind::Scalar)
    }

    fn sequence(&mut self, open: &Open) -> Item {
        let level = self.open.len();
        let node = self.children(open.spot, open.items.iter().map(|item| item.node));
        let items = || open.items.iter().map(|item| item.value.clone()).collect::<Vec<_>>();
        let value = match open.props.tag.as_deref().map(|tag| tag.strip_prefix(TAG).ok_or(tag)) {
            None | Some(Ok("seq")) => Value::seq(items()),
            Some(Ok("omap")) => self.ordered_map(open, level),
            Some(Ok("pairs")) => self.pairs(open, level),
            Some(tag) => {
                self.blame(level, wrong_tag(tag, "sequence", open.spot));
                Value::Null
            }
        };
        Item { value, node, kind: Kind::Sequence }
    }

    /// `!!omap`: a list of maps of one entry each.
    fn ordered_map(&mut self, open: &Open, level: usize) -> Value {
        let mut map = Map::new();
        for (key, value) in self.singles(open, level, "while constructing an ordered map") {
            map.insert(key, value);
        }
        Value::map(map)
    }

    /// `!!pairs`: the same, as a list of pairs.
    fn pairs(&mut self, open: &Open, level: usize) -> Value {
        let pairs = self.singles(open, level, "while constructing pairs");
        Value::seq(pairs.into_iter().map(|(key, value)| Value::seq(vec![key.0, value])).collect())
    }

    fn singles(&mut self, open: &Open, level: usize, context: &str) -> Vec<(Key, Value)> {
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
            self.blame(level, YamlError::within(context, open.spot.into(), problem, item.node.value.into()));
        }
        pairs
    }

    fn mapping(&mut self, open: &Open) -> Item {
        let level = self.open.len();
        let tag = open.props.tag.as_deref().map(|tag| tag.strip_prefix(TAG).ok_or(tag));
        if let Some(tag) = tag.filter(|tag| !matches!(tag, Ok("map" | "set"))) {
            self.blame(level, wrong_tag(tag, "mapping", open.spot));
        }
        // One level further in than the map itself: its entries are looked at after it was made.
        let mut entries: indexmap::IndexMap<Key, (Value, Node)> = indexmap::IndexMap::with_capacity(open.items.len() / 2);
        let merging = self.merge(open, &mut entries, level + 1);
        let merged = entries.len();
        for pair in open.items.chunks_exact(2) {
            let [key, item] = pair else { continue };
            if key.kind == Kind::Merge {
                continue;
            }
            let Some(name) = self.key(key, open.spot, level + 1) else { continue };
            let node = Node { key: key.node.value, ..item.node };
            match entries.entry(name) {
                Entry::Vacant(slot) => {
                    slot.insert((item.value.clone(), node));
                }
                Entry::Occupied(mut slot) if merging => {
                    *slot.get_mut() = (item.value.clone(), node);
                }
                Entry::Occupied(slot) => {
                    let problem = format!(
                        "found duplicate key \"{}\" with value \"{}\" (original value: \"{}\")",
                        scalar::shown(&slot.key().0),
                        scalar::shown(&item.value),
                        scalar::shown(&slot.get().0),
                    );
                    let error = YamlError::within("while constructing a mapping", open.spot.into(), problem, key.node.value.into());
                    self.blame(level + 1, error);
                }
            }
        }
        debug_assert!(merging || merged == 0, "nothing is merged without a merge key");
        let node = self.children(open.spot, entries.values().map(|(_, node)| *node));
        let map: Map = entries.into_iter().map(|(key, (value, _))| (key, value)).collect();
        let value = if tag == Some(Ok("set")) { Value::Set(map.into()) } else { Value::map(map) };
        Item { value, node, kind: Kind::Mapping }
    }

    /// Puts what `<<` names before the map's own entries; whether there was anything.
    /// (Where there is, ruamel looks for no duplicates among the map's own keys.)
    fn merge(&mut self, open: &Open, entries: &mut indexmap::IndexMap<Key, (Value, Node)>, level: usize) -> bool {
        let mut merging = false;
        for pair in open.items.chunks_exact(2) {
            let [key, item] = pair else { continue };
            if key.kind != Kind::Merge {
                continue;
            }
            let fail = |problem: String, at: Spot| YamlError::within("while constructing a mapping", open.spot.into(), problem, at.into());
            if merging {
                self.blame(level, fail("found duplicate merge key \"<<\"".to_owned(), key.node.value));
                continue;
            }
            let sources: Vec<Item> = match &item.value {
                Value::Seq(items) if item.kind == Kind::Sequence => {
                    let nodes = self.nodes(&item.node);
                    let kind = |value: &Value| match value {
                        Value::Map(_) | Value::Set(_) => Kind::Mapping,
                        Value::Seq(_) => Kind::Sequence,
                        _ => Kind::Scalar,
                    };
                    items.iter().zip(nodes).rev().map(|(value, node)| Item { value: value.clone(), node, kind: kind(value) }).collect()
                }
                _ => vec![item.clone()],
            };
            for source in sources {
                let (Kind::Mapping, Value::Map(map) | Value::Set(map)) = (source.kind, &source.value) else {
                    let what = if item.kind == Kind::Sequence { "a mapping" } else { "a mapping or list of mappings" };
                    self.blame(level, fail(format!("expected {what} for merging, but found {}", source.kind.name()), source.node.value));
                    continue;
                };
                let nodes = self.nodes(&source.node);
                for ((key, value), node) in map.iter().zip(nodes) {
                    entries.insert(key.clone(), (value.clone(), node));
                    merging = true;
                }
            }
        }
        merging
    }

    /// The map's key that a node stands for.
    fn key(&mut self, item: &Item, map: Spot, level: usize) -> Option<Key> {
        match &item.value {
            Value::Map(_) | Value::Set(_) => {
                let at = item.node.value.into();
                self.blame(level, YamlError::within("while constructing a mapping", map.into(), "found unhashable key", at));
                None
            }
            Value::Seq(items) => {
                let inner = items.iter().find(|value| matches!(value, Value::Seq(_) | Value::Map(_) | Value::Set(_)));
                if let Some(inner) = inner {
                    self.blame(level, YamlError::Value(format!("unhashable type: '{}'", inner.python_type())));
                    return None;
                }
                Some(Key(item.value.clone()))
            }
            value => Some(Key(value.clone())),
        }
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
        let first = node.first as usize;
        self.places.nodes.get(first..first + node.count as usize).unwrap_or(&[]).to_vec()
    }
}

/// A scalar whose tag says what it is.
fn tagged_scalar(name: &str, text: &str, spot: Spot, dialect: Dialect) -> Result<Value, YamlError> {
    let kind = match name {
        "null" => return Ok(Value::Null),
        "bool" => scalar::Type::Bool,
        "int" => scalar::Type::Int,
        "float" => scalar::Type::Float,
        "timestamp" if !scalar::is_time(text) => {
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
