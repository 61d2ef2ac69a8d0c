//! `map`: what goes in, what is run, what comes out, and what is left when it goes wrong.

mod broken;
mod budget;
mod documented;
mod failures;
mod memory;
mod odd;
mod places;
mod results;
#[cfg(feature = "parquet")]
mod row_groups;
mod screen;
mod shown;
mod sources;
mod stopped;
mod tables;
mod whole;
mod workers;

use std::path::PathBuf;

use crate::support::program;
use crate::support::ran::Ran;
use crate::support::scratch::Scratch;

/// A folder in which `map` is run. It belongs to no repository.
struct Place {
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new();
        std::fs::create_dir_all(scratch.work()).unwrap();
        Self { scratch }
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.work().join(name)
    }

    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = self.scratch.command(program::path());
        // Nothing of it stays with the system's temporary files.
        command.current_dir(self.scratch.work()).env("TMPDIR", self.scratch.top()).arg("map").args(words);
        command
    }

    fn map(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    fn fed(&self, words: &[&str], input: &[u8]) -> Ran {
        Ran::with_input(&mut self.command(words), input)
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))).into_owned()
    }

    fn has(&self, name: &str) -> bool {
        self.at(name).symlink_metadata().is_ok()
    }
}
