//! dvc-paraffin: DVC pipelines, in parallel.

pub mod format;
pub mod model;
