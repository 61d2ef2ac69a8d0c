//! Whether a stream is UTF-8, block by block.

use memchr::memchr_iter;

/// Looks at a stream as it comes.
#[derive(Clone, Debug)]
pub struct Utf8 {
    /// The beginning of a character whose rest has not come yet.
    begun: Vec<u8>,
    /// How many lines were begun.
    line: u64,
}

/// A byte that is no text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotUtf8 {
    /// The line on which it stands, from 1.
    pub line: u64,
}

impl Default for Utf8 {
    fn default() -> Self {
        Self { begun: Vec::new(), line: 1 }
    }
}

impl Utf8 {
    /// Looks at the next bytes.
    ///
    /// # Errors
    /// They are not UTF-8.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), NotUtf8> {
        while let (false, Some((first, rest))) = (self.begun.is_empty(), bytes.split_first()) {
            self.begun.push(*first);
            bytes = rest;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_some() => return Err(NotUtf8 { line: self.line }),
                Err(_) => {}
            }
        }
        let whole = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_some() => {
                let before = memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count();
                return Err(NotUtf8 { line: self.line + before as u64 });
            }
            Err(error) => error.valid_up_to(),
        };
        self.begun.extend_from_slice(&bytes[whole..]);
        self.line += memchr_iter(b'\n', bytes).count() as u64;
        Ok(())
    }

    /// The stream is over.
    ///
    /// # Errors
    /// It ended within a character.
    pub fn finish(self) -> Result<(), NotUtf8> {
        if self.begun.is_empty() { Ok(()) } else { Err(NotUtf8 { line: self.line }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], block: usize) -> Result<(), NotUtf8> {
        let mut utf8 = Utf8::default();
        bytes.chunks(block).try_for_each(|chunk| utf8.feed(chunk))?;
        utf8.finish()
    }

    #[test]
    fn blocks_may_end_within_characters() {
        for block in 1..9 {
            assert_eq!(check("aä€😀\nz".as_bytes(), block), Ok(()), "{block}");
            assert_eq!(check(b"a\n\xc3\xa4\n\xe2\x82x\n", block), Err(NotUtf8 { line: 3 }), "{block}");
            assert_eq!(check(b"a\n\xff", block), Err(NotUtf8 { line: 2 }), "{block}");
            assert_eq!(check(b"a\n\xe2\x82", block), Err(NotUtf8 { line: 2 }), "{block}");
        }
    }
}
