//! Images: what is made, what is refused, and pixels at any address, in any byte order, in rows of any length.

#![expect(clippy::cast_possible_truncation, reason = "numbers are small here, or any will do")]

use std::borrow::Cow;
use std::num::NonZeroU8;

use lcm::Message;
use lcm_types::image::{BuildError, Encoding, LayoutError, Pixel, PixelError, Pixels, Sample};
use lcm_types::sensor_msgs::Image;
use lcm_types::std_msgs::Header;
use proptest::prelude::*;

use crate::received::{Received, SHIFTS};

fn header() -> Header {
    Header::at(Default::default(), "camera")
}

/// Makes an image of the pixels, and reads it back at every address.
fn comes_back<P: Pixel + PartialEq + std::fmt::Debug>(encoding: Encoding, pixels: &[P; 6]) {
    let image = Image::from_pixels(header(), encoding, 3, 2, pixels).unwrap();
    assert_eq!((image.width, image.height, image.is_bigendian), (3, 2, 0));
    assert_eq!(image.step as usize, 3 * size_of::<P>());
    assert_eq!(image.data.len(), 6 * size_of::<P>());
    assert_eq!(image.encoding, encoding.to_string());
    assert_eq!(image.pixels().unwrap().to_cow::<P>().unwrap()[..], pixels[..]);

    for shift in SHIFTS {
        let received = Received::new(&image, shift);
        let view = Image::view(received.bytes()).unwrap();
        let found = view.pixels().unwrap();
        let is_aligned = view.data().as_ptr().addr().is_multiple_of(align_of::<P>());
        let unaligned = Err(PixelError::Unaligned { alignment: align_of::<P>() });

        let expected = if is_aligned { Ok(&pixels[..]) } else { unaligned.clone() };
        assert_eq!(found.as_slice::<P>(), expected);
        let copied = found.to_cow::<P>().unwrap();
        assert_eq!(copied[..], pixels[..]);
        assert_eq!(matches!(copied, Cow::Borrowed(_)), is_aligned);

        // Rows of three pixels may be aligned in part.
        let row = found.row::<P>(1);
        assert_eq!(row.is_ok(), found.row_bytes(1).unwrap().as_ptr().addr().is_multiple_of(align_of::<P>()));
        assert!(row.is_err() || row == Ok(&pixels[3..]));
        assert_eq!(found.row_to_cow::<P>(1).unwrap()[..], pixels[3..]);
        let rows = found.rows::<P>().map(|rows| rows.collect::<Vec<_>>());
        assert_eq!(
            rows,
            if is_aligned { Ok(vec![&pixels[..3], &pixels[3..]]) } else { unaligned.map(|_: &[P]| vec![]) }
        );
        assert_eq!(found.pixel::<P>(2, 1), Ok(pixels[5]));
    }
}

