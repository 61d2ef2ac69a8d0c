//! The library's events, cut down to what composing needs.

use libyaml_safer::{Encoding, EventData, Parser, ScalarStyle};

use super::error::{Mark, YamlError};
use super::place::Spot;

/// What begins, ends or stands at a place.
#[derive(Debug)]
pub(super) enum Event {
    /// A further document begins.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// Nothing more.
    StreamEnd,
    /// `*name`
    Alias(String),
    /// A scalar.
    Scalar {
        /// Anchor and tag.
        props: Props,
        /// Its text.
        text: String,
        /// Whether the text decides its type.
        plain: bool,
    },
    /// A list begins.
    SeqStart(Props),
    /// A list ends.
    SeqEnd,
    /// A map begins.
    MapStart(Props),
    /// A map ends.
    MapEnd,
}

/// What may stand before a node.
#[derive(Default, Debug)]
pub(super) struct Props {
    /// `&name`
    pub anchor: Option<String>,
    /// The full tag; none where it is absent or `!`.
    pub tag: Option<String>,
}

/// The events of a text, one by one.
pub(super) struct Events<'r, 'b> {
    parser: Parser<&'r mut &'b [u8]>,
    /// The version that `%YAML` asks for.
    pub version: Option<(i32, i32)>,
}

impl<'r, 'b> Events<'r, 'b> {
    /// Over this text.
    pub fn new(text: &'r mut &'b [u8]) -> Self {
        let mut parser = Parser::new();
        parser.set_input(text);
        parser.set_encoding(Encoding::Utf8);
        Self { parser, version: None }
    }

    /// The next event and where it begins.
    pub fn next(&mut self) -> Result<(Event, Spot), YamlError> {
        loop {
            let event = self.parser.parse().map_err(|error| problem(&error))?;
            let spot = spot(event.start_mark);
            let event = match event.data {
                EventData::StreamStart { .. } => continue,
                EventData::StreamEnd => Event::StreamEnd,
                EventData::DocumentStart { version_directive, .. } => {
                    self.version = version_directive.map(|version| (version.major, version.minor));
                    Event::DocumentStart
                }
                EventData::DocumentEnd { .. } => Event::DocumentEnd,
                EventData::Alias { anchor } => Event::Alias(anchor),
                EventData::Scalar { anchor, tag, value, style, .. } => {
                    let bang = tag.as_deref() == Some("!");
                    let plain = bang || (tag.is_none() && style == ScalarStyle::Plain);
                    Event::Scalar { props: props(anchor, tag), text: value, plain }
                }
                EventData::SequenceStart { anchor, tag, .. } => Event::SeqStart(props(anchor, tag)),
                EventData::SequenceEnd => Event::SeqEnd,
                EventData::MappingStart { anchor, tag, .. } => Event::MapStart(props(anchor, tag)),
                EventData::MappingEnd => Event::MapEnd,
            };
            return Ok((event, spot));
        }
    }
}

fn props(anchor: Option<String>, tag: Option<String>) -> Props {
    Props { anchor, tag: tag.filter(|tag| tag != "!") }
}

fn spot(mark: libyaml_safer::Mark) -> Spot {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Spot { line: small(mark.line), column: small(mark.column) }
}

fn problem(error: &libyaml_safer::Error) -> YamlError {
    let at: Mark = error.problem_mark().map(spot).unwrap_or_default().into();
    match (error.context(), error.context_mark()) {
        (Some(context), Some(began)) => YamlError::within(context, spot(began).into(), error.problem(), at),
        _ => YamlError::plain(error.problem(), at),
    }
}
