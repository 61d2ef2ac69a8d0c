//! The schemas of dvc.yaml, `.dvc` files and dvc.lock (dvc: `schema.py`).

use std::sync::LazyLock;

use super::check::{Invalid, MapSchema, Schema};
use crate::model::Value;
use Schema::{AnyList, AnyMap, Anything, Bool, Checksum, Int, Null, Text};

/// Checks the document of a dvc.yaml.
///
/// # Errors
/// All that does not fit.
pub fn check_project(document: &Value) -> Result<(), Vec<Invalid>> {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(project);
    SCHEMA.check(&mut Vec::new(), document)
}

/// Checks the document of a `.dvc` file.
///
/// # Errors
/// All that does not fit.
pub fn check_data_file(document: &Value) -> Result<(), Vec<Invalid>> {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(data_file);
    SCHEMA.check(&mut Vec::new(), document)
}

/// Checks the document of a dvc.lock.
///
/// # Errors
/// All that does not fit.
pub fn check_lock(document: &Value) -> Result<(), Vec<Invalid>> {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(lock);
    SCHEMA.check(&mut Vec::new(), document)
}

/// Checks a single stage's entry of a dvc.lock; the run-cache keeps such.
///
/// # Errors
/// All that does not fit.
pub fn check_entry(document: &Value) -> Result<(), Vec<Invalid>> {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(entry);
    SCHEMA.check(&mut Vec::new(), document)
}

type Known = Vec<(&'static str, Schema)>;

fn map(known: Known) -> Schema {
    Schema::Map(MapSchema { known, ..MapSchema::default() })
}

fn map_with(known: Known, required: &[&'static str]) -> Schema {
    Schema::Map(MapSchema { known, required: required.to_vec(), ..MapSchema::default() })
}

/// A map from any text to such values.
fn by_text(value: Schema) -> Schema {
    Schema::Map(MapSchema { others: Some(Box::new(value)), ..MapSchema::default() })
}

fn list(item: Schema) -> Schema {
    Schema::List(vec![item])
}

fn any<const N: usize>(schemas: [Schema; N]) -> Schema {
    Schema::Any(schemas.into())
}

fn annotations() -> Known {
    vec![("desc", Text), ("type", Text), ("labels", list(Text)), ("meta", Anything)]
}

fn out_flags() -> Known {
    let mut known = annotations();
    known.extend([("cache", Bool), ("persist", Bool), ("checkpoint", Bool), ("remote", Text), ("push", Bool)]);
    known
}

fn plot_flags() -> Schema {
    let mut known = out_flags();
    known.extend([("template", Text), ("x", Text), ("y", Text), ("x_label", Text), ("y_label", Text), ("title", Text), ("header", Bool)]);
    map(known)
}

fn vars() -> Schema {
    Schema::List(vec![Text, AnyMap])
}

fn stage() -> Schema {
    let outs = || list(any([Text, by_text(map(out_flags()))]));
    let plots = by_text(any([plot_flags(), list(plot_flags())]));
    map_with(
        vec![
            ("matrix", by_text(any([Text, AnyList]))),
            ("cmd", any([Text, AnyList])),
            ("wdir", Text),
            ("deps", list(Text)),
            ("params", list(any([Text, AnyMap]))),
            ("vars", vars()),
            ("frozen", Bool),
            ("meta", Anything),
            ("desc", Text),
            ("always_changed", Bool),
            ("outs", outs()),
            ("metrics", outs()),
            ("plots", list(any([Text, plots]))),
        ],
        &["cmd"],
    )
}

fn project() -> Schema {
    let foreach = map_with(vec![("foreach", any([AnyMap, AnyList, Text])), ("do", stage())], &["foreach", "do"]);
    let entry = Schema::Either(Box::new(stage()), Box::new(foreach), &["foreach", "do"]);
    let plot = map(vec![
        ("x", any([Text, by_text(Text)])),
        ("y", any([Text, list(Text), by_text(any([Text, list(Text)]))])),
        ("x_label", Text),
        ("y_label", Text),
        ("title", Text),
        ("template", Text),
    ]);
    let plots = Schema::Map(MapSchema { others: Some(Box::new(any([plot, Null]))), needs_other: true, ..MapSchema::default() });
    let mut artifact = annotations();
    artifact.push(("path", Text));
    map(vec![
        ("datasets", Anything),
        ("plots", list(any([Text, plots]))),
        ("stages", by_text(entry)),
        ("vars", vars()),
        ("params", list(Text)),
        ("metrics", list(Text)),
        ("artifacts", by_text(map_with(artifact, &["path"]))),
    ])
}

fn checksums() -> Known {
    vec![("md5", Checksum), ("checksum", Checksum), ("etag", Checksum)]
}

fn file_meta() -> Known {
    vec![("size", Int), ("nfiles", Int), ("isexec", Bool), ("version_id", Text)]
}

fn cloud() -> Schema {
    let mut known = file_meta();
    known.extend(checksums());
    Schema::OneEntry(MapSchema { others: Some(Box::new(map(known))), ..MapSchema::default() })
}

fn dir_files() -> Schema {
    let mut known = checksums();
    known.extend(file_meta());
    known.extend([("relpath", Text), ("cloud", cloud())]);
    list(map_with(known, &["relpath"]))
}

/// What deps and outs of a `.dvc` file have in common.
fn artifact() -> Known {
    let mut known = checksums();
    known.extend(file_meta());
    known.extend([("path", Text), ("persist", Bool), ("cloud", cloud()), ("hash", Text), ("files", dir_files()), ("fs_config", AnyMap)]);
    known
}

fn data_file() -> Schema {
    let mut out = artifact();
    out.extend(annotations());
    out.extend([("cache", Bool), ("remote", Text), ("push", Bool)]);
    let repo = map_with(
        vec![("url", Text), ("rev", Text), ("rev_lock", Text), ("config", any([Text, AnyMap])), ("remote", any([Text, AnyMap]))],
        &["url"],
    );
    let db = map(vec![("query", Text), ("connection", Text), ("file_format", Text), ("table", Text)]);
    let mut dep = artifact();
    dep.extend([("repo", repo), ("db", db)]);
    map(vec![
        ("md5", Checksum),
        ("wdir", any([Text, Null])),
        ("deps", any([list(map(dep)), Null])),
        ("outs", any([list(map(out)), Null])),
        ("locked", Bool),
        ("frozen", Bool),
        ("meta", Anything),
        ("always_changed", Bool),
        ("desc", Text),
    ])
}

fn entry() -> Schema {
    let data = || {
        let mut known = checksums();
        known.extend(file_meta());
        known.extend([("path", Text), ("cloud", cloud()), ("files", dir_files()), ("hash", Text), ("dataset", AnyMap)]);
        list(map_with(known, &["path"]))
    };
    map_with(vec![("cmd", any([Text, AnyList])), ("deps", data()), ("params", by_text(by_text(Anything))), ("outs", data())], &["cmd"])
}

fn lock() -> Schema {
    map_with(
        vec![("schema", Schema::Exactly("2.0", "invalid schema version")), ("datasets", Anything), ("stages", by_text(entry()))],
        &["schema"],
    )
}
