//! `hooks`: says what was done with git's hooks, and how they stand.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::format::hook::{Hook, Manager, Nature, Own, VERSION};
use crate::model::{Class, Fault};
use crate::ops::hooks::{self, Done, Options, Outcome, Refusal, Status};
use crate::report::answer;
use crate::store::hooks::{Script, Standing, What};
use crate::store::os;

use super::args::hooks::{Hooks, HooksCommand, HooksStatus, Install, Print, Uninstall};
use super::args::{Global, Json};
use super::hook_run;
use super::repro::write_text;
use super::{Setting, fail, here, print, print_answer};

/// Runs the command and gives the exit code.
///
/// # Errors
/// There is no git repository, something stands in the way, or the system refuses.
pub fn run(args: &Hooks, global: &Global, setting: &Setting) -> Result<i32, Fault> {
    match &args.command {
        HooksCommand::Install(args) => install(args, global, setting),
        HooksCommand::Uninstall(args) => uninstall(args, global).map(|()| 0),
        HooksCommand::Status(args) => status(args, setting),
        HooksCommand::Print(args) => print_scripts(args, setting).map(|()| 0),
        HooksCommand::Run(args) => Ok(hook_run::run(args, setting)),
    }
}

fn install(args: &Install, global: &Global, setting: &Setting) -> Result<i32, Fault> {
    let options = Options { chain: args.chain, force: args.force };
    match hooks::install(&here()?, &args.hooks, options, &program(setting)?) {
        Ok(outcome) => {
            if global.quiet == 0 {
                print_answer(&told(&outcome))?;
            }
            outcome.remarks.iter().for_each(|remark| print(&format!("WARNING: {remark}\n"), true));
            Ok(0)
        }
        Err(Refusal::Fault(fault)) => Err(fault),
        Err(Refusal::Managed(manager, sign)) => {
            let wanted = all_or(&args.hooks);
            let name = manager.name();
            let message = format!("nothing was changed: {name} sees to the hooks here ('{}')", sign.display());
            let hint = format!("write the lines above into its configuration, then run `{}`.", manager.then(&wanted));
            print_answer(&manager.snippet(&wanted))?;
            Ok(fail(&Fault::new(Class::SCMError, message).with("hint", hint), setting))
        }
    }
}

fn uninstall(args: &Uninstall, global: &Global) -> Result<(), Fault> {
    let outcome = hooks::uninstall(&here()?, &args.hooks, args.force)?;
    if global.quiet == 0 { print_answer(&told(&outcome)) } else { Ok(()) }
}

fn told(outcome: &Outcome) -> String {
    let line = |(standing, done): &(Standing, Done)| {
        let place = standing.path.display();
        let words = match done {
            Done::Installed => format!("installed ({place})"),
            Done::Chained(kept) => format!("installed ({place}); what stood there runs first, and is kept as '{}'", name_of(kept)),
            Done::Upgraded(from) => format!("brought from version {from} to {VERSION} ({place})"),
            Done::Renewed => format!("written anew ({place})"),
            Done::AsBefore => format!("installed already ({place})"),
            Done::Removed => format!("taken away ({place})"),
            Done::PutBack => format!("taken away, and what stood there before put back ({place})"),
            Done::NotThere => "not installed".to_owned(),
            Done::Left => format!("not ours, left as it is ({place})"),
        };
        format!("{}: {words}\n", standing.hook.name())
    };
    outcome.done.iter().map(line).collect()
}

fn status(args: &HooksStatus, setting: &Setting) -> Result<i32, Fault> {
    let found = here().and_then(|here| hooks::status(&here));
    let Json { json, json_file } = &args.json;
    if *json || json_file.is_some() {
        let text = format!("{}\n", object(&found));
        if let Some(file) = json_file {
            write_text(file, &text)?;
        }
        if *json {
            print_answer(&text)?;
            return Ok(found.err().map_or(0, |fault| fail(&fault, setting)));
        }
    }
    print_answer(&table(&found?))?;
    Ok(0)
}

/// What one hook comes to, in one word.
fn state(standing: &Standing) -> &'static str {
    match &standing.what {
        What::Nothing => "absent",
        What::NoFile => "foreign",
        What::Script(Script { nature, .. }) => match nature {
            Nature::Ours(own) if own.edited => "modified",
            Nature::Ours(own) if own.version < VERSION => "old",
            Nature::Ours(own) if own.version > VERSION => "newer",
            Nature::Ours(_) => "installed",
            Nature::Dvc => "dvc",
            Nature::Managed(_) => "managed",
            Nature::Foreign => "foreign",
        },
    }
}

fn own(standing: &Standing) -> Option<&Own> {
    match &standing.what {
        What::Script(Script { nature: Nature::Ours(own), .. }) => Some(own),
        _ => None,
    }
}

fn runs(standing: &Standing) -> bool {
    matches!(&standing.what, What::Script(Script { runs: true, .. }))
}

