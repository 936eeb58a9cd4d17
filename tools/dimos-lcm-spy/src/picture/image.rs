//! Images: pixels as they are, and depths and other numbers by colour.

use lcm_types::image::{Encoding, Sample};
use lcm_types::sensor_msgs::{CompressedImageView, ImageView};

use super::canvas::{Rgb, grey, heat, level};
use super::jpeg;
use super::{Canvas, Picture, Refusal, View, Window, origin, quoted, range_text};

/// Rows of pixels.
#[derive(Clone, Copy)]
struct Raster<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    step_bytes: usize,
    pixel_bytes: usize,
}

/// What a pixel is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A colour; where in the pixel its red, green and blue are.
    Colour([usize; 3]),
    /// A number.
    Number { sample: Sample, is_big_endian: bool },
}

/// Draws an image.
pub(super) fn draw(image: ImageView<'_>, view: View, canvas: Canvas) -> Result<Picture, Refusal> {
    let (width, height, step) = (image.width(), image.height(), image.step());
    if Encoding::try_from(image.encoding()) == Ok(Encoding::Jpeg) {
        let file = image.data();
        let caption = format!("jpeg of {} bytes, {}", file.len(), origin(image.header()));
        return draw_file(file, "jpeg", &caption, view, canvas);
    }
    let pixels = image.pixels()?;
    let pixel_bytes = pixels.encoding().bytes_per_pixel().unwrap_or(1);
    let kind = kind(pixels.encoding(), image.is_bigendian() != 0);
    let raster = Raster {
        data: image.data(),
        width: pixels.width(),
        height: pixels.height(),
        step_bytes: pixels.step_bytes(),
        pixel_bytes,
    };
    if width <= 0 || height <= 0 {
        return Err(Refusal::Empty { width: width.into(), height: height.into(), of: "pixels" });
    }
    let padding = match raster.step_bytes - raster.width * pixel_bytes {
        0 => String::new(),
        padding => format!(", rows of {step} bytes with {padding} of padding"),
    };
    let (canvas, range) = match kind {
        Kind::Colour(places) => (raster.colours(places, view, canvas), String::new()),
        Kind::Number { sample, is_big_endian } => {
            let is_grey = pixels.encoding() == Encoding::Mono16;
            let (canvas, range) = raster.numbers(sample, is_big_endian, is_grey, view, canvas);
            (canvas, format!(", {} in what is shown", range_text(range)))
        }
    };
    let caption = format!("{width} x {height} {}{padding}{range}, {}", pixels.encoding(), origin(image.header()));
    Ok(Picture { canvas, caption, scale: None })
}

/// Draws an image that is a file.
pub(super) fn draw_compressed(image: CompressedImageView<'_>, view: View, canvas: Canvas) -> Result<Picture, Refusal> {
    let file = image.data();
    let caption = format!("{} of {} bytes, {}", quoted(image.format()), file.len(), origin(image.header()));
    draw_file(file, &image.format().to_str_lossy(), &caption, view, canvas)
}

fn draw_file(file: &[u8], format: &str, caption: &str, view: View, canvas: Canvas) -> Result<Picture, Refusal> {
    if !jpeg::is_jpeg(file) {
        return Err(Refusal::Format { format: crate::readable::shortened(format.as_bytes(), 40) });
    }
    let jpeg::Decoded { width, height, rgb } = jpeg::decode(file)?;
    let raster = Raster { data: &rgb, width, height, step_bytes: width * 3, pixel_bytes: 3 };
    let canvas = raster.colours([0, 1, 2], view, canvas);
    Ok(Picture { canvas, caption: format!("{width} x {height} {caption}"), scale: None })
}

fn kind(encoding: Encoding, is_big_endian: bool) -> Kind {
    match encoding {
        Encoding::Mono8 => Kind::Colour([0; 3]),
        Encoding::Rgb8 | Encoding::Rgba8 => Kind::Colour([0, 1, 2]),
        Encoding::Bgr8 | Encoding::Bgra8 => Kind::Colour([2, 1, 0]),
        Encoding::Plain { sample: Sample::U8, channels } => match channels.get() {
            // As OpenCV has them, which these names come from.
            3.. => Kind::Colour([2, 1, 0]),
            _ => Kind::Colour([0; 3]),
        },
        Encoding::Plain { sample, .. } => Kind::Number { sample, is_big_endian },
        _ => Kind::Number { sample: Sample::U16, is_big_endian },
    }
}

