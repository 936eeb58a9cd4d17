//! The keys, explained on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::draw::{line_of, put};
use crate::app::{App, View};
use crate::detail::wrapped;

pub(super) fn draw(app: &mut App, area: Rect, buffer: &mut Buffer) {
    // While a channel is looked at, its keys come first.
    let mut lines: Vec<String> = Vec::new();
    if let View::Detail(watch) = &app.view {
        lines.push("the channel that is looked at".to_owned());
        lines.extend(watch.detail.keys().iter().flat_map(|(key, what)| explained(key, what, area.width)));
        lines.push(String::new());
    }
    lines.extend(wrapped(ABOUT, usize::from(area.width).max(1), usize::MAX));
    lines.push(String::new());
    lines.extend(HELP.iter().flat_map(|(key, what)| explained(key, what, area.width)));
    let height = usize::from(area.height);
    let top = app.help_top.min(lines.len().saturating_sub(height));
    app.help_top = top;
    if top + height < lines.len() && height > 1 {
        lines[top + height - 1] = format!("  {} more lines: down, pgdn", lines.len() - top - height + 1);
    }
    for line in 0..height {
        let text = lines.get(top + line).map(String::as_str).unwrap_or_default();
        let area = line_of(area, line);
        (area.x..area.right()).for_each(|x| buffer[(x, area.y)].reset());
        let style = if top + line == 0 { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        put(buffer, area, text, style);
    }
}

/// What a key does: beside it, or below it on a screen that is narrow.
fn explained(key: &str, what: &str, width: u16) -> Vec<String> {
    let width = usize::from(width);
    if width < 2 * KEY_CELLS {
        let below = wrapped(what, width.saturating_sub(6).max(1), usize::MAX);
        return std::iter::once(format!("  {key}"))
            .chain(below.into_iter().map(|line| format!("      {line}")))
            .collect();
    }
    let beside = wrapped(what, width - KEY_CELLS, usize::MAX);
    let beside = if beside.is_empty() { vec![String::new()] } else { beside };
    let first_key = |line: usize| if line == 0 { key } else { "" };
    beside.iter().enumerate().map(|(line, what)| format!("  {:1$}{what}", first_key(line), KEY_CELLS - 2)).collect()
}

/// For keys, and the blanks around them.
const KEY_CELLS: usize = 40;

const ABOUT: &str = "dimos spy: looks at the bus, and decodes nothing but what is looked at or plotted";

const HELP: &[(&str, &str)] = &[
    ("up down k j pgup pgdn home end, mouse", "move the cursor"),
    ("enter, second click", "open a channel; open or close a group"),
    ("esc", "back; clear the filter"),
    ("/", "filter: a part of the name, or with * and ? a glob of all of it"),
    ("s S, click on a title", "sort by the next or the previous column that is shown, or by that one"),
    ("d", "the other way around"),
    ("g, left right h l", "group by namespace; close and open groups"),
    ("a", "with the channels of the mesh itself, or without"),
    ("n", "nodes: who publishes and subscribes what"),
    ("r", "record the channel or group under the cursor; end the recording"),
    ("R", "record all that the filter takes"),
    ("space", "freeze what is shown; counting goes on"),
    ("q, ctrl-c", "quit"),
    ("", ""),
    (
        "LOST",
        "of the channel where its publishers tell how much they publish; <=7* is what was lost of its senders, on whatever channel, and \
         7* where not all of them are remembered",
    ),
    ("UNDEC", "not of the type that the channel names, or not decoded when it was drawn or plotted"),
    ("JITTER, HISTORY", "from 138 columns on there is room for them; narrower terminals show fewer"),
    ("plots", "go on while other channels are looked at"),
];
