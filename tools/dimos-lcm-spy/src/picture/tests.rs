//! Which colours messages get, and what is answered to those that cannot be drawn.

use lcm_types::geometry_msgs::Twist;
use lcm_types::nav_msgs::OccupancyGrid;
use lcm_types::sensor_msgs::{CompressedImage, Image, LaserScan, PointCloud2, PointField};
use lcm_types::std_msgs::{Header, Time};
use proptest::prelude::*;

use super::canvas::{Rgb, grey, heat};
use super::*;

fn header() -> Header {
    Header { stamp: Time { sec: 12, nsec: 500_000_000 }, frame_id: "front\x1b".to_owned(), ..Header::default() }
}

fn image(encoding: &str, (width, height): (i32, i32), step: i32, data: Vec<u8>) -> Image {
    Image { header: header(), width, height, step, encoding: encoding.to_owned(), data, ..Image::default() }
}

fn drawn(message: &impl Message, size: (u16, u16)) -> Picture {
    picture(&message.encode().unwrap(), size, View::default()).unwrap()
}

fn refused(message: &impl Message) -> String {
    picture(&message.encode().unwrap(), (20, 10), View::default()).unwrap_err().to_string()
}

const RED: Rgb = [255, 0, 0];
const GREEN: Rgb = [0, 255, 0];
const BLUE: Rgb = [0, 0, 255];
const WHITE: Rgb = [255; 3];

/// Two by two pixels in the corners.
fn corners(picture: &Picture) -> [Rgb; 4] {
    let (right, bottom) = (picture.canvas.width() - 1, picture.canvas.height() - 1);
    [(0, 0), (right, 0), (0, bottom), (right, bottom)].map(|(x, y)| picture.canvas.pixel(x, y))
}

#[test]
fn colours_are_those_of_the_image_in_every_encoding() {
    let rgb: [&[u8]; 4] = [&RED, &GREEN, &BLUE, &WHITE];
    let bgr = rgb.map(|pixel| [pixel[2], pixel[1], pixel[0]]);
    let with = |pixels: &[Vec<u8>], padding: usize| -> Vec<u8> {
        let rows = pixels.chunks(2).map(|row| [row.concat(), vec![7; padding]].concat());
        rows.collect::<Vec<_>>().concat()
    };
    let rgb8: Vec<_> = rgb.iter().map(|pixel| pixel.to_vec()).collect();
    let rgba8: Vec<_> = rgb.iter().map(|pixel| [pixel, &[0][..]].concat()).collect();
    let bgr8: Vec<_> = bgr.iter().map(|pixel| pixel.to_vec()).collect();
    let bgra8: Vec<_> = bgr.iter().map(|pixel| [&pixel[..], &[255]].concat()).collect();
    for (encoding, pixels, padding) in [
        ("rgb8", &rgb8, 0),
        ("rgb8", &rgb8, 5),
        ("rgba8", &rgba8, 0),
        ("bgr8", &bgr8, 2),
        ("bgra8", &bgra8, 0),
        ("8UC3", &bgr8, 0),
    ] {
        let step = 2 * pixels[0].len() + padding;
        let image = image(encoding, (2, 2), step.try_into().unwrap(), with(pixels, padding));
        assert_eq!(corners(&drawn(&image, (10, 5))), [RED, GREEN, BLUE, WHITE], "{encoding}");
    }
    let mono = image("mono8", (2, 2), 2, vec![0, 100, 200, 255]);
    let picture = drawn(&mono, (10, 5));
    assert_eq!(corners(&picture), [[0; 3], [100; 3], [200; 3], [255; 3]]);
    assert_eq!(picture.caption, "2 x 2 mono8, stamp 12.500000000, frame \"front\\u{1b}\"");
}

