//! Sums, smallest, largest and means of many numbers, in the order in which they come.
//!
//! Whole numbers are exact, up to 38 digits. As in Python a sum turns to floating point with the first number
//! that is not whole; from there on the order matters, and is that of the input. What is not a number is no
//! number here either: empty texts and `nan` have no sum.

use std::cmp::Ordering;

use crate::model::floats;

/// One number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// A whole one.
    Int(i128),
    /// Any other.
    Float(f64),
}

/// What is made of many numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Their sum.
    Sum,
    /// The smallest, the first of equal ones.
    Min,
    /// The largest, the first of equal ones.
    Max,
    /// Their sum by their count.
    Mean,
}

/// A whole number of more than 38 digits came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a whole number of more than 38 digits is too large to be exact")]
pub struct TooLarge;

/// Numbers that were added so far.
#[derive(Clone, Debug)]
pub struct Total {
    kind: Kind,
    count: u64,
    value: Option<Number>,
}

impl Number {
    /// Reads a number as Python's `int` and `float` do, but for `nan` and `_`; none for anything else.
    ///
    /// # Errors
    /// It is whole and too large.
    pub fn read(text: &str) -> Result<Option<Self>, TooLarge> {
        let text = text.trim();
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(|whole| Some(Self::Int(whole))).map_err(|_| TooLarge);
        }
        Ok(text.parse().ok().filter(|number: &f64| !number.is_nan()).map(Self::Float))
    }

    /// As Python's `repr`.
    pub fn text(self) -> String {
        match self {
            Self::Int(whole) => whole.to_string(),
            Self::Float(number) => floats::repr(number),
        }
    }

    /// Whether it is neither infinite nor what is too large to be told from that.
    pub fn is_finite(self) -> bool {
        self.float().is_finite()
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(whole) => whole as f64,
            Self::Float(number) => number,
        }
    }

    /// Whether the first is the smaller one. As in Python nothing is rounded for it.
    fn is_below(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            (Self::Float(a), Self::Float(b)) => a < b,
            (Self::Int(a), Self::Float(b)) => compare(a, b) == Ordering::Less,
            (Self::Float(a), Self::Int(b)) => compare(b, a) == Ordering::Greater,
        }
    }

    fn plus(self, other: Self) -> Result<Self, TooLarge> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.checked_add(b).map(Self::Int).ok_or(TooLarge),
            _ => Ok(Self::Float(self.float() + other.float())),
        }
    }
}

impl Total {
    /// Of nothing yet.
    pub fn new(kind: Kind) -> Self {
        Self { kind, count: 0, value: None }
    }

    /// One number more.
    ///
    /// # Errors
    /// The sum is whole and too large.
    pub fn add(&mut self, number: Number) -> Result<(), TooLarge> {
        self.count += 1;
        let Some(value) = self.value else {
            self.value = Some(number);
            return Ok(());
        };
        self.value = Some(match self.kind {
            Kind::Sum | Kind::Mean => value.plus(number)?,
            Kind::Min if number.is_below(value) => number,
            Kind::Max if value.is_below(number) => number,
            Kind::Min | Kind::Max => value,
        });
        Ok(())
    }

    /// Whether a number was added that is not whole: then the order of the parts shows in a sum.
    pub fn is_float(&self) -> bool {
        matches!(self.value, Some(Number::Float(_)))
    }

    /// What came out; a sum of nothing is 0, of the others there is none.
    pub fn value(&self) -> Option<Number> {
        match (self.kind, self.value) {
            (Kind::Sum, None) => Some(Number::Int(0)),
            (Kind::Mean, Some(Number::Int(sum))) => Some(mean(sum, self.count)),
            (Kind::Mean, Some(sum)) => Some(Number::Float(sum.float() / self.count as f64)),
            (_, value) => value,
        }
    }
}

/// A whole number and another one.
fn compare(whole: i128, other: f64) -> Ordering {
    /// 2 to the power of 127, which is above all whole numbers here.
    const ABOVE: f64 = -(i128::MIN as f64);
    if other >= ABOVE {
        return Ordering::Less;
    }
    if other < -ABOVE {
        return Ordering::Greater;
    }
    whole.cmp(&(other.trunc() as i128)).then(0.0.partial_cmp(&other.fract()).unwrap_or(Ordering::Equal))
}

/// As Python's `int / int`: the number nearest to the quotient, which the approximations of large whole numbers would miss.
fn mean(sum: i128, count: u64) -> Number {
    let (size, count) = (sum.unsigned_abs(), u128::from(count));
    // With as many digits as there is room for; of what is left it matters only that it is there.
    let shift = size.leading_zeros().min(127);
    let large = size << shift;
    let quotient = ((large / count) | u128::from(large % count != 0)) as f64 / (1_u128 << shift) as f64;
    Number::Float(if sum < 0 { -quotient } else { quotient })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_they_are() {
        let table = [
            (9_007_199_254_740_993, 9_007_199_254_740_992.0, Ordering::Greater),
            (9_007_199_254_740_992, 9_007_199_254_740_992.0, Ordering::Equal),
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
            (i128::MAX, 1.7e38, Ordering::Greater),
            (i128::MAX, -(i128::MIN as f64), Ordering::Less),
            (i128::MIN, i128::MIN as f64, Ordering::Equal),
            (i128::MIN, f64::NEG_INFINITY, Ordering::Greater),
            (i128::MAX, f64::INFINITY, Ordering::Less),
        ];
        for (whole, other, want) in table {
            assert_eq!(compare(whole, other), want, "{whole} and {other}");
            let (a, b) = (Number::Int(whole), Number::Float(other));
            assert_eq!((a.is_below(b), b.is_below(a)), (want == Ordering::Less, want == Ordering::Greater));
        }
    }

    #[test]
    #[expect(clippy::unreadable_literal, reason = "as Python prints them")]
    fn a_mean_of_whole_numbers_is_the_nearest_number() {
        // By Python 3.11: `sum / count`.
        let python = [
            (27021597764222980, 3, "9007199254740994.0"),
            (9007199254740993, 1, "9007199254740992.0"),
            (-9007199254740995, 2, "-4503599627370498.0"),
            (99999999999999999999999999999999999999, 7, "1.4285714285714286e+37"),
            (-10000000000000000000000000000000000003, 1000000000000001, "-9.99999999999999e+21"),
            (9223372036854775807, 18446744073709551615, "0.5"),
            (18014398509481987, 2, "9007199254740994.0"),
            (i128::MAX, 1, "1.7014118346046923e+38"),
            (2, 3, "0.6666666666666666"),
            (-1, 3, "-0.3333333333333333"),
            (0, 5, "0.0"),
        ];
        for (sum, count, want) in python {
            assert_eq!(mean(sum, count).text(), want, "{sum} / {count}");
        }
    }
}
