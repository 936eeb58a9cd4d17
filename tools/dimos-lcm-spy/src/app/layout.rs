//! Where what lies on the screen: the same for drawing and for the mouse. Any size will do.

use ratatui::layout::Rect;

/// The parts of the screen. Those that there is no room for are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The titles of the columns.
    pub(crate) head: Rect,
    /// What it is about.
    pub(crate) body: Rect,
    /// The state of the bus.
    pub(crate) status: Rect,
    /// Keys, what is typed, and what happened.
    pub(crate) line: Rect,
}

impl Layout {
    /// Of a screen of this size.
    #[must_use]
    pub(crate) fn of(area: Rect) -> Self {
        let (head, status, line) = match area.height {
            0 | 1 => (0, 0, 0),
            2 => (0, 0, 1),
            3 | 4 => (1, 0, 1),
            _ => (1, 1, 1),
        };
        let row = |y: u16, height: u16| Rect { x: area.x, y: area.y + y, width: area.width, height };
        let body = area.height - head - status - line;
        Self {
            head: row(0, head),
            body: row(head, body),
            status: row(head + body, status),
            line: row(head + body + status, line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_screen_whatever_its_size() {
        for (width, height) in [(0, 0), (1, 1), (80, 2), (5, 3), (80, 5), (200, 60)] {
            let Layout { head, body, status, line } = Layout::of(Rect::new(0, 0, width, height));
            assert_eq!(head.height + body.height + status.height + line.height, height);
            assert_eq!(line.bottom(), height);
        }
    }
}