#[test]
fn numbers_are_colours_between_the_smallest_and_the_largest() {
    let expected = [heat(0.0), heat(1.0), [0; 3], heat(0.5)];
    let floats = |to: fn(f32) -> [u8; 4]| [1.0, 3.0, f32::NAN, 2.0].map(to).concat();
    let doubles = [1.0_f64, 3.0, f64::INFINITY, 2.0].map(f64::to_le_bytes).concat();
    let little = image("32FC1", (2, 2), 8, floats(f32::to_le_bytes));
    let big = Image { is_bigendian: 1, ..image("32FC1", (2, 2), 8, floats(f32::to_be_bytes)) };
    for message in [little, big, image("64FC1", (2, 2), 16, doubles)] {
        let picture = drawn(&message, (10, 5));
        assert_eq!(corners(&picture), expected, "{}", message.encoding);
        assert!(picture.caption.contains("1 to 3 in what is shown"), "{}", picture.caption);
    }
    let depths =
        |encoding: &str| image(encoding, (2, 2), 4, [500_u16, 1500, 1000, 1000].map(u16::to_le_bytes).concat());
    assert_eq!(corners(&drawn(&depths("16UC1"), (10, 5))), [heat(0.0), heat(1.0), heat(0.5), heat(0.5)]);
    assert_eq!(corners(&drawn(&depths("mono16"), (10, 5))), [grey(0.0), grey(1.0), grey(0.5), grey(0.5)]);
    let signed = image("16SC1", (2, 2), 4, [-500_i16, 500, 0, 0].map(i16::to_le_bytes).concat());
    let picture = drawn(&signed, (10, 5));
    assert_eq!(corners(&picture), [heat(0.0), heat(1.0), heat(0.5), heat(0.5)]);
    assert!(picture.caption.contains("-500 to 500"), "{}", picture.caption);
}

#[test]
fn an_image_keeps_its_aspect_and_large_ones_cost_what_is_shown() {
    // White, twice as wide as high, in a square of pixels: black above and below.
    let picture = drawn(&image("mono8", (200, 100), 200, vec![255; 20_000]), (20, 10));
    let column: Vec<_> = (0..20).map(|y| picture.canvas.pixel(10, y) == WHITE).collect();
    assert_eq!(column.iter().filter(|is_white| **is_white).count(), 10);
    assert!(column[5..15].iter().all(|is_white| *is_white));
    let large = image("rgb8", (4096, 2160), 4096 * 3, vec![128; 4096 * 2160 * 3]);
    assert_eq!(drawn(&large, (80, 40)).canvas.pixel(40, 40), [128; 3]);
    // Zoomed, the part in the middle fills all.
    let mut view = View::default();
    (0..10).for_each(|_| assert!(view.handle_key(KeyCode::Char('+').into())));
    let bytes = image("mono8", (200, 100), 200, vec![255; 20_000]).encode().unwrap();
    let zoomed = picture_of(&bytes, (20, 10), view);
    assert_eq!(corners(&zoomed), [WHITE; 4]);
    (0..50).for_each(|_| assert!(view.handle_key(KeyCode::Left.into())));
    assert_eq!(corners(&picture_of(&bytes, (20, 10), view)).len(), 4);
    assert!(view.handle_key(KeyCode::Char('0').into()));
    assert_eq!(view, View::default());
}

fn picture_of(bytes: &[u8], size: (u16, u16), view: View) -> Picture {
    picture(bytes, size, view).unwrap()
}

#[test]
fn a_scan_has_the_robot_in_the_middle_and_its_front_up() {
    let scan = LaserScan {
        header: header(),
        angle_min: 0.0,
        angle_increment: std::f32::consts::FRAC_PI_2,
        range_max: 10.0,
        // Ahead, to the left, behind out of range, and to the right nothing.
        ranges: vec![2.0, 1.0, 50.0, f32::NAN],
        ..LaserScan::default()
    };
    let picture = drawn(&scan, (42, 21));
    let hit = [90, 230, 120];
    let hits: Vec<_> = (0..42)
        .flat_map(|y| (0..42).map(move |x| (x, y)))
        .filter(|(x, y)| picture.canvas.pixel(*x, *y) == hit)
        .collect();
    // 4.2 m on 42 pixels: 10 a metre, and the middle is between 20 and 21.
    assert_eq!(hits, [(21, 1), (11, 21)], "{}", picture.caption);
    assert_eq!(picture.canvas.pixel(21, 21), [220, 60, 60]);
    assert_eq!(picture.scale, Some(Scale { cells: 10, label: "1 m".to_owned() }));
    assert!(picture.caption.starts_with("2 hits of 4 rays, 1 to 2 m, x up"), "{}", picture.caption);
    let nothing = drawn(&LaserScan { ranges: vec![f32::INFINITY; 3], ..LaserScan::default() }, (20, 10));
    assert!(nothing.caption.starts_with("0 hits of 3 rays, no numbers"), "{}", nothing.caption);
}

