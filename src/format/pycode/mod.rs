//! Parameters in Python files: assignments of literals, in modules, classes and `__init__`.
//!
//! DVC parses the file into a syntax tree and keeps what `ast.literal_eval` understands; all
//! else is skipped. Here tokens and indentation suffice for that (`lexer`, `literal`); a file that is
//! no valid Python is noticed only where its tokens or its indentation are wrong.

mod lexer;
mod literal;

use crate::model::{Key, Map, Value};
use lexer::{Line, Token};

/// Why a text is no Python.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PyError {
    /// Python's words.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
}

impl PyError {
    /// Python's sentence, with the file's name.
    pub fn shown(&self, path: &str) -> String {
        let name = path.rsplit('/').next().unwrap_or_default();
        format!("{} ({name}, line {})", self.message, self.line)
    }
}

/// Reads the parameters of a module.
///
/// # Errors
/// Where the text cannot be Python.
pub fn parse(text: &str) -> Result<Map, PyError> {
    let lines = lexer::lines(text)?;
    let mut params = Map::default();
    let end = block(&lines, 0, 0, false, &mut params)?;
    match lines.get(end) {
        Some(line) => Err(PyError { message: "unexpected indent".to_owned(), line: line.number }),
        None => Ok(params),
    }
}

/// Reads the lines of one indentation from `at` on; gives the first line beyond them.
fn block(lines: &[Line], mut at: usize, indent: usize, only_self: bool, params: &mut Map) -> Result<usize, PyError> {
    while let Some(line) = lines.get(at).filter(|line| line.indent >= indent) {
        if line.indent > indent {
            return Err(PyError { message: "unexpected indent".to_owned(), line: line.number });
        }
        let body = lines.get(at + 1).filter(|next| next.indent > indent).map(|next| next.indent);
        let header = Header::of(&line.tokens);
        let Some(header) = header else {
            simple_statements(&line.tokens, only_self, params, line.number)?;
            at += 1;
            continue;
        };
        let inline = &line.tokens[header.end..];
        let end = past_block(lines, at + 1, indent);
        if inline.is_empty() && body.is_none() {
            let what = format!("expected an indented block after '{}' statement on line {}", header.word, line.number);
            return Err(PyError { message: what, line: lines.get(at + 1).map_or(line.number, |next| next.number) });
        }
        at = match header.kind {
            Kind::Class(name) => {
                let mut inner = Map::default();
                nested(lines, at, inline, body, false, &mut inner)?;
                params.insert(Key::str(&name), Value::map(inner));
                end
            }
            Kind::Init => {
                nested(lines, at, inline, body, true, params)?;
                end
            }
            Kind::Other => end,
        };
    }
    Ok(at)
}

/// The body of a class or function: the rest of its line, or the lines below.
fn nested(lines: &[Line], at: usize, inline: &[Token], body: Option<usize>, only_self: bool, params: &mut Map) -> Result<(), PyError> {
    if !inline.is_empty() {
        return simple_statements(inline, only_self, params, lines[at].number);
    }
    if let Some(indent) = body {
        block(lines, at + 1, indent, only_self, params)?;
    }
    Ok(())
}

/// The first line after the deeper ones.
fn past_block(lines: &[Line], from: usize, indent: usize) -> usize {
    (from..lines.len()).find(|&at| lines[at].indent <= indent).unwrap_or(lines.len())
}

/// The beginning of a compound statement.
struct Header {
    kind: Kind,
    word: String,
    /// Where the statement's body begins in the line.
    end: usize,
}

enum Kind {
    Class(String),
    Init,
    Other,
}

impl Header {
    fn of(tokens: &[Token]) -> Option<Self> {
        const WORDS: [&str; 12] = ["class", "def", "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "async"];
        let word = tokens.first()?.name()?;
        let soft = matches!(word, "match" | "case") && tokens.last().is_some_and(|last| last.is_op(":"));
        if !soft && !WORDS.contains(&word) {
            return None;
        }
        let colon = depth_zero(tokens).find(|&at| tokens[at].is_op(":"))?;
        let second = tokens.get(1).and_then(Token::name);
        let kind = match (word, second) {
            ("class", Some(name)) => Kind::Class(name.to_owned()),
            ("def", Some("__init__")) => Kind::Init,
            _ => Kind::Other,
        };
        Some(Self { kind, word: word.to_owned(), end: colon + 1 })
    }
}

/// The numbers of the tokens that stand in no bracket.
fn depth_zero(tokens: &[Token]) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().filter_map(move |(at, token)| match token {
        Token::Op(op) if matches!(*op, "(" | "[" | "{") => {
            depth += 1;
            None
        }
        Token::Op(op) if matches!(*op, ")" | "]" | "}") => {
            depth = depth.saturating_sub(1);
            None
        }
        _ => (depth == 0).then_some(at),
    })
}

