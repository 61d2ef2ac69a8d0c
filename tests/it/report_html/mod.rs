//! What a browser makes of the HTML report: does it show what is there, keep quiet, ask nobody for
//! anything, and work by keyboard, without its script, in the dark and on paper?

pub mod chromium;
mod runs;

use std::path::{Path, PathBuf};

use dvc_paraffin::report::dossier::Dossier;
use dvc_paraffin::report::html;
use dvc_paraffin::report::shown;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{server::Server, target_dir};
use chromium::Seen;
use runs::{Run, demo, step, sweep};

/// A folder of pages; with `DVC_PARAFFIN_EJECT` it is `target/report_html`, and pictures stay.
struct Folder {
    path: PathBuf,
    _temporary: TempDir,
}

impl Folder {
    fn new() -> Self {
        let temporary = tempfile::Builder::new().prefix("dvcg-").tempdir_in("/tmp").unwrap();
        let path = match std::env::var_os("DVC_PARAFFIN_EJECT") {
            Some(_) => target_dir().join("report_html"),
            None => temporary.path().to_owned(),
        };
        std::fs::create_dir_all(&path).unwrap();
        Self { path, _temporary: temporary }
    }

    /// Writes a page and says its address.
    fn put(&self, name: &str, text: &str) -> String {
        let path = self.path.join(name);
        std::fs::write(&path, text).unwrap();
        format!("file://{}", path.display())
    }

    fn page(&self, name: &str, dossier: &Dossier) -> String {
        self.put(name, &html::render(dossier, None, false).unwrap())
    }

    fn look(&self, chromium: &Path, pages: &[Value]) -> Vec<Seen> {
        let profile = tempfile::Builder::new().prefix("dvcg-").tempdir_in("/tmp").unwrap();
        chromium::look(chromium, profile.path(), pages)
    }

    fn picture(&self, name: &str) -> Value {
        json!({ "shot": self.path.join(name) })
    }
}

/// Nothing on the console, no refusal, and no request but for the page itself and what it holds.
fn is_quiet(seen: &Seen, url: &str) {
    assert!(seen.noise.is_empty(), "{url}: {:?}", seen.noise);
    let foreign: Vec<_> = seen.requests.iter().filter(|asked| *asked != url && !asked.starts_with("data:")).collect();
    assert!(foreign.is_empty(), "{url} asked for {foreign:?}");
}

/// What is wrong with how a page is built, for those who do not see it.
const WRONG: &str = r"(() => {
    const wrong = [];
    const all = selector => [...document.querySelectorAll(selector)];
    const ids = all('[id]').map(item => item.id);
    ids.filter((id, at) => ids.indexOf(id) !== at).forEach(id => wrong.push('twice: #' + id));
    all('a[href]').forEach(link => {
        const href = link.getAttribute('href');
        if (!href.startsWith('#') || !document.getElementById(href.slice(1))) wrong.push('leads nowhere: ' + href);
    });
    all('svg').forEach(svg => {
        if (svg.closest('[aria-hidden]') || svg.parentElement.closest('svg')) return;
        if (svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')) wrong.push('a drawing without a name');
    });
    all('table').forEach(table => {
        if (!table.caption || !table.caption.textContent.trim()) wrong.push('a table without a caption');
        if (table.querySelector('th:not([scope])')) wrong.push('a heading of a table without a scope');
        const width = row => [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0);
        const widths = new Set([...table.rows].map(width));
        if (widths.size !== 1) wrong.push('rows of different lengths: ' + [...widths]);
    });
    const levels = all('h1, h2, h3').map(head => Number(head.tagName[1]));
    if (levels.filter(level => level === 1).length !== 1 || levels.some((level, at) => at && level > levels[at - 1] + 1)) wrong.push('headings: ' + levels);
    if (all('main').length !== 1 || all('h2').length < 2) wrong.push('no landmarks');
    all('input, select').forEach(field => { if (!field.labels.length) wrong.push('a field without a label'); });
    all('.scroll, pre').forEach(box => { if (box.tabIndex !== 0) wrong.push('a box that the keyboard cannot scroll'); });
    if (document.documentElement.scrollWidth > innerWidth) wrong.push('wider than the window by ' + (document.documentElement.scrollWidth - innerWidth));
    return wrong;
})()";

