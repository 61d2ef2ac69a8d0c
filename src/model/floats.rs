//! Floating point numbers as Python prints them.
//!
//! The shortest digits that read back the same (Rust's own formatting finds those too), but
//! with Python's choice of where an exponent begins: below 1e-4 and from 1e16 on.

/// Python's `repr` of a float: `0.1`, `1e-05`, `1e+16`, `100000.0`, `inf`, `nan`.
pub fn repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let (digits, exponent) = shortest(number);
    if !(-4..16).contains(&exponent) {
        let mantissa = if digits.len() > 1 { format!("{}.{}", &digits[..1], &digits[1..]) } else { digits };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}{mantissa}e{sign}{:02}", minus(number), exponent.abs());
    }
    let point = exponent + 1;
    let places = usize::try_from(point.unsigned_abs()).unwrap_or(usize::MAX);
    let text = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(places))
    } else if digits.len() > places {
        format!("{}.{}", &digits[..places], &digits[places..])
    } else {
        format!("{digits}{}.0", "0".repeat(places - digits.len()))
    };
    format!("{}{text}", minus(number))
}

/// The fewest digits that read back as this number, and the power of ten of the first. Where
/// two such are equally near, Python takes the even one, and Rust's shortest form does not.
fn shortest(number: f64) -> (String, i32) {
    let short = format!("{:e}", number.abs());
    let count = short.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let even = format!("{:.*e}", count - 1, number.abs());
    let best = if even.parse() == Ok(number.abs()) { even } else { short };
    let (mantissa, exponent) = best.split_once('e').expect("the format has an exponent");
    let digits = mantissa.replace('.', "");
    (digits, exponent.parse().expect("the exponent is a small number"))
}

fn minus(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::repr;

    #[test]
    fn prints_as_python_does() {
        for (number, want) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_7e22, "1.2345678901234568e+22"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (123_456_789.123_456_79, "123456789.12345679"),
            (1.0 / 3.0, "0.3333333333333333"),
            (-8_397_266_945_186_797.0 / 4.0, "-2099316736296699.2"),
            (120.0, "120.0"),
            (0.0, "0.0"),
            (12.5, "12.5"),
        ] {
            assert_eq!(repr(number), want);
        }
    }
}