#[test]
fn a_map_has_its_origin_at_the_lower_left_and_keeps_thin_walls() {
    let mut grid = OccupancyGrid { header: header(), data: vec![0; 400 * 400], ..OccupancyGrid::default() };
    (grid.info.width, grid.info.height, grid.info.resolution) = (400, 400, 0.05);
    grid.data[0] = -1;
    // A wall of one cell's width.
    (0..400).for_each(|row| grid.data[row * 400 + 201] = 100);
    let picture = drawn(&grid, (400, 200));
    assert_eq!(picture.canvas.pixel(0, 399), [96, 112, 128]);
    assert_eq!(picture.canvas.pixel(399, 0), [245; 3]);
    let small = drawn(&grid, (80, 40));
    assert!((0..80).any(|x| small.canvas.pixel(x, 40) == [15; 3]), "the wall is there");
    assert_eq!((0..80).filter(|x| drawn(&grid, (80, 10)).canvas.pixel(*x, 10) == [15; 3]).count(), 1, "however small");
    assert_eq!(small.scale, Some(Scale { cells: 20, label: "5 m".to_owned() }));
    assert!(
        small.caption.starts_with("400 x 400 cells of 0.05 m, from (0, 0), x right, y up, stamp 12.5"),
        "{}",
        small.caption
    );
}

#[test]
fn a_cloud_is_seen_from_above_with_the_highest_on_top() {
    let points = [
        [1.0, 1.0, 0.0],
        [1.0, -1.0, 0.0],
        [-1.0, 1.0, 2.0],
        [-1.0, -1.0, 1.0],
        [-1.0, -1.0, 0.0],
        [f32::NAN, 0.0, 9.0],
    ];
    let picture = drawn(&PointCloud2::from_xyz(header(), &points).unwrap(), (20, 10));
    let pixel = |x: usize, y: usize| picture.canvas.pixel(x, y);
    // Ahead and left, ahead and right, behind and left, behind and right.
    let four = [pixel(0, 0), pixel(19, 0), pixel(0, 19), pixel(19, 19)];
    assert_eq!(four, [heat(0.0), heat(0.0), heat(1.0), heat(0.5)]);
    assert!(picture.caption.starts_with("5 of 6 points, heights 0 to 2 m, x up"), "{}", picture.caption);
    // Whatever the order and type of the fields.
    let field = |name: &str, offset, datatype| PointField { name: name.to_owned(), offset, datatype, count: 1 };
    let record = |x: f64, y: i16| [&[0xee][..], &y.to_be_bytes(), &x.to_be_bytes()].concat();
    let cloud = PointCloud2 {
        fields: vec![
            field("y", 1, PointField::INT16.cast_unsigned()),
            field("x", 3, PointField::FLOAT64.cast_unsigned()),
        ],
        is_bigendian: true,
        width: 2,
        height: 1,
        point_step: 11,
        row_step: 22,
        data: [record(5.0, 3), record(-5.0, -3)].concat(),
        ..PointCloud2::default()
    };
    assert!(drawn(&cloud, (20, 10)).caption.starts_with("2 of 2 points, heights 0 to 0 m"));
}

