//! The Markdown report, for a comment on a pull request and for the summary of a workflow.
//!
//! A comment that is too long vanishes without a word, so a report never is: it is made with less
//! and less in it until it fits (`detail`), then gets back what there is room for, most telling
//! first, and says what was left out. What a template gets is worked out in `page`; that nothing
//! foreign becomes markup is the work of `escape`. Nothing here knows runs or disks.

mod check;
mod detail;
mod escape;
mod page;
#[cfg(test)]
mod tests;

pub use self::check::checked;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, context};

use super::dossier::Dossier;
use super::view::View;
use detail::{Detail, LADDER, WORTH};
use page::{Matter, Page};

/// What the engine calls it.
const NAME: &str = "report.md";
/// Our own template.
const TEMPLATE: &str = include_str!("../../../templates/report.md.j2");

/// For whom the report is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Flavor {
    /// GitHub and GitLab: folded parts, Mermaid.
    #[default]
    Github,
    /// Bitbucket: tables and text, 32,000 characters at most.
    Bitbucket,
}

/// What is wanted of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// By this a bot finds the comment that it is to replace.
    pub key: String,
    /// It never has more characters (Unicode scalar values).
    pub max_chars: usize,
    /// Nor more UTF-16 units, in which GitHub counts.
    pub max_units: usize,
    /// Nor more bytes.
    pub max_bytes: usize,
    /// For whom it is.
    pub flavor: Flavor,
}

/// Bitbucket takes no longer comments.
const BITBUCKET_CHARS: usize = 32_000;

impl Default for Options {
    fn default() -> Self {
        Self { key: String::new(), max_chars: 60_000, max_units: 65_536, max_bytes: usize::MAX, flavor: Flavor::Github }
    }
}

impl Options {
    /// Those for the summary of a step in GitHub's workflows, which takes a mebibyte for all of them.
    pub fn summary() -> Self {
        Self { max_chars: usize::MAX, max_units: usize::MAX, max_bytes: 900 * 1024, ..Self::default() }
    }

    fn hold(&self, text: &str) -> bool {
        let most = if self.flavor == Flavor::Bitbucket { self.max_chars.min(BITBUCKET_CHARS) } else { self.max_chars };
        text.len() <= self.max_bytes && text.chars().count() <= most && text.encode_utf16().count() <= self.max_units
    }
}

/// The report of a run, with our template or this one. None if the limits leave no room for a verdict.
///
/// # Errors
/// If the given template is wrong.
pub fn render(dossier: &Dossier, options: &Options, template: Option<&str>) -> Result<Option<String>, Error> {
    let view = View::of(dossier);
    let mut remarks = Vec::new();
    if let Some(template) = template {
        let matter = Matter::new(dossier, &view, options, &remarks);
        match fitted(&matter, options, template, &Value::from(Serde(&view)))? {
            Some(text) => return Ok(Some(text)),
            None => remarks.push("what the given template makes of it, which is longer than allowed".to_owned()),
        }
    }
    // Ours does with what is on its page.
    let matter = Matter::new(dossier, &view, options, &remarks);
    let fitted = fitted(&matter, options, TEMPLATE, &context! {})?;
    Ok(fitted.or_else(|| page::least(&matter)))
}

/// Whether a template can be read and uses only names that there are.
///
/// # Errors
/// What is wrong with it.
pub fn check(template: &str) -> Result<(), String> {
    let engine = engine(template, Flavor::default()).map_err(|error| super::template::words(&error, template))?;
    let (dossier, options) = (Dossier::default(), Options::default());
    let view = View::of(&dossier);
    let page = Page::of(&Matter::new(&dossier, &view, &options, &[]), &Detail::default());
    super::template::check(&engine, NAME, template, &context! { ..Value::from(Serde(page)), ..Value::from(Serde(&view)) })
}

/// The report with as much in it as the limits allow; none, if the least is still too much.
fn fitted(matter: &Matter, options: &Options, template: &str, values: &Value) -> Result<Option<String>, Error> {
    let engine = engine(template, options.flavor)?;
    let template = engine.get_template(NAME)?;
    let render = |detail: &Detail| {
        let page = Value::from(Serde(Page::of(matter, detail)));
        let text = template.render(context! { ..page, ..values.clone() })?;
        Ok::<String, Error>(format!("{}\n", text.trim_end()))
    };
    let mut detail = Detail::default();
    let mut text = render(&detail)?;
    if options.hold(&text) {
        return Ok(Some(text));
    }
    detail = Detail::after(LADDER.len());
    text = render(&detail)?;
    if !options.hold(&text) {
        return Ok(None);
    }
    let (mut too_much, mut enough) = (0, LADDER.len());
    while enough - too_much > 1 {
        let steps = usize::midpoint(too_much, enough);
        let more = Detail::after(steps);
        let longer = render(&more)?;
        if options.hold(&longer) {
            (enough, detail, text) = (steps, more, longer);
        } else {
            too_much = steps;
        }
    }
    for part in WORTH {
        // The least level that fits lies from `from` to `to`.
        let (mut from, mut to) = (0, detail.level(part));
        while from < to {
            let level = usize::midpoint(from, to);
            let more = detail.with(part, level);
            let longer = render(&more)?;
            if options.hold(&longer) {
                (to, detail, text) = (level, more, longer);
            } else {
                from = level + 1;
            }
        }
    }
    Ok(Some(text))
}

fn engine(template: &str, flavor: Flavor) -> Result<Environment<'_>, Error> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // So that an error knows its place.
    engine.set_debug(true);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    engine.add_filter("code", move |text: &str| escape::code(text, flavor));
    engine.add_filter("value", move |text: &str| escape::value(text, flavor));
    engine.add_filter("sentence", move |text: &str| escape::sentence(text, flavor));
    engine.add_filter("tagged", |text: &str| escape::tagged(text));
    engine.add_filter("fence", |text: &str| escape::fence(text));
    engine.add_template(NAME, template)?;
    Ok(engine)
}
