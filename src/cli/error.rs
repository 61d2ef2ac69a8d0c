//! The edge of the program: a failure becomes words and an exit code.
//!
//! Two total decisions, both by the failure's class: [`exit_code`] and [`hint`]. The sentence
//! itself is made where all sentences are made (`report::words`). A failure of a YAML file
//! that knows its line also gets that line with a caret.

use std::fs;

use anstyle::Style;

use crate::format::suggest;
use crate::model::{Class, Fault};
use crate::report::streams::{RED, paint};
use crate::report::words;

/// DVC's exit code for a failure (dvc: `cli/__init__.py` `main`).
pub fn exit_code(fault: &Fault) -> i32 {
    match fault.class {
        Class::UsageError => 254,
        Class::ConfigError => 251,
        Class::Interrupted => 252,
        Class::NotDvcRepoError => 253,
        _ => 255,
    }
}

/// What is printed for a failure on standard error: DVC's text (`ERROR: …`, or the text with
/// the lines of a YAML file), then, where there is a way out, a line that names it.
/// `known` are the names of stages that could have been meant.
pub fn render<'a>(fault: &Fault, known: impl IntoIterator<Item = &'a str>, color: bool) -> String {
    let text = words::failure(fault);
    let mut text = match text.strip_prefix("ERROR: ") {
        Some(rest) if fault.detail("text").is_none() => format!("{}: {rest}", paint("ERROR", RED, color)),
        _ => text,
    };
    let file = fault.detail("file").map_or_else(|| first_quoted(&fault.message), str::to_owned);
    // Without a line nothing is to be shown of it, and what is named need not be a file: a pipe would be waited for.
    let source = fault.detail("line").and_then(|_| fs::read_to_string(&file).ok());
    if let Some(frame) = source.and_then(|source| frame(fault, &file, &source)) {
        text.push_str("\n\n");
        text.push_str(&frame);
    }
    match hint(fault, known) {
        Some(hint) => format!("{text}\n{}", paint(&format!("hint: {hint}"), Style::new().dimmed(), color)),
        None => text,
    }
}

/// The place in a file that a failure names (`details["line"]`, `details["column"]`), with a
/// caret under it; none if it names no place, or one that the file does not have.
pub fn frame(fault: &Fault, file: &str, source: &str) -> Option<String> {
    let number = |name: &str| fault.detail(name).and_then(|text| text.parse::<usize>().ok());
    let (line, column) = (number("line")?, number("column")?);
    let code = source.lines().nth(line.checked_sub(1)?)?;
    // Tabs stay tabs, so that the caret stands under its character whatever their width.
    let indent: String = code.chars().take(column.checked_sub(1)?).map(|ch| if ch == '\t' { '\t' } else { ' ' }).collect();
    let file = file.strip_prefix("./").unwrap_or(file);
    let margin = " ".repeat(line.to_string().len());
    Some(format!("{margin}--> {file}:{line}:{column}\n{margin} |\n{line} | {code}\n{margin} | {indent}^"))
}

/// A way out of a failure, where one is known. A failure may carry its own
/// (`details["hint"]`).
pub fn hint<'a>(fault: &Fault, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if let Some(own) = fault.chain().find_map(|fault| fault.detail("hint")) {
        return Some(own.to_owned());
    }
    let inner = fault.chain().last().unwrap_or(fault);
    let text = match inner.class {
        _ if inner.details.contains_key("nearest") => return inner.details.get("nearest").map(|name| format!("Did you mean '{name}'?")),
        Class::StageNotFound | Class::StageNameUnspecified | Class::NoOutputOrStageError => {
            let wanted = inner.detail("name").map_or_else(|| first_quoted(&inner.message), str::to_owned);
            return suggest::did_you_mean(&wanted, known)
                .or_else(|| Some("`dvc-paraffin graph` lists the stages of this repository.".to_owned()));
        }
        Class::NotDvcRepoError => "`dvc init` makes one; `--cd DIR` looks elsewhere.",
        Class::LockError if fault.message.contains("Unable to acquire lock") => {
            "without --lock-timeout the lock is waited for, and the process that holds it is named."
        }
        Class::StageFileDoesNotExistError if inner.message.ends_with("/dvc.yaml' does not exist") => {
            "`-P` takes the pipelines of all directories; `--cd DIR` starts in another one."
        }
        Class::MissingParamsError => "add the parameters to the file, or take them out of `params:` in dvc.yaml.",
        Class::OutputDoesNotExistError => {
            "the command ended well but did not make this output: correct the command or `outs:` in dvc.yaml."
        }
        Class::DependencyDoesNotExistError => "make or fetch the file (`dvc pull`), or correct `deps:` in dvc.yaml; nothing was removed.",
        Class::LockfileCorruptedError => "`git checkout dvc.lock` brings the last good one back.",
        Class::CyclicGraphError | Class::CircularDependencyError => "take one of the paths out of `deps:` or `outs:` in dvc.yaml.",
        _ => return None,
    };
    Some(text.to_owned())
}

/// The first text in single quotes, or nothing.
fn first_quoted(message: &str) -> String {
    message.split('\'').nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn exit_codes_are_those_of_dvc() {
        for (class, code) in [
            (Class::ConfigError, 251),
            (Class::Interrupted, 252),
            (Class::NotDvcRepoError, 253),
            (Class::ReproductionError, 255),
            (Class::Unexpected, 255),
        ] {
            assert_eq!(exit_code(&Fault::new(class, "")), code);
        }
    }

    #[test]
    fn an_unknown_stage_is_corrected() {
        let fault = Fault::new(Class::StageNotFound, "Stage 'trian' not found inside 'dvc.yaml' file");
        assert_eq!(
            render(&fault, ["train", "prepare"], false),
            "ERROR: Stage 'trian' not found inside 'dvc.yaml' file\nhint: Did you mean 'train'?"
        );
        assert!(hint(&fault, NONE).unwrap().contains("dvc-paraffin graph"));
    }

    #[test]
    fn a_failure_can_carry_text_and_hint() {
        let fault = Fault::new(Class::YAMLSyntaxError, "unable to read")
            .with("text", "'./dvc.yaml' is invalid.\n")
            .with("hint", "close the bracket");
        assert_eq!(render(&fault, NONE, true), "'./dvc.yaml' is invalid.\n\u{1b}[2mhint: close the bracket\u{1b}[0m");
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        let fault = Fault::new(Class::YAMLValidationError, "'./dvc.yaml' validation failed").with("line", "2").with("column", "9");
        let source = "stages:\n  depz: [x]\n";
        assert_eq!(frame(&fault, "./dvc.yaml", source).unwrap(), " --> dvc.yaml:2:9\n  |\n2 |   depz: [x]\n  |         ^");
        assert_eq!(frame(&fault, "./dvc.yaml", "one line\n"), None);
        assert_eq!(frame(&Fault::new(Class::YAMLSyntaxError, "x"), "f", source), None);
    }

    #[test]
    fn a_failed_command_needs_no_hint() {
        let cause = Fault::new(Class::StageCmdFailedError, "failed to run: false, exited with 1");
        let fault = Fault::new(Class::ReproductionError, "failed to reproduce 'a'").caused_by(cause);
        assert_eq!(render(&fault, NONE, false), "ERROR: failed to reproduce 'a': failed to run: false, exited with 1");
        assert!(render(&fault, NONE, true).starts_with("\u{1b}[31mERROR\u{1b}[0m: "));
    }
}
