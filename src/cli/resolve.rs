//! `resolve`: prints what a dvc.yaml means, as YAML for people or as JSON.

use crate::format::{emit, pyjson};
use crate::model::{Class, Fault, Key, Map, RepoPath, Value};
use crate::ops::load::Repository;
use crate::ops::resolve::{Resolution, resolve};

use super::args::{Global, Resolve};
use super::repro::write_text;
use super::{Setting, error, fail, print, workspace};

/// Runs the command and gives the exit code.
pub fn run(args: &Resolve, global: &Global, setting: &Setting) -> i32 {
    let (found, mut code) = match workspace() {
        Ok(workspace) => {
            let repository = Repository::new(workspace);
            let text = args.file.to_string_lossy();
            let found = resolve(&repository, &RepoPath::locate(&repository.root_text(), repository.cwd(), &text));
            let code = if found.errors.is_empty() { 0 } else { error::exit_code(&Fault::new(Class::ResolveError, "")) };
            (found, code)
        }
        Err(fault) => (Resolution::failed(&fault), error::exit_code(&fault)),
    };
    for text in found.warnings.iter().filter(|_| global.quiet == 0) {
        print(&format!("WARNING: {text}\n"), true);
    }
    for error in &found.errors {
        fail(&Fault::new(Class::ResolveError, error.message.clone()), setting);
    }
    let json = pyjson::dumps(&found.value(), false).map(|text| text + "\n").map_err(|error| error.fault());
    let text = match args.json.json {
        true => json.clone(),
        false if found.stages.is_empty() && code != 0 => Ok(String::new()),
        false => Ok(yaml(found.stages)),
    };
    let written = text.and_then(|text| {
        print(&text, false);
        args.json.json_file.as_ref().map_or(Ok(()), |file| write_text(file, &json?))
    });
    if let Err(fault) = written {
        let failed = fail(&fault, setting);
        code = if code == 0 { failed } else { code };
    }
    code
}

/// The stages as they could stand in a dvc.yaml without templates.
fn yaml(stages: Map) -> String {
    emit::document(&Value::map(Map::from_iter([(Key::str("stages"), Value::map(stages))])))
}
