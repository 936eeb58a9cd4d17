//! Slices of numbers between the wire, which is big-endian and not aligned, and the memory of this machine.
//!
//! This file owns the speed of it: the loops are compiled once for plain x86-64 and once each for the byte shuffles of SSSE3
//! and AVX2, and the first call asks the processor which to take. Other architectures get one version; that of AArch64 has
//! its byte shuffle anyway. How many numbers a message holds, and where, is left to the codecs that call it.

use multiversion::multiversion;
use zerocopy::big_endian::{F32, F64, I16, I32, I64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A number of LCM that takes more than one byte: `i16`, `i32`, `i64`, `f32` or `f64`.
///
/// Both conversions keep every bit, those of a NaN included.
pub trait Number: sealed::Sealed + Copy + Default + Send + Sync + 'static {
    /// The same number as it lies on the wire, at any address.
    type BigEndian: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy + Default;

    /// Converts to the wire.
    fn to_big_endian(self) -> Self::BigEndian;

    /// Converts from the wire.
    fn from_big_endian(value: Self::BigEndian) -> Self;
}

macro_rules! numbers {
    ($($native:ty => $big_endian:ty),*) => {$(
        impl sealed::Sealed for $native {}

        impl Number for $native {
            type BigEndian = $big_endian;

            #[inline(always)]
            fn to_big_endian(self) -> $big_endian {
                <$big_endian>::new(self)
            }

            #[inline(always)]
            fn from_big_endian(value: $big_endian) -> Self {
                value.get()
            }
        }
    )*};
}

numbers!(i16 => I16, i32 => I32, i64 => I64, f32 => F32, f64 => F64);

/// Other crates cannot add numbers: those of LCM are known.
mod sealed {
    /// What [`super::Number`] asks for and only this file can give.
    pub trait Sealed {}
}

/// Converts numbers from the wire into a new vector.
///
/// Memory is written once: it is not filled with zeros before. To use memory again, see [`copy_to_native`].
///
/// # Example
///
/// The ranges of a laser scan, where they lie in the payload of its message.
///
/// ```
/// use lcm::codec::to_native;
/// use zerocopy::FromBytes;
/// use zerocopy::big_endian::F32;
///
/// let payload = [0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0];
/// let ranges = <[F32]>::ref_from_bytes(&payload).expect("the bytes are whole numbers");
/// assert_eq!(to_native::<f32>(ranges), [1.5, 2.5]);
/// ```
#[inline]
pub fn to_native<T: Number>(wire: &[T::BigEndian]) -> Vec<T> {
    if size_of_val(wire) <= FEW_BYTES {
        wire.iter().map(|number| T::from_big_endian(*number)).collect()
    } else {
        many_to_native(wire)
    }
}

/// Converts numbers from the wire into memory that is there already.
///
/// # Panics
///
/// When the slices differ in length, like [`slice::copy_from_slice`].
///
/// # Example
///
/// The ranges of laser scans of a known size, in one array for all scans.
///
/// ```
/// use lcm::codec::copy_to_native;
/// use zerocopy::big_endian::F32;
///
/// let mut ranges = [0.0_f32; 3];
/// for scan in [[F32::new(1.5); 3], [F32::new(2.5); 3]] {
///     copy_to_native(&scan, &mut ranges);
/// }
/// assert_eq!(ranges, [2.5; 3]);
/// ```
#[inline]
#[track_caller]
pub fn copy_to_native<T: Number>(wire: &[T::BigEndian], native: &mut [T]) {
    assert_eq!(wire.len(), native.len(), "as many numbers on the wire as in memory");
    if size_of_val(wire) <= FEW_BYTES {
        for (number, wire) in native.iter_mut().zip(wire) {
            *number = T::from_big_endian(*wire);
        }
    } else {
        copy_many_to_native(wire, native);
    }
}

/// Appends numbers to bytes, as they go on the wire.
///
/// # Example
///
/// The ranges of a laser scan behind their count.
///
/// ```
/// use lcm::codec::append_big_endian;
///
/// let mut payload = vec![0, 0, 0, 2];
/// append_big_endian(&[1.5_f32, 2.5], &mut payload);
/// assert_eq!(payload, [0, 0, 0, 2, 0x3f, 0xc0, 0, 0, 0x40, 0x20, 0, 0]);
/// ```
#[inline]
pub fn append_big_endian<T: Number>(native: &[T], out: &mut Vec<u8>) {
    out.reserve(size_of_val(native));
    if size_of_val(native) <= FEW_BYTES {
        append_blocks::<T, 1>(append_blocks::<T, 4>(native, out), out);
    } else {
        append_many_big_endian(native, out);
    }
}

// The byte shuffles reach only what is inlined into a version. The closure is therefore written in place: it is a type of its
// own in each version, so that `Vec::extend` is compiled for each with that one caller.
#[multiversion(targets("x86_64+avx2", "x86_64+ssse3"))]
fn many_to_native<T: Number>(wire: &[T::BigEndian]) -> Vec<T> {
    let mut native = Vec::with_capacity(wire.len());
    native.extend(wire.iter().map(|number| T::from_big_endian(*number)));
    native
}

