//! `#[every(...)]`: how often a timer runs.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Expr, Ident, Lit, LitStr, Meta, Result, Token};

use crate::types;

/// The time between two runs.
pub(crate) enum Period {
    /// So many nanoseconds, more than none.
    Fixed(u64),
    /// What an expression with `self` says when the module starts.
    Computed(Box<Expr>),
}

impl Parse for Period {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let key: Ident = input.parse()?;
            if key != "hz" {
                return Err(Error::new(key.span(), format!("`#[every]` has no option `{key}`; it has `hz`")));
            }
            let _: Token![=] = input.parse()?;
            return Ok(Self::Fixed(of_rate(&input.parse()?)?));
        }
        let expression: Expr = input.parse()?;
        match types::literal(&expression) {
            Some(Lit::Str(text)) => Ok(Self::Fixed(of_text(text)?)),
            Some(literal) => Err(Error::new_spanned(literal, FORMS)),
            None => Ok(Self::Computed(Box::new(expression))),
        }
    }
}

impl Period {
    /// Reads what stands between the parentheses.
    pub(crate) fn of(attribute: &Attribute) -> Result<Self> {
        match &attribute.meta {
            Meta::List(_) => attribute.parse_args(),
            meta => Err(Error::new_spanned(meta, FORMS)),
        }
    }

    /// The `Duration`, if it is known already.
    pub(crate) fn fixed(&self) -> Option<TokenStream> {
        match self {
            Self::Fixed(ns) => Some(quote!(::core::time::Duration::from_nanos(#ns))),
            Self::Computed(_) => None,
        }
    }
}

/// Nanoseconds between two of so many a second.
fn of_rate(rate: &Expr) -> Result<u64> {
    let wrong = |why: &str| Error::new_spanned(rate, why);
    let number = match types::literal(rate) {
        Some(Lit::Int(number)) => number.base10_parse::<f64>()?,
        Some(Lit::Float(number)) => number.base10_parse::<f64>()?,
        _ => {
            return Err(wrong(
                "`hz` takes a number; a computed period is a `Duration`: `#[every(self.config.period)]`",
            ));
        }
    };
    let period_ns = (1e9 / number).round();
    if !(1.0..=MAX_NS as f64).contains(&period_ns) {
        return Err(wrong("a rate is more than 0 and at most 1e9; its period is at most 292 years"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is in the range of u64")]
    Ok(period_ns as u64)
}

/// Nanoseconds in `100ms` or `1.5s`.
fn of_text(text: &LitStr) -> Result<u64> {
    let wrong = |why: &str| Error::new(text.span(), why);
    let value = text.value();
    let (number, unit) = value.split_at(value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len()));
    let Some((_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == unit) else { return Err(wrong(FORMS)) };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(wrong(FORMS));
    }
    let too_long = || wrong("a period of at most 292 years is needed");
    let whole_ns = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(*unit_ns)).ok_or_else(too_long)?;
    let mut fraction_ns = 0;
    let mut place_ns = *unit_ns;
    for digit in fraction.trim_end_matches('0').bytes() {
        let digit = u64::from(digit - b'0');
        // Places of a minute are not whole nanoseconds for ever: 6, then 0.6 of one.
        if place_ns % 10 != 0 {
            return Err(wrong("a period is a whole number of nanoseconds"));
        }
        place_ns /= 10;
        fraction_ns += digit * place_ns;
    }
    let ns = whole_ns.checked_add(fraction_ns).filter(|&ns| ns <= MAX_NS).ok_or_else(too_long)?;
    if ns == 0 { Err(wrong("a period is more than zero")) } else { Ok(ns) }
}

const UNITS: &[(&str, u64)] =
    &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("min", 60_000_000_000)];

/// Nanoseconds beyond this are for programs that outlive their programmers, and near the end of what `u64` holds.
const MAX_NS: u64 = 9_200_000_000_000_000_000;

const FORMS: &str = "a period is a number and one of ns, us, ms, s, min, as in `#[every(\"100ms\")]`; or a rate, \
                     `#[every(hz = 20)]`; or an expression of type `Duration`, `#[every(self.config.period)]`";

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(tokens: &str) -> std::result::Result<u64, String> {
        match syn::parse_str::<Period>(tokens) {
            Ok(Period::Fixed(ns)) => Ok(ns),
            Ok(Period::Computed(_)) => Err("computed".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn texts_and_rates_are_exact_nanoseconds() {
        for (tokens, expected) in [
            ("\"100ms\"", 100_000_000),
            ("\"1.5s\"", 1_500_000_000),
            ("\"0.1min\"", 6_000_000_000),
            ("\"0.000001ms\"", 1),
            ("\"007us\"", 7_000),
            ("\"1.000000000000000s\"", 1_000_000_000),
            ("hz = 20", 50_000_000),
            ("hz = 0.5", 2_000_000_000),
            ("hz = 3", 333_333_333),
            ("hz = 1_000", 1_000_000),
        ] {
            assert_eq!(ns(tokens), Ok(expected), "{tokens}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for tokens in [
            "\"fast\"",
            "\"\"",
            "\"s\"",
            "\"1\"",
            "\"-1s\"",
            "\"1 s\"",
            "\"1.s\"",
            "\".5s\"",
            "\"1.5.5s\"",
            "\"1e3s\"",
            "\"٣s\"",
            "\"0s\"",
            "\"0.0ms\"",
            "\"0.5ns\"",
            "\"99999999999999999999s\"",
            "\"9999999999999s\"",
            "\"1h\"",
            "5",
            "1.5",
            "hz = 0",
            "hz = 0.0",
            "hz = 1e300",
            "hz = 1e-300",
            "hz = \"20\"",
            "hz = self.rate",
            "rate = 20",
            "",
            "\"1s\" \"2s\"",
        ] {
            let refused = ns(tokens).unwrap_err();
            assert_ne!(refused, "computed", "{tokens}");
        }
    }

    #[test]
    fn anything_else_is_an_expression() {
        for tokens in ["self.config.period", "Duration::from_millis(5) * 2", "hz == 20", "PERIOD"] {
            assert_eq!(ns(tokens), Err("computed".to_owned()), "{tokens}");
        }
    }
}
