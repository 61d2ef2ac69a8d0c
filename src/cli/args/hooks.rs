//! The words of `hooks`.

use std::ffi::OsString;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Subcommand};

use super::Json;
use crate::format::hook::{Hook, Manager};

/// `hooks`
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "\
Examples:
  dvc-paraffin hooks install                       all three hooks
  dvc-paraffin hooks install pre-push --chain      one, after the hook that stands there already
  dvc-paraffin hooks status                        what stands where, and whether git runs it
  dvc-paraffin hooks uninstall                     take them away, put back what was there
  dvc-paraffin hooks print --manager pre-commit    what to write into .pre-commit-config.yaml")]
pub struct Hooks {
    /// What to do.
    #[command(subcommand)]
    pub command: HooksCommand,
}

/// What to do with hooks.
#[derive(Subcommand, Clone, Debug)]
pub enum HooksCommand {
    /// Put hooks where git looks for them, beside those of others.
    Install(Install),
    /// Take the hooks away, and put back what was there before.
    Uninstall(Uninstall),
    /// Say what stands in the places of the hooks, and whether git runs it.
    Status(HooksStatus),
    /// Print a hook's script, or what to write into the configuration of a manager of hooks.
    Print(Print),
    /// Do what a hook does: this is what the scripts call.
    Run(Run),
}

/// `hooks run`
#[derive(ClapArgs, Clone, Debug)]
pub struct Run {
    /// Which hook.
    #[arg(value_name = "HOOK", value_parser = hook())]
    pub hook: Hook,
    /// What git gives to the hook; the references of a push come on standard input.
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<OsString>,
}

/// `hooks install`
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct Install {
    /// Which hooks; all without any.
    #[arg(value_name = "HOOK", value_parser = hook())]
    pub hooks: Vec<Hook>,
    /// Keep a hook that stands there already, and run it first (dvc's own are always kept).
    #[arg(long)]
    pub chain: bool,
    /// Write our own hooks anew even if someone has edited them; never touches those of others.
    #[arg(short, long)]
    pub force: bool,
}

/// `hooks uninstall`
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct Uninstall {
    /// Which hooks; all without any.
    #[arg(value_name = "HOOK", value_parser = hook())]
    pub hooks: Vec<Hook>,
    /// Take our own hooks away even if someone has edited them; never touches those of others.
    #[arg(short, long)]
    pub force: bool,
}

/// `hooks status`
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct HooksStatus {
    /// Where the JSON answer goes.
    #[command(flatten)]
    pub json: Json,
}

/// `hooks print`
#[derive(ClapArgs, Clone, Debug, Default)]
pub struct Print {
    /// Which hooks; all without any.
    #[arg(value_name = "HOOK", value_parser = hook())]
    pub hooks: Vec<Hook>,
    /// Print what this manager of hooks needs.
    #[arg(long, value_name = "MANAGER", value_parser = manager())]
    pub manager: Option<Manager>,
}

fn hook() -> impl TypedValueParser<Value = Hook> {
    PossibleValuesParser::new(Hook::NAMES).try_map(|name| Hook::by_name(&name).ok_or("no such hook"))
}

fn manager() -> impl TypedValueParser<Value = Manager> {
    PossibleValuesParser::new(Manager::NAMES).try_map(|name| Manager::by_name(&name).ok_or("no such manager"))
}
