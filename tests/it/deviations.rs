//! Where the program differs from DVC on purpose.
//!
//! The golden tests hold it to this list: what is not on it must be equal to the byte, what is on
//! it may differ in the named aspects and in no others. docs/compat.md tells users the same.

pub use crate::golden::Aspect;

/// One golden case that does not come out as with DVC.
pub struct Deviation {
    /// Its name without the number.
    pub case: &'static str,
    /// With how many jobs.
    pub jobs: Jobs,
    /// In what it differs, and in nothing else.
    pub aspects: &'static [Aspect],
    /// Why.
    pub why: &'static str,
}

/// With how many jobs a case differs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// With any number.
    Any,
    /// Only when there are several.
    Several,
}

/// Shorthand for a decided one.
const fn decided(case: &'static str, aspects: &'static [Aspect], why: &'static str) -> Deviation {
    Deviation { case, jobs: Jobs::Any, aspects, why }
}

/// Shorthand for a decided one that shows with several jobs only.
const fn several(case: &'static str, aspects: &'static [Aspect], why: &'static str) -> Deviation {
    Deviation { case, jobs: Jobs::Several, aspects, why }
}

use Aspect::{Cache, Exit, Messages, Runs, Status, Stdout, Tree};

/// All of them.
pub const LIST: &[Deviation] = &[
    decided("dry", &[Exit, Stdout, Messages], "--dry on a fresh pipeline prints the plan and exits 0, where DVC dies"),
    decided(
        "glob-without-match-runs-all",
        &[Exit, Stdout, Messages, Tree, Cache, Runs, Status],
        "targets that match nothing are an error, not a run of everything",
    ),
    decided("gitignore-rolled-back-on-failure", &[Tree], "the .gitignore lines of stages that succeeded stay when a later stage fails"),
    decided("keep-going", &[Tree], "the .gitignore lines of stages that succeeded stay when a later stage fails"),
    decided("keep-going-past-a-failure", &[Tree], "the .gitignore lines of stages that succeeded stay when a later stage fails"),
    decided("keep-going-two-failures", &[Tree], "the .gitignore lines of stages that succeeded stay when a later stage fails"),
    decided("outs-removed-before-missing-dep-error", &[Tree, Stdout, Status], "missing deps are found before outputs are removed"),
    decided("out-tracked-by-git", &[Tree, Stdout], "that git tracks an output is found before the stage runs and the output is removed"),
    decided(
        "out-dir-with-a-dvc-yaml-inside",
        &[Tree, Stdout, Messages],
        "that git tracks an output is found before the stage runs and the output is removed",
    ),
    decided("float-drift-of-other-entry", &[Tree, Status], "untouched lock entries are copied as text, so their floats do not drift"),
    decided(
        "run-cache-key-skips-size-param",
        &[Tree, Cache, Runs, Stdout],
        "a run-cache hit counts only if all params are equal, also those called size or nfiles",
    ),
    decided("cmd-wrapping", &[Tree, Status], "a command that DVC's folding would lose is written so that it reads back equal"),
    decided(
        "cmd-wrapping-second-repro",
        &[Tree, Cache, Runs, Stdout, Status],
        "a command that DVC's folding would lose is written so that it reads back equal",
    ),
    decided("stale-lock-entry-and-comments", &[Tree], "untouched lock entries are copied as text, with layout and comments"),
    decided("lock-unchanged-but-reformatted", &[Tree], "untouched lock entries are copied as text, with layout and comments"),
    several("env-and-shell", &[Tree, Cache, Status], "with several jobs stages have nothing on standard input"),
    several(
        "fail-stops",
        &[Tree, Cache, Runs, Status],
        "with several jobs a stage that does not depend on the failed one may already run; it is finished and saved",
    ),
    decided("out-tracked-by-git", &[Stdout, Tree], "an output that git tracks is found before the stage runs, and nothing is removed"),
    decided(
        "out-dir-with-a-dvc-yaml-inside",
        &[Stdout, Tree, Messages],
        "an output that git tracks is found before the stage runs, and nothing is removed",
    ),
    decided("dep-modified-by-its-own-cmd", &[Messages], "a warning names the dep that changed while its stage ran"),
    decided("err-date-in-params", &[Messages], "DVC's own support address is not given for failures of this program"),
];
