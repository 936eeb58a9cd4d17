//! Pixels of an image as typed slices.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;

use super::encoding::{Encoding, UnknownEncoding};
use super::pixel::{Pixel, fits};
use crate::cast::{BIG_ENDIAN, aligned, swap_each};

/// The pixels of an image whose layout was checked: `height` rows of `width` pixels, the top row first.
///
/// There are two ways to them. [`row`](Self::row), [`rows`](Self::rows) and [`as_slice`](Self::as_slice) refer to the bytes
/// where they lie, or say why that cannot be. [`to_cow`](Self::to_cow) and [`row_to_cow`](Self::row_to_cow) copy where it
/// must be: if samples are not those of this machine (big-endian on most), rows are padded, or samples of several bytes lie
/// at an address that does not suit them. Received messages lie at any address.
///
/// ```
/// # use lcm::Message;
/// # use lcm_types::image::Encoding;
/// # use lcm_types::sensor_msgs::Image;
/// # use lcm_types::std_msgs::Header;
/// # let image = Image::from_pixels(Header::now("camera"), Encoding::F32C1, 2, 2, &[1.0_f32, 2.0, 3.0, 4.0])?;
/// # let received = image.encode()?;
/// let view = Image::view(&received)?;
/// let depth_m = view.pixels()?.to_cow::<f32>()?;
/// assert_eq!(depth_m[..], [1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// `height` rows of `step` bytes.
    data: &'a [u8],
    encoding: Encoding,
    width: usize,
    height: usize,
    /// At least `row_bytes`.
    step: usize,
    row_bytes: usize,
    big_endian: bool,
}

/// Why an image does not have the pixels it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The encoding is not known here.
    #[error(transparent)]
    UnknownEncoding(#[from] UnknownEncoding),
    /// The data is a file, not pixels.
    #[error("encoding {encoding} is compressed: decode its data first")]
    Compressed {
        /// The encoding.
        encoding: Encoding,
    },
    /// A size is negative.
    #[error("{member} is negative: {value}")]
    Negative {
        /// `width`, `height` or `step`.
        member: &'static str,
        /// Its value.
        value: i32,
    },
    /// A row is shorter than its pixels.
    #[error("rows of {step} bytes are too short for {width} pixels of encoding {encoding}")]
    StepTooShort {
        /// Bytes in a row.
        step: usize,
        /// Pixels in a row.
        width: usize,
        /// Their encoding.
        encoding: Encoding,
    },
    /// The data is longer or shorter than the rows.
    #[error("the data has {found} bytes, {height} rows of {step} have {}", *.height as u128 * *.step as u128)]
    DataLength {
        /// Bytes in the data.
        found: usize,
        /// Rows.
        height: usize,
        /// Bytes in a row.
        step: usize,
    },
}

/// Why pixels cannot be had as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PixelError {
    /// The image has other pixels.
    #[error("pixels of encoding {encoding} are not of type {pixel}")]
    PixelType {
        /// The encoding of the image.
        encoding: Encoding,
        /// The type asked for.
        pixel: &'static str,
    },
    /// The image has no such row or pixel.
    #[error("column {x}, row {y} is outside of {width} x {height} pixels")]
    Outside {
        /// The column asked for.
        x: usize,
        /// The row asked for.
        y: usize,
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The samples have the other byte order, so that there is no way without a copy.
    #[error("samples are {}-endian and must be copied", if *.big_endian { "big" } else { "little" })]
    Endianness {
        /// The order in the image.
        big_endian: bool,
    },
    /// There are bytes between the rows, so that the image is no single slice.
    #[error("rows of {row_bytes} bytes are padded to {step}: take single rows or a copy")]
    Padded {
        /// Bytes of the pixels of a row.
        row_bytes: usize,
        /// Bytes from one row to the next.
        step: usize,
    },
    /// The bytes lie at an address where such numbers cannot be referred to.
    #[error("pixels lie at an address that is no multiple of {alignment} and must be copied")]
    Unaligned {
        /// What the address should be a multiple of.
        alignment: usize,
    },
}

