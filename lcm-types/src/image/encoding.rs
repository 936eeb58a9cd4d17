//! What the pixels of an image are: the names that `Image::encoding` may have.

use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;

use lcm::codec::Text;

use crate::cast::shortened;

/// The encoding of an image. Its text, from [`Display`](fmt::Display) and to [`FromStr`], is that of `Image::encoding`.
///
/// ```
/// use lcm_types::image::{Encoding, Sample};
///
/// let depth: Encoding = "16UC1".parse()?;
/// assert_eq!(depth, Encoding::U16C1);
/// assert_eq!((depth.sample(), depth.channels(), depth.bytes_per_pixel()), (Some(Sample::U16), Some(1), Some(2)));
/// assert_eq!(Encoding::Rgb8.to_string(), "rgb8");
/// # Ok::<(), lcm_types::image::UnknownEncoding>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `mono8`: grey, one byte.
    Mono8,
    /// `mono16`: grey, an unsigned 16-bit number.
    Mono16,
    /// `rgb8`: red, green and blue, a byte each.
    Rgb8,
    /// `rgba8`: red, green, blue and opacity, a byte each.
    Rgba8,
    /// `bgr8`: blue, green and red, a byte each, as OpenCV has them.
    Bgr8,
    /// `bgra8`: blue, green, red and opacity, a byte each.
    Bgra8,
    /// Numbers without a meaning of their own, named as in OpenCV: `16UC1`, `32FC1`, `8UC3` and so on.
    Plain {
        /// The numbers.
        sample: Sample,
        /// How many of them a pixel has.
        channels: NonZeroU8,
    },
    /// `jpeg`: the data is a JPEG file.
    Jpeg,
}

/// The numbers that pixels consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sample {
    /// `8U`.
    U8,
    /// `8S`.
    I8,
    /// `16U`.
    U16,
    /// `16S`.
    I16,
    /// `32S`.
    I32,
    /// `32F`.
    F32,
    /// `64F`.
    F64,
}

/// A text that is no encoding known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "image encoding {0:?} is unknown; known are mono8, mono16, rgb8, rgba8, bgr8, bgra8, jpeg and those of OpenCV, such as 32FC1"
)]
pub struct UnknownEncoding(String);

impl Encoding {
    /// `8UC1`: one byte.
    pub const U8C1: Self = Self::Plain { sample: Sample::U8, channels: NonZeroU8::MIN };
    /// `16UC1`: depth in mm, 0 where it is unknown.
    pub const U16C1: Self = Self::Plain { sample: Sample::U16, channels: NonZeroU8::MIN };
    /// `16SC1`.
    pub const I16C1: Self = Self::Plain { sample: Sample::I16, channels: NonZeroU8::MIN };
    /// `32FC1`: depth in m, NaN where it is unknown.
    pub const F32C1: Self = Self::Plain { sample: Sample::F32, channels: NonZeroU8::MIN };
    /// `64FC1`: depth in m, NaN where it is unknown.
    pub const F64C1: Self = Self::Plain { sample: Sample::F64, channels: NonZeroU8::MIN };

    /// The numbers that a pixel consists of; `None` for compressed images.
    #[must_use]
    pub const fn sample(self) -> Option<Sample> {
        match self {
            Self::Mono8 | Self::Rgb8 | Self::Rgba8 | Self::Bgr8 | Self::Bgra8 => Some(Sample::U8),
            Self::Mono16 => Some(Sample::U16),
            Self::Plain { sample, .. } => Some(sample),
            Self::Jpeg => None,
        }
    }

    /// How many numbers a pixel consists of; `None` for compressed images.
    #[must_use]
    pub const fn channels(self) -> Option<u8> {
        match self {
            Self::Mono8 | Self::Mono16 => Some(1),
            Self::Rgb8 | Self::Bgr8 => Some(3),
            Self::Rgba8 | Self::Bgra8 => Some(4),
            Self::Plain { channels, .. } => Some(channels.get()),
            Self::Jpeg => None,
        }
    }

    /// How many bytes a pixel takes; `None` for compressed images.
    #[must_use]
    pub const fn bytes_per_pixel(self) -> Option<usize> {
        match (self.sample(), self.channels()) {
            (Some(sample), Some(channels)) => Some(sample.bytes() * channels as usize),
            _ => None,
        }
    }
}

impl Sample {
    const ALL: [Self; 7] = [Self::U8, Self::I8, Self::U16, Self::I16, Self::I32, Self::F32, Self::F64];

    /// How many bytes it takes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::U8 => "8U",
            Self::I8 => "8S",
            Self::U16 => "16U",
            Self::I16 => "16S",
            Self::I32 => "32S",
            Self::F32 => "32F",
            Self::F64 => "64F",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain { sample, channels } => f.pad(&format!("{}C{channels}", sample.name())),
            named => f.pad(NAMES.iter().find(|(encoding, _)| encoding == named).map_or("", |(_, name)| name)),
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, UnknownEncoding> {
        let named = NAMES.iter().find(|(_, name)| *name == text).map(|(encoding, _)| *encoding);
        named.or_else(|| plain(text)).ok_or_else(|| UnknownEncoding(shortened(text)))
    }
}

impl TryFrom<Text<'_>> for Encoding {
    type Error = UnknownEncoding;

    /// The encoding of a received image, whose text need not be UTF-8.
    fn try_from(text: Text<'_>) -> Result<Self, UnknownEncoding> {
        text.to_str_lossy().parse()
    }
}

fn plain(text: &str) -> Option<Encoding> {
    let (name, channels) = text.split_once('C')?;
    let sample = Sample::ALL.into_iter().find(|sample| sample.name() == name)?;
    // Only digits, as they are written: `parse` alone would take `+1` and `01`.
    let digits = channels.starts_with(|first| matches!(first, '1'..='9'));
    digits.then(|| channels.parse().ok()).flatten().map(|channels| Encoding::Plain { sample, channels })
}

const NAMES: &[(Encoding, &str)] = &[
    (Encoding::Mono8, "mono8"),
    (Encoding::Mono16, "mono16"),
    (Encoding::Rgb8, "rgb8"),
    (Encoding::Rgba8, "rgba8"),
    (Encoding::Bgr8, "bgr8"),
    (Encoding::Bgra8, "bgra8"),
    (Encoding::Jpeg, "jpeg"),
];
