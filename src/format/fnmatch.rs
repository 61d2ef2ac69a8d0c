//! Python's `fnmatch`, case sensitive: `*`, `?`, `[…]`, `[!…]`. A `/` is a character like any
//! other. DVC uses it for stage names (`--glob`) and for keys of parameters.

/// One piece of a pattern.
enum Piece {
    Any,
    One,
    Literal(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Whether the whole text fits the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pieces = compile(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut piece, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        if matches!(pieces.get(piece), Some(Piece::Any)) {
            retry = Some((piece, at));
            piece += 1;
        } else if pieces.get(piece).is_some_and(|piece| piece.fits(text[at])) {
            piece += 1;
            at += 1;
        } else if let Some((star, from)) = retry {
            retry = Some((star, from + 1));
            piece = star + 1;
            at = from + 1;
        } else {
            return false;
        }
    }
    pieces[piece..].iter().all(|piece| matches!(piece, Piece::Any))
}

impl Piece {
    fn fits(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Literal(literal) => *literal == c,
            Self::Set { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
        }
    }
}

fn compile(pattern: &str) -> Vec<Piece> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        pieces.push(match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            '[' => match set_end(&chars, at) {
                Some(end) => {
                    let piece = set(&chars[at..end]);
                    at = end + 1;
                    piece
                }
                None => Piece::Literal('['),
            },
            c => Piece::Literal(c),
        });
    }
    pieces
}

/// Where the `]` is that closes a set; one right at its beginning belongs to the set.
fn set_end(chars: &[char], from: usize) -> Option<usize> {
    let mut at = from;
    if chars.get(at) == Some(&'!') {
        at += 1;
    }
    if chars.get(at) == Some(&']') {
        at += 1;
    }
    (at..chars.len()).find(|&at| chars[at] == ']')
}

fn set(chars: &[char]) -> Piece {
    let negated = chars.first() == Some(&'!');
    let chars = if negated { &chars[1..] } else { chars };
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars.get(at + 1) == Some(&'-') && at + 2 < chars.len() {
            if chars[at] <= chars[at + 2] {
                ranges.push((chars[at], chars[at + 2]));
            }
            at += 3;
        } else {
            ranges.push((chars[at], chars[at]));
            at += 1;
        }
    }
    Piece::Set { negated, ranges }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn agrees_with_python() {
        for (pattern, text, want) in [
            ("build*", "build@a/b", true),
            ("*@?", "x@1", true),
            ("*@?", "x@12", false),
            ("[ab]c", "bc", true),
            ("[!ab]c", "bc", false),
            ("[a-c]x", "bx", true),
            ("[c-a]x", "bx", false),
            ("[]]", "]", true),
            ("[!]]", "a", true),
            ("[", "[", true),
            ("a[b", "a[b", true),
            ("[a-]", "-", true),
            ("A*", "abc", false),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "aXbYbZc", true),
            (".", "x", false),
            ("*\n", "a\n", true),
        ] {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }
}
