//! The page as text; what a browser makes of it is seen in `tests/it/report_html`.

use super::*;
use crate::report::sample::{Tale, badly, random, well};

fn page(tale: &Tale) -> String {
    render(&tale.dossier(), None, false).unwrap()
}

#[test]
fn pages_of_random_runs_are_rendered() {
    let mut rng = fastrand::Rng::with_seed(6);
    for _ in 0..100 {
        let tale = random(&mut rng, 60);
        let page = page(&tale);
        assert!(page.trim_end().ends_with("</html>"));
        assert!(!page.contains("style=") && !page.contains("NaN"), "no style within elements, no nonsense");
    }
}

#[test]
fn runs_that_did_nothing_or_failed_at_once_have_pages() {
    let nothing = page(&Tale::new(&[], 2).over(10, None));
    assert!(nothing.contains("no stages in 0.01s") && !nothing.contains("<section id=\"stages\""), "{nothing}");
    let fault = crate::model::Fault::new(crate::model::Class::DvcException, "cycle <a> -> <b>");
    let early = page(&Tale::default().opened(1).over(3, Some(fault)));
    assert!(
        early.contains("failed before the first stage")
            && early.contains("cycle &lt;a&gt; -&gt; &lt;b&gt;")
            && early.contains("Environment")
    );
}

#[test]
fn a_stage_without_a_log_says_why() {
    let mut dossier = badly().dossier();
    assert!(render(&dossier, None, false).unwrap().contains("holds no lines, or is gone"));
    let ends = dossier.history.stages.iter_mut().flat_map(|entry| &mut entry.tries).filter_map(|attempt| attempt.end.as_mut());
    ends.filter_map(|(_, outcome)| outcome.attempt.as_mut()).for_each(|attempt| attempt.log = None);
    dossier.history.stages.iter_mut().filter_map(|entry| entry.outcome.as_mut()?.attempt.as_mut()).for_each(|attempt| attempt.log = None);
    assert!(render(&dossier, None, false).unwrap().contains("There is no log: its log could not be written."));
    dossier.history.about.terminal = true;
    assert!(render(&dossier, None, false).unwrap().contains("There is no log: it had the terminal to itself (--jobs 1)."));
}

#[test]
fn another_template_gets_the_same_values_and_is_escaped() {
    let tale = Tale::new(&[("<b>", &[], "default")], 1).over(1, None);
    let page = render(&tale.dossier(), Some("{{ verdict }} {{ stages[0].address }}"), false).unwrap();
    assert_eq!(page, "ok &lt;b&gt;");
    assert!(render(&tale.dossier(), Some("{{ nonsense }}"), false).is_err());
}

#[test]
fn only_a_live_page_says_so() {
    let dossier = well().dossier();
    assert!(!render(&dossier, None, false).unwrap().contains("data-live>"));
    assert!(render(&dossier, None, true).unwrap().contains("<html lang=\"en\" data-live>"));
}

#[test]
fn the_table_agrees_with_the_facts() {
    let mut rng = fastrand::Rng::with_seed(8);
    for most in [10, 40, 400] {
        for _ in 0..20 {
            let dossier = random(&mut rng, most).dossier();
            let page = render(&dossier, None, false).unwrap();
            for (shown, count) in &dossier.facts.counts {
                let cell = format!("<td class=\"{}\">{}", shown.key(), shown.words());
                assert_eq!(page.matches(&format!("{cell}\n")).count() + page.matches(&format!("{cell}<")).count(), *count);
            }
            assert_eq!(page.matches(" class=\"crit\"><th").count(), dossier.facts.critical.len());
        }
    }
}
