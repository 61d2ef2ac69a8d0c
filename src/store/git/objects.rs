//! A `git cat-file --batch` that gives the objects of a repository that libgit2 cannot read.
//!
//! One process for all questions, since a tree of a thousand directories is a thousand objects.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::history::{Node, named};
use super::program::{Refusal, not_started};

/// The process.
#[derive(Debug)]
pub(super) struct Objects {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Objects {
    /// Starts it; the command knows the repository.
    pub(super) fn begin(command: &mut Command) -> Result<Self, Refusal> {
        command.args(["cat-file", "--batch"]);
        // A Ctrl-C is not for it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Refusal::Said("git has no standard input".to_owned()));
        };
        Ok(Self { child, to, from: BufReader::new(from) })
    }

    /// The bytes of an object of this kind. An error outside says that the talk broke off, one inside
    /// that there is no such object.
    pub(super) fn ask(&mut self, id: &str, kind: &str) -> Result<Result<Vec<u8>, Refusal>, Refusal> {
        self.answer(id, kind).map_err(|error| Refusal::Said(format!("git cat-file: {error}")))
    }

    fn answer(&mut self, id: &str, kind: &str) -> io::Result<Result<Vec<u8>, Refusal>> {
        writeln!(self.to, "{id}")?;
        self.to.flush()?;
        let mut header = String::new();
        if self.from.read_line(&mut header)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let words: Vec<&str> = header.split_whitespace().collect();
        let [_, actual, size] = words[..] else {
            return Ok(Err(Refusal::Said(format!("the {kind} {id} is not in this clone"))));
        };
        let size: usize = size.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let mut bytes = vec![0; size];
        self.from.read_exact(&mut bytes)?;
        self.from.read_exact(&mut [0])?;
        Ok(if actual == kind { Ok(bytes) } else { Err(Refusal::Said(format!("{id} is no {kind}, but a {actual}"))) })
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names in a tree: for each its mode, a blank, the name, a zero byte, and the id as bytes.
pub(super) fn nodes(mut tree: &[u8], id_length: usize) -> Result<Vec<Node>, Refusal> {
    let torn = || Refusal::Said("a tree is torn".to_owned());
    let mut nodes = Vec::new();
    while !tree.is_empty() {
        let end = tree.iter().position(|byte| *byte == 0).ok_or_else(torn)?;
        let (head, rest) = (&tree[..end], &tree[end + 1..]);
        let blank = head.iter().position(|byte| *byte == b' ').ok_or_else(torn)?;
        let (id, rest) = rest.split_at_checked(id_length).ok_or_else(torn)?;
        let mode = std::str::from_utf8(&head[..blank]).ok().and_then(|text| u32::from_str_radix(text, 8).ok()).ok_or_else(torn)?;
        let (name, kind) = named(&head[blank + 1..], mode);
        nodes.push(Node { name, kind, id: id.iter().map(|byte| format!("{byte:02x}")).collect() });
        tree = rest;
    }
    Ok(nodes)
}