/// Runs of every kind.
fn kinds() -> Vec<(&'static str, Run)> {
    vec![
        ("demo", Run::new(demo(2), 4).all()),
        ("failed", runs::failed()),
        ("killed", runs::halfway(false)),
        ("running", runs::halfway(true)),
        ("interrupted", runs::interrupted()),
        ("stopped_early", runs::stopped_early()),
        ("nothing", runs::idle()),
        ("no_stages", Run::new(Vec::new(), 2).finish(None)),
        ("stillborn", Run::stillborn("output 'a' is specified in:\n\t- <one>\n\t- two")),
        ("sweep", Run::new(sweep(200), 8).all()),
    ]
}

#[test]
fn pages_of_every_kind_are_quiet_and_well_built() {
    let Some(chromium) = chromium::get("the HTML report in a browser") else { return };
    let folder = Folder::new();
    let mut pages = Vec::new();
    for (name, run) in kinds() {
        let url = folder.page(&format!("{name}.html"), &run.dossier());
        for (how, width, dark, scripts) in
            [("light", 1280, false, true), ("dark", 1280, true, true), ("narrow", 380, false, true), ("plain", 1280, false, false)]
        {
            let picture = folder.picture(&format!("{name}-{how}.png"));
            pages.push(json!({ "url": url, "width": width, "dark": dark, "scripts": scripts, "steps": [{ "eval": WRONG }, picture] }));
        }
        let pdf = folder.path.join(format!("{name}.pdf"));
        pages.push(json!({ "url": url, "steps": [{ "eval": "[]" }, { "pdf": pdf }] }));
    }
    for (page, seen) in pages.iter().zip(folder.look(chromium, &pages)) {
        is_quiet(&seen, page["url"].as_str().unwrap());
        assert_eq!(seen.values[0], json!([]), "{page}");
    }
    for (name, _) in kinds() {
        let picture = |how| std::fs::read(folder.path.join(format!("{name}-{how}.png"))).unwrap();
        assert!(picture("light") != picture("dark"), "{name} looks the same in the dark");
        assert!(std::fs::read(folder.path.join(format!("{name}.pdf"))).unwrap().starts_with(b"%PDF"));
    }
}

/// Names that mean something to HTML, SVG, scripts, style sheets, templates, tables, or to the eye.
const NASTY: [&str; 64] = [
    "<b>bold</b>",
    "<script>document.title='x'</script>",
    "</script>",
    "</style>",
    "</svg>",
    "</title>",
    "</textarea>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<a href=javascript:alert(1)>",
    "\" onclick=\"alert(1)",
    "' onmouseover='alert(1)",
    "`backtick`",
    "&amp;",
    "&lt;",
    "&#60;",
    "&copy",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "\\",
    "/",
    "\\n",
    "a\nb",
    "a\tb",
    " leading",
    "trailing ",
    "two  spaces",
    "a\u{0}b",
    "a\u{1b}[31mred",
    "a\u{7f}b",
    "abc\u{202e}fed",
    "zero\u{200b}width",
    "soft\u{ad}hyphen",
    "\u{feff}bom",
    "日本語の段階",
    "مرحلة",
    "עברית",
    "e\u{301}",
    "🚀",
    "👩‍🔬",
    "ﬁ",
    "K",
    "{{ stage }}",
    "{% raw %}",
    "${item}",
    "%%{init}%%",
    "a|b",
    "#define",
    "end",
    "click",
    "__proto__",
    "constructor",
    "train@0",
    "sub/dvc.yaml:train@a-b",
    "@",
    "--flag",
    "=cmd|' /C calc'!A0",
];