#[test]
fn what_cannot_be_drawn_is_told() {
    assert!(picture(&Twist::default().encode().unwrap(), (20, 10), View::default()).is_err());
    assert!(!is_drawn(&Twist::default().encode().unwrap()));
    assert!(is_drawn(&Image::default().encode().unwrap()));
    let told = [
        refused(&image("rgb8", (i32::MAX, i32::MAX), i32::MAX, vec![0; 9])),
        refused(&image("rgb8", (2, 2), 5, vec![0; 10])),
        refused(&image("rgb8", (2, 2), 6, vec![0; 11])),
        refused(&image("mono8", (-1, 2), 6, vec![0; 12])),
        refused(&image("yuv\x1b[2J", (1, 1), 1, vec![0; 1])),
        refused(&image("mono8", (0, 0), 0, vec![])),
        refused(&image("jpeg", (1, 1), 1, b"no".to_vec())),
        refused(&image("jpeg", (1, 1), 1, b"\xff\xd8\xff\xd9".to_vec())),
        refused(&CompressedImage { format: "png".to_owned(), data: b"\x89PNG".to_vec(), ..CompressedImage::default() }),
        refused(&OccupancyGrid { data: vec![0; 3], ..OccupancyGrid::default() }),
        refused(&PointCloud2 { width: i32::MAX, height: i32::MAX, ..PointCloud2::default() }),
        refused(&PointCloud2 {
            width: 1,
            height: 1,
            point_step: 4,
            row_step: 4,
            data: vec![0; 4],
            ..PointCloud2::default()
        }),
        picture(&Image::default().encode().unwrap()[..20], (20, 10), View::default()).unwrap_err().to_string(),
    ];
    for text in &told {
        assert!(
            text.contains("cannot be drawn")
                || text.contains("nothing to draw")
                || text.contains("only JPEG")
                || text.contains("no message"),
            "{text}"
        );
        assert!(!text.contains(char::is_control), "{text}");
    }
}

#[test]
fn a_jpeg_is_decoded_and_a_bomb_is_not() {
    let picture =
        drawn(&CompressedImage { header: header(), format: "jpeg".to_owned(), data: JPEG.to_vec() }, (20, 10));
    assert!(picture.caption.starts_with("16 x 8 \"jpeg\" of "), "{}", picture.caption);
    let near = |pixel: Rgb, expected: Rgb| pixel.iter().zip(expected).all(|(one, other)| one.abs_diff(other) < 12);
    assert!(near(picture.canvas.pixel(3, 10), RED), "{:?}", picture.canvas.pixel(3, 10));
    assert!(near(picture.canvas.pixel(16, 10), BLUE), "{:?}", picture.canvas.pixel(16, 10));
    let as_image = image("jpeg", (16, 8), 0, JPEG.to_vec());
    assert_eq!(drawn(&as_image, (20, 10)).canvas, picture.canvas);
    // The same, which says that it is large.
    let size = JPEG.windows(4).position(|bytes| bytes == [0, 8, 0, 16]).unwrap();
    let mut bomb = JPEG.to_vec();
    bomb[size..size + 4].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    let told = refused(&CompressedImage { data: bomb, ..CompressedImage::default() });
    assert!(told.contains("too many"), "{told}");
}

