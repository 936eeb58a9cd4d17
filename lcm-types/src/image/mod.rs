//! Images: making a `sensor_msgs` `Image` of pixels, and looking at one as typed pixels.
//!
//! [`Image::from_pixels`] and its neighbours check that everything agrees. What they make can be read by every peer: rows
//! without padding and little-endian samples, because Python DimOS reads nothing else.
//!
//! [`Image::pixels`] and [`ImageView::pixels`] check a message once and give [`Pixels`], of which rows, single pixels or the
//! whole image can be taken as the type that fits the encoding: `u8` for `mono8`, `[u8; 3]` for `rgb8`, `f32` for `32FC1`.
//! Images of single bytes are never copied. Larger samples in received bytes are aligned only by luck: see [`Pixels`].
//!
//! ```
//! use lcm_types::image::Encoding;
//! use lcm_types::sensor_msgs::Image;
//! use lcm_types::std_msgs::Header;
//!
//! let grey = Image::from_pixels(Header::now("camera"), Encoding::Mono8, 3, 2, &[10_u8, 20, 30, 40, 50, 60])?;
//! assert_eq!((grey.step, grey.encoding.as_str()), (3, "mono8"));
//!
//! let pixels = grey.pixels()?;
//! assert_eq!(pixels.row::<u8>(1)?, [40, 50, 60]);
//! let brightest = pixels.as_slice::<u8>()?.iter().max();
//! assert_eq!(brightest, Some(&60));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Pixels are not converted, and JPEG is neither made nor read here.

mod build;
mod encoding;
mod pixel;
mod pixels;

pub use build::BuildError;
pub use encoding::{Encoding, Sample, UnknownEncoding};
pub use pixel::Pixel;
pub use pixels::{LayoutError, PixelError, Pixels};

use crate::sensor_msgs::{Image, ImageView};

impl Image {
    /// The pixels, after everything the message says of them was checked against the length of its data.
    ///
    /// # Errors
    /// If the encoding is unknown or compressed, a size is negative, rows are shorter than their pixels, or the data is not
    /// `height` rows of `step` bytes.
    pub fn pixels(&self) -> Result<Pixels<'_>, LayoutError> {
        let encoding = self.encoding.parse::<Encoding>();
        Pixels::new(encoding, (self.width, self.height, self.step), self.is_bigendian, &self.data)
    }
}

impl<'a> ImageView<'a> {
    /// The pixels where they lie in the received bytes, after everything the message says of them was checked against the
    /// length of its data. That takes the same time for images of any size.
    ///
    /// # Errors
    /// If the encoding is unknown or compressed, a size is negative, rows are shorter than their pixels, or the data is not
    /// `height` rows of `step` bytes.
    pub fn pixels(&self) -> Result<Pixels<'a>, LayoutError> {
        let encoding = Encoding::try_from(self.encoding());
        Pixels::new(encoding, (self.width(), self.height(), self.step()), self.is_bigendian(), self.data())
    }
}
