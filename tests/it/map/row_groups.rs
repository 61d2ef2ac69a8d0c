//! Parquet: whole row groups, copied as they are. Only with the cargo feature `parquet`.

use std::fs::File;
use std::sync::Arc;

use parquet::data_type::Int64Type;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RowAccessor as _;
use parquet::schema::parser::parse_message_type;

use super::Place;

/// A file with a column of numbers, in row groups of these.
fn write(place: &Place, name: &str, column: &str, groups: &[&[i64]]) {
    let schema = Arc::new(parse_message_type(&format!("message m {{ REQUIRED INT64 {column}; }}")).unwrap());
    let note = KeyValue::new("note".to_owned(), "kept".to_owned());
    let properties = Arc::new(WriterProperties::builder().set_key_value_metadata(Some(vec![note])).build());
    let mut writer = SerializedFileWriter::new(File::create(place.at(name)).unwrap(), schema, properties).unwrap();
    for values in groups {
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(values, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

/// Its numbers, how many row groups it has, and its note.
fn read(place: &Place, name: &str) -> (Vec<i64>, usize, Option<String>) {
    let reader = SerializedFileReader::new(File::open(place.at(name)).unwrap()).unwrap();
    let note = reader
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .and_then(|notes| notes.iter().find(|note| note.key == "note")?.value.clone());
    let values = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().get_long(0).unwrap()).collect();
    (values, reader.num_row_groups(), note)
}

#[test]
fn row_groups_are_divided_and_joined() {
    let place = Place::new();
    write(&place, "t.parquet", "a", &[&[1, 2, 3], &[4], &[5, 6], &[7]]);
    let words = ["--in", "t.parquet", "--size", "2", "--json-file", "j", "--out", "o.parquet", "--", "cp", "{in}", "{out}"];
    place.map(&words).ok();
    assert_eq!(read(&place, "o.parquet"), (vec![1, 2, 3, 4, 5, 6, 7], 4, Some("kept".to_owned())));
    let answer: serde_json::Value = serde_json::from_str(&place.read("j")).unwrap();
    let counts: Vec<u64> = answer["partitions"].as_array().unwrap().iter().map(|part| part["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [3, 3, 1]);
    let names = place.map(&["--in", "t.parquet", "--size", "9", "--combine-cmd", "cat", "--", "cat"]).ok().out();
    assert!(names.ends_with(".parquet\n"), "{names}");
    write(&place, "empty.parquet", "a", &[]);
    place.map(&["--in", "empty.parquet", "--out", "e.parquet", "--", "cp", "{in}", "{out}"]).ok();
    assert_eq!(read(&place, "e.parquet").0, Vec::<i64>::new());
}

#[test]
fn what_is_no_sound_parquet_is_told() {
    let place = Place::new().with("bad.parquet", "no parquet at all").with("old.parquet", "old");
    place.map(&["--in", "bad.parquet", "--out", "old.parquet", "--", "cat"]).exits(255).complains("cannot read 'bad.parquet'");
    write(&place, "t.parquet", "a", &[&[1], &[2]]);
    write(&place, "other.parquet", "b", &[&[1]]);
    let other = place.at("other.parquet").display().to_string();
    let command = format!("if [ $PARAFFIN_MAP_INDEX = 1 ]; then cp {other} {{out}}; else cp {{in}} {{out}}; fi");
    place
        .map(&["--in", "t.parquet", "--size", "1", "--out", "old.parquet", "--", "sh", "-c", &command])
        .exits(255)
        .complains("its schema differs");
    assert_eq!(place.read("old.parquet"), "old");
    place.map(&["--in", "t.parquet", "--by-group", "a", "--", "cat"]).exits(254).complains("Parquet");
    place.map(&["--in", "t.parquet", "--in", "t.parquet", "--", "cat", "{in1}", "{in2}"]).exits(254).complains("Parquet");
}

/// What the input is does not matter: the name of the result says what parts are. One without a byte adds nothing.
#[test]
fn parts_of_any_input_may_be_parquet() {
    let place = Place::new().with("t.csv", "a\n1\n2\n3\n");
    write(&place, "1.parquet", "a", &[&[1]]);
    write(&place, "3.parquet", "a", &[&[3]]);
    let command = "n=$(tail -n 1 $0); if [ $n = 2 ]; then : > $1; else cp $n.parquet $1; fi";
    place.map(&["--in", "t.csv", "--size", "1", "--out", "o.parquet", "--", "sh", "-c", command, "{in}", "{out}"]).ok();
    assert_eq!(read(&place, "o.parquet"), (vec![1, 3], 2, Some("kept".to_owned())));
    place.map(&["--in", "t.csv", "--size", "1", "--out", "o.parquet", "--", "cat"]).exits(255).complains("0.out.parquet'");
    assert_eq!(read(&place, "o.parquet").0, [1, 3]);
}
