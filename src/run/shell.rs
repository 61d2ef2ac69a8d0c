//! Which shell runs a command, and which environment it gets: DVC's rules
//! (dvc: `stage/run.py` `_make_cmd`, `prepare_kwargs`).

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

use crate::format::pytext;
use crate::model::Cmd;
use crate::store::git::untie;

/// The shell of a run and the options that keep it from reading the user's start-up files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    program: OsString,
    options: Vec<&'static str>,
    /// A remark to make once, if there is one.
    pub warning: Option<String>,
}

impl Shell {
    /// The shell that `$SHELL` names, or `/bin/sh`.
    pub fn of(variable: Option<&OsStr>) -> Self {
        let program = variable.filter(|text| !text.is_empty()).unwrap_or(OsStr::new("/bin/sh")).to_owned();
        let name = std::path::Path::new(&program).file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let (options, warning) = match name.as_str() {
            "bash" => (vec!["--noprofile", "--norc"], None),
            "zsh" => (vec!["--no-rcs"], None),
            "fish" => fish(&program),
            _ => (Vec::new(), None),
        };
        Self { program, options, warning }
    }

    /// A process that runs one command line.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.options).arg("-c").arg(line);
        untie(&mut command);
        command
    }
}

/// fish knows `--no-config` from 3.3.0 on; an older one reads its configuration.
fn fish(program: &OsStr) -> (Vec<&'static str>, Option<String>) {
    let version = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok();
    let text = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let numbers: Vec<u32> = text.rsplit(' ').next().unwrap_or("").trim().split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() >= [3, 3, 0].as_slice() {
        (vec!["--no-config"], None)
    } else {
        (
            Vec::new(),
            Some(
                "DVC detected that you are using fish as your default shell. Be aware that it might cause problems by overwriting \
                 your current environment variables with values defined in '.fishrc', which might affect your command. See \
                 https://github.com/treeverse/dvc/issues/1307. "
                    .to_owned(),
            ),
        )
    }
}

/// The command lines of a stage in order: a text is cut at its line ends as Python's
/// `splitlines` does, a list is taken item by item (dvc: `_enforce_cmd_list`).
pub fn lines(cmd: &Cmd) -> Vec<String> {
    match cmd {
        Cmd::Many(items) => items.clone(),
        Cmd::One(text) => pytext::splitlines(text).into_iter().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_get_their_options() {
        let options = |name: &str| Shell::of(Some(OsStr::new(name))).options;
        assert_eq!(options("/bin/bash"), ["--noprofile", "--norc"]);
        assert_eq!(options("/usr/bin/zsh"), ["--no-rcs"]);
        assert!(options("/bin/dash").is_empty());
        assert_eq!(Shell::of(Some(OsStr::new(""))).program, "/bin/sh");
    }

    #[test]
    fn each_line_of_a_text_is_a_command_and_each_item_of_a_list() {
        assert_eq!(lines(&Cmd::One("a\r\n\nb\n".to_owned())), ["a", "", "b"]);
        assert_eq!(lines(&Cmd::Many(vec!["a\nb".to_owned()])), ["a\nb"]);
    }
}