#[test]
fn nasty_names_are_shown_as_they_are() {
    let Some(chromium) = chromium::get("nasty names in a browser") else { return };
    let folder = Folder::new();
    let long = "x".repeat(3000);
    let names: Vec<&str> = NASTY.iter().copied().chain([long.as_str()]).collect();
    let steps: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| runs::Step { cmd: format!("echo {name}"), ..step(*name, Vec::from_iter(at.checked_sub(1)), 200) })
        .collect();
    let mut run = Run::new(steps, 4);
    for at in 0..names.len() {
        run.ends(at, dvc_paraffin::model::Status::Failed);
    }
    let url = folder.page("nasty.html", &run.finish(None).dossier());
    let texts = |selector: &str| json!({ "eval": format!("[...document.querySelectorAll({selector:?})].map(item => item.textContent)") });
    let steps = [
        json!({ "eval": WRONG }),
        texts(".stages tbody th"),
        texts("#failures h3, #failures summary"),
        texts("#speed tbody th"),
        texts(".stages td:nth-child(16)"),
        texts(".plot a > title"),
        json!({ "eval": "document.title" }),
    ];
    let page = json!({ "url": url, "steps": steps });
    let [seen] = &folder.look(chromium, std::slice::from_ref(&page))[..] else { panic!() };
    is_quiet(seen, &url);
    assert_eq!(seen.values[0], json!([]));
    let want: Vec<String> = names.iter().map(|name| shown::line(name)).collect();
    for told in &seen.values[1..=3] {
        assert_eq!(*told, json!(want));
    }
    assert_eq!(seen.values[4], json!(names.iter().map(|name| shown::text(&format!("echo {name}"))).collect::<Vec<_>>()));
    let mut titles: Vec<&str> =
        seen.values[5].as_array().unwrap().iter().map(|title| title.as_str().unwrap().rsplit_once(": ").unwrap().0).collect();
    let mut wanted: Vec<&str> = want.iter().map(String::as_str).collect();
    titles.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(titles, wanted);
    assert_eq!(seen.values[6], json!("Failed: demo · 20261120-094052-3f2a"));
}

#[test]
fn the_table_sorts_and_filters_with_mouse_and_keyboard() {
    let Some(chromium) = chromium::get("the table of the HTML report") else { return };
    let folder = Folder::new();
    let url = folder.page("table.html", &runs::failed().dossier());
    let names =
        "[...document.querySelectorAll('.stages tbody tr')].filter(row => row.checkVisibility()).map(row => row.cells[0].textContent)";
    let head = |at: usize| format!("document.querySelectorAll('.stages thead button')[{at}]");
    let eval = |text: &str| json!({ "eval": text });
    let fill = |what: &str, value: &str| json!({ "eval": format!("(() => {{ const field = document.querySelector('.tools {what}'); field.value = {value:?}; field.dispatchEvent(new Event('{}')); }})()", if what == "input" { "input" } else { "change" }) });
    let steps = [
        eval(names),
        eval(&format!("{}.click()", head(2))),
        eval("[...document.querySelectorAll('.stages tbody tr')].map(row => row.cells[2].textContent)"),
        eval(
            "document.querySelector('[aria-sort]').textContent + document.querySelector('[aria-sort]').ariaSort + document.querySelector('.stages caption').innerText",
        ),
        eval(&format!("{}.click()", head(2))),
        eval("[...document.querySelectorAll('.stages tbody tr')].map(row => row.cells[2].textContent)"),
        eval(&format!("{}.click()", head(2))),
        eval(names),
        // By keyboard: the first heading, then what is in it.
        eval(&format!("{}.focus()", head(0))),
        json!({ "keys": ["Enter", "Enter"] }),
        eval(names),
        fill("input", "TRAIN lr1"),
        eval(names),
        eval("document.querySelector('.tools output').textContent"),
        fill("input", ""),
        fill("select", "upstream_failed"),
        eval(names),
    ];
    let page = json!({ "url": url, "steps": steps });
    let [seen] = &folder.look(chromium, std::slice::from_ref(&page))[..] else { panic!() };
    is_quiet(seen, &url);
    let told: Vec<&Value> = seen.values.iter().filter(|value| !value.is_null()).collect();
    let [plan, down, sorted, up, again, reversed, few, output, skipped] = told[..] else { panic!("{told:?}") };
    let mut order: Vec<&str> = plan.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(order[..3], ["prepare", "split", "train@lr0-seed0"]);
    assert_eq!(*down, json!(["2.07s", "1.58s", "1.45s", "1.31s", "1.17s", "0.90s", "0.30s", "", "", ""]));
    assert_eq!(*sorted, json!("Timedescending◆ on the critical path."));
    assert_eq!(*up, json!(["0.30s", "0.90s", "1.17s", "1.31s", "1.45s", "1.58s", "2.07s", "", "", ""]));
    assert_eq!(again, plan);
    order.sort_unstable();
    order.reverse();
    assert_eq!(*reversed, json!(order));
    assert_eq!(*few, json!(["train@lr1-seed5", "train@lr1-seed1"]));
    assert_eq!(*output, json!("2 of 10"));
    assert_eq!(*skipped, json!(["reports/dvc.yaml:plot", "evaluate"]));
}

