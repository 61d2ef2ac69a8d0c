//! The report as one HTML page that needs nothing else: no network, no fonts, no scripts of others.
//!
//! The engine escapes every text; only what is made here goes in as it is: drawings, whose texts
//! `svg::escaped` escapes, the style sheet and the script. A Content-Security-Policy names the
//! hashes of these two, so that nothing which slipped in could act. The page says everything
//! without its script, which only sorts, filters, and refreshes a page that is served live.

mod bars;
mod fold;
mod layers;
mod levels;
mod load;
mod page;
mod policy;
mod svg;
mod timeline;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, UndefinedBehavior};

use super::dossier::Dossier;

pub use policy::policy;

/// Our own template; another one gets the same values (docs/reports.md).
pub const TEMPLATE: &str = include_str!("../../../templates/report.html.j2");

/// The page. `template`: one in place of ours; `live`: whether it is served and fetches itself anew
/// while the run goes on.
///
/// # Errors
/// The template is wrong.
pub fn render(dossier: &Dossier, template: Option<&str>, live: bool) -> Result<String, Error> {
    engine(template.unwrap_or(TEMPLATE))?.get_template(NAME)?.render(page::context_of(dossier, live))
}

/// Whether a template can be read and uses only names that there are.
///
/// # Errors
/// What is wrong with it.
pub fn check(template: &str) -> Result<(), String> {
    let engine = engine(template).map_err(|error| super::template::words(&error, template))?;
    super::template::check(&engine, NAME, template, &page::context_of(&Dossier::default(), false))
}

/// The name decides that everything is escaped.
const NAME: &str = "report.html";

fn engine(template: &str) -> Result<Environment<'_>, Error> {
    let mut engine = Environment::new();
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).build()?);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // So that an error knows its place.
    engine.set_debug(true);
    engine.add_template(NAME, template)?;
    Ok(engine)
}

#[cfg(test)]
mod tests;
