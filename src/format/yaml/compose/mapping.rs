//! Maps: merges, duplicates, keys of all kinds.

use indexmap::map::Entry;

use super::super::error::YamlError;
use super::super::place::{Node, Spot};
use super::super::scalar;
use super::{Builder, Item, Kind, Open, wrong_tag};
use crate::model::{Key, Map, Value};

const CONTEXT: &str = "while constructing a mapping";

/// A map in the making, with the places of its entries.
#[derive(Default)]
struct Entries {
    map: Map,
    nodes: Vec<Node>,
    /// Whether entries of other maps were put before its own; the loader looks for no
    /// duplicates then.
    merged: bool,
}

impl Entries {
    /// Puts an entry; gives it back where there is one already and that may not be.
    fn put(&mut self, key: Key, value: Value, node: Node) -> Result<(), (Key, Value)> {
        // Equal texts look alike, equal numbers (`0` and `false`) may not.
        let shown = if matches!(key.0, Value::Str(_)) { None } else { Some(key.clone()) };
        match self.map.entry(key) {
            Entry::Vacant(slot) => {
                slot.insert(value);
                self.nodes.push(node);
            }
            Entry::Occupied(mut slot) if self.merged => {
                self.nodes[slot.index()] = node;
                slot.insert(value);
            }
            Entry::Occupied(slot) => return Err((shown.unwrap_or_else(|| slot.key().clone()), value)),
        }
        Ok(())
    }
}

impl Builder<'_> {
    pub(super) fn mapping(&mut self, open: &mut Open) -> Item {
        let tag = open.props.tag.as_deref().map(|tag| tag.strip_prefix(super::TAG).ok_or(tag));
        let only_merged = self.only_merged(open);
        if let Some(tag) = tag.filter(|tag| !only_merged && !matches!(tag, Ok("map" | "set"))) {
            self.blame(self.rank(open.spot), wrong_tag(tag, "mapping", open.spot));
        }
        let set = tag == Some(Ok("set"));
        let mut entries = Entries::default();
        entries.map.reserve(open.items.len() / 2);
        if open.items.iter().step_by(2).any(|key| key.kind == Kind::Merge) {
            self.merge(open, &mut entries);
        }
        entries.merged |= only_merged;
        let mut items = std::mem::take(&mut open.items);
        let mut rest = items.drain(..);
        while let (Some(key), Some(item)) = (rest.next(), rest.next()) {
            if key.kind == Kind::Merge {
                continue;
            }
            let (at, spot) = (key.node.value, item.node.value);
            let Some(name) = self.key(key, open) else { continue };
            let node = Node { key: at, ..item.node };
            if let Err((key, value)) = entries.put(name, item.value, node) {
                let first = entries.map.get(&key).unwrap_or(&Value::Null);
                let [key, value, first] = [&key.0, &value, first].map(scalar::shown);
                let problem = format!("found duplicate key \"{key}\" with value \"{value}\" (original value: \"{first}\")");
                self.blame(self.inner(open, spot), YamlError::within(CONTEXT, open.spot.into(), problem, at.into()));
            }
        }
        drop(rest);
        open.items = items;
        let node = self.children(open.spot, entries.nodes.into_iter());
        let value = if set { Value::Set(entries.map.into()) } else { Value::map(entries.map) };
        Item { value, node, kind: Kind::Mapping }
    }

    /// Whether a list or map that ends here is only there to be merged into another one. Its entries become those of that
    /// one, and what it would be by itself, with its tag and its duplicates, is never asked.
    pub(super) fn only_merged(&self, open: &Open) -> bool {
        let merges = |parent: &Open| {
            parent.mapping && !parent.items.len().is_multiple_of(2) && parent.items.last().is_some_and(|key| key.kind == Kind::Merge)
        };
        let mut around = self.open.iter().rev();
        let parent = around.next().filter(|_| open.props.anchor.is_none());
        parent.is_some_and(|parent| merges(parent) || (!parent.mapping && around.next().is_some_and(merges)))
    }

    /// Puts what `<<` names before the map's own entries.
    fn merge(&mut self, open: &Open, entries: &mut Entries) {
        // Merging comes before all items.
        let rank = self.inner(open, Spot::default());
        let fail = |problem: String, at: Spot| YamlError::within(CONTEXT, open.spot.into(), problem, at.into());
        for pair in open.items.chunks_exact(2) {
            let [key, item] = pair else { continue };
            if key.kind != Kind::Merge {
                continue;
            }
            if entries.merged {
                self.blame(rank, fail("found duplicate merge key \"<<\"".to_owned(), key.node.value));
                continue;
            }
            let sources = self.sources(item);
            for source in sources.iter().filter(|source| !matches!(source.kind, Kind::Mapping | Kind::Unfinished)) {
                let what = if item.kind == Kind::Sequence { "a mapping" } else { "a mapping or list of mappings" };
                let problem = format!("expected {what} for merging, but found {}", source.kind.name());
                self.blame(rank, fail(problem, source.node.value));
            }
            // The weakest first.
            for source in sources.iter().rev() {
                let (Value::Map(map) | Value::Set(map)) = &source.value else { continue };
                for ((key, value), node) in map.iter().zip(self.nodes(&source.node)) {
                    entries.merged = true;
                    // With merging allowed, nothing is refused.
                    let _ = entries.put(key.clone(), value.clone(), node);
                }
            }
        }
    }

    /// What is merged: a map, or the maps of a list.
    fn sources(&self, item: &Item) -> Vec<Item> {
        let Value::Seq(items) = &item.value else { return vec![item.clone()] };
        let kind = |value: &Value| match value {
            Value::Map(_) | Value::Set(_) => Kind::Mapping,
            Value::Seq(_) => Kind::Sequence,
            _ => Kind::Scalar,
        };
        let source = |(value, node): (&Value, Node)| Item { value: value.clone(), node, kind: kind(value) };
        items.iter().zip(self.nodes(&item.node)).map(source).collect()
    }

    /// The map's key that a node stands for.
    fn key(&mut self, item: Item, open: &Open) -> Option<Key> {
        let rank = self.inner(open, item.node.value);
        match &item.value {
            Value::Map(_) | Value::Set(_) => {
                self.blame(rank, YamlError::within(CONTEXT, open.spot.into(), "found unhashable key", item.node.value.into()));
                return None;
            }
            Value::Seq(items) => {
                let inner = items.iter().find(|value| matches!(value, Value::Seq(_) | Value::Map(_) | Value::Set(_)));
                if let Some(inner) = inner {
                    self.blame(rank, YamlError::Value(format!("unhashable type: '{}'", inner.python_type())));
                    return None;
                }
            }
            _ => {}
        }
        Some(Key(item.value))
    }
}