fn table(status: &Status) -> String {
    let mut text = match &status.off {
        Some(why) => why.clone(),
        None => format!("git looks for hooks in '{}'", status.folder.path.display()),
    };
    if let Some(setting) = &status.folder.setting {
        let scope = setting.scope.as_ref().map(|scope| format!(", {scope}")).unwrap_or_default();
        let _ = write!(text, " (core.hooksPath = {}{scope})", setting.value);
    }
    text.push('\n');
    let width = Hook::NAMES.iter().map(|name| name.len()).max().unwrap_or(0);
    for standing in &status.hooks {
        let _ = writeln!(text, "  {:width$}  {}", standing.hook.name(), words(standing));
    }
    if let Some((manager, sign)) = &status.manager {
        let name = manager.name();
        let _ = writeln!(text, "{name} sees to the hooks here ('{}'): `dvc-paraffin hooks print --manager {name}`", sign.display());
    }
    status.remarks.iter().for_each(|remark| text.push_str(&format!("{remark}\n")));
    text
}

fn words(standing: &Standing) -> String {
    let mut words = vec![match state(standing) {
        "absent" => "not installed".to_owned(),
        "old" => format!(
            "installed in version {}: `dvc-paraffin hooks install` brings it to {VERSION}",
            own(standing).map_or(0, |own| own.version)
        ),
        "newer" => "installed by a newer dvc-paraffin".to_owned(),
        "modified" => "installed, and edited since".to_owned(),
        "dvc" => "the hook of `dvc install`".to_owned(),
        "managed" => "a manager's hook".to_owned(),
        "foreign" => "not ours".to_owned(),
        other => other.to_owned(),
    }];
    if standing.what != What::Nothing && !runs(standing) {
        words.push("git does not run it, since it is not executable".to_owned());
    }
    match standing.aside {
        Some(Manager::PreCommit) => words.push(format!("pre-commit runs it as '{}'", name_of(&standing.path))),
        Some(manager) => words.push(format!("{} keeps it as '{}', and does not run it", manager.name(), name_of(&standing.path))),
        None => {}
    }
    if let Some(own) = own(standing) {
        words.push(match &own.program {
            Some(program) if hooks::has_program(own) => format!("calls '{program}'"),
            Some(program) => format!("calls '{program}', which is gone: PATH is searched"),
            None => "calls the dvc-paraffin of PATH".to_owned(),
        });
    }
    if let Some(kept) = &standing.kept {
        let name = name_of(&kept.path);
        words.push(match (own(standing), kept.runs) {
            (Some(_), true) => format!("runs '{name}' first"),
            (Some(_), false) => format!("'{name}' is kept, and not run, since it is not executable"),
            (None, _) if kept.is_the_same => format!("'{name}' is the same: an installation was cut off"),
            (None, _) => format!("'{name}' is kept, and nothing runs it"),
        });
    }
    words.join("; ")
}

fn object(found: &Result<Status, Fault>) -> Value {
    let status = found.as_ref().ok();
    let setting = status.and_then(|status| status.folder.setting.as_ref());
    json!({
        "version": 1,
        "folder": status.map(|status| text(&status.folder.path)),
        "hooks_path": setting.map(|setting| json!({"value": setting.value, "scope": setting.scope})),
        "manager": status.and_then(|status| status.manager.as_ref()).map(|(manager, _)| Manager::name(*manager)),
        "hooks": status.map_or_else(Vec::new, |status| status.hooks.iter().map(hook).collect()),
        "remarks": status.map_or_else(Vec::new, |status| status.off.iter().chain(&status.remarks).cloned().collect()),
        "error": found.as_ref().err().map_or(Value::Null, answer::error),
    })
}

fn hook(standing: &Standing) -> Value {
    let own = own(standing);
    let kept = standing.kept.as_ref();
    json!({
        "name": standing.hook.name(),
        "path": text(&standing.path),
        "state": state(standing),
        "script_version": own.map(|own| own.version),
        "runs": runs(standing),
        "program": own.and_then(|own| own.program.as_ref()),
        "program_found": own.map(hooks::has_program),
        "chained": kept.map(|kept| json!({"path": text(&kept.path), "runs": kept.runs, "dvc": kept.is_of_dvc})),
    })
}

fn print_scripts(args: &Print, setting: &Setting) -> Result<(), Fault> {
    let wanted = all_or(&args.hooks);
    if let Some(manager) = args.manager {
        return print_answer(&manager.snippet(&wanted));
    }
    let program = program(setting)?;
    let scripts: Vec<String> = wanted.iter().map(|hook| hook.script(&program)).collect();
    print_answer(&scripts.join("\n"))
}

fn all_or(hooks: &[Hook]) -> Vec<Hook> {
    Hook::ALL.into_iter().filter(|hook| hooks.is_empty() || hooks.contains(hook)).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The path of this program as a hook should call it: as it was called, since what a link is called
/// outlives a new version of where it leads; the file itself where that is not to be known.
fn program(setting: &Setting) -> Result<String, Fault> {
    let own = env::current_exe().map_err(|error| Fault::new(Class::Unexpected, format!("cannot tell where this program is: {error}")))?;
    let called = Path::new(&setting.program);
    let places: Vec<PathBuf> = if called.components().count() > 1 {
        vec![here()?]
    } else {
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
    };
    let real = own.canonicalize().ok();
    let found = places
        .into_iter()
        .filter(|place| place.is_absolute())
        .map(|place| place.join(called).components().collect())
        .find(|path: &PathBuf| os::may_execute(path));
    let path = found.filter(|path| real.is_some() && path.canonicalize().ok() == real).unwrap_or(own);
    let unreadable = || Fault::new(Class::SCMError, format!("the path of this program, '{}', is not valid UTF-8", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(unreadable)
}