impl<'a> Pixels<'a> {
    /// Checks what a message says. Everything else relies on what was checked here.
    pub(super) fn new(
        encoding: Result<Encoding, UnknownEncoding>,
        (width, height, step): (i32, i32, i32),
        is_bigendian: u8,
        data: &'a [u8],
    ) -> Result<Self, LayoutError> {
        let encoding = encoding?;
        let bytes_per_pixel = encoding.bytes_per_pixel().ok_or(LayoutError::Compressed { encoding })?;
        let size = |member, value: i32| usize::try_from(value).map_err(|_| LayoutError::Negative { member, value });
        let (width, height, step) = (size("width", width)?, size("height", height)?, size("step", step)?);
        let Some(row_bytes) = width.checked_mul(bytes_per_pixel).filter(|row_bytes| *row_bytes <= step) else {
            return Err(LayoutError::StepTooShort { step, width, encoding });
        };
        if height.checked_mul(step) != Some(data.len()) {
            return Err(LayoutError::DataLength { found: data.len(), height, step });
        }
        Ok(Self { data, encoding, width, height, step, row_bytes, big_endian: is_bigendian != 0 })
    }

    /// The encoding.
    #[must_use]
    pub const fn encoding(self) -> Encoding {
        self.encoding
    }

    /// Pixels in a row.
    #[must_use]
    pub const fn width(self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(self) -> usize {
        self.height
    }

    /// Bytes from one row to the next.
    #[must_use]
    pub const fn step_bytes(self) -> usize {
        self.step
    }

    /// The bytes of the pixels of row `y`, without padding; `None` below the last row.
    #[must_use]
    pub fn row_bytes(self, y: usize) -> Option<&'a [u8]> {
        (y < self.height).then(|| &self.data[y * self.step..][..self.row_bytes])
    }

