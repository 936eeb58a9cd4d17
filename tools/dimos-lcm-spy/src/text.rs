//! Texts of others, made fit to be shown: nothing in them is a command to a terminal, or turns a line around.

use lcm::Channel;

/// A text of others, on one line, without what a terminal would take as a command.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_plain(text, &mut shown);
    shown
}

/// The name of a channel, of which each byte that is no text is shown as `\xff`.
#[must_use]
pub fn channel_name(channel: &Channel) -> String {
    plain_bytes(channel.as_bytes())
}

/// Bytes of others that should be a text.
#[must_use]
pub fn plain_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push_plain(chunk.valid(), &mut shown);
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown
}

/// Rows in columns under a head, on one line each, without what a terminal would take as a command; nothing if there are no rows.
#[must_use]
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| plain(&cell))));
    if lines.len() == 1 {
        return String::new();
    }
    let width = |column: usize| lines.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn push_plain(text: &str, shown: &mut String) {
    for c in text.chars() {
        if is_unseen(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
}

/// What a terminal obeys, and what takes no place itself but changes how others are shown.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_escapes_them() {
        let row = |name: &str, pid: &str| [name.to_owned(), pid.to_owned()];
        let expected = "NAME          PID\n\
                        a             7\n\
                        \\u{1b}[2J\\nb  12";
        assert_eq!(table(["NAME", "PID"], [row("a", "7"), row("\x1b[2J\nb", "12")]), expected);
        assert_eq!(table::<2>(["NAME", "PID"], []), "");
    }

    #[test]
    fn names_that_are_no_text_are_told_apart_and_turn_nothing_around() {
        let name = |bytes: &[u8]| channel_name(&Channel::new(bytes).unwrap());
        assert_eq!(name(b"/a\xff\x1b]0;x\x07"), "/a\\xff\\u{1b}]0;x\\u{7}");
        assert_ne!(name(b"\xfe"), name(b"\xff"));
        assert_eq!(name("a\u{202e}b\u{200b}".as_bytes()), "a\\u{202e}b\\u{200b}");
        assert_eq!(name("/größe".as_bytes()), "/größe");
    }
}
