//! Payloads that both sides can make from a seed, and the checksum by which they compare what they heard.
//!
//! The programs in `tests/peers` make the same ones.

use std::sync::LazyLock;

/// `size` bytes that follow from `seed`.
///
/// They repeat after a prime number of bytes that is no fragment size, so that nothing can stand in a wrong place unnoticed.
#[must_use]
pub fn pattern(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed;
    let block: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(BLOCK.min(size))
    .collect();
    let mut payload = Vec::with_capacity(size + BLOCK);
    while payload.len() < size {
        payload.extend_from_slice(&block);
    }
    payload.truncate(size);
    payload
}

/// The CRC-32 of zlib.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        let [low, ..] = crc.to_le_bytes();
        (crc >> 8) ^ TABLE[usize::from(low ^ byte)]
    })
}

static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
    let mut table = [0; 256];
    for (crc, byte) in table.iter_mut().zip(0..) {
        *crc = (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 });
    }
    table
});

const BLOCK: usize = 65521;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(b""), 0);
    }

    #[test]
    fn a_pattern_does_not_repeat_at_fragments() {
        let payload = pattern(7, 200_000);
        assert_eq!(payload.len(), 200_000);
        assert_ne!(payload[..1000], payload[65487..66487]);
        assert_ne!(pattern(8, 100), pattern(7, 100));
    }
}
