//! Bytes that nobody can decode: 16 of them a row, with their offsets, and as ASCII beside.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::readable::cells;

/// Where a person looks at in bytes.
#[derive(Debug, Default)]
pub(crate) struct Hex {
    top: usize,
    /// Until somebody scrolls, the marked byte is kept in sight.
    has_scrolled: bool,
    height: usize,
    rows: usize,
}

impl Hex {
    /// Acts on a key, and tells whether it means anything here.
    pub(crate) fn handle_key(&mut self, key: KeyEvent) -> bool {
        let page = self.height.max(2) - 1;
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.scroll_to(self.top.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.scroll_to(self.top.saturating_add(1)),
            KeyCode::PageUp => self.scroll_to(self.top.saturating_sub(page)),
            KeyCode::PageDown => self.scroll_to(self.top.saturating_add(page)),
            KeyCode::Home => self.scroll_to(0),
            KeyCode::End => self.scroll_to(usize::MAX),
            _ => return false,
        }
        true
    }

    /// Acts on the mouse's wheel, and tells whether it was that.
    pub(crate) fn handle_mouse(&mut self, mouse: MouseEvent) -> bool {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.scroll_to(self.top.saturating_sub(3)),
            MouseEventKind::ScrollDown => self.scroll_to(self.top.saturating_add(3)),
            _ => return false,
        }
        true
    }

    /// Draws those of `bytes` that are in sight. The byte at `marked` stands out.
    pub(crate) fn draw(&mut self, area: Rect, buffer: &mut Buffer, bytes: &[u8], marked: Option<usize>) {
        let area = area.intersection(buffer.area);
        (self.height, self.rows) = (usize::from(area.height), bytes.len().div_ceil(ROW_BYTES));
        if let (Some(marked), false) = (marked, self.has_scrolled) {
            self.top = (marked / ROW_BYTES).saturating_sub(self.height / 2);
        }
        self.top = self.top.min(self.last_top());
        let rows = bytes.chunks(ROW_BYTES).enumerate().skip(self.top);
        for (y, (index, row)) in (area.y..area.bottom()).zip(rows) {
            let offset = index * ROW_BYTES;
            buffer.set_stringn(area.x, y, line(offset, row), usize::from(area.width), Style::new());
            let digits = Rect { y, height: 1, width: OFFSET_CELLS.min(area.width), ..area };
            buffer.set_style(digits, Style::new().fg(Color::DarkGray));
            if let Some(place) = marked.and_then(|marked| marked.checked_sub(offset)).filter(|place| *place < ROW_BYTES)
            {
                for (x, width) in [(hex_cell(place), 2), (ASCII_CELL + cells(place), 1)] {
                    let cell = Rect { x: area.x.saturating_add(x), y, width, height: 1 };
                    buffer.set_style(
                        cell.intersection(area),
                        Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
                    );
                }
            }
        }
    }

    fn scroll_to(&mut self, row: usize) {
        self.has_scrolled = true;
        self.top = row.min(self.last_top());
    }

    fn last_top(&self) -> usize {
        self.rows.saturating_sub(self.height.max(1))
    }
}

/// A row: `00000010  48 65 6c 6c 6f 20 77 6f  72 6c 64                  Hello world`.
fn line(offset: usize, row: &[u8]) -> String {
    let mut text = format!("{offset:08x} ");
    for place in 0..ROW_BYTES {
        text.push_str(if place % (ROW_BYTES / 2) == 0 { " " } else { "" });
        match row.get(place) {
            // Writing to a string cannot fail.
            Some(byte) => drop(write!(text, "{byte:02x} ")),
            None => text.push_str("   "),
        }
    }
    text.push(' ');
    text.extend(row.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }));
    text
}

/// The cell in which the digits of a byte begin.
fn hex_cell(place: usize) -> u16 {
    OFFSET_CELLS + cells(2 + 3 * place + place / (ROW_BYTES / 2))
}

const ROW_BYTES: usize = 16;

/// For the offset.
const OFFSET_CELLS: u16 = 8;

/// The first one of the characters.
const ASCII_CELL: u16 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(hex: &mut Hex, (width, height): (u16, u16), bytes: &[u8], marked: Option<usize>) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        hex.draw(buffer.area, &mut buffer, bytes, marked);
        buffer
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..buffer.area.height).map(row).collect()
    }

    #[test]
    fn sixteen_bytes_are_a_row_with_their_characters_beside() {
        let bytes: Vec<u8> = (0x3a..0x54).collect();
        let buffer = drawn(&mut Hex::default(), (80, 3), &bytes, Some(25));
        let expected = [
            "00000000  3a 3b 3c 3d 3e 3f 40 41  42 43 44 45 46 47 48 49  :;<=>?@ABCDEFGHI",
            "00000010  4a 4b 4c 4d 4e 4f 50 51  52 53                    JKLMNOPQRS",
            "",
        ];
        assert_eq!(text(&buffer), expected);
        for x in [38, 39, 69] {
            assert_eq!(buffer[(x, 1)].bg, Color::Red, "{x}");
        }
        assert_eq!(buffer[(69, 1)].symbol(), "S");
        assert_eq!(buffer[(38, 1)].symbol(), "5");
    }

    #[test]
    fn a_marked_byte_is_in_sight_until_somebody_scrolls() {
        let bytes = vec![0; 1 << 20];
        let mut hex = Hex::default();
        let first = |buffer: &Buffer| text(buffer)[0].get(..8).unwrap_or_default().to_owned();
        assert_eq!(first(&drawn(&mut hex, (80, 4), &bytes, Some(0x8000))), "00007fe0");
        hex.handle_key(KeyCode::End.into());
        assert_eq!(first(&drawn(&mut hex, (80, 4), &bytes, Some(0x8000))), "000fffc0");
        hex.handle_key(KeyCode::PageUp.into());
        assert_eq!(first(&drawn(&mut hex, (80, 4), &bytes, None)), "000fff90");
        // A shorter message.
        assert_eq!(first(&drawn(&mut hex, (80, 4), &bytes[..17], None)), "00000000");
        assert_eq!(first(&drawn(&mut hex, (80, 4), b"", Some(3))), "");
    }
}
