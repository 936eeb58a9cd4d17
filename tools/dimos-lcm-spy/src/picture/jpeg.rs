//! JPEG files, decoded within limits.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Refusal;

/// The pixels of a JPEG, three bytes each.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

/// Whether this begins as a JPEG does.
pub(super) fn is_jpeg(file: &[u8]) -> bool {
    file.starts_with(&[0xff, 0xd8])
}

/// Decodes a file whose size is plausible for its length.
pub(super) fn decode(file: &[u8]) -> Result<Decoded, Refusal> {
    let options = DecoderOptions::new_safe()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(false)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let refused = |error: zune_jpeg::errors::DecodeErrors| {
        Refusal::Jpeg(crate::readable::shortened(format!("{error:?}").as_bytes(), 120))
    };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(refused)?;
    let info = decoder.info().ok_or_else(|| Refusal::Jpeg("it has no header".to_owned()))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let pixels = width * height;
    if pixels > MAX_PIXELS.min(file.len().saturating_mul(PIXELS_PER_BYTE).max(FEW_PIXELS)) {
        return Err(Refusal::TooLarge { width, height, bytes: file.len() });
    }
    // A small one may have more of them.
    let scans = (MAX_SCANNED_PIXELS / pixels.max(1)).clamp(1, MAX_SCANS);
    decoder.set_options(options.jpeg_set_max_scans(scans));
    let rgb = decoder.decode().map_err(refused)?;
    if pixels == 0 || rgb.len() != pixels * 3 {
        return Err(Refusal::Jpeg(format!("{width} x {height} pixels became {} bytes", rgb.len())));
    }
    Ok(Decoded { width, height, rgb })
}

const MAX_SIDE: usize = 1 << 14;

/// 48 MB once decoded.
const MAX_PIXELS: usize = 1 << 24;

/// That of an even grey, the smallest that there is, is below it.
const PIXELS_PER_BYTE: usize = 1024;

/// So few are decoded whatever the file's length.
const FEW_PIXELS: usize = 1 << 20;

/// A progressive JPEG has ten or so; each costs as much as decoding the whole.
const MAX_SCANS: usize = 30;

/// In all scans together, so that no picture takes much longer than a second.
const MAX_SCANNED_PIXELS: usize = 40 << 20;
