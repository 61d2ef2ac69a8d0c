//! Real input: what people who use DVC have on their disks.
//!
//! `zntrack` builds a project with ZnTrack from PyPI and runs it. `projects` holds three pipelines in
//! the shape of public ones (several dvc.yaml, templates, parameters, folders, data files), run by
//! real DVC in one copy and by the program in another. `corpus` reads the pipelines of public
//! repositories themselves, where these stand beside the project, and `corpus_check` judges them as commits.

mod corpus;
mod corpus_check;
mod projects;
mod zntrack;
