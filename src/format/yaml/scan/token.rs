//! The words that YAML's grammar is made of.

use std::borrow::Cow;

use super::super::place::Spot;

/// A word with its place.
#[derive(Clone, Debug)]
pub(in super::super) struct Token<'a> {
    pub kind: Kind<'a>,
    pub start: Spot,
    pub end: Spot,
}

/// What a word is.
#[derive(Clone, PartialEq, Debug)]
pub(in super::super) enum Kind<'a> {
    StreamEnd,
    Directive(Directive<'a>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowMappingStart,
    FlowSequenceEnd,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag(Tag<'a>),
    Scalar { text: Cow<'a, str>, plain: bool },
}

/// A line that begins with `%`.
#[derive(Clone, PartialEq, Debug)]
pub(in super::super) enum Directive<'a> {
    Yaml(u32, u32),
    Tag(&'a str, String),
    Other,
}

/// A tag: its handle (none for a verbatim one), and the rest.
#[derive(Clone, PartialEq, Debug)]
pub(in super::super) struct Tag<'a> {
    pub handle: Option<&'a str>,
    pub suffix: String,
}

impl Kind<'_> {
    /// The name in error texts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StreamEnd => "<stream end>",
            Self::Directive(_) => "<directive>",
            Self::DocumentStart => "<document start>",
            Self::DocumentEnd => "<document end>",
            Self::BlockSequenceStart => "<block sequence start>",
            Self::BlockMappingStart => "<block mapping start>",
            Self::BlockEnd => "<block end>",
            Self::FlowSequenceStart => "[",
            Self::FlowMappingStart => "{",
            Self::FlowSequenceEnd => "]",
            Self::FlowMappingEnd => "}",
            Self::BlockEntry => "-",
            Self::FlowEntry => ",",
            Self::Key => "?",
            Self::Value => ":",
            Self::Alias(_) => "<alias>",
            Self::Anchor(_) => "<anchor>",
            Self::Tag(_) => "<tag>",
            Self::Scalar { .. } => "<scalar>",
        }
    }
}