impl Raster<'_> {
    fn window(&self, view: View, canvas: &Canvas) -> Window {
        let (width, height) = (self.width as f64, self.height as f64);
        Window::new((width / 2.0, height / 2.0), (width, height), view, canvas)
    }

    fn pixel(&self, x: usize, y: usize) -> Option<&[u8]> {
        let start = y.checked_mul(self.step_bytes)?.checked_add(x * self.pixel_bytes)?;
        self.data.get(start..)?.get(..self.pixel_bytes)
    }

    /// The pixels that lie in one of the canvas.
    fn under(&self, window: Window, x: usize, y: usize) -> impl Iterator<Item = &[u8]> {
        let columns = window.indices(window.left, x, self.width, MAX_SAMPLES);
        let rows = window.indices(window.top, y, self.height, MAX_SAMPLES);
        rows.flat_map(move |row| columns.clone().filter_map(move |column| self.pixel(column, row)))
    }

    fn colours(&self, places: [usize; 3], view: View, mut canvas: Canvas) -> Canvas {
        let window = self.window(view, &canvas);
        canvas.paint(|x, y| {
            let (mut sums, mut count) = ([0_u32; 3], 0_u32);
            for pixel in self.under(window, x, y) {
                for (sum, place) in sums.iter_mut().zip(places) {
                    *sum += u32::from(pixel.get(place).copied().unwrap_or(0));
                }
                count += 1;
            }
            let mean = |sum: u32| level(f64::from(sum) / f64::from(count));
            (count > 0).then(|| sums.map(mean))
        });
        canvas
    }

    /// Numbers by colour, from the smallest to the largest in sight.
    fn numbers(
        &self,
        sample: Sample,
        is_big_endian: bool,
        is_grey: bool,
        view: View,
        mut canvas: Canvas,
    ) -> (Canvas, (f64, f64)) {
        let window = self.window(view, &canvas);
        let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut means = Vec::with_capacity(canvas.width() * canvas.height());
        canvas.paint(|x, y| {
            let (mut mean, mut count) = (0.0, 0.0);
            for pixel in self.under(window, x, y) {
                let value = read(sample, is_big_endian, pixel);
                if let Some(value) = value.filter(|value| value.is_finite()) {
                    (lowest, highest) = (value.min(lowest), value.max(highest));
                    count += 1.0;
                    // A running mean: a sum may be beyond all numbers.
                    mean += (value / count) - (mean / count);
                }
            }
            means.push((count > 0.0).then_some(mean));
            None
        });
        let colour = |mean: f64| -> Rgb {
            let size = highest / 2.0 - lowest / 2.0;
            let share = if size > 0.0 { (mean / 2.0 - lowest / 2.0) / size } else { 0.5 };
            if is_grey { grey(share.clamp(0.0, 1.0)) } else { heat(share) }
        };
        for (pixel, mean) in canvas.pixels_mut().iter_mut().zip(&means) {
            if let Some(mean) = mean {
                *pixel = colour(*mean);
            }
        }
        (canvas, (lowest, highest))
    }
}

/// The first number of a pixel.
fn read(sample: Sample, is_big_endian: bool, pixel: &[u8]) -> Option<f64> {
    macro_rules! number {
        ($native:ty) => {{
            let bytes = *pixel.first_chunk()?;
            f64::from(if is_big_endian { <$native>::from_be_bytes(bytes) } else { <$native>::from_le_bytes(bytes) })
        }};
    }
    Some(match sample {
        Sample::U8 => number!(u8),
        Sample::I8 => number!(i8),
        Sample::U16 => number!(u16),
        Sample::I16 => number!(i16),
        Sample::I32 => number!(i32),
        Sample::F32 => number!(f32),
        Sample::F64 => number!(f64),
    })
}

/// Along each axis, for one pixel of the canvas: what an image costs follows from the cells, not from its size.
const MAX_SAMPLES: usize = 4;
