//! What the hosts of repositories make of the Markdown report, and Mermaid of its charts: is each
//! name shown as it is, and can nothing foreign become more than text?
//!
//! Markdown is rendered by what GitHub, GitLab and Bitbucket render it with; charts are drawn by
//! two releases of Mermaid in a browser. Both are set up in the target folder.

mod draw;
mod host;
mod run;

use std::collections::BTreeSet;

use dvc_paraffin::report::chart::Chart;
use dvc_paraffin::report::flowchart::{Flowchart, Fold};
use dvc_paraffin::report::markdown::{Flavor, Options, render};
use dvc_paraffin::report::shown;
use serde_json::Value;

use crate::support::nasty;

/// Lines of a log that would like to be more.
const LOG: [&str; 7] = ["```", "</details>", "</code></pre><script>alert(1)</script>", "````text", "~~~~", "", "<!-- @someone #123 -->"];

/// Tags that a report is made of.
const TAGS: [&str; 18] =
    ["br", "code", "details", "em", "h3", "h4", "hr", "li", "p", "pre", "strong", "summary", "table", "tbody", "td", "th", "thead", "tr"];

fn markdown(names: &[&str], flavor: Flavor) -> String {
    let options = Options { key: "a --> b".to_owned(), flavor, ..Options::default() };
    render(&run::failed(names, &LOG), &options, None).unwrap().unwrap()
}

/// The text of the cells of a column in the table with this heading.
fn column(page: &Value, heading: &str, at: usize) -> Vec<String> {
    let tables = page["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table[0][0] == heading).unwrap_or_else(|| panic!("no table of {heading}"));
    table.as_array().unwrap()[1..].iter().map(|row| row[at].as_str().unwrap().trim().to_owned()).collect()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn hosts_show_each_name_and_log_as_it_is() {
    let Some(python) = host::get("hosts_show_each_name_and_log_as_it_is") else { return };
    let lots: Vec<&[&str]> = nasty::NAMES.chunks(24).collect();
    for (flavor, hosts) in [(Flavor::Github, &["github", "gitlab"][..]), (Flavor::Bitbucket, &["bitbucket"])] {
        let reports: Vec<String> = lots.iter().map(|names| markdown(names, flavor)).collect();
        for (names, pages) in lots.iter().zip(host::render(python, &reports)) {
            for host in hosts {
                shows(host, &pages[*host], names);
            }
        }
    }
}

/// Nothing but tables, blocks of code and the like, with these names and that log in them.
fn shows(host: &str, page: &Value, names: &[&str]) {
    let wanted: Vec<String> = names.iter().map(|name| shown::line(name).trim().to_owned()).collect();
    assert_eq!(column(page, "Stage", 0), wanted, "{host}");
    assert_eq!(column(page, "File", 1), wanted, "{host}: names of metrics");
    assert_eq!(column(page, "File", 3), wanted, "{host}: their values");
    let tags: BTreeSet<&str> = texts(&page["tags"]).into_iter().collect();
    let foreign: Vec<&&str> = tags.iter().filter(|tag| !TAGS.contains(tag)).collect();
    assert!(foreign.is_empty(), "{host}: {foreign:?}");
    for attribute in texts(&page["attributes"]) {
        assert!(["align", "class", "lang", "style"].contains(&attribute), "{host}: {attribute}");
    }
    assert!(texts(&page["open"]).is_empty(), "{host}: {:?}", page["open"]);
    let logs = texts(&page["code"]).into_iter().filter(|code| code.trim_end() == LOG.join("\n")).count();
    assert_eq!(logs, names.len().div_ceil(run::FAILS), "{host}: {:?}", page["code"]);
    if host != "bitbucket" {
        let told: Vec<&str> = texts(&page["summaries"]).into_iter().filter(|text| text.starts_with('\u{2717}')).collect();
        let failures: Vec<&String> = wanted.iter().step_by(run::FAILS).skip(3).collect();
        assert_eq!(told.len(), failures.len());
        for (text, name) in told.iter().zip(failures) {
            assert!(text.contains(name.as_str()), "{host}: {text} is not of {name}");
        }
    }
}

#[test]
fn mermaid_draws_each_name_as_it_is() {
    let Some(drawer) = draw::Drawer::get("mermaid_draws_each_name_as_it_is") else { return };
    let mut sources = Vec::new();
    let mut wanted: Vec<Vec<String>> = Vec::new();
    for names in nasty::NAMES.chunks(30) {
        let dossier = run::failed(names, &[]);
        for fold in [Fold::Stages, Fold::Groups, Fold::Levels] {
            let chart = Flowchart::of(&dossier, fold).unwrap();
            wanted.push(chart.nodes.iter().map(|node| format!("{} {}", node.kind.sign(), node.name)).collect());
            sources.push(chart.source());
        }
        let chart = Chart::from_plan(&run::plan(names));
        let as_given: Vec<String> = names.iter().map(|name| shown::line(name).trim().to_owned()).collect();
        wanted.extend([as_given.clone(), as_given]);
        sources.extend([chart.mermaid(), chart.mermaid_levels()]);
    }
    for release in draw::RELEASES {
        for ((drawing, wanted), source) in drawer.draw(release, &sources).into_iter().zip(&wanted).zip(&sources) {
            let drawing = drawing.unwrap_or_else(|error| panic!("mermaid {release}: {error}\n{source}"));
            let mut wanted = wanted.clone();
            wanted.sort();
            let mut got: Vec<String> = drawing.iter().map(|text| text.trim().to_owned()).collect();
            got.sort();
            assert_eq!(got, wanted, "mermaid {release} of\n{source}");
        }
    }
}
