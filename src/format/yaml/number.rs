//! Numbers as Python reads them: any size, with underscores, in several bases.

use std::sync::Arc;

use super::error::YamlError;
use super::scalar::{Dialect, quoted};
use crate::model::Value;

/// Python refuses to turn more decimal digits than this into an integer or back.
const MOST_DIGITS: usize = 4300;

/// An integer (ruamel: `constructor.py` `construct_yaml_int`).
pub(super) fn int(text: &str, dialect: Dialect) -> Result<Value, YamlError> {
    let plain = text.replace('_', "");
    let (minus, digits) = signed(&plain)?;
    let (base, digits) = match digits.get(..2) {
        Some("0b") => (2, &digits[2..]),
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        _ if dialect == Dialect::V1_1 && digits.is_empty() => return Err(cut_short()),
        _ if dialect == Dialect::V1_1 && digits.starts_with('0') => (8, digits),
        _ if dialect == Dialect::V1_1 && digits.contains(':') => return sexagesimal_int(minus, digits),
        _ => (10, digits),
    };
    parse_int(minus, digits, base)
}

/// `1:30` in base 60.
fn sexagesimal_int(minus: bool, text: &str) -> Result<Value, YamlError> {
    let mut number: i64 = 0;
    for part in text.split(':') {
        let Value::Int(part) = parse_int(false, part, 10)? else { return Err(no_int(text, 10)) };
        number = number.checked_mul(60).and_then(|number| number.checked_add(part)).ok_or_else(|| no_int(text, 10))?;
    }
    Ok(Value::Int(if minus { -number } else { number }))
}

/// What Python's `int(text, base)` makes of a text, with the sign that stood before it: blanks around it, a sign of its own
/// and the prefix of the base are allowed.
///
/// # Errors
/// What Python says of a text that is no number, or of one with too many digits.
pub fn parse_int(minus: bool, text: &str, base: u32) -> Result<Value, YamlError> {
    let bare = text.trim();
    let minus = minus != bare.starts_with('-');
    let bare = bare.strip_prefix(['+', '-']).unwrap_or(bare);
    let digits = match (base, bare.get(..2)) {
        (2, Some("0b" | "0B")) | (8, Some("0o" | "0O")) | (16, Some("0x" | "0X")) => &bare[2..],
        _ => bare,
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(no_int(text, base));
    }
    let sign = if minus { "-" } else { "" };
    if let Ok(number) = i64::from_str_radix(&format!("{sign}{digits}"), base) {
        return Ok(Value::Int(number));
    }
    let digits = digits.trim_start_matches('0');
    if digits.len() > MOST_DIGITS {
        return Err(YamlError::Value(format!(
            "Exceeds the limit ({MOST_DIGITS} digits) for integer string conversion: value has {} digits; \
             use sys.set_int_max_str_digits() to increase the limit",
            digits.len()
        )));
    }
    let decimal = if base == 10 { digits.to_owned() } else { to_decimal(digits, base) };
    Ok(Value::BigInt(Arc::from(format!("{sign}{decimal}"))))
}

/// The decimal digits of a number in another base.
fn to_decimal(digits: &str, base: u32) -> String {
    const LIMB: u64 = 1_000_000_000;
    let mut limbs: Vec<u64> = vec![0];
    for digit in digits.chars().filter_map(|digit| digit.to_digit(base)) {
        let mut carry = u64::from(digit);
        for limb in &mut limbs {
            let sum = *limb * u64::from(base) + carry;
            *limb = sum % LIMB;
            carry = sum / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut limbs = limbs.iter().rev();
    let mut out = limbs.next().map(ToString::to_string).unwrap_or_default();
    for limb in limbs {
        out.push_str(&format!("{limb:09}"));
    }
    out
}

/// A floating point number (ruamel: `construct_yaml_float`).
pub(super) fn float(text: &str, dialect: Dialect) -> Result<Value, YamlError> {
    let plain = text.replace('_', "").to_lowercase();
    let (minus, digits) = signed(&plain)?;
    let number = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if dialect == Dialect::V1_1 && digits.contains(':') => {
            // From the last to the first: sums of floating point numbers depend on their order.
            let parts: Vec<f64> = digits.split(':').map(parse_float).collect::<Result<_, _>>()?;
            parts.into_iter().rev().fold((0.0, 1.0), |(sum, base), part| (sum + part * base, base * 60.0)).0
        }
        _ => parse_float(digits)?,
    };
    Ok(Value::Float(if minus { -number } else { number }))
}

fn parse_float(text: &str) -> Result<f64, YamlError> {
    text.trim().parse().map_err(|_| YamlError::Value(format!("could not convert string to float: {}", quoted(text))))
}

/// The text without its sign, and whether that was a minus.
fn signed(text: &str) -> Result<(bool, &str), YamlError> {
    if text.is_empty() {
        return Err(cut_short());
    }
    Ok((text.starts_with('-'), text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// What Python says of the first character of an empty text.
fn cut_short() -> YamlError {
    YamlError::Value("string index out of range".to_owned())
}

fn no_int(text: &str, base: u32) -> YamlError {
    YamlError::Value(format!("invalid literal for int() with base {base}: {}", quoted(text)))
}