#[test]
fn groups_fold_and_open_without_a_script_and_by_link() {
    let Some(chromium) = chromium::get("folded groups of the HTML report") else { return };
    let folder = Folder::new();
    let url = folder.page("groups.html", &Run::new(sweep(200), 8).all().dossier());
    let count = json!({ "eval": "[...document.querySelectorAll('.stages tbody tr')].filter(row => row.checkVisibility()).length" });
    let head = json!({ "eval": "document.querySelector('.head').cells[0].textContent + '|' + document.querySelector('.head').cells[1].textContent" });
    let click = json!({ "eval": "document.querySelector('.head input').click()" });
    let go = json!({ "eval": "location.hash = '#s100'" });
    let sort = json!({ "eval": "document.querySelectorAll('.stages thead button')[2].click()" });
    let pages = [
        json!({ "url": url, "scripts": false, "steps": [count, head, click, count] }),
        json!({ "url": format!("{url}#s100"), "scripts": false, "steps": [count] }),
        json!({ "url": url, "steps": [count, go, count] }),
        json!({ "url": url, "steps": [sort, count] }),
    ];
    let seen = folder.look(chromium, &pages);
    let told: Vec<Vec<Value>> = seen.iter().map(|seen| seen.values.iter().filter(|value| !value.is_null()).cloned().collect()).collect();
    assert_eq!(told[0], [json!(5), json!("train@*|200 ran"), json!(205)]);
    assert_eq!(told[1], [json!(205)]);
    assert_eq!(told[2], [json!(5), json!("#s100"), json!(205)]);
    assert_eq!(told[3], [json!(204)]);
}

#[test]
fn paper_shows_what_is_folded() {
    let Some(chromium) = chromium::get("the HTML report on paper") else { return };
    let folder = Folder::new();
    let url = folder.page("paper.html", &Run::new(sweep(200), 8).all().dossier());
    let visible = json!({ "eval": "document.querySelector('details.who a').checkVisibility()" });
    let opened = json!({ "eval": "dispatchEvent(new Event('beforeprint')), document.querySelector('details.who').open" });
    let closed = json!({ "eval": "dispatchEvent(new Event('afterprint')), document.querySelector('details.who').open" });
    let pages = [
        json!({ "url": url, "steps": [visible, opened, visible, closed] }),
        json!({ "url": url, "scripts": false, "steps": [{ "media": "print" }, visible] }),
    ];
    let seen = folder.look(chromium, &pages);
    assert_eq!(seen[0].values, [json!(false), json!(true), json!(true), json!(false)]);
    assert_eq!(seen[1].values, [json!(true)]);
}

