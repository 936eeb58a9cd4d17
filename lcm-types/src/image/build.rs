//! Images from pixels.

use super::encoding::Encoding;
use super::pixel::{Pixel, fits};
use crate::cast::{BIG_ENDIAN, swap_each};
use crate::sensor_msgs::Image;
use crate::std_msgs::Header;

/// Why something does not make an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The pixels are of another type than the encoding says.
    #[error("pixels of type {pixel} do not make an image of encoding {encoding}")]
    PixelType {
        /// The encoding asked for.
        encoding: Encoding,
        /// The type of the pixels.
        pixel: &'static str,
    },
    /// There are more or fewer pixels than width times height.
    #[error("{found} pixels are given for {width} x {height}")]
    PixelCount {
        /// The pixels given.
        found: usize,
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The data is longer or shorter than the rows.
    #[error("{found} bytes are given for {height} rows of {step_bytes}")]
    DataLength {
        /// The bytes given.
        found: usize,
        /// Bytes in a row.
        step_bytes: usize,
        /// Rows.
        height: usize,
    },
    /// A row is shorter than its pixels.
    #[error("rows of {step_bytes} bytes are too short for {width} pixels of encoding {encoding}")]
    StepTooShort {
        /// Bytes in a row.
        step_bytes: usize,
        /// Pixels in a row.
        width: usize,
        /// Their encoding.
        encoding: Encoding,
    },
    /// A compressed encoding where pixels are expected.
    #[error("encoding {encoding} is compressed: make such an image of its file")]
    Compressed {
        /// The encoding asked for.
        encoding: Encoding,
    },
    /// The data is no JPEG file.
    #[error("the data does not begin as a JPEG file does")]
    NotJpeg,
    /// A number is larger than the message can say.
    #[error("{member} would be {value}, the message ends at {}", i32::MAX)]
    TooLarge {
        /// `width`, `height`, `step` or `data_length`.
        member: &'static str,
        /// What it would have to be.
        value: usize,
    },
}

impl Image {
    /// An image of `height` rows of `width` pixels, the top row first.
    ///
    /// The type of the pixels must fit the encoding: see [`Pixel`].
    ///
    /// ```
    /// use lcm_types::image::Encoding;
    /// use lcm_types::sensor_msgs::Image;
    /// use lcm_types::std_msgs::Header;
    ///
    /// // Depth in m; the camera saw nothing in the last pixel.
    /// let depth = Image::from_pixels(Header::now("camera"), Encoding::F32C1, 2, 1, &[1.5_f32, f32::NAN])?;
    /// assert_eq!((depth.width, depth.height, depth.step), (2, 1, 8));
    ///
    /// let red = Image::from_pixels(Header::now("camera"), Encoding::Rgb8, 1, 1, &[[255_u8, 0, 0]])?;
    /// assert_eq!(red.data, [255, 0, 0]);
    /// # Ok::<(), lcm_types::image::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// If the pixels do not fit the encoding or are not `width * height`, or if the message cannot say a size.
    pub fn from_pixels<P: Pixel>(
        header: Header,
        encoding: Encoding,
        width: usize,
        height: usize,
        pixels: &[P],
    ) -> Result<Self, BuildError> {
        if !fits::<P>(encoding) {
            return Err(BuildError::PixelType { encoding, pixel: std::any::type_name::<P>() });
        }
        let found = pixels.len();
        if width.checked_mul(height) != Some(found) {
            return Err(BuildError::PixelCount { found, width, height });
        }
        let mut data = bytemuck::cast_slice(pixels).to_vec();
        if BIG_ENDIAN {
            swap_each(&mut data, P::SAMPLE.bytes());
        }
        Self::from_bytes(header, encoding, width, height, data)
    }

    /// An image of the bytes of its rows, which are taken over without a copy: as [`Image::from_pixels`], for what comes from
    /// a camera or a decoder as bytes. There is no padding between rows, and samples of more than one byte are little-endian.
    ///
    /// # Errors
    /// If the data does not have the length that encoding and size say, the encoding is compressed, or the message cannot say
    /// a size.
    pub fn from_bytes(
        header: Header,
        encoding: Encoding,
        width: usize,
        height: usize,
        data: Vec<u8>,
    ) -> Result<Self, BuildError> {
        let step_bytes = row_bytes(encoding, width)?;
        check_length(data.len(), step_bytes, height)?;
        image(header, encoding, (width, height, step_bytes), data)
    }

    /// An image of the bytes of rows of `step_bytes`, such as those of a camera that aligns its rows: as
    /// [`Image::from_bytes`], but what follows the pixels of a row is left out.
    ///
    /// # Errors
    /// If the data is not `height` rows of `step_bytes`, rows are shorter than their pixels, the encoding is compressed, or
    /// the message cannot say a size.
    pub fn from_padded_bytes(
        header: Header,
        encoding: Encoding,
        width: usize,
        height: usize,
        step_bytes: usize,
        data: &[u8],
    ) -> Result<Self, BuildError> {
        let packed_bytes = row_bytes(encoding, width)?;
        if step_bytes < packed_bytes {
            return Err(BuildError::StepTooShort { step_bytes, width, encoding });
        }
        check_length(data.len(), step_bytes, height)?;
        // Rows are longer than nothing if there is data, and all of them fit in it.
        let mut packed = Vec::with_capacity(packed_bytes * height);
        for row in data.chunks_exact(step_bytes.max(1)) {
            packed.extend_from_slice(&row[..packed_bytes]);
        }
        image(header, encoding, (width, height, packed_bytes), packed)
    }

    /// An image of encoding `jpeg`, which is the whole file. `step` is 0, as Python DimOS has it.
    ///
    /// # Errors
    /// If the file does not begin as JPEG files do, or the message cannot say a size. Whether the file has the given size, or
    /// is whole, is not checked.
    pub fn from_jpeg(header: Header, width: usize, height: usize, file: Vec<u8>) -> Result<Self, BuildError> {
        if !file.starts_with(&JPEG_START) {
            return Err(BuildError::NotJpeg);
        }
        image(header, Encoding::Jpeg, (width, height, 0), file)
    }
}

fn row_bytes(encoding: Encoding, width: usize) -> Result<usize, BuildError> {
    let bytes_per_pixel = encoding.bytes_per_pixel().ok_or(BuildError::Compressed { encoding })?;
    width.checked_mul(bytes_per_pixel).ok_or(BuildError::TooLarge { member: "width", value: width })
}

fn check_length(found: usize, step_bytes: usize, height: usize) -> Result<(), BuildError> {
    if step_bytes.checked_mul(height) == Some(found) {
        Ok(())
    } else {
        Err(BuildError::DataLength { found, step_bytes, height })
    }
}

fn image(
    header: Header,
    encoding: Encoding,
    (width, height, step): (usize, usize, usize),
    data: Vec<u8>,
) -> Result<Image, BuildError> {
    let int32 = |member, value| i32::try_from(value).map_err(|_| BuildError::TooLarge { member, value });
    int32("data_length", data.len())?;
    Ok(Image {
        header,
        height: int32("height", height)?,
        width: int32("width", width)?,
        encoding: encoding.to_string(),
        is_bigendian: 0,
        step: int32("step", step)?,
        data,
    })
}

/// Start of image, and the first byte of the next marker (ITU-T T.81, B.1.1.3).
const JPEG_START: [u8; 3] = [0xff, 0xd8, 0xff];
