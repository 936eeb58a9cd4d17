//! The types that pixels are read and written as.

use bytemuck::Pod;

use super::encoding::{Encoding, Sample};

/// A type for pixels: a number (`u8`, `i8`, `u16`, `i16`, `i32`, `f32`, `f64`), or an array of two, three or four of them.
///
/// It fits an encoding if the number is the same and so is the count: `[u8; 3]` fits `rgb8`, `bgr8` and `8UC3`. Own types
/// that are `Pod`, such as a struct of three bytes, are one `bytemuck::cast_slice` away.
pub trait Pixel: Pod + sealed::Sealed {
    /// The numbers of the pixel.
    const SAMPLE: Sample;
    /// How many there are.
    const CHANNELS: u8;
}

/// Whether pixels of type `P` are those of `encoding`.
pub(super) fn fits<P: Pixel>(encoding: Encoding) -> bool {
    encoding.sample() == Some(P::SAMPLE) && encoding.channels() == Some(P::CHANNELS)
}

macro_rules! pixels {
    ($($number:ty => $sample:ident),*) => {$(
        pixels!($number, $sample, 1);
        pixels!([$number; 2], $sample, 2);
        pixels!([$number; 3], $sample, 3);
        pixels!([$number; 4], $sample, 4);
    )*};
    ($pixel:ty, $sample:ident, $channels:literal) => {
        impl sealed::Sealed for $pixel {}

        impl Pixel for $pixel {
            const SAMPLE: Sample = Sample::$sample;
            const CHANNELS: u8 = $channels;
        }
    };
}

pixels!(u8 => U8, i8 => I8, u16 => U16, i16 => I16, i32 => I32, f32 => F32, f64 => F64);

/// Other crates cannot add pixels: the numbers are those of the encodings.
mod sealed {
    /// What [`super::Pixel`] asks for and only this file can give.
    pub trait Sealed {}
}
