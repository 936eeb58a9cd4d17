//! The keys, explained on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::draw::{line_of, put};
use crate::app::{App, View};

pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    // While a channel is looked at, its keys come first.
    let mut lines: Vec<String> = Vec::new();
    if let View::Detail(watch) = &app.view {
        lines.push("the channel that is looked at".to_owned());
        lines.extend(watch.detail.keys().iter().map(|(key, what)| format!("  {key:40}{what}")));
        lines.push(String::new());
    }
    lines.extend(HELP.iter().map(|line| (*line).to_owned()));
    for line in 0..usize::from(area.height) {
        let text = lines.get(line).map(String::as_str).unwrap_or_default();
        let area = line_of(area, line);
        (area.x..area.right()).for_each(|x| buffer[(x, area.y)].reset());
        let style = if line == 0 { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        put(buffer, area, text, style);
    }
}

const HELP: &[&str] = &[
    "dimos spy: looks at the bus, and decodes nothing but what is looked at",
    "",
    "  up down k j pgup pgdn home end, mouse   move the cursor",
    "  enter, second click                     open a channel; open or close a group",
    "  esc                                     back; clear the filter",
    "  /                                       filter: a part of the name, or with * and ? a glob of all of it",
    "  s S, click on a title                   sort by the next or the previous column, or by that one",
    "  d                                       the other way around",
    "  g, left right h l                       group by namespace; close and open groups",
    "  a                                       with the channels of the mesh itself, or without",
    "  n                                       nodes: who publishes and subscribes what",
    "  r                                       record the channel or group under the cursor; end the recording",
    "  R                                       record all that the filter takes",
    "  space                                   freeze what is shown; counting goes on",
    "  q, ctrl-c                               quit",
    "",
    "  LOST   of the channel where its publishers tell how much they publish; <=7* is what was lost of its",
    "         senders, on whatever channel",
    "  UNDEC  not of the type that the channel names, or not decoded while it was looked at",
];
