//! Pixels, two of them in a cell, and how a terminal shows them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::{Picture, Scale};
use crate::readable::index;

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// Pixels, black at first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Colours {
    /// 16 million.
    #[default]
    True,
    /// The 216 of a cube, and 24 greys.
    Indexed,
    /// None: pictures have greys.
    None,
}

impl Colours {
    /// What the environment variable `COLORTERM` says of the terminal.
    #[must_use]
    pub(crate) fn from_colorterm(value: Option<&str>) -> Self {
        match value {
            Some("truecolor" | "24bit") => Self::True,
            _ => Self::Indexed,
        }
    }

    fn shown([red, green, blue]: Rgb, colours: Self) -> Color {
        match colours {
            Self::True => Color::Rgb(red, green, blue),
            Self::Indexed => Color::Indexed(nearest_of_256([red, green, blue])),
            Self::None => {
                let [red, green, blue] = [red, green, blue].map(u32::from);
                let brightness = u8::try_from((red * 299 + green * 587 + blue * 114) / 1000).unwrap_or(u8::MAX);
                Color::Indexed(nearest_of_256([brightness; 3]))
            }
        }
    }
}

impl Canvas {
    /// For so many cells.
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let (width, height) = (usize::from(columns), usize::from(rows) * 2);
        Self { width, height, pixels: vec![[0; 3]; width * height] }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// In pixels, which are twice as many as rows of cells.
    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// Each pixel by its column and row.
    pub(super) fn paint(&mut self, mut colour: impl FnMut(usize, usize) -> Option<Rgb>) {
        for (place, pixel) in self.pixels.iter_mut().enumerate() {
            if let Some(colour) = colour(place % self.width, place / self.width) {
                *pixel = colour;
            }
        }
    }

    /// Which pixel a position is in, if it is in one.
    pub(super) fn place(&self, (x, y): (f64, f64)) -> Option<usize> {
        let is_inside = x >= 0.0 && y >= 0.0 && x < self.width as f64 && y < self.height as f64;
        is_inside.then(|| index(y) * self.width + index(x)).filter(|place| *place < self.pixels.len())
    }

    /// Sets the pixel at a position, if there is one.
    pub(super) fn dot(&mut self, position: (f64, f64), colour: Rgb) {
        if let Some(pixel) = self.place(position).and_then(|place| self.pixels.get_mut(place)) {
            *pixel = colour;
        }
    }

    /// Each pixel, row after row.
    pub(super) fn pixels_mut(&mut self) -> &mut [Rgb] {
        &mut self.pixels
    }

    #[cfg(test)]
    pub(super) fn pixel(&self, x: usize, y: usize) -> Rgb {
        self.pixels[y * self.width + x]
    }
}

impl Picture {
    /// Draws the picture, and its scale above it in the lower left corner.
    pub(crate) fn draw(&self, colours: Colours, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        let Canvas { width, pixels, .. } = &self.canvas;
        for (y, two_rows) in (area.y..area.bottom()).zip(pixels.chunks_exact((*width * 2).max(1))) {
            let (upper, lower) = two_rows.split_at(*width);
            for (x, (upper, lower)) in (area.x..area.right()).zip(upper.iter().zip(lower)) {
                if let Some(cell) = buffer.cell_mut((x, y)) {
                    cell.set_char('▀').set_fg(Colours::shown(*upper, colours)).set_bg(Colours::shown(*lower, colours));
                }
            }
        }
        if let Some(Scale { cells: length, label }) = self.scale.as_ref().filter(|_| area.height > 1) {
            let bar = "─".repeat(usize::from(length.saturating_sub(2)));
            let text = format!("├{bar}┤ {label}");
            let style = Style::new().fg(Color::White).bg(Color::Black);
            buffer.set_stringn(area.x, area.bottom() - 1, text, usize::from(area.width), style);
        }
    }
}

/// Grey from black at 0 to white at 1.
pub(super) fn grey(share: f64) -> Rgb {
    [level(share * 255.0); 3]
}

/// A colour for a share from 0 to 1: dark blue, blue-green, green, yellow. Brightness grows with it, and those who do not see
/// colours see that.
pub(super) fn heat(share: f64) -> Rgb {
    const STOPS: [[f64; 3]; 5] =
        [[68.0, 1.0, 84.0], [59.0, 82.0, 139.0], [33.0, 145.0, 140.0], [94.0, 201.0, 98.0], [253.0, 231.0, 37.0]];
    let position = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let place = index(position).min(STOPS.len() - 2);
    let part = position - place as f64;
    std::array::from_fn(|channel| level(STOPS[place][channel] * (1.0 - part) + STOPS[place + 1][channel] * part))
}

/// A level of a colour, rounded.
pub(super) fn level(value: f64) -> u8 {
    u8::try_from(index(value.round())).unwrap_or(u8::MAX)
}

/// The nearest of the colours that have had a number since xterm.
fn nearest_of_256([red, green, blue]: Rgb) -> u8 {
    let nearest = |value: u8| (0..6).min_by_key(|step| cube_level(*step).abs_diff(value)).unwrap_or(0);
    let [r, g, b] = [red, green, blue].map(nearest);
    let cube = 16 + 36 * r + 6 * g + b;
    let mean = (u16::from(red) + u16::from(green) + u16::from(blue)) / 3;
    let step = u8::try_from(mean.saturating_sub(3) / 10).unwrap_or(u8::MAX).min(23);
    let grey = 8 + 10 * step;
    let distance = |to: Rgb| -> u32 {
        let squares = [red, green, blue].into_iter().zip(to).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2));
        squares.sum()
    };
    if distance([grey; 3]) < distance([r, g, b].map(cube_level)) { 232 + step } else { cube }
}

fn cube_level(step: u8) -> u8 {
    if step == 0 { 0 } else { 55 + 40 * step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_two_pixels() {
        let mut canvas = Canvas::new(2, 1);
        canvas.paint(|x, y| Some([level(x as f64), level(y as f64), 9]));
        let scale = Some(Scale { cells: 4, label: "1 m".to_owned() });
        let picture = Picture { canvas, caption: String::new(), scale };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 2));
        picture.draw(Colours::True, Rect::new(1, 0, 9, 1), &mut buffer);
        assert_eq!(buffer[(1, 0)].symbol(), "▀");
        assert_eq!((buffer[(2, 0)].fg, buffer[(2, 0)].bg), (Color::Rgb(1, 0, 9), Color::Rgb(1, 1, 9)));
        assert_eq!(buffer[(0, 0)].symbol(), " ");
        picture.draw(Colours::True, Rect::new(0, 0, 3, 2), &mut buffer);
        assert_eq!(buffer[(2, 1)].symbol(), "─");
    }

    #[test]
    fn terminals_with_fewer_colours_get_the_nearest() {
        for (colour, expected) in
            [([0; 3], 16), ([255; 3], 231), ([128; 3], 244), ([255, 0, 0], 196), ([0, 90, 140], 24)]
        {
            assert_eq!(nearest_of_256(colour), expected, "{colour:?}");
        }
        assert_eq!(Colours::from_colorterm(Some("truecolor")), Colours::True);
        assert_eq!(Colours::from_colorterm(None), Colours::Indexed);
    }
}