fn simple_statements(tokens: &[Token], only_self: bool, params: &mut Map, line: usize) -> Result<(), PyError> {
    let mut from = 0;
    let ends: Vec<usize> = depth_zero(tokens).filter(|&at| tokens[at].is_op(";")).chain([tokens.len()]).collect();
    for end in ends {
        let statement = &tokens[from..end];
        if statement.last().is_some_and(|last| last.is_op("=")) {
            return Err(PyError { message: "invalid syntax".to_owned(), line });
        }
        if let Some((name, value)) = assignment(statement, only_self) {
            params.insert(Key::str(name), value);
        }
        from = end + 1;
    }
    Ok(())
}

/// A name and the literal that it is given; none for any other statement.
fn assignment(tokens: &[Token], only_self: bool) -> Option<(&str, Value)> {
    let mut signs = depth_zero(tokens).filter(|&at| tokens[at].is_op("="));
    let sign = signs.next()?;
    if signs.next().is_some() {
        return None;
    }
    let annotation = depth_zero(tokens).find(|&at| tokens[at].is_op(":")).filter(|&colon| colon < sign);
    let name = target(&tokens[..annotation.unwrap_or(sign)], only_self)?;
    Some((name, literal::parse(&tokens[sign + 1..])?))
}

fn target(tokens: &[Token], only_self: bool) -> Option<&str> {
    match tokens {
        [only] if !only_self => only.name(),
        [object, dot, name] if dot.is_op(".") && object.name() == Some("self") => name.name(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::template::python_repr;

    fn shown(text: &str) -> String {
        python_repr(&Value::map(parse(text).unwrap()))
    }

    #[test]
    fn reads_literals() {
        let text = "
# comment
LR = 1e-3  # trailing
N: int = 1_000
X = -0x1F
S = 'a' \"b\" r'\\n'
T = 1, (2,), ()
L = [1,
     2, # two
]
D = {'k': [None, True], 3: {4}}
E = set()
F = f'{x}'
G = 1 + 2
H = len('a')
A = B = 1
P, Q = 1, 2
x.y = 1
self.z = 5
I: int
J = b'\\x00a'; K = \"\"\"multi
line\"\"\"
M = (5)
O = not True
";
        assert_eq!(
            shown(text),
            "{'LR': 0.001, 'N': 1000, 'X': -31, 'S': 'ab\\\\n', 'T': [1, [2], []], 'L': [1, 2], \
             'D': {'k': [None, True], 3: {4}}, 'E': set(), 'z': 5, 'J': b'\\x00a', 'K': 'multi\\nline', 'M': 5}"
        );
    }

    #[test]
    fn an_empty_tuple_is_told_from_an_empty_list() {
        let params = parse("a = ()\nb = []\nc = ((),)\n").unwrap();
        assert_eq!(params.values().map(Value::is_empty_tuple).collect::<Vec<_>>(), [true, false, false]);
        assert!(params.values().next_back().unwrap().as_seq().unwrap()[0].is_empty_tuple());
    }

    #[test]
    fn reads_classes_and_init() {
        let text = "
@dataclass
class Net(Base):
    size = 5
    def helper(self):
        self.no = 1
        other = 2
    def __init__(self, a: int = 3) -> None:
        self.x = 1
        local = 2
        if a:
            self.deep = 1
    class Inner: k = 'v'; l = 2
class Empty:
    pass
def f():
    g = 1
if True:
    h = 1
else: i = 2
";
        assert_eq!(shown(text), "{'Net': {'size': 5, 'x': 1, 'Inner': {'k': 'v', 'l': 2}}, 'Empty': {}}");
    }

    #[test]
    fn notices_what_cannot_be_python() {
        for (text, message, line) in [
            ("b = \n", "invalid syntax", 1),
            ("b = 1\n  c = 2\n", "unexpected indent", 2),
            ("b = 1\nc = \"abc\n", "unterminated string literal (detected at line 2)", 2),
            ("b = [1\n", "'[' was never closed", 1),
            ("b = 1)\n", "unmatched ')'", 1),
        ] {
            assert_eq!(parse(text), Err(PyError { message: message.to_owned(), line }), "{text}");
        }
    }
}