proptest! {
    #[test]
    fn no_message_and_no_size_break_it(
        members in proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(2), Just(4), Just(12), any::<i32>()], 8),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        encoding in prop_oneof![Just("mono8"), Just("rgb8"), Just("16SC1"), Just("64FC1"), Just("32FC7"), Just("8UC4"), Just("")],
        size in (0_u16..40, 0_u16..20),
        keys in "[-+0hjkl]{0,20}",
        floats in proptest::collection::vec(proptest::num::f32::ANY, 6),
    ) {
        let mut view = View::default();
        keys.chars().for_each(|key| assert!(view.handle_key(KeyCode::Char(key).into())));
        let bytes = i32::try_from(data.len()).unwrap();
        let image = Image { is_bigendian: data.first().copied().unwrap_or(0), ..image(encoding, (members[0], members[1]), members[2], data.clone()) };
        let fits = Image { width: 1, height: 1, step: bytes, ..image.clone() };
        let mut grid = OccupancyGrid { data: data.iter().map(|byte| byte.cast_signed()).collect(), ..OccupancyGrid::default() };
        (grid.info.width, grid.info.height, grid.info.resolution) = (members[0], members[1], floats[0]);
        let mut row = grid.clone();
        (row.info.width, row.info.height) = (bytes, 1);
        let scan = LaserScan {
            angle_min: floats[0], angle_increment: floats[1], range_min: floats[2], range_max: floats[3], ranges: floats.clone(),
            ..LaserScan::default()
        };
        let field = |name: &str, index: usize| PointField {
            name: name.to_owned(), offset: members[index], datatype: data.get(index).copied().unwrap_or(7) % 10, count: 1
        };
        let cloud = PointCloud2 {
            fields: vec![field("x", 3), field("y", 4), field("z", 5)], width: members[0], height: members[1], point_step: members[2],
            row_step: members[6], data: data.clone(), ..PointCloud2::default()
        };
        let one_row = PointCloud2 { width: bytes / 16, height: 1, point_step: 16, row_step: bytes, ..cloud.clone() };
        let messages = [
            image.encode(), fits.encode(), grid.encode(), row.encode(), scan.encode(), cloud.encode(), one_row.encode(),
            PointCloud2::from_xyz(header(), &[[floats[0], floats[1], floats[2]], [floats[3], floats[4], floats[5]]]).unwrap().encode(),
        ];
        for message in messages {
            let message = message.unwrap();
            let _ = picture(&message, size, view);
            let _ = picture(&message[..message.len().min(data.len())], size, view);
        }
    }

    #[test]
    fn no_jpeg_breaks_it(changes in proptest::collection::vec((0..JPEG.len(), any::<u8>()), 0..8), length in 0..=JPEG.len()) {
        let mut data = JPEG.to_vec();
        changes.iter().for_each(|(place, byte)| data[*place] = *byte);
        data.truncate(length.max(2));
        let message = CompressedImage { data, ..CompressedImage::default() };
        let _ = picture(&message.encode().unwrap(), (20, 10), View::default());
    }
}

/// 16 x 8 pixels, the left half red and the right half blue.
#[rustfmt::skip]
const JPEG: &[u8] = &[
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43,
    0x00, 0x0d, 0x09, 0x0a, 0x0b, 0x0a, 0x08, 0x0d, 0x0b, 0x0a, 0x0b, 0x0e, 0x0e, 0x0d, 0x0f, 0x13, 0x20, 0x15, 0x13, 0x12, 0x12, 0x13, 0x27, 0x1c,
    0x1e, 0x17, 0x20, 0x2e, 0x29, 0x31, 0x30, 0x2e, 0x29, 0x2d, 0x2c, 0x33, 0x3a, 0x4a, 0x3e, 0x33, 0x36, 0x46, 0x37, 0x2c, 0x2d, 0x40, 0x57, 0x41,
    0x46, 0x4c, 0x4e, 0x52, 0x53, 0x52, 0x32, 0x3e, 0x5a, 0x61, 0x5a, 0x50, 0x60, 0x4a, 0x51, 0x52, 0x4f, 0xff, 0xdb, 0x00, 0x43, 0x01, 0x0e, 0x0e,
    0x0e, 0x13, 0x11, 0x13, 0x26, 0x15, 0x15, 0x26, 0x4f, 0x35, 0x2d, 0x35, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f,
    0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f,
    0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0x4f, 0xff, 0xc0, 0x00, 0x11, 0x08, 0x00, 0x08, 0x00, 0x10, 0x03,
    0x01, 0x11, 0x00, 0x02, 0x11, 0x01, 0x03, 0x11, 0x01, 0xff, 0xc4, 0x00, 0x15, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x06, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc4, 0x00, 0x15, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x07, 0x05, 0xff, 0xc4, 0x00, 0x14, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01, 0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x9f, 0x46, 0x24, 0x82, 0x31, 0x0a, 0x9f,
    0xff, 0xd9,
];
