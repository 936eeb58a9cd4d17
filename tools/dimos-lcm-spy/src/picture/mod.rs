//! Messages that are seen rather than read: images, laser scans, maps and point clouds, drawn in half cells of the terminal.
//!
//! [`picture`] is a function of a message, a size and a [`View`]; [`Canvas`] is what it draws on, and the only part that knows of
//! terminals. What it costs follows from the cells, for scans and
//! clouds from a bounded number of points, and for JPEG from its pixels, of which all are decoded and there are at most 16 M. Whatever a
//! message claims, the answer is a picture or a [`Refusal`] that says why there is none.

mod canvas;
mod cloud;
mod grid;
mod image;
mod jpeg;
mod scan;

use std::ops::Range;

use lcm::codec::{DecodeError, Text};
use lcm::schema::Fingerprint;
use lcm::{Message, schema};
use lcm_types::std_msgs::HeaderView;
use lcm_types::{image as image_layout, nav_msgs, point_cloud, sensor_msgs};
use ratatui::crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};

pub(crate) use canvas::Canvas;
pub(crate) use canvas::Colours;

use crate::readable::{number, shortened};

/// A picture of a message.
#[derive(Debug)]
pub(crate) struct Picture {
    /// What it looks like.
    pub(crate) canvas: Canvas,
    /// What it is: size, encoding, range of values, stamp and frame.
    pub(crate) caption: String,
    /// How long something is, where lengths are in metres.
    pub(crate) scale: Option<Scale>,
}

/// A bar that shows how long something is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    /// Its length on the screen.
    pub(crate) cells: u16,
    /// Its length in the world, such as `2 m`.
    pub(crate) label: String,
}

/// What part of a picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct View {
    /// 1 shows all of it.
    zoom: f64,
    /// How far the middle is from that of the whole, in widths of the whole, to the right and down.
    right: f64,
    down: f64,
}

