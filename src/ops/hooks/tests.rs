//! What is decided for whatever stands in the place of a hook.

use super::*;

const TEXT: &str = "new";

fn ours(version: u32, edited: bool) -> Nature {
    Nature::Ours(Own { version, edited, program: None })
}

fn standing(what: Option<(Nature, &str, bool)>, kept: Option<bool>) -> Standing {
    let what = what.map_or(What::Nothing, |(nature, text, runs)| What::Script(Script { text: text.into(), nature, runs }));
    let kept = kept.map(|is_the_same| Kept { path: "/h/pre-push.pre-paraffin".into(), runs: true, is_of_dvc: false, is_the_same });
    Standing { hook: Hook::PrePush, path: "/h/pre-push".into(), aside: None, what, kept }
}

/// What is done, or a part of what is said.
fn outcome(decided: Result<(Done, Option<Change>), String>) -> Result<Done, String> {
    decided.map(|(done, change)| {
        let changes = !matches!(done, Done::AsBefore | Done::NotThere | Done::Left);
        assert_eq!(change.is_some(), changes, "{done:?}");
        done
    })
}

fn installed(standing: &Standing, chain: bool, force: bool) -> Result<Done, String> {
    outcome(decide_install(standing, Options { chain, force }, TEXT))
}

fn refused(decided: Result<Done, String>, words: &str) {
    let said = decided.unwrap_err();
    assert!(said.contains(words), "{said}");
}

#[test]
fn ours_are_written_where_they_must() {
    let old = |nature, text, runs| standing(Some((nature, text, runs)), None);
    assert_eq!(installed(&standing(None, None), false, false), Ok(Done::Installed));
    assert_eq!(installed(&old(ours(VERSION, false), TEXT, true), false, false), Ok(Done::AsBefore));
    assert_eq!(installed(&old(ours(VERSION, false), TEXT, false), false, false), Ok(Done::Renewed));
    assert_eq!(installed(&old(ours(VERSION, false), "other program", true), false, false), Ok(Done::Renewed));
    assert_eq!(installed(&old(ours(0, false), "old", true), false, false), Ok(Done::Upgraded(0)));
    assert_eq!(installed(&standing(Some((ours(0, false), "old", true)), Some(false)), false, false), Ok(Done::Upgraded(0)));
    refused(installed(&old(ours(VERSION, true), "edit", true), true, false), "edited");
    refused(installed(&old(ours(VERSION + 1, false), "newer", true), true, false), "newer");
    assert_eq!(installed(&old(ours(VERSION, true), "edit", true), false, true), Ok(Done::Renewed));
    assert_eq!(installed(&old(ours(VERSION + 1, false), "newer", true), false, true), Ok(Done::Renewed));
}

#[test]
fn those_of_others_are_kept_or_left() {
    let kept = Done::Chained("/h/pre-push.pre-paraffin".into());
    for force in [false, true] {
        let foreign = |kept| standing(Some((Nature::Foreign, "a\nb\u{1b}[1m", true)), kept);
        refused(installed(&foreign(None), false, force), "    | a\n    | b[1m\n  Either:  ");
        assert_eq!(installed(&foreign(None), true, force), Ok(kept.clone()));
        // A killed installation got as far as this.
        assert_eq!(installed(&foreign(Some(true)), true, force), Ok(kept.clone()));
        refused(installed(&foreign(Some(false)), true, force), "exists already");
        assert_eq!(installed(&standing(Some((Nature::Dvc, "dvc", true)), None), false, force), Ok(kept.clone()));
        refused(installed(&standing(Some((Nature::Dvc, "dvc", true)), Some(false)), false, force), "exists already");
        refused(installed(&standing(None, Some(false)), true, force), "puts it back");
        refused(installed(&Standing { what: What::NoFile, ..standing(None, None) }, true, force), "no file");
    }
}

#[test]
fn only_ours_are_taken_away() {
    let gone = |standing: &Standing, force| outcome(decide_uninstall(standing, force));
    assert_eq!(gone(&standing(None, None), false), Ok(Done::NotThere));
    assert_eq!(gone(&standing(None, Some(false)), false), Ok(Done::PutBack));
    assert_eq!(gone(&standing(Some((ours(VERSION, false), "", true)), None), false), Ok(Done::Removed));
    assert_eq!(gone(&standing(Some((ours(0, false), "", true)), Some(false)), false), Ok(Done::PutBack));
    refused(gone(&standing(Some((ours(VERSION, true), "", true)), None), false), "edited");
    assert_eq!(gone(&standing(Some((ours(VERSION, true), "", true)), None), true), Ok(Done::Removed));
    for nature in [Nature::Foreign, Nature::Dvc, Nature::Managed(Manager::Husky)] {
        for kept in [None, Some(false)] {
            assert_eq!(gone(&standing(Some((nature.clone(), "", true)), kept), true), Ok(Done::Left));
        }
    }
    assert_eq!(gone(&Standing { what: What::NoFile, ..standing(None, None) }, true), Ok(Done::Left));
    // The second name that a killed installation has given goes, the hook stays.
    let (done, change) = decide_uninstall(&standing(Some((Nature::Foreign, "", true)), Some(true)), false).unwrap();
    assert_eq!((done, change), (Done::Left, Some(Change::Remove { path: "/h/pre-push.pre-paraffin".into() })));
}
