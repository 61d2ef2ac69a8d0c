//! dvc-paraffin: DVC pipelines, in parallel.

pub mod cli;
pub mod format;
pub mod model;
pub mod ops;
pub mod plan;
pub mod report;
pub mod run;
pub mod store;