/// Why there is no picture of a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("only images, laser scans, occupancy grids and point clouds are drawn, not messages of this type")]
    NoPicture,
    #[error("this is no message of its type: {0}")]
    Decode(#[from] DecodeError),
    #[error("this image cannot be drawn: {0}")]
    Image(#[from] image_layout::LayoutError),
    #[error("this cloud cannot be drawn: {0}")]
    Cloud(#[from] point_cloud::LayoutError),
    #[error("this cloud cannot be drawn: {0}")]
    Field(#[from] point_cloud::FieldError),
    #[error("there is nothing to draw: {width} x {height} {of}")]
    Empty { width: i64, height: i64, of: &'static str },
    #[error("this map cannot be drawn: {width} x {height} cells are announced, {found} are there")]
    Cells { width: i32, height: i32, found: usize },
    #[error("this map cannot be drawn: its cells are {resolution} m wide")]
    Resolution { resolution: f32 },
    #[error("data of the format \"{format}\" is not drawn, only JPEG")]
    Format { format: String },
    #[error("this JPEG cannot be drawn: {0}")]
    Jpeg(String),
    #[error("this JPEG cannot be drawn: {width} x {height} pixels are too many for {bytes} bytes, or for this program")]
    TooLarge { width: usize, height: usize, bytes: usize },
}

/// Whether there are pictures of messages that begin like this one.
pub(crate) fn is_drawn(message: &[u8]) -> bool {
    fingerprint(message).is_some_and(|fingerprint| {
        [
            sensor_msgs::Image::FINGERPRINT,
            sensor_msgs::CompressedImage::FINGERPRINT,
            sensor_msgs::LaserScan::FINGERPRINT,
            sensor_msgs::PointCloud2::FINGERPRINT,
            nav_msgs::OccupancyGrid::FINGERPRINT,
        ]
        .contains(&fingerprint)
    })
}

/// Draws a message in so many columns and rows of cells.
pub(crate) fn picture(message: &[u8], (columns, rows): (u16, u16), view: View) -> Result<Picture, Refusal> {
    let canvas = Canvas::new(columns, rows);
    match fingerprint(message).ok_or(Refusal::NoPicture)? {
        sensor_msgs::Image::FINGERPRINT => image::draw(sensor_msgs::Image::view(message)?, view, canvas),
        sensor_msgs::CompressedImage::FINGERPRINT => {
            image::draw_compressed(sensor_msgs::CompressedImage::view(message)?, view, canvas)
        }
        sensor_msgs::LaserScan::FINGERPRINT => scan::draw(sensor_msgs::LaserScan::view(message)?, view, canvas),
        sensor_msgs::PointCloud2::FINGERPRINT => cloud::draw(sensor_msgs::PointCloud2::view(message)?, view, canvas),
        nav_msgs::OccupancyGrid::FINGERPRINT => grid::draw(nav_msgs::OccupancyGrid::view(message)?, view, canvas),
        _ => Err(Refusal::NoPicture),
    }
}

impl View {
    /// Acts on a key, and tells whether it means anything here.
    pub(crate) fn handle_key(&mut self, key: KeyEvent) -> bool {
        let step = PAN / self.zoom;
        match key.code {
            KeyCode::Char('+' | '=') => self.zoom_by(ZOOM),
            KeyCode::Char('-') => self.zoom_by(1.0 / ZOOM),
            KeyCode::Char('0') | KeyCode::Home => *self = Self::default(),
            KeyCode::Left | KeyCode::Char('h') => self.right -= step,
            KeyCode::Right | KeyCode::Char('l') => self.right += step,
            KeyCode::Up | KeyCode::Char('k') => self.down -= step,
            KeyCode::Down | KeyCode::Char('j') => self.down += step,
            _ => return false,
        }
        // Something of the whole stays near.
        (self.right, self.down) = (self.right.clamp(-2.0, 2.0), self.down.clamp(-2.0, 2.0));
        true
    }

    /// Acts on the mouse's wheel, and tells whether it was that.
    pub(crate) fn handle_mouse(&mut self, mouse: MouseEvent) -> bool {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.zoom_by(ZOOM),
            MouseEventKind::ScrollDown => self.zoom_by(1.0 / ZOOM),
            _ => return false,
        }
        true
    }

    fn zoom_by(&mut self, factor: f64) {
        self.zoom = (self.zoom * factor).clamp(0.1, 10_000.0);
    }
}

impl Default for View {
    fn default() -> Self {
        Self { zoom: 1.0, right: 0.0, down: 0.0 }
    }
}

/// Which part of the plane that a message lies in is on the canvas. The plane's axes go right and down.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// The top left corner of the canvas.
    left: f64,
    top: f64,
    /// What a pixel is wide.
    pixel: f64,
}

impl Window {
    /// Shows a box of the plane, given by its middle and its size, as the view wants it.
    fn new((middle_x, middle_y): (f64, f64), (width, height): (f64, f64), view: View, canvas: &Canvas) -> Self {
        let (columns, rows) = (canvas.width() as f64, canvas.height() as f64);
        let whole = (width / columns.max(1.0)).max(height / rows.max(1.0)).max(f64::MIN_POSITIVE);
        let pixel = whole / view.zoom;
        let middle_x = middle_x + view.right * whole * columns;
        let middle_y = middle_y + view.down * whole * columns;
        Self { left: middle_x - pixel * columns / 2.0, top: middle_y - pixel * rows / 2.0, pixel }
    }

    /// The pixel of a point of the plane.
    fn pixel_of(self, x: f64, y: f64) -> (f64, f64) {
        ((x - self.left) / self.pixel, (y - self.top) / self.pixel)
    }

    /// The indices into `count` things, each one wide, that lie in pixel `place` of an axis that begins at `start`: at most
    /// `most` of them, spread evenly.
    fn indices(self, start: f64, place: usize, count: usize, most: usize) -> impl Iterator<Item = usize> + Clone {
        let from = start + place as f64 * self.pixel;
        let samples = crate::readable::index(self.pixel.ceil()).clamp(1, most);
        let step = self.pixel / samples as f64;
        let at = move |sample: usize| from + (sample as f64 + 0.5) * step;
        (0..samples).map(at).filter(move |at| *at >= 0.0 && *at < count as f64).map(crate::readable::index)
    }

    /// All of `count` things, each one wide, that lie in pixel `place` of an axis that begins at `start`.
    fn span(self, start: f64, place: usize, count: usize) -> Range<usize> {
        let from = start + place as f64 * self.pixel;
        let (from, to) = if self.pixel < 1.0 {
            let middle = (from + self.pixel / 2.0).floor();
            (middle, middle + 1.0)
        } else {
            (from.floor(), (from + self.pixel).floor())
        };
        let [from, to] = [from, to].map(|end| crate::readable::index(end).min(count));
        from..to
    }

    /// A bar of a round length for a plane in metres, about a quarter of the canvas wide.
    fn scale(self, canvas: &Canvas) -> Option<Scale> {
        let metres = round_length(canvas.width() as f64 * self.pixel / 4.0)?;
        let cells = crate::readable::cells(crate::readable::index((metres / self.pixel).round()));
        Some(Scale { cells, label: metres_text(metres) })
    }
}

/// The largest of 1, 2 or 5 times a power of ten that is not longer.
fn round_length(length: f64) -> Option<f64> {
    if !length.is_finite() || length < 1e-9 {
        return None;
    }
    let power = 10_f64.powf(length.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|digit| digit * power).find(|round| *round <= length * 1.000_001)
}

fn metres_text(metres: f64) -> String {
    match metres {
        metres if metres >= 1000.0 => format!("{} km", number(metres / 1000.0, 8)),
        metres if metres >= 1.0 => format!("{} m", number(metres, 8)),
        metres if metres >= 0.01 => format!("{} cm", number((metres * 100.0).round(), 8)),
        metres => format!("{} mm", number(metres * 1000.0, 8)),
    }
}

/// What every caption ends with: `stamp 12.500000000, frame "base"`.
fn origin(header: HeaderView<'_>) -> String {
    let stamp = header.stamp();
    format!("stamp {}.{:09}, frame {}", stamp.sec(), stamp.nsec(), quoted(header.frame_id()))
}

fn quoted(text: Text<'_>) -> String {
    format!("\"{}\"", shortened(text.as_bytes(), 40))
}

/// From the smallest to the largest number: `0.5 to 12`.
fn range_text((lowest, highest): (f64, f64)) -> String {
    if lowest > highest {
        return "no numbers".to_owned();
    }
    format!("{} to {}", number(lowest, 10), number(highest, 10))
}

fn fingerprint(message: &[u8]) -> Option<Fingerprint> {
    message.first_chunk().map(|bytes| schema::Fingerprint(u64::from_be_bytes(*bytes)))
}

/// By one key.
const ZOOM: f64 = 1.3;

/// By one key, of what is in sight.
const PAN: f64 = 0.1;

#[cfg(test)]
mod tests;
