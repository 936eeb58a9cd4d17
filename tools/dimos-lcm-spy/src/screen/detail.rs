//! One channel, drawn: what is known of it, and below what is seen of its messages.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::draw::{head_style, put};
use crate::app::column::Column;
use crate::app::layout::Layout;
use crate::app::watch::Watch;
use crate::app::{App, View};
use crate::text::{channel_name, plain};
use crate::traffic::units;

pub(super) fn draw(app: &mut App, layout: Layout, frame: &mut Frame<'_>) {
    let View::Detail(watch) = &app.view else { return };
    let known = known(app, watch);
    put(frame.buffer_mut(), layout.head, &channel_name(&watch.channel), head_style());
    let mut body = layout.body;
    // Most of the screen is for the message.
    for text in known.iter().take(usize::from(body.height / 4)) {
        put(frame.buffer_mut(), Rect { height: 1, ..body }, text, Style::new().add_modifier(Modifier::BOLD));
        (body.y, body.height) = (body.y + 1, body.height - 1);
    }
    if let View::Detail(watch) = &mut app.view {
        watch.detail.draw(frame, body);
    }
}

/// All that the table says, in full.
fn known(app: &App, watch: &Watch) -> Vec<String> {
    let Some(row) = app.row(&watch.channel) else { return vec!["it is not heard any more".to_owned()] };
    let of = |column: Column| app.cells.text(column, row);
    let mut lines = vec![
        format!("type {}   sender {}", of(Column::Type), of(Column::Sender)),
        format!(
            "{}   {}   {}   jitter {}",
            units::count(row.messages, "message"),
            of(Column::Rate),
            of(Column::Bandwidth),
            of(Column::Jitter)
        ),
        format!(
            "{}, {} ago   sizes {} to {}   {}",
            units::count(row.last_bytes as u64, "byte"),
            units::time(row.age_s),
            row.sizes.min,
            row.sizes.max,
            of(Column::History)
        ),
        match (row.lost.of_channel, row.lost.of_senders) {
            (Some(loss), _) => format!("{} lost of {} published", loss.lost, loss.published),
            (None, 0) => "nothing lost of its senders, as far as is known".to_owned(),
            (None, lost) => {
                format!("{} lost of its senders, on this channel or on others", units::count(lost, "message"))
            }
        },
    ];
    if row.mismatched > 0 {
        let mismatched = units::count(row.mismatched, "message");
        lines.push(format!("{mismatched} not of the type that the channel names"));
    }
    if watch.left_out > 0 {
        lines.insert(0, format!("{} came too fast to be plotted", units::count(watch.left_out, "message")));
    }
    if let (_, Some(reason)) = watch.detail.undecodable() {
        // Where there is room for little, this is wanted most.
        lines.insert(0, plain(&format!("{} undecodable: {reason}", watch.undecodable())));
    }
    lines
}