#[test]
fn pixels_of_all_encodings_come_back_at_any_address() {
    comes_back(Encoding::Mono8, &[1_u8, 2, 3, 4, 5, 255]);
    comes_back(Encoding::U8C1, &[1_u8, 2, 3, 4, 5, 255]);
    comes_back(Encoding::Mono16, &[1_u16, 2, 3, 4, 5, 65535]);
    comes_back(Encoding::U16C1, &[1_u16, 2, 3, 4, 5, 65535]);
    comes_back(Encoding::I16C1, &[1_i16, 2, 3, 4, -5, -32768]);
    comes_back(Encoding::F32C1, &[1.5_f32, 2.0, 3.0, f32::INFINITY, -5.0, 1e-40]);
    comes_back(Encoding::F64C1, &[1.5_f64, 2.0, 3.0, 1e300, -5.0, 0.0]);
    let triples = [[1_u8, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [13, 14, 15], [16, 17, 255]];
    comes_back(Encoding::Rgb8, &triples);
    comes_back(Encoding::Bgr8, &triples);
    let fours = triples.map(|[a, b, c]| [a, b, c, 0]);
    comes_back(Encoding::Rgba8, &fours);
    comes_back(Encoding::Bgra8, &fours);
    let channels = NonZeroU8::new(3).unwrap();
    comes_back(Encoding::Plain { sample: Sample::F32, channels }, &triples.map(|triple| triple.map(f32::from)));
    comes_back(Encoding::Plain { sample: Sample::I32, channels }, &triples.map(|triple| triple.map(i32::from)));
}

#[test]
fn encodings_have_the_names_of_the_protocol() {
    let all = [
        ("mono8", 1, Some(1)),
        ("mono16", 1, Some(2)),
        ("rgb8", 3, Some(3)),
        ("rgba8", 4, Some(4)),
        ("bgr8", 3, Some(3)),
        ("bgra8", 4, Some(4)),
        ("32FC1", 1, Some(4)),
        ("64FC1", 1, Some(8)),
        ("16UC1", 1, Some(2)),
        ("16SC1", 1, Some(2)),
        ("8UC3", 3, Some(3)),
        ("32SC255", 255, Some(1020)),
        ("jpeg", 0, None),
    ];
    for (name, channels, bytes) in all {
        let encoding: Encoding = name.parse().unwrap();
        assert_eq!(encoding.to_string(), name);
        assert_eq!((encoding.channels().unwrap_or(0), encoding.bytes_per_pixel()), (channels, bytes), "{name}");
    }
    for name in ["", "rgb", "RGB8", "16UC", "16UC0", "16UC01", "16UC+1", "16UC256", "17UC1", "C", "jpeg\0", "é"] {
        assert!(name.parse::<Encoding>().is_err(), "{name}");
    }
    let error = "x".repeat(1_000_000).parse::<Encoding>().unwrap_err().to_string();
    assert!(error.len() < 250, "{error}");
}

#[test]
fn an_image_of_pixels_that_do_not_agree_is_refused() {
    let of_bytes = |encoding, width, height, pixels: &[u8]| {
        Image::from_pixels(header(), encoding, width, height, pixels).map(|_| ()).unwrap_err()
    };
    assert_eq!(
        of_bytes(Encoding::Rgb8, 1, 1, &[1, 2, 3]).to_string(),
        "pixels of type u8 do not make an image of encoding rgb8"
    );
    assert_eq!(of_bytes(Encoding::Mono8, 2, 2, &[0; 3]), BuildError::PixelCount { found: 3, width: 2, height: 2 });
    assert_eq!(
        of_bytes(Encoding::Mono8, usize::MAX, 2, &[0; 3]),
        BuildError::PixelCount { found: 3, width: usize::MAX, height: 2 }
    );
    assert_eq!(of_bytes(Encoding::Jpeg, 1, 1, &[0]), BuildError::PixelType { encoding: Encoding::Jpeg, pixel: "u8" });
    let too_wide = 1 << 31;
    assert_eq!(of_bytes(Encoding::Mono8, too_wide, 0, &[]), BuildError::TooLarge { member: "width", value: too_wide });

    let of_data =
        |encoding, width, height, data| Image::from_bytes(header(), encoding, width, height, data).map(|_| ());
    assert_eq!(of_data(Encoding::Rgb8, 2, 1, vec![0; 6]), Ok(()));
    assert_eq!(
        of_data(Encoding::Rgb8, 2, 1, vec![0; 7]),
        Err(BuildError::DataLength { found: 7, step_bytes: 6, height: 1 })
    );
    assert_eq!(of_data(Encoding::Jpeg, 2, 1, vec![0; 6]), Err(BuildError::Compressed { encoding: Encoding::Jpeg }));
    assert!(matches!(of_data(Encoding::Rgb8, usize::MAX, 0, vec![]), Err(BuildError::TooLarge { .. })));
}

#[test]
fn padding_of_rows_is_left_out() {
    let padded = [1, 2, 0, 3, 4, 0];
    let image = Image::from_padded_bytes(header(), Encoding::Mono8, 2, 2, 3, &padded).unwrap();
    assert_eq!((image.step, &image.data[..]), (2, &[1, 2, 3, 4][..]));
    let short = Image::from_padded_bytes(header(), Encoding::Mono16, 2, 2, 3, &padded);
    assert_eq!(short, Err(BuildError::StepTooShort { step_bytes: 3, width: 2, encoding: Encoding::Mono16 }));
    let long = Image::from_padded_bytes(header(), Encoding::Mono8, 2, 2, 4, &padded);
    assert_eq!(long, Err(BuildError::DataLength { found: 6, step_bytes: 4, height: 2 }));
    for (width, step) in [(0, 0), (0, 4)] {
        let empty = Image::from_padded_bytes(header(), Encoding::Mono8, width, 1, step, &vec![9; step]).unwrap();
        assert_eq!((empty.width, empty.height, empty.data.len()), (0, 1, 0));
    }
}

#[test]
fn rows_with_padding_are_read_one_by_one_or_copied() {
    let image = Image {
        width: 2,
        height: 3,
        step: 3,
        encoding: "mono8".into(),
        data: vec![1, 2, 99, 3, 4, 99, 5, 6, 99],
        ..Image::default()
    };
    let pixels = image.pixels().unwrap();
    assert_eq!(pixels.as_slice::<u8>(), Err(PixelError::Padded { row_bytes: 2, step: 3 }));
    assert_eq!(pixels.row(2), Ok(&[5_u8, 6][..]));
    assert_eq!(pixels.rows::<u8>().unwrap().collect::<Vec<_>>(), [[1, 2], [3, 4], [5, 6]]);
    assert_eq!(pixels.to_cow::<u8>().unwrap()[..], [1, 2, 3, 4, 5, 6]);
    assert_eq!(pixels.row::<u8>(3), Err(PixelError::Outside { x: 0, y: 3, width: 2, height: 3 }));
    assert_eq!(pixels.pixel::<u8>(2, 0), Err(PixelError::Outside { x: 2, y: 0, width: 2, height: 3 }));

    let one = Image { height: 1, data: vec![1, 2, 99], ..image };
    assert_eq!(one.pixels().unwrap().as_slice(), Ok(&[1_u8, 2][..]));
}

#[test]
fn samples_of_the_other_byte_order_are_copied() {
    let image = Image {
        width: 2,
        height: 1,
        step: 4,
        is_bigendian: 1,
        encoding: "16UC1".into(),
        data: vec![1, 2, 3, 4],
        ..Image::default()
    };
    let pixels = image.pixels().unwrap();
    assert_eq!(pixels.to_cow::<u16>().unwrap()[..], [0x0102, 0x0304]);
    assert_eq!(pixels.row_to_cow::<u16>(0).unwrap()[..], [0x0102, 0x0304]);
    assert_eq!(pixels.pixel(1, 0), Ok(0x0304_u16));
    if cfg!(target_endian = "little") {
        assert_eq!(pixels.as_slice::<u16>(), Err(PixelError::Endianness { big_endian: true }));
        assert_eq!(pixels.row::<u16>(0), Err(PixelError::Endianness { big_endian: true }));
        assert!(pixels.rows::<u16>().is_err());
    }
    // Of single bytes the order does not matter.
    let bytes = Image { encoding: "rgba8".into(), width: 1, ..image };
    assert_eq!(bytes.pixels().unwrap().as_slice(), Ok(&[[1_u8, 2, 3, 4]][..]));
}

#[test]
fn pixels_of_another_type_are_refused() {
    let image = Image::from_pixels(header(), Encoding::F32C1, 1, 1, &[1.0_f32]).unwrap();
    let pixels = image.pixels().unwrap();
    let wrong = Err(PixelError::PixelType { encoding: Encoding::F32C1, pixel: "i32" });
    assert_eq!(pixels.as_slice::<i32>(), wrong);
    assert_eq!(pixels.to_cow::<i32>().map(Cow::into_owned), wrong.clone().map(<[i32]>::to_vec));
    assert_eq!(pixels.pixel::<i32>(0, 0), wrong.map(|pixels| pixels[0]));
    assert!(pixels.row::<[u8; 4]>(0).is_err() && pixels.rows::<f64>().is_err() && pixels.row_to_cow::<u8>(0).is_err());
}

#[test]
fn a_jpeg_file_is_sent_as_it_is() {
    let file = vec![0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];
    let image = Image::from_jpeg(header(), 640, 480, file.clone()).unwrap();
    assert_eq!((image.encoding.as_str(), image.step, &image.data), ("jpeg", 0, &file));
    assert_eq!(image.pixels().unwrap_err(), LayoutError::Compressed { encoding: Encoding::Jpeg });
    assert_eq!(Image::from_jpeg(header(), 1, 1, vec![0x89, b'P', b'N', b'G']), Err(BuildError::NotJpeg));
}

#[test]
fn what_an_image_says_of_itself_is_checked() {
    let image = Image::from_pixels(header(), Encoding::Rgb8, 2, 2, &[[0_u8; 3]; 4]).unwrap();
    let error = |change: &dyn Fn(&mut Image)| {
        let mut image = image.clone();
        change(&mut image);
        image.pixels().unwrap_err()
    };
    assert_eq!(error(&|image| image.height = -1), LayoutError::Negative { member: "height", value: -1 });
    assert_eq!(error(&|image| image.width = i32::MIN), LayoutError::Negative { member: "width", value: i32::MIN });
    assert_eq!(error(&|image| image.step = -6), LayoutError::Negative { member: "step", value: -6 });
    assert_eq!(
        error(&|image| image.width = 3),
        LayoutError::StepTooShort { step: 6, width: 3, encoding: Encoding::Rgb8 }
    );
    assert_eq!(error(&|image| image.height = 3), LayoutError::DataLength { found: 12, height: 3, step: 6 });
    assert_eq!(error(&|image| image.data.push(0)), LayoutError::DataLength { found: 13, height: 2, step: 6 });
    let largest = error(&|image| (image.height, image.width, image.step) = (i32::MAX, i32::MAX, i32::MAX));
    assert!(matches!(largest, LayoutError::StepTooShort { .. }));
    let error = error(&|image| image.encoding = "bayer_rggb8".into()).to_string();
    assert!(error.starts_with("image encoding \"bayer_rggb8\" is unknown"), "{error}");
}

#[test]
fn images_without_pixels_are_images() {
    for (width, height, step) in [(0, 0, 0), (0, i32::MAX, 0), (i32::MAX / 3, 0, i32::MAX), (0, 2, 3)] {
        let data = vec![7; (height * step) as usize];
        let image = Image { width, height, step, encoding: "rgb8".into(), data, ..Image::default() };
        let pixels = image.pixels().unwrap();
        assert_eq!(pixels.as_slice::<[u8; 3]>().map(<[_]>::len), if step == 3 { Err(PADDED) } else { Ok(0) });
        assert_eq!(pixels.to_cow::<[u8; 3]>().unwrap().len(), 0);
        assert!(pixels.rows::<[u8; 3]>().unwrap().all(<[_]>::is_empty));
    }
}

const PADDED: PixelError = PixelError::Padded { row_bytes: 0, step: 3 };

/// Sizes as they might come from anywhere: small ones often, so that some agree.
fn hostile_size() -> impl Strategy<Value = i32> {
    prop_oneof![8 => 0..9, 1 => any::<i32>(), 1 => Just(i32::MAX), 1 => Just(i32::MIN), 1 => Just(-1)]
}

fn hostile_image() -> impl Strategy<Value = Image> {
    let encoding =
        prop::sample::select(vec!["mono8", "mono16", "rgb8", "32FC1", "64FC1", "16SC1", "8UC255", "jpeg", "?"]);
    let sizes = (hostile_size(), hostile_size(), prop_oneof![hostile_size(), 0..70]);
    (encoding, sizes, 0..100_usize, any::<bool>(), any::<u8>()).prop_map(
        |(encoding, (width, height, step), bytes, agrees, is_bigendian)| {
            let rows = usize::try_from(height).unwrap_or(0).checked_mul(usize::try_from(step).unwrap_or(0));
            let bytes = rows.filter(|rows| agrees && *rows < 1000).unwrap_or(bytes);
            let data = (0..bytes).map(|byte| byte as u8).collect();
            let is_bigendian = is_bigendian % 2;
            Image { width, height, step, is_bigendian, encoding: encoding.into(), data, ..Image::default() }
        },
    )
}

/// Reads pixels in all ways, and compares them with each other.
fn read_everything<P: Pixel + PartialEq + std::fmt::Debug>(pixels: Pixels<'_>) {
    let fits = pixels.encoding().sample() == Some(P::SAMPLE) && pixels.encoding().channels() == Some(P::CHANNELS);
    let all = pixels.to_cow::<P>();
    assert_eq!(all.is_ok(), fits);
    let Ok(all) = all else { return };
    assert_eq!(all.len(), pixels.width() * pixels.height());
    let bits = |pixels: &[P]| bytemuck::cast_slice::<P, u8>(pixels).to_vec();
    if let Ok(slice) = pixels.as_slice::<P>() {
        assert_eq!(bits(slice), bits(&all));
    }
    if let Ok(rows) = pixels.rows::<P>() {
        assert_eq!(bits(&rows.flatten().copied().collect::<Vec<_>>()), bits(&all));
    }
    // An image without width may say that it has two thousand million rows.
    let last = pixels.height().min(20);
    for y in 0..last {
        let row = pixels.row_to_cow::<P>(y).unwrap();
        assert_eq!(bits(&row), bits(&all[y * pixels.width()..][..pixels.width()]));
        assert!(pixels.row::<P>(y).is_err() || bits(pixels.row::<P>(y).unwrap()) == bits(&row));
        for x in 0..pixels.width() {
            assert_eq!(bits(&[pixels.pixel::<P>(x, y).unwrap()]), bits(&[all[y * pixels.width() + x]]));
        }
        assert!(pixels.pixel::<P>(pixels.width(), y).is_err());
    }
    assert!(pixels.row::<P>(pixels.height()).is_err() && pixels.row_bytes(usize::MAX).is_none());
    assert_eq!(bits(&[P::zeroed()]).len(), size_of::<P>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn hostile_images_are_refused_or_read_within_their_data(image in hostile_image(), shift in SHIFTS) {
        let received = Received::new(&image, shift);
        let view = Image::view(received.bytes()).unwrap();
        let (owned, lent) = (image.pixels(), view.pixels());
        prop_assert_eq!(owned.as_ref().err(), lent.as_ref().err());
        for pixels in [owned, lent].into_iter().flatten() {
            read_everything::<u8>(pixels);
            read_everything::<[u8; 3]>(pixels);
            read_everything::<u16>(pixels);
            read_everything::<i16>(pixels);
            read_everything::<f32>(pixels);
            read_everything::<f64>(pixels);
        }
    }

    #[test]
    fn pixels_are_read_as_single_numbers_say(
        width in 0..6_usize, height in 0..6_usize, padding in 0..5_usize, big_endian in any::<bool>(),
        seed in any::<u8>(), shift in SHIFTS,
    ) {
        let step = width * 4 + padding;
        let data: Vec<u8> = (0..step * height).map(|byte| (byte as u8).wrapping_mul(37) ^ seed).collect();
        let image = Image {
            width: width as i32,
            height: height as i32,
            step: step as i32,
            encoding: "32SC1".into(),
            is_bigendian: big_endian.into(),
            data,
            ..Image::default()
        };
        let expected: Vec<i32> = (0..width * height)
            .map(|index| {
                let at = index / width * step + index % width * 4;
                let bytes = image.data[at..at + 4].try_into().unwrap();
                if big_endian { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) }
            })
            .collect();
        let received = Received::new(&image, shift);
        let view = Image::view(received.bytes()).unwrap();
        prop_assert_eq!(&view.pixels().unwrap().to_cow::<i32>().unwrap()[..], &expected[..]);
        read_everything::<i32>(view.pixels().unwrap());
    }
}
