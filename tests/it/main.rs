//! The one integration binary: what only the finished program, run as a user runs it, can show.
//!
//! Each module asks one question. `golden` and `differential`: does the program leave a repository
//! as real DVC does? `fuzz`: does the library read and write as DVC does? `bad_input`: does it fail
//! as it should? `real`: does it run what people have? `check`: does it tell what is in step as DVC does
//! of a clone with all data? `story`: does it keep its own promises?
//! `together`: does it bear other programs beside it? `kill`: what does SIGKILL cost? `power`: and a
//! power loss? `report_html`: what does a browser make of a report? `report_markdown`: what do hosts
//! make of one in Markdown? `house`: do the sources keep the
//! rules of the house? docs/testing.md tells how to run one of them, widen it,
//! replay a failure and keep its folder.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands; clippy knows only functions marked as tests"
)]

mod bad_input;
mod check;
mod deviations;
mod differential;
mod dvc;
mod fuzz;
mod golden;
mod house;
mod kill;
mod map;
mod power;
mod real;
mod report_html;
mod report_markdown;
mod story;
mod support;
mod together;
mod values;