    /// The row `y` where it lies.
    ///
    /// # Errors
    /// If there is no such row, its pixels are not `P`, or they can only be copied.
    pub fn row<P: Pixel>(self, y: usize) -> Result<&'a [P], PixelError> {
        let row = self.typed_row::<P>(y)?;
        self.check_byte_order::<P>()?;
        aligned(row).ok_or_else(unaligned::<P>)
    }

    /// The rows where they lie, the top row first.
    ///
    /// ```
    /// # use lcm_types::image::Encoding;
    /// # use lcm_types::sensor_msgs::Image;
    /// # use lcm_types::std_msgs::Header;
    /// # let image = Image::from_pixels(Header::now("camera"), Encoding::Rgb8, 1, 2, &[[9_u8, 8, 7], [255, 0, 0]])?;
    /// for row in image.pixels()?.rows::<[u8; 3]>()? {
    ///     for [red, green, blue] in row {
    ///         println!("{red:3} {green:3} {blue:3}");
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the pixels are not `P`, or can only be copied.
    pub fn rows<P: Pixel>(self) -> Result<impl ExactSizeIterator<Item = &'a [P]> + Clone, PixelError> {
        self.check_type::<P>()?;
        self.check_byte_order::<P>()?;
        let rows = self.rows_of_bytes();
        if !rows.clone().all(|row| aligned::<P>(row).is_some()) {
            return Err(unaligned::<P>());
        }
        // All of them were just found to be aligned.
        Ok(rows.map(|row| aligned(row).unwrap_or_default()))
    }

    /// All pixels where they lie, row after row.
    ///
    /// # Errors
    /// If the pixels are not `P`, or can only be copied.
    pub fn as_slice<P: Pixel>(self) -> Result<&'a [P], PixelError> {
        self.check_type::<P>()?;
        self.check_byte_order::<P>()?;
        if self.step != self.row_bytes && self.height > 1 {
            return Err(PixelError::Padded { row_bytes: self.row_bytes, step: self.step });
        }
        // A single row may have padding behind it.
        aligned(&self.data[..self.row_bytes * self.height]).ok_or_else(unaligned::<P>)
    }

    /// All pixels row after row, copied only if they must be. The copy is as long as the image's data at most.
    ///
    /// # Errors
    /// If the pixels are not `P`.
    pub fn to_cow<P: Pixel>(self) -> Result<Cow<'a, [P]>, PixelError> {
        self.check_type::<P>()?;
        Ok(match self.as_slice() {
            Ok(pixels) => Cow::Borrowed(pixels),
            Err(_) => Cow::Owned(self.copy(self.rows_of_bytes())),
        })
    }

    /// The row `y`, copied only if it must be.
    ///
    /// # Errors
    /// If there is no such row, or its pixels are not `P`.
    pub fn row_to_cow<P: Pixel>(self, y: usize) -> Result<Cow<'a, [P]>, PixelError> {
        let row = self.typed_row::<P>(y)?;
        Ok(match self.row(y) {
            Ok(pixels) => Cow::Borrowed(pixels),
            Err(_) => Cow::Owned(self.copy(std::iter::once(row))),
        })
    }

    /// The pixel in column `x` of row `y`, wherever and however it lies.
    ///
    /// ```
    /// # use lcm_types::image::Encoding;
    /// # use lcm_types::sensor_msgs::Image;
    /// # use lcm_types::std_msgs::Header;
    /// # let image = Image::from_pixels(Header::now("camera"), Encoding::U16C1, 2, 2, &[500_u16, 600, 700, 0])?;
    /// let depth_mm = image.pixels()?.pixel::<u16>(0, 1)?;
    /// assert_eq!(depth_mm, 700);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such pixel, or it is not `P`.
    pub fn pixel<P: Pixel>(self, x: usize, y: usize) -> Result<P, PixelError> {
        let row = self.typed_row::<P>(y)?;
        if x >= self.width {
            return Err(self.outside(x, y));
        }
        let mut pixel = P::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut pixel);
        bytes.copy_from_slice(&row[x * size_of::<P>()..][..size_of::<P>()]);
        if self.big_endian != BIG_ENDIAN {
            swap_each(bytes, P::SAMPLE.bytes());
        }
        Ok(pixel)
    }

    /// The rows without padding. They are as many as the data has bytes at most: an image without width has no rows worth
    /// a loop.
    fn rows_of_bytes(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.data.chunks_exact(self.step.max(1)).map(move |row| &row[..self.row_bytes])
    }

    fn copy<P: Pixel>(self, rows: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<P> {
        let mut pixels = vec![P::zeroed(); self.width * rows.len()];
        let bytes = bytemuck::cast_slice_mut::<P, u8>(&mut pixels);
        for (copy, row) in bytes.chunks_exact_mut(self.row_bytes.max(1)).zip(rows) {
            copy.copy_from_slice(row);
        }
        if self.big_endian != BIG_ENDIAN {
            swap_each(bytes, P::SAMPLE.bytes());
        }
        pixels
    }

    fn typed_row<P: Pixel>(self, y: usize) -> Result<&'a [u8], PixelError> {
        self.check_type::<P>()?;
        self.row_bytes(y).ok_or_else(|| self.outside(0, y))
    }

    fn check_type<P: Pixel>(self) -> Result<(), PixelError> {
        if fits::<P>(self.encoding) {
            Ok(())
        } else {
            Err(PixelError::PixelType { encoding: self.encoding, pixel: type_name::<P>() })
        }
    }

    fn check_byte_order<P: Pixel>(self) -> Result<(), PixelError> {
        if self.big_endian == BIG_ENDIAN || P::SAMPLE.bytes() == 1 {
            Ok(())
        } else {
            Err(PixelError::Endianness { big_endian: self.big_endian })
        }
    }

    const fn outside(self, x: usize, y: usize) -> PixelError {
        PixelError::Outside { x, y, width: self.width, height: self.height }
    }
}

const fn unaligned<P: Pixel>() -> PixelError {
    PixelError::Unaligned { alignment: align_of::<P>() }
}

impl fmt::Debug for Pixels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pixels({} x {} {}, {} bytes a row)", self.width, self.height, self.encoding, self.step)
    }
}