#[multiversion(targets("x86_64+avx2", "x86_64+ssse3"))]
fn copy_many_to_native<T: Number>(wire: &[T::BigEndian], native: &mut [T]) {
    let pairs = native.iter_mut().zip(wire);
    for (number, wire) in pairs {
        *number = T::from_big_endian(*wire);
    }
}

#[multiversion(targets("x86_64+avx2", "x86_64+ssse3"))]
fn append_many_big_endian<T: Number>(native: &[T], out: &mut Vec<u8>) {
    let rest = append_blocks::<T, 32>(native, out);
    let rest = append_blocks::<T, 4>(rest, out);
    append_blocks::<T, 1>(rest, out);
}

/// Appends all whole blocks of `N` numbers, and returns the numbers behind them. A block is converted in registers.
#[inline(always)]
fn append_blocks<'a, T: Number, const N: usize>(native: &'a [T], out: &mut Vec<u8>) -> &'a [T] {
    let (blocks, rest) = native.as_chunks::<N>();
    for block in blocks {
        let mut converted = [T::BigEndian::default(); N];
        for (wire, number) in converted.iter_mut().zip(block) {
            *wire = number.to_big_endian();
        }
        out.extend_from_slice(converted.as_bytes());
    }
    rest
}

/// Up to here the plain loop is as fast as looking up the right one. The compiler also sees through it: an array of known
/// length becomes straight code.
const FEW_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_functions_agree_with_the_conversion_of_single_numbers() {
        agrees::<i16, 2>(|bytes| i16::from_be_bytes(bytes).to_ne_bytes());
        agrees::<i32, 4>(|bytes| i32::from_be_bytes(bytes).to_ne_bytes());
        agrees::<i64, 8>(|bytes| i64::from_be_bytes(bytes).to_ne_bytes());
        // Floating-point numbers as integers, so that comparing them compares bits.
        agrees::<f32, 4>(|bytes| u32::from_be_bytes(bytes).to_ne_bytes());
        agrees::<f64, 8>(|bytes| u64::from_be_bytes(bytes).to_ne_bytes());
    }

    #[test]
    fn the_bits_of_a_nan_survive() {
        // Quiet and signalling, with payloads and both signs.
        let bits: [u64; 4] =
            [0x7ff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 0xfff7_ffff_ffff_ffff, 0xffff_1234_5678_9abc];
        for count in [1, 4, 100] {
            let native: Vec<f64> = bits.iter().cycle().take(count).map(|bits| f64::from_bits(*bits)).collect();
            let mut out = Vec::new();
            append_big_endian(&native, &mut out);
            let expected: Vec<u8> = bits.iter().cycle().take(count).flat_map(|bits| bits.to_be_bytes()).collect();
            assert_eq!(out, expected);
            let again = to_native::<f64>(<[F64]>::ref_from_bytes(&out).unwrap());
            assert_eq!(again.as_bytes(), native.as_bytes());
        }
    }

    #[test]
    #[should_panic(expected = "as many numbers on the wire as in memory")]
    fn slices_of_different_lengths_are_refused() {
        copy_to_native(&[F32::new(1.0); 100], &mut [0.0_f32; 99]);
    }

    /// Compares all three functions with `single`, which takes one number from the wire to the bytes that it has in memory:
    /// for all small lengths and some large ones, random bits, and random addresses on either side.
    fn agrees<T: Number + IntoBytes + Immutable, const BYTES: usize>(single: fn([u8; BYTES]) -> [u8; BYTES]) {
        let mut random = fastrand::Rng::with_seed(7);
        for length in (0..100).chain([127, 128, 129, 1000, 4095, 65_537]) {
            let offset = random.usize(0..64);
            let buffer: Vec<u8> = (0..offset + length * BYTES).map(|_| random.u8(..)).collect();
            let (before, bytes) = buffer.split_at(offset);
            let expected: Vec<u8> = bytes.as_chunks().0.iter().flat_map(|number| single(*number)).collect();
            let wire = <[T::BigEndian]>::ref_from_bytes(bytes).unwrap();

            let native = to_native::<T>(wire);
            assert!(native.as_bytes() == expected, "to_native of {length}");

            let start = random.usize(0..8);
            let mut memory = vec![T::default(); start + length + 1];
            copy_to_native(wire, &mut memory[start..start + length]);
            let (copied, around) = (&memory[start..start + length], [&memory[..start], &memory[start + length..]]);
            assert!(copied.as_bytes() == expected, "copy_to_native of {length}");
            assert!(
                around.concat().as_bytes().iter().all(|byte| *byte == 0),
                "copy_to_native of {length} wrote outside"
            );

            let mut out = before.to_vec();
            append_big_endian(&native, &mut out);
            assert!(out == buffer, "append_big_endian of {length}");
        }
    }
}
