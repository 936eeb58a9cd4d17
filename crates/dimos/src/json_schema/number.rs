//! What is asserted of numbers.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Number;

/// What is asserted of numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberRules {
    /// `minimum` or `exclusiveMinimum`, whichever is the tighter one
    pub(crate) from: Option<Bound>,
    /// `maximum` or `exclusiveMaximum`
    pub(crate) to: Option<Bound>,
    /// `multipleOf`
    pub(crate) multiple_of: Option<f64>,
    /// Whether it has to be finite in 32 bits
    pub(crate) is_f32: bool,
}

/// One end of a range.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// The number.
    pub(crate) at: Number,
    /// Whether that number is still within.
    pub(crate) inclusive: bool,
}

impl NumberRules {
    /// Whether a number obeys.
    pub(crate) fn accept(&self, number: &Number) -> bool {
        self.from.as_ref().is_none_or(|from| from.accepts(number, Ordering::Greater))
            && self.to.as_ref().is_none_or(|to| to.accepts(number, Ordering::Less))
            && self.multiple_of.is_none_or(|step| is_multiple(number, step))
            && (!self.is_f32 || approximately(number).abs() <= f32::MAX.into())
    }

    /// Narrows the range from below.
    pub(crate) fn raise(&mut self, bound: Bound) {
        if self.from.as_ref().is_none_or(|from| from.accepts(&bound.at, Ordering::Greater)) {
            self.from = Some(bound);
        }
    }

    /// Narrows the range from above.
    pub(crate) fn lower(&mut self, bound: Bound) {
        if self.to.as_ref().is_none_or(|to| to.accepts(&bound.at, Ordering::Less)) {
            self.to = Some(bound);
        }
    }

    /// Narrows the range to what a format of integers, or of `float`, can hold.
    pub(crate) fn restrict(&mut self, format: &str) {
        if format == "float" {
            self.is_f32 = true;
            return;
        }
        let (from, to) = match format {
            "int8" => (i8::MIN.into(), i8::MAX.into()),
            "int16" => (i16::MIN.into(), i16::MAX.into()),
            "int32" => (i32::MIN.into(), i32::MAX.into()),
            "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
            "uint8" => (0.into(), u8::MAX.into()),
            "uint16" => (0.into(), u16::MAX.into()),
            "uint32" => (0.into(), u32::MAX.into()),
            "uint64" | "uint" => (0.into(), u64::MAX.into()),
            _ => return,
        };
        self.raise(Bound { at: from, inclusive: true });
        self.lower(Bound { at: to, inclusive: true });
    }
}

impl Bound {
    /// Whether a number is on the good side, which is where it compares as `side` with the bound.
    fn accepts(&self, number: &Number, side: Ordering) -> bool {
        let ordering = compare(number, &self.at);
        ordering == side || self.inclusive && ordering == Ordering::Equal
    }
}

/// As in `from 0 to 1`, behind the name of the type; empty without rules.
impl fmt::Display for NumberRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The ends of 64 bits are no news to anybody.
        let is_news = |bound: &&Bound| {
            let at = bound.at.as_i128();
            ![Some(i64::MIN.into()), Some(i64::MAX.into()), Some(u64::MAX.into())].contains(&at)
        };
        match (self.from.as_ref().filter(is_news), self.to.as_ref().filter(is_news)) {
            (Some(from), Some(to)) if from.inclusive && to.inclusive => write!(f, " from {} to {}", from.at, to.at)?,
            (Some(from), Some(to)) => {
                let than = |inclusive| if inclusive { "" } else { " (excluded)" };
                write!(f, " from {}{} to {}{}", from.at, than(from.inclusive), to.at, than(to.inclusive))?;
            }
            (Some(from), None) if from.inclusive => write!(f, " of at least {}", from.at)?,
            (Some(from), None) => write!(f, " greater than {}", from.at)?,
            (None, Some(to)) if to.inclusive => write!(f, " of at most {}", to.at)?,
            (None, Some(to)) => write!(f, " less than {}", to.at)?,
            (None, None) if self.is_f32 => f.write_str(" within ±3.4e38")?,
            (None, None) => {}
        }
        self.multiple_of.map_or(Ok(()), |step| write!(f, ", a multiple of {step}"))
    }
}

/// Compares by value, integers exactly.
pub(crate) fn compare(one: &Number, other: &Number) -> Ordering {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => approximately(one).total_cmp(&approximately(other)),
    }
}

fn is_multiple(number: &Number, step: f64) -> bool {
    let quotient = approximately(number) / step;
    // Decimal fractions have no exact binary form: 0.3 is 2.9999999999999996 times 0.1.
    (quotient - quotient.round()).abs() <= quotient.abs().max(1.0) * 4.0 * f64::EPSILON
}

/// The number as `f64`. Negative zero is zero, as `total_cmp` would not have it.
fn approximately(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_whatever_their_form() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        assert_eq!(compare(&number("18446744073709551615"), &number("18446744073709551614")), Ordering::Greater);
        assert_eq!(compare(&number("-0.0"), &number("0")), Ordering::Equal);
        assert_eq!(compare(&number("1"), &number("1.5")), Ordering::Less);
    }

    #[test]
    fn decimal_multiples_count_in_spite_of_their_binary_form() {
        for (text, good) in [("0.3", true), ("-0.7", true), ("0.35", false), ("1e300", true), ("0", true)] {
            assert_eq!(is_multiple(&text.parse().unwrap(), 0.1), good, "{text}");
        }
    }
}
