//! One channel, drawn: what is known of it, and its last message.

use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

use super::draw::{head_style, line_of, put};
use crate::app::App;
use crate::app::column::Column;
use crate::app::detail::Detail;
use crate::app::layout::Layout;
use crate::text::{channel_name, plain};
use crate::traffic::units;

pub(super) fn draw(app: &App, detail: &Detail, layout: Layout, buffer: &mut Buffer) {
    put(buffer, layout.head, &channel_name(&detail.channel), head_style());
    let known = known(app, detail);
    let height = usize::from(layout.body.height);
    let message = detail.last.as_ref().map(|sample| &sample.payload()[..]).unwrap_or_default();
    let lines = known.len() + 1 + message.len().div_ceil(BYTES_IN_LINE);
    let top = detail.scrolled.min(lines.saturating_sub(height));
    for line in 0..height {
        let area = line_of(layout.body, line);
        match (top + line).checked_sub(known.len() + 1) {
            Some(index) => put(buffer, area, &hexadecimal(message, index * BYTES_IN_LINE), Style::new()),
            None => {
                let text = known.get(top + line).map(String::as_str).unwrap_or_default();
                put(buffer, area, text, Style::new().add_modifier(Modifier::BOLD));
            }
        }
    }
}

/// All that the table says, in full.
fn known(app: &App, detail: &Detail) -> Vec<String> {
    let Some(row) = app.row(&detail.channel) else { return vec!["it is not heard any more".to_owned()] };
    let of = |column: Column| app.cells.text(column, row);
    let mut lines = vec![
        format!("type {}   sender {}", of(Column::Type), of(Column::Sender)),
        format!(
            "{} messages   {}   {}   jitter {}",
            row.messages,
            of(Column::Rate),
            of(Column::Bandwidth),
            of(Column::Jitter)
        ),
        format!(
            "{} bytes, {} ago   sizes {} to {}   {}",
            row.last_bytes,
            units::time(row.age_s),
            row.sizes.min,
            row.sizes.max,
            of(Column::History)
        ),
        match (row.lost.of_channel, row.lost.of_senders) {
            (Some(loss), _) => format!("{} lost of {} published", loss.lost, loss.published),
            (None, 0) => "nothing lost of its senders, as far as is known".to_owned(),
            (None, lost) => format!("{lost} messages lost of its senders, on this channel or on others"),
        },
    ];
    if row.mismatched > 0 {
        lines.push(format!("{} messages are not of the type that the channel names", row.mismatched));
    }
    if let Some(reason) = &detail.reason {
        lines.push(plain(&format!("{} undecodable: {reason}", detail.undecodable)));
    }
    lines
}

/// A line of bytes: where it begins, the bytes, and what of them is text.
fn hexadecimal(message: &[u8], at: usize) -> String {
    let Some(rest) = message.get(at..).filter(|rest| !rest.is_empty()) else { return String::new() };
    let bytes = &rest[..rest.len().min(BYTES_IN_LINE)];
    let hexadecimal: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String = bytes
        .iter()
        .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
        .collect();
    format!("{at:08x}  {:47}  {text}", hexadecimal.join(" "))
}

const BYTES_IN_LINE: usize = 16;
