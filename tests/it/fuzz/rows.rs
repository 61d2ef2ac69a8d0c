//! The rows of tables against Python's csv: where they begin and end, on which lines, and what their fields say.

use dvc_paraffin::format::rows::fields;
use dvc_paraffin::format::rows::scan::{Scanner, Style};
use serde_json::Value as Json;

use super::{Judged, compare};

#[test]
fn tables_are_divided_as_python_divides_them() {
    compare("rows_fuzz.py", "tables", 1, 20_000, judge);
}

fn judge(case: &Json) -> Judged {
    let hex = case["source"].as_str().unwrap();
    let source: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let delimiter = case["delimiter"].as_str().unwrap().as_bytes()[0];
    // Where blocks end must not matter.
    let blocks = [1, 2, 3, 7, 1000];
    let block = blocks[usize::try_from(case["seed"].as_u64().unwrap()).unwrap() % blocks.len()];
    let got = records(&source, delimiter, block);
    let want = if case["open"] == true { None } else { Some(wanted(case)) };
    if got == want {
        Judged::Equal
    } else {
        Judged::Differs(format!("{:?} in blocks of {block}\nwant {want:?}\ngot  {got:?}", String::from_utf8_lossy(&source)))
    }
}

/// A record: where it ends, its line, its fields.
type Record = (u64, u64, Vec<Vec<u8>>);

fn wanted(case: &Json) -> Vec<Record> {
    let bytes = |field: &Json| field.as_str().unwrap().chars().map(|ch| u8::try_from(u32::from(ch)).unwrap()).collect();
    let record = |record: &Json| {
        let fields = record[2].as_array().unwrap().iter().map(bytes).collect();
        (record[0].as_u64().unwrap(), record[1].as_u64().unwrap(), fields)
    };
    case["records"].as_array().unwrap().iter().map(record).collect()
}

/// None if a quote is never closed.
fn records(source: &[u8], delimiter: u8, block: usize) -> Option<Vec<Record>> {
    let (mut scanner, mut found) = (Scanner::new(Style::Table { delimiter }), Vec::new());
    source.chunks(block).for_each(|chunk| scanner.feed(chunk, &mut found));
    found.extend(scanner.finish().ok()?);
    let mut from = 0;
    let record = |record: &dvc_paraffin::format::rows::scan::Record| {
        let end = usize::try_from(record.end).unwrap();
        let text = if from == 0 { fields::unmarked(&source[..end]) } else { &source[from..end] };
        let fields: Vec<Vec<u8>> = fields::split(text, delimiter).into_iter().map(|field| field.to_vec()).collect();
        assert_eq!(fields.len(), record.fields as usize, "the scanner counts other fields");
        from = end;
        (record.end, record.line, fields)
    };
    Some(found.iter().map(record).collect())
}
