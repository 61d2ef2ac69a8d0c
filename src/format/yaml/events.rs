//! From words to events: where documents, lists, maps and scalars begin and end.
//!
//! A machine with a stack of states instead of functions that call one another, so that depth
//! costs no machine stack. Grammar and sentences are those of ruamel's parser.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::YamlError;
use super::place::Spot;
use super::scalar::{Dialect, quoted};
use super::scan::{Directive, Kind, Scanner, Tag, Token};

/// What begins, ends or stands at a place.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// A further document begins.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// Nothing more.
    StreamEnd,
    /// `*name`
    Alias(&'a str),
    /// A scalar.
    Scalar {
        /// Anchor and tag.
        props: Props<'a>,
        /// Its text.
        text: Cow<'a, str>,
        /// Whether the text decides its type.
        plain: bool,
    },
    /// A list begins.
    SeqStart(Props<'a>),
    /// A list ends.
    SeqEnd,
    /// A map begins.
    MapStart(Props<'a>),
    /// A map ends.
    MapEnd,
}

/// What may stand before a node.
#[derive(Default, Debug)]
pub(super) struct Props<'a> {
    /// `&name`
    pub anchor: Option<&'a str>,
    /// The full tag; none where it is absent or `!`.
    pub tag: Option<String>,
}

/// What the machine expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    ImplicitDocument,
    ExplicitDocument,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    Sequence { first: bool },
    IndentlessSequence,
    MappingKey { first: bool },
    MappingValue,
    FlowSequence { first: bool },
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingKey { first: bool },
    FlowMappingValue,
    FlowMappingEmpty,
    End,
}

type Found<'a> = Result<(Event<'a>, Spot), YamlError>;

/// The events of a text, one by one.
pub(super) struct Events<'a> {
    scanner: Scanner<'a>,
    state: State,
    states: Vec<State>,
    /// Where the open lists and maps began.
    began: Vec<Spot>,
    handles: HashMap<&'a str, String>,
}

impl<'a> Events<'a> {
    /// Over this text.
    pub fn new(text: &'a str) -> Self {
        let mut events = Self {
            scanner: Scanner::new(text),
            state: State::ImplicitDocument,
            states: Vec::new(),
            began: Vec::new(),
            handles: HashMap::new(),
        };
        events.default_handles();
        events
    }

    /// The version that `%YAML` asks for.
    pub fn version(&self) -> Option<(u32, u32)> {
        self.scanner.version
    }

