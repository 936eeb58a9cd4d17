//! A table in Markdown whose columns line up, so that it also reads well in a terminal.

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Align {
    Left,
    Right,
}

/// The table of `lines` under the names of their columns.
pub(crate) fn lay_out<const N: usize>(columns: [(&str, Align); N], lines: Vec<[String; N]>) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = lines.iter().map(|line| &line[column]);
        cells.map(|cell| cell.chars().count()).chain([columns[column].0.chars().count()]).max().unwrap_or_default()
    });
    let rule: [String; N] = std::array::from_fn(|column| match columns[column].1 {
        Align::Left => "-".repeat(widths[column]),
        Align::Right => "-".repeat(widths[column] - 1) + ":",
    });
    let mut text = String::new();
    for line in [columns.map(|(name, _)| name.to_owned()), rule].iter().chain(&lines) {
        for ((cell, width), (_, align)) in line.iter().zip(widths).zip(columns) {
            text += &match align {
                Align::Left => format!("| {cell:<width$} "),
                Align::Right => format!("| {cell:>width$} "),
            };
        }
        text += "|\n";
    }
    text
}