/// The test must itself see what it is for: a page that does what ours must not.
#[test]
fn the_policy_stops_what_slipped_in() {
    let Some(chromium) = chromium::get("the policy of the HTML report") else { return };
    let folder = Folder::new();
    let page = html::render(&runs::failed().dossier(), None, false).unwrap();
    let bad = "<main><script>window.acted = 1</script><img src=\"x.png\" onerror=\"window.acted = 1\"><p style=\"color: red\" onclick=\"window.acted = 1\">x</p><iframe src=\"https://example.org/\"></iframe>";
    let url = folder.put("bad.html", &page.replacen("<main>", bad, 1));
    let act = json!({ "eval": "document.querySelector('p').click(), fetch('http://127.0.0.1:9/').catch(() => 0).then(() => String(window.acted) + getComputedStyle(document.querySelector('p')).color)" });
    let order = json!({ "url": url, "steps": [act] });
    let [seen] = &folder.look(chromium, std::slice::from_ref(&order))[..] else { panic!() };
    assert!(seen.values[0].as_str().unwrap().starts_with("undefinedrgb(27, 33, 41)"), "{:?}", seen.values);
    assert!(seen.noise.iter().filter(|line| line.contains("Content Security Policy")).count() >= 5, "{:?}", seen.noise);
    let asked: Vec<_> = seen.requests.iter().filter(|asked| !asked.starts_with("data:")).collect();
    assert_eq!(asked, [&url]);
}

#[test]
fn a_live_page_follows_its_run_to_the_end() {
    let Some(chromium) = chromium::get("the live HTML report") else { return };
    let (folder, server) = (Folder::new(), Server::start());
    let (going, over) = (runs::halfway(true).dossier(), runs::failed().dossier());
    server.put("live.html", &html::render(&going, None, true).unwrap());
    server.put("over.html", &html::render(&over, None, false).unwrap());
    let url = server.url("live.html");
    // The served file becomes that of the ended run when the page asks for it: the test stands between.
    let prepare = "(() => { const real = window.fetch; window.fetch = (url, options) => real(url.replace('live', 'over'), options);
        document.querySelector('details').open = true; const field = document.querySelector('.tools input'); field.value = 'train'; field.dispatchEvent(new Event('input')); field.focus();
        return document.querySelector('h1').textContent; })()";
    let wait = "new Promise(done => { const look = () => document.documentElement.hasAttribute('data-live') ? setTimeout(look, 20) : done(document.querySelector('h1').textContent); look(); })";
    let left = "JSON.stringify([document.querySelector('details').open, document.querySelector('.tools input').value, document.activeElement.tagName, [...document.querySelectorAll('.stages tbody tr')].filter(row => row.checkVisibility()).length, document.querySelectorAll('main').length])";
    let page = json!({ "url": url, "steps": [{ "eval": prepare }, { "eval": wait }, { "eval": left }] });
    let [seen] = &folder.look(chromium, std::slice::from_ref(&page))[..] else { panic!() };
    assert!(seen.noise.is_empty(), "{:?}", seen.noise);
    assert_eq!(seen.values, [json!("Running: demo"), json!("Failed: demo"), json!("[true,\"train\",\"INPUT\",6,1]")]);
}

#[test]
fn large_runs_have_small_pages() {
    let page = |run: Run| html::render(&run.dossier(), None, false).unwrap();
    let mut steps = demo(72);
    steps.truncate(500);
    let demo = page(Run::new(steps, 4).all());
    assert!(demo.len() < 400_000, "500 stages take {} bytes", demo.len());
    let folder = Folder::new();
    let (grouped, flat) = (page(Run::new(sweep(4996), 8).all()), page(Run::new(demo_of(5000), 8).all()));
    for (name, page) in [("500", &demo), ("5000-grouped", &grouped), ("5000-flat", &flat)] {
        folder.put(&format!("{name}.html"), page);
        assert!(page.matches("<rect ").count() < 8000 && page.matches("class=\"node").count() <= 60, "{name} has too many shapes");
    }
    for page in [&grouped, &flat] {
        assert_eq!(page.matches("<tr id=\"s").count(), 5000);
    }
}

fn demo_of(stages: usize) -> Vec<runs::Step> {
    let mut steps = demo(stages / 7 + 1);
    steps.truncate(stages);
    steps
}