    /// The next event and where it begins.
    pub fn next(&mut self) -> Found<'a> {
        match self.state {
            State::ImplicitDocument => self.implicit_document(),
            State::ExplicitDocument => self.explicit_document(),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::Sequence { first } => self.sequence(first),
            State::IndentlessSequence => self.indentless_sequence(),
            State::MappingKey { first } => self.mapping_key(first),
            State::MappingValue => self.mapping_value(),
            State::FlowSequence { first } => self.flow_sequence(first),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                self.state = State::FlowSequence { first: false };
                Ok((Event::MapEnd, self.spot()?))
            }
            State::FlowMappingKey { first } => self.flow_mapping_key(first),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmpty => {
                let spot = self.spot()?;
                Ok(self.empty(spot, State::FlowMappingKey { first: false }))
            }
            State::End => Ok((Event::StreamEnd, self.spot()?)),
        }
    }

    fn kind(&mut self) -> Result<&Kind<'a>, YamlError> {
        Ok(&self.scanner.peek()?.kind)
    }

    fn is(&mut self, kind: &Kind) -> Result<bool, YamlError> {
        Ok(self.kind()? == kind)
    }

    fn spot(&mut self) -> Result<Spot, YamlError> {
        Ok(self.scanner.peek()?.start)
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    /// A scalar that is not there.
    fn empty(&mut self, spot: Spot, then: State) -> (Event<'a>, Spot) {
        self.state = then;
        (Event::Scalar { props: Props::default(), text: Cow::Borrowed(""), plain: true }, spot)
    }

    /// A node, and then this.
    fn node_then(&mut self, block: bool, indentless: bool, then: State) -> Found<'a> {
        self.states.push(then);
        self.node(block, indentless)
    }

    /// What stands where it may not.
    fn unexpected(&mut self, context: &str, expected: &str) -> YamlError {
        let began = self.began.last().copied().unwrap_or_default();
        match self.scanner.peek() {
            Ok(Token { kind, start, .. }) => {
                YamlError::within(context, began.into(), format!("{expected} '{}'", kind.name()), (*start).into())
            }
            Err(error) => error,
        }
    }

    // Documents.

    fn default_handles(&mut self) {
        self.handles.entry("!").or_insert_with(|| "!".to_owned());
        self.handles.entry("!!").or_insert_with(|| "tag:yaml.org,2002:".to_owned());
    }

    fn implicit_document(&mut self) -> Found<'a> {
        if matches!(self.kind()?, Kind::Directive(_) | Kind::DocumentStart | Kind::StreamEnd) {
            return self.explicit_document();
        }
        self.handles.clear();
        self.default_handles();
        let spot = self.spot()?;
        self.states.push(State::DocumentEnd);
        self.state = State::BlockNode;
        Ok((Event::DocumentStart, spot))
    }

    fn explicit_document(&mut self) -> Found<'a> {
        while self.is(&Kind::DocumentEnd)? {
            self.scanner.next()?;
        }
        if self.is(&Kind::StreamEnd)? {
            self.state = State::End;
            return Ok((Event::StreamEnd, self.spot()?));
        }
        self.directives()?;
        if !self.is(&Kind::DocumentStart)? {
            let Token { kind, start, .. } = self.scanner.peek()?;
            // The loader's own slip of the pen: it formats a tuple.
            let problem = format!("expected '<document start>', but found ('{}',)", kind.name());
            return Err(YamlError::plain(problem, (*start).into()));
        }
        let token = self.scanner.next()?;
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok((Event::DocumentStart, token.start))
    }

    fn directives(&mut self) -> Result<(), YamlError> {
        let mut versioned = false;
        self.handles.clear();
        while matches!(self.kind()?, Kind::Directive(_)) {
            let token = self.scanner.next()?;
            let at = token.start.into();
            match token.kind {
                Kind::Directive(Directive::Yaml(..)) if versioned => return Err(YamlError::plain("found duplicate YAML directive", at)),
                Kind::Directive(Directive::Yaml(major, _)) => {
                    if major != 1 {
                        return Err(YamlError::plain("found incompatible YAML document (version 1.* is required)", at));
                    }
                    versioned = true;
                }
                Kind::Directive(Directive::Tag(handle, _)) if self.handles.contains_key(handle) => {
                    return Err(YamlError::plain(format!("duplicate tag handle {}", quoted(handle)), at));
                }
                Kind::Directive(Directive::Tag(handle, prefix)) => {
                    self.handles.insert(handle, prefix);
                }
                _ => {}
            }
        }
        self.default_handles();
        Ok(())
    }

    fn document_content(&mut self) -> Found<'a> {
        if matches!(self.kind()?, Kind::Directive(_) | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd) {
            let spot = self.spot()?;
            let then = self.states.pop().unwrap_or(State::End);
            return Ok(self.empty(spot, then));
        }
        self.node(true, false)
    }

    fn document_end(&mut self) -> Found<'a> {
        let spot = self.spot()?;
        let explicit = self.is(&Kind::DocumentEnd)?;
        if explicit {
            let end = self.scanner.next()?.end;
            let Token { kind, start, .. } = self.scanner.peek()?;
            if *kind != Kind::StreamEnd && start.line == end.line {
                let problem = format!("found non-comment content after document end marker, ('{}',)", kind.name());
                return Err(YamlError::plain(problem, (*start).into()));
            }
        }
        let implicit_may_follow = explicit && self.scanner.dialect() == Dialect::V1_2;
        self.state = if implicit_may_follow { State::ImplicitDocument } else { State::ExplicitDocument };
        Ok((Event::DocumentEnd, spot))
    }

    // Nodes.

    fn node(&mut self, block: bool, indentless: bool) -> Found<'a> {
        if let Kind::Alias(name) = *self.kind()? {
            let token = self.scanner.next()?;
            self.pop();
            return Ok((Event::Alias(name), token.start));
        }
        let (props, bang, start) = self.props()?;
        let spot = match start {
            Some(start) => start,
            None => self.spot()?,
        };
        let marked = start.is_some();
        let then = match self.kind()? {
            Kind::BlockEntry if indentless => State::IndentlessSequence,
            Kind::Scalar { .. } => {
                let token = self.scanner.next()?;
                self.pop();
                let Kind::Scalar { text, plain } = token.kind else { return Err(self.unexpected("", "")) };
                let plain = bang || (plain && props.tag.is_none());
                return Ok((Event::Scalar { props, text, plain }, spot));
            }
            Kind::FlowSequenceStart => State::FlowSequence { first: true },
            Kind::FlowMappingStart => State::FlowMappingKey { first: true },
            Kind::BlockSequenceStart if block => State::Sequence { first: true },
            Kind::BlockMappingStart if block => State::MappingKey { first: true },
            _ if marked => {
                let plain = props.tag.is_none();
                self.pop();
                return Ok((Event::Scalar { props, text: Cow::Borrowed(""), plain }, spot));
            }
            kind => {
                let name = kind.name();
                let at = self.spot()?;
                let context = if block { "while parsing a block node" } else { "while parsing a flow node" };
                let problem = format!("expected the node content, but found '{name}'");
                return Err(YamlError::within(context, spot.into(), problem, at.into()));
            }
        };
        self.state = then;
        let mapping = matches!(then, State::FlowMappingKey { .. } | State::MappingKey { .. });
        Ok((if mapping { Event::MapStart(props) } else { Event::SeqStart(props) }, spot))
    }

    /// Anchor and tag, whether the tag is `!`, and where they begin if there are any.
    fn props(&mut self) -> Result<(Props<'a>, bool, Option<Spot>), YamlError> {
        let mut props = Props::default();
        let mut tag: Option<(Tag<'a>, Spot)> = None;
        let mut start = None;
        if let Kind::Anchor(name) = *self.kind()? {
            props.anchor = Some(name);
            start = Some(self.scanner.next()?.start);
        }
        if matches!(self.kind()?, Kind::Tag(_)) {
            let token = self.scanner.next()?;
            start = start.or(Some(token.start));
            if let Kind::Tag(found) = token.kind {
                tag = Some((found, token.start));
            }
            if props.anchor.is_none()
                && let Kind::Anchor(name) = *self.kind()?
            {
                props.anchor = Some(name);
                // The loader takes the anchor for the beginning then, also of the tag.
                start = Some(self.scanner.next()?.start);
                tag = tag.zip(start).map(|((tag, _), start)| (tag, start));
            }
        }
        let Some((tag, at)) = tag else { return Ok((props, false, start)) };
        let full = match tag.handle {
            None => tag.suffix,
            Some(handle) => match self.handles.get(handle) {
                Some(prefix) => format!("{prefix}{}", tag.suffix),
                None => {
                    let problem = format!("found undefined tag handle {}", quoted(handle));
                    let began = start.unwrap_or(at).into();
                    return Err(YamlError::within("while parsing a node", began, problem, at.into()));
                }
            },
        };
        let bang = full == "!";
        props.tag = (!bang).then_some(full);
        Ok((props, bang, start))
    }

    // Blocks.

    fn sequence(&mut self, first: bool) -> Found<'a> {
        if first {
            let start = self.scanner.next()?.start;
            self.began.push(start);
        }
        if self.is(&Kind::BlockEntry)? {
            let end = self.scanner.next()?.end;
            let then = State::Sequence { first: false };
            if matches!(self.kind()?, Kind::BlockEntry | Kind::BlockEnd) {
                return Ok(self.empty(end, then));
            }
            return self.node_then(true, false, then);
        }
        if !self.is(&Kind::BlockEnd)? {
            return Err(self.unexpected("while parsing a block collection", "expected <block end>, but found"));
        }
        self.close(Event::SeqEnd)
    }

    fn indentless_sequence(&mut self) -> Found<'a> {
        if !self.is(&Kind::BlockEntry)? {
            self.pop();
            return Ok((Event::SeqEnd, self.spot()?));
        }
        let end = self.scanner.next()?.end;
        if matches!(self.kind()?, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd) {
            return Ok(self.empty(end, State::IndentlessSequence));
        }
        self.node_then(true, false, State::IndentlessSequence)
    }

    fn mapping_key(&mut self, first: bool) -> Found<'a> {
        if first {
            let start = self.scanner.next()?.start;
            self.began.push(start);
        }
        if self.is(&Kind::Key)? {
            let end = self.scanner.next()?.end;
            if matches!(self.kind()?, Kind::Key | Kind::Value | Kind::BlockEnd) {
                return Ok(self.empty(end, State::MappingValue));
            }
            return self.node_then(true, true, State::MappingValue);
        }
        if self.scanner.dialect() == Dialect::V1_2 && self.is(&Kind::Value)? {
            let spot = self.spot()?;
            return Ok(self.empty(spot, State::MappingValue));
        }
        if !self.is(&Kind::BlockEnd)? {
            return Err(self.unexpected("while parsing a block mapping", "expected <block end>, but found"));
        }
        self.close(Event::MapEnd)
    }

    fn mapping_value(&mut self) -> Found<'a> {
        let then = State::MappingKey { first: false };
        if !self.is(&Kind::Value)? {
            let spot = self.spot()?;
            return Ok(self.empty(spot, then));
        }
        self.scanner.next()?;
        if matches!(self.kind()?, Kind::Key | Kind::Value | Kind::BlockEnd) {
            let end = self.scanner.peek()?.end;
            return Ok(self.empty(end, then));
        }
        self.node_then(true, true, then)
    }

    /// The end of a list or map.
    fn close(&mut self, event: Event<'a>) -> Found<'a> {
        let token = self.scanner.next()?;
        self.pop();
        self.began.pop();
        Ok((event, token.start))
    }

    // Brackets.

    fn flow_sequence(&mut self, first: bool) -> Found<'a> {
        if first {
            let start = self.scanner.next()?.start;
            self.began.push(start);
        }
        if !self.is(&Kind::FlowSequenceEnd)? {
            if !first {
                if !self.is(&Kind::FlowEntry)? {
                    return Err(self.unexpected("while parsing a flow sequence", "expected ',' or ']', but got"));
                }
                self.scanner.next()?;
            }
            if self.is(&Kind::Key)? {
                self.state = State::FlowPairKey;
                return Ok((Event::MapStart(Props::default()), self.spot()?));
            }
            if !self.is(&Kind::FlowSequenceEnd)? {
                return self.node_then(false, false, State::FlowSequence { first: false });
            }
        }
        self.close(Event::SeqEnd)
    }

    fn flow_pair_key(&mut self) -> Found<'a> {
        let end = self.scanner.next()?.end;
        if matches!(self.kind()?, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd) {
            return Ok(self.empty(end, State::FlowPairValue));
        }
        self.node_then(false, false, State::FlowPairValue)
    }

    fn flow_pair_value(&mut self) -> Found<'a> {
        if !self.is(&Kind::Value)? {
            let spot = self.spot()?;
            return Ok(self.empty(spot, State::FlowPairEnd));
        }
        let end = self.scanner.next()?.end;
        if matches!(self.kind()?, Kind::FlowEntry | Kind::FlowSequenceEnd) {
            return Ok(self.empty(end, State::FlowPairEnd));
        }
        self.node_then(false, false, State::FlowPairEnd)
    }

    fn flow_mapping_key(&mut self, first: bool) -> Found<'a> {
        if first {
            let start = self.scanner.next()?.start;
            self.began.push(start);
        }
        if !self.is(&Kind::FlowMappingEnd)? {
            if !first {
                if !self.is(&Kind::FlowEntry)? {
                    return Err(self.unexpected("while parsing a flow mapping", "expected ',' or '}', but got"));
                }
                self.scanner.next()?;
            }
            if self.is(&Kind::Key)? {
                let end = self.scanner.next()?.end;
                if matches!(self.kind()?, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd) {
                    return Ok(self.empty(end, State::FlowMappingValue));
                }
                return self.node_then(false, false, State::FlowMappingValue);
            }
            if self.scanner.dialect() == Dialect::V1_2 && self.is(&Kind::Value)? {
                let end = self.scanner.peek()?.end;
                return Ok(self.empty(end, State::FlowMappingValue));
            }
            if !self.is(&Kind::FlowMappingEnd)? {
                return self.node_then(false, false, State::FlowMappingEmpty);
            }
        }
        self.close(Event::MapEnd)
    }

    fn flow_mapping_value(&mut self) -> Found<'a> {
        let then = State::FlowMappingKey { first: false };
        if !self.is(&Kind::Value)? {
            let spot = self.spot()?;
            return Ok(self.empty(spot, then));
        }
        let end = self.scanner.next()?.end;
        if matches!(self.kind()?, Kind::FlowEntry | Kind::FlowMappingEnd) {
            return Ok(self.empty(end, then));
        }
        self.node_then(false, false, then)
    }
}
