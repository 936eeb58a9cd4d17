//! Tables for people, and quantities in them.

use std::time::Duration;

use crate::output::plain;

/// Rows in columns under a head, on one line each, without what a terminal would take as a command; nothing if there are no rows.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
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

/// As `3.2 MiB`.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one digit behind the point")]
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// As `6.4 s` or `1:02:03`.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = Duration::from_secs_f64(seconds.min(1e12)).as_secs();
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_escapes_them() {
        let row = |name: &str, pid: &str| [name.to_owned(), pid.to_owned()];
        let expected = "NAME         PID\n\
                        a            7\n\
                        \\u{1b}[2J\\nb  12";
        assert_eq!(table(["NAME", "PID"], [row("a", "7"), row("\x1b[2J\nb", "12")]), expected);
        assert_eq!(table::<2>(["NAME", "PID"], []), "");
    }
}
