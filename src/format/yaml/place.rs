//! Where the parts of a document stand.
//!
//! Kept beside the value and not within it, so that values stay plain. One small node for each
//! value, children of one list or map side by side, in the order of the finished list or map.

use super::error::Mark;
use crate::model::{Key, Value};

/// One step into a document.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Into a map.
    Key(Key),
    /// Into a list.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(Key::str(key))
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Whether DVC finds what is under such a key (dpath: `segments.match`).
fn is_findable(step: &Step) -> bool {
    match step {
        Step::Key(key) => matches!(key.0, Value::Str(_) | Value::Int(_) | Value::BigInt(_) | Value::Bool(_)),
        Step::Index(_) => true,
    }
}

/// Zero-based line and column, small.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Spot {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl From<Spot> for Mark {
    fn from(spot: Spot) -> Self {
        Self { line: spot.line as usize + 1, column: spot.column as usize + 1 }
    }
}

/// The place of one value, of its key, and of what is in it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Node {
    /// The value.
    pub value: Spot,
    /// The key, in a map.
    pub key: Spot,
    /// The first child's number.
    pub first: u32,
    /// How many children.
    pub count: u32,
}

/// The places of all parts of a document.
#[derive(Clone, Default, Debug)]
pub struct Places {
    /// All nodes but the root.
    pub(super) nodes: Vec<Node>,
    /// The root.
    pub(super) root: Node,
}

impl Places {
    /// Where the value at this path begins.
    pub fn value(&self, root: &Value, path: &[Step]) -> Option<Mark> {
        self.find(root, path).map(|(node, _)| node.value.into())
    }

    /// Where the key of the value at this path begins (the item itself, in a list).
    pub fn key(&self, root: &Value, path: &[Step]) -> Option<Mark> {
        let (node, _) = self.find(root, path)?;
        match path.last() {
            Some(Step::Key(_)) => Some(node.key.into()),
            _ => Some(node.value.into()),
        }
    }

    /// Where the keys of the map at this path begin, in its order.
    pub fn keys(&self, root: &Value, path: &[Step]) -> Vec<Mark> {
        let Some((node, _)) = self.find(root, path) else { return Vec::new() };
        self.children(&node).iter().map(|child| child.key.into()).collect()
    }

    /// The nearest list or map at or above this path, where it begins, and how many steps of
    /// looking that took (dvc: `utils/strictyaml.py` `determine_linecol`, which gives up at
    /// the fifth and never blames the root).
    pub fn blame(&self, root: &Value, path: &[Step]) -> (Option<Mark>, usize) {
        let mut step = 1;
        let mut path = path;
        while let [above @ .., _] = path {
            if step >= 5 {
                break;
            }
            if path.iter().all(is_findable)
                && let Some((node, Value::Seq(_) | Value::Map(_) | Value::Set(_))) = self.find(root, path)
            {
                return (Some(node.value.into()), step);
            }
            step += 1;
            path = above;
        }
        (None, step)
    }

    /// The node and the value at a path.
    fn find<'a>(&self, root: &'a Value, path: &[Step]) -> Option<(Node, &'a Value)> {
        let mut node = self.root;
        let mut value = root;
        for step in path {
            let (index, below) = match (step, value) {
                (Step::Key(key), Value::Map(map)) => map.get_full(key).map(|(index, _, below)| (index, below))?,
                (Step::Index(index), Value::Seq(items)) => (*index, items.get(*index)?),
                _ => return None,
            };
            node = *self.children(&node).get(index)?;
            value = below;
        }
        Some((node, value))
    }

    /// The nodes below a node.
    pub(super) fn children(&self, node: &Node) -> &[Node] {
        let first = node.first as usize;
        self.nodes.get(first..first + node.count as usize).unwrap_or(&[])
    }
}
