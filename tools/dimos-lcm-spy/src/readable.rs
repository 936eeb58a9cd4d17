//! Numbers and texts of messages for people: short, on one line, and without what a terminal would take as a command.

use lcm::schema::Value;

use crate::text::plain;

/// The first `most` characters of a string of a message, and dots where there are more. It looks at no more than it shows.
pub(crate) fn shortened(text: &[u8], most: usize) -> String {
    // No character takes more than four bytes, so that the cut falls behind those that are shown.
    let start = &text[..text.len().min(most.saturating_mul(4).saturating_add(4))];
    let decoded = String::from_utf8_lossy(start);
    let mut characters = decoded.chars();
    let shown: String = characters.by_ref().take(most).collect();
    let dots = if characters.next().is_some() || start.len() < text.len() { "..." } else { "" };
    format!("{}{dots}", plain(&shown))
}

/// A number in about `most` characters: as it is where that is short enough, and rounded where it is not.
pub(crate) fn number(value: f64, most: usize) -> String {
    let exact = value.to_string();
    if exact.len() <= most {
        return exact;
    }
    rounded(value, most)
}

/// A `float`, which has fewer digits than the `double` that it could be converted to.
pub(crate) fn float(value: f32, most: usize) -> String {
    let exact = value.to_string();
    if exact.len() <= most {
        return exact;
    }
    rounded(value.into(), most)
}

/// What a plot makes of a value: numbers, and booleans as 0 and 1.
pub(crate) fn as_number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Boolean(value) => Some(f64::from(u8::from(*value))),
        // Beyond 2^53 not every integer is a double: the nearest one serves to look at.
        Value::Integer(value) => Some(*value as f64),
        Value::Float(value) => Some((*value).into()),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

/// A number of cells of the screen.
pub(crate) fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// A position as an index: rounded down, and 0 for what is no number or below 0.
#[expect(clippy::cast_possible_truncation, reason = "the conversion saturates, and the fraction is to go")]
#[expect(clippy::cast_sign_loss, reason = "what is below 0 becomes 0")]
pub(crate) fn index(position: f64) -> usize {
    position as usize
}

fn rounded(value: f64, most: usize) -> String {
    let magnitude = value.abs();
    if (1e-3..1e9).contains(&magnitude) {
        let whole = number_of_digits(magnitude) + usize::from(value < 0.0) + 1;
        let fixed = format!("{value:.*}", most.saturating_sub(whole).min(9));
        return match fixed.contains('.') {
            true => fixed.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => fixed,
        };
    }
    format!("{value:.*e}", most.saturating_sub(8).clamp(1, 9))
}

fn number_of_digits(magnitude: f64) -> usize {
    1 + index(magnitude.max(1.0).log10())
}

/// Bars within a line, the lowest first.
pub(crate) const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(plain("dock\x1b[2J\u{202e}é"), "dock\\u{1b}[2J\\u{202e}é");
        assert_eq!(shortened(b"a\x00b\xffc", 10), "a\\u{0}b\u{fffd}c");
        assert_eq!(shortened("ééééé".as_bytes(), 3), "ééé...");
        assert_eq!(shortened("ééé".as_bytes(), 3), "ééé");
        assert_eq!(shortened(&vec![b'x'; 100_000_000], 2), "xx...");
    }

    #[test]
    fn numbers_are_exact_where_that_is_short() {
        assert_eq!(number(0.25, 10), "0.25");
        assert_eq!(number(1.0 / 3.0, 10), "0.33333333");
        assert_eq!(number(-1.0 / 3.0, 10), "-0.3333333");
        assert_eq!(number(123_456.123_456_789, 10), "123456.123");
        assert_eq!(number(1e300, 10), "1.00e300");
        assert_eq!(number(-1.5e-9, 10), "-1.50e-9");
        assert_eq!(number(f64::NAN, 10), "NaN");
        assert_eq!(number(f64::NEG_INFINITY, 10), "-inf");
        assert_eq!(float(0.1, 10), "0.1");
    }

    proptest! {
        #[test]
        fn no_number_takes_much_more_room_than_it_has(value in proptest::num::f64::ANY, most in 8_usize..24) {
            let shown = number(value, most);
            prop_assert!(shown.len() <= most + 2, "{shown}");
        }

        #[test]
        fn no_text_brings_a_control_character(text in proptest::collection::vec(any::<u8>(), 0..100), most in 0_usize..50) {
            prop_assert!(!shortened(&text, most).contains(char::is_control));
        }
    }
}
