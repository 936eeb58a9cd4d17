//! What images and point clouds share: bytes as typed slices, and the order of bytes.

use bytemuck::Pod;

/// The bytes as values, if they are a whole number of them at an address that suits them.
pub(crate) fn aligned<T: Pod>(bytes: &[u8]) -> Option<&[T]> {
    // An empty slice may lie anywhere.
    if bytes.is_empty() { Some(&[]) } else { bytemuck::try_cast_slice(bytes).ok() }
}

/// Turns round the bytes of each number of `number_bytes` bytes.
pub(crate) fn swap_each(bytes: &mut [u8], number_bytes: usize) {
    match number_bytes {
        2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|number| number.reverse()),
        4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|number| number.reverse()),
        8 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|number| number.reverse()),
        _ => {}
    }
}

/// A text from a message for an error, where it should not be long.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

/// Whether the numbers of this machine are big-endian.
pub(crate) const BIG_ENDIAN: bool = cfg!(target_endian = "big");

const MAX_SHOWN_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_each_number_are_turned_round() {
        let swapped = |number_bytes| {
            let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
            swap_each(&mut bytes, number_bytes);
            bytes
        };
        assert_eq!(swapped(1), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(swapped(2), [2, 1, 4, 3, 6, 5, 8, 7]);
        assert_eq!(swapped(4), [4, 3, 2, 1, 8, 7, 6, 5]);
        assert_eq!(swapped(8), [8, 7, 6, 5, 4, 3, 2, 1]);
    }
}
