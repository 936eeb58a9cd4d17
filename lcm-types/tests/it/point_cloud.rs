//! Point clouds: what is made, and fields and records of any layout, type, byte order and address.

#![expect(clippy::cast_possible_truncation, reason = "numbers are small here, or any will do")]

use std::borrow::Cow;

use bytemuck::{Pod, Zeroable};
use lcm::Message;
use lcm_types::point_cloud::{
    BuildError, Datatype, Field, FieldError, FieldValue, LayoutError, Points, Record, RecordError, RecordField,
};
use lcm_types::point_record;
use lcm_types::sensor_msgs::{PointCloud2, PointField};
use lcm_types::std_msgs::Header;
use proptest::prelude::*;

use crate::received::{Received, SHIFTS};

/// Aligned to 8, with a gap that is no field.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Wide {
    time: f64,
    x: f32,
    y: f32,
    z: f32,
    normal: [i16; 3],
    ring: u8,
    gap: [u8; 5],
}
point_record!(Wide { time, x, y, z, normal, ring });

/// The same fields elsewhere, and packed.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, packed)]
struct Packed {
    ring: u8,
    x: f32,
    y: f32,
    z: f32,
    time: f64,
    normal: [i16; 3],
}
point_record!(Packed { ring, x, y, z, time, normal });

fn header() -> Header {
    Header::at(Default::default(), "lidar")
}

fn field(name: &str, offset: i32, datatype: u8, count: i32) -> PointField {
    PointField { name: name.into(), offset, datatype, count }
}

fn wide() -> Vec<Wide> {
    (0..6)
        .map(|n| Wide {
            time: 0.1 * f64::from(n),
            x: n as f32,
            y: -1.5,
            z: 1e-30,
            normal: [n as i16, -2, 300],
            ring: n as u8,
            gap: [0; 5],
        })
        .collect()
}

fn packed(points: &[Wide]) -> Vec<Packed> {
    points.iter().map(|&Wide { time, x, y, z, normal, ring, .. }| Packed { ring, x, y, z, time, normal }).collect()
}

/// Turns all numbers of a cloud to the other byte order.
fn swapped(mut cloud: PointCloud2) -> PointCloud2 {
    let mut data = cloud.data.clone();
    for record in data.chunks_exact_mut(cloud.point_step as usize) {
        for field in &cloud.fields {
            let bytes = Datatype::try_from(field.datatype).unwrap().bytes();
            let field = &mut record[field.offset as usize..][..bytes * field.count as usize];
            field.chunks_exact_mut(bytes).for_each(<[u8]>::reverse);
        }
    }
    (cloud.data, cloud.is_bigendian) = (data, !cloud.is_bigendian);
    cloud
}

/// The same points in two rows with bytes between them.
fn padded(mut cloud: PointCloud2, padding: usize) -> PointCloud2 {
    let half = cloud.data.len() / 2;
    let (first, second) = cloud.data.split_at(half);
    cloud.data = [first, &vec![0xaa; padding], second, &vec![0xaa; padding]].concat();
    (cloud.height, cloud.width, cloud.row_step) = (2, cloud.width / 2, (half + padding) as i32);
    cloud
}

#[test]
fn a_cloud_of_positions_and_intensities_is_that_of_python() {
    let cloud = PointCloud2::from_xyz_intensity(header(), &[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]).unwrap();
    let expected = PointCloud2 {
        header: header(),
        height: 1,
        width: 2,
        fields: vec![field("x", 0, 7, 1), field("y", 4, 7, 1), field("z", 8, 7, 1), field("intensity", 12, 7, 1)],
        is_bigendian: false,
        point_step: 16,
        row_step: 32,
        data: (1_u8..9).flat_map(|n| f32::from(n).to_le_bytes()).collect(),
        is_dense: true,
    };
    assert_eq!(cloud, expected);
    let xyz = PointCloud2::from_xyz(header(), &[[1.0, 2.0, 3.0]]).unwrap();
    assert_eq!((xyz.fields, xyz.point_step, xyz.row_step), (expected.fields[..3].to_vec(), 12, 12));
}

#[test]
fn a_cloud_is_dense_if_its_positions_are_finite() {
    let dense = |points: &[[f32; 4]]| PointCloud2::from_xyz_intensity(header(), points).unwrap().is_dense;
    assert!(dense(&[]));
    assert!(dense(&[[0.0, 0.0, 0.0, f32::NAN]]));
    assert!(!dense(&[[0.0; 4], [0.0, f32::NAN, 0.0, 0.0]]));
    assert!(!dense(&[[0.0, 0.0, f32::INFINITY, 0.0]]));
}

#[test]
fn records_come_back_at_any_address_in_any_layout() {
    let (wide, packed) = (wide(), packed(&wide()));
    let cloud = PointCloud2::from_records(header(), &wide).unwrap();
    assert_eq!((cloud.point_step, cloud.width, cloud.row_step), (32, 6, 192));
    cloud.points().unwrap().check_fields().unwrap();
    for shift in SHIFTS {
        let received = Received::new(&cloud, shift);
        let view = PointCloud2::view(received.bytes()).unwrap();
        let points = view.points().unwrap();
        let is_aligned = view.data().as_ptr().addr().is_multiple_of(8);
        let unaligned = Err(RecordError::Unaligned { alignment: 8 });
        assert_eq!(points.as_slice::<Wide>(), if is_aligned { Ok(&wide[..]) } else { unaligned });
        let records = points.to_cow::<Wide>().unwrap();
        assert_eq!(records[..], wide[..]);
        assert_eq!(matches!(records, Cow::Borrowed(_)), is_aligned);

        assert_eq!(points.as_slice::<Packed>(), Err(RecordError::Offset { name: "ring", found: 26, expected: 0 }));
        assert_eq!(points.to_cow::<Packed>().unwrap()[..], packed[..]);
    }
    for cloud in [swapped(cloud.clone()), padded(cloud.clone(), 5), padded(swapped(cloud), 3)] {
        let points = cloud.points().unwrap();
        assert!(matches!(
            points.as_slice::<Wide>(),
            Err(RecordError::Endianness { .. } | RecordError::Padded { row_bytes: 96, row_step: 101 })
        ));
        assert_eq!(points.to_cow::<Wide>().unwrap()[..], wide[..]);
        assert_eq!(points.to_cow::<Packed>().unwrap()[..], packed[..]);
    }
}

#[test]
fn packed_records_are_never_copied() {
    let packed = packed(&wide());
    let cloud = PointCloud2::from_records(header(), &packed).unwrap();
    assert_eq!(cloud.point_step, 27);
    for shift in SHIFTS {
        let received = Received::new(&cloud, shift);
        let points = PointCloud2::view(received.bytes()).unwrap().points().unwrap();
        assert_eq!(points.as_slice::<Packed>(), Ok(&packed[..]));
        assert!(matches!(points.to_cow::<Packed>(), Ok(Cow::Borrowed(_))));
        assert_eq!(points.to_cow::<Wide>().unwrap()[..], wide());
    }
}

#[test]
fn columns_have_the_type_of_their_field() {
    let cloud = PointCloud2::from_records(header(), &wide()).unwrap();
    let points = cloud.points().unwrap();
    assert_eq!(points.column::<u8>("ring").unwrap().iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(points.column::<[i16; 3]>("normal").unwrap().get(4), Some([4, -2, 300]));
    assert_eq!(points.column::<f64>("time").unwrap().into_iter().last(), Some(0.5));
    assert_eq!(points.column::<f64>("time").unwrap().get(6), None);
    assert_eq!(points.numbers("ring").unwrap().iter().sum::<f64>(), 15.0);
    assert_eq!(points.xyz().unwrap().len(), 6);
    assert_eq!(points.xyz().unwrap().nth(2), Some([2.0, -1.5, f64::from(1e-30_f32)]));

    let error = |error: Result<(), FieldError>| error.unwrap_err().to_string();
    assert_eq!(error(points.column::<f32>("rings").map(|_| ())), "the cloud has no field \"rings\"");
    assert_eq!(error(points.column::<i8>("ring").map(|_| ())), "field \"ring\" is a UINT8 and not a INT8");
    assert_eq!(error(points.column::<i16>("normal").map(|_| ())), "field \"normal\" is 3 INT16 and not a INT16");
    assert_eq!(error(points.numbers("normal").map(|_| ())), "field \"normal\" has 3 elements and is no single number");
}

#[test]
fn positions_are_read_from_any_numbers() {
    let mut cloud = PointCloud2 {
        height: 1,
        width: 2,
        fields: vec![field("z", 0, 3, 1), field("x", 2, 8, 0), field("y", 10, 2, 1)],
        is_bigendian: true,
        point_step: 12,
        row_step: 24,
        ..PointCloud2::default()
    };
    for (x, y, z) in [(1e300_f64, 200_u8, -2_i16), (-0.5, 0, 300)] {
        cloud.data.extend(z.to_be_bytes());
        cloud.data.extend(x.to_be_bytes());
        cloud.data.extend([y, 0xee]);
    }
    let points = cloud.points().unwrap();
    assert_eq!(points.xyz().unwrap().collect::<Vec<_>>(), [[1e300, 200.0, -2.0], [-0.5, 0.0, 300.0]]);
    points.check_fields().unwrap();
}

#[test]
fn what_a_cloud_says_of_itself_is_checked() {
    let cloud = PointCloud2::from_xyz(header(), &[[0.0; 3]; 4]).unwrap();
    let error = |change: &dyn Fn(&mut PointCloud2)| {
        let mut cloud = cloud.clone();
        change(&mut cloud);
        cloud.points().unwrap_err()
    };
    assert_eq!(error(&|cloud| cloud.height = -1), LayoutError::Negative { member: "height", value: -1 });
    assert_eq!(error(&|cloud| cloud.width = -4), LayoutError::Negative { member: "width", value: -4 });
    assert_eq!(error(&|cloud| cloud.point_step = -12), LayoutError::Negative { member: "point_step", value: -12 });
    assert_eq!(
        error(&|cloud| cloud.row_step = i32::MIN),
        LayoutError::Negative { member: "row_step", value: i32::MIN }
    );
    assert_eq!(
        error(&|cloud| cloud.width = 5),
        LayoutError::RowStepTooShort { row_step: 48, width: 5, point_step: 12 }
    );
    assert_eq!(error(&|cloud| cloud.height = 2), LayoutError::DataLength { found: 48, height: 2, row_step: 48 });
    assert_eq!(
        error(&|cloud| (cloud.width, cloud.height, cloud.point_step) = (i32::MAX, 1, 0)),
        LayoutError::EmptyRecords { height: 1, width: i32::MAX as usize }
    );
    let largest = error(&|cloud| (cloud.height, cloud.width, cloud.point_step, cloud.row_step) = (MAX, MAX, MAX, MAX));
    assert!(matches!(largest, LayoutError::RowStepTooShort { .. }));
}

const MAX: i32 = i32::MAX;

#[test]
fn what_a_cloud_says_of_its_fields_is_checked() {
    let error = |field: PointField| {
        let mut cloud = PointCloud2::from_xyz(header(), &[[0.0; 3]; 4]).unwrap();
        cloud.fields.push(field);
        let points = cloud.points().unwrap();
        // The other fields can be read all the same.
        assert_eq!(points.xyz().unwrap().count(), 4);
        let error = points.check_fields().unwrap_err();
        if let Ok(column) = points.column::<f32>("extra") {
            assert_eq!(column.iter().count(), 4);
        }
        error.to_string()
    };
    assert_eq!(error(field("extra", 0, 0, 1)), "field \"extra\" has datatype 0, known are 1 to 8");
    assert_eq!(error(field("extra", 0, 255, 1)), "field \"extra\" has datatype 255, known are 1 to 8");
    assert_eq!(error(field("extra", -4, 7, 1)), "field \"extra\" has the negative offset -4");
    assert_eq!(error(field("extra", 0, 7, -1)), "field \"extra\" has the negative count -1");
    assert_eq!(error(field("extra", 9, 7, 1)), "field \"extra\" ends at byte 13 of records of 12");
    assert_eq!(error(field("extra", MAX, 8, MAX)), "field \"extra\" ends at byte 19327352823 of records of 12");
    assert_eq!(error(field("extra", 10, 3, 1)), "fields \"z\" and \"extra\" overlap");
    assert_eq!(error(field("extra", 0, 7, 3)), "fields \"extra\" and \"x\" overlap");
    assert_eq!(error(field("y", 4, 7, 1)), "two fields are named \"y\"");
    assert!(error(field(&"n".repeat(1_000_000), -1, 7, 1)).len() < 200);
}

#[test]
fn clouds_without_points_are_clouds() {
    let python = PointCloud2 {
        fields: PointCloud2::from_xyz_intensity(header(), &[]).unwrap().fields,
        point_step: 16,
        is_dense: true,
        ..PointCloud2::default()
    };
    for (height, width, row_step) in [(0, 0, 0), (1, 0, 0), (MAX, 0, 0), (0, MAX / 16, MAX)] {
        let cloud = PointCloud2 { height, width, row_step, ..python.clone() };
        let points = cloud.points().unwrap();
        assert!(points.is_empty());
        assert_eq!(points.xyz().unwrap().next(), None);
        assert_eq!(points.records().next(), None);
        assert_eq!(points.record(0), None);
        assert_eq!(points.as_slice::<[f32; 4]>(), Ok(&[][..]));
        assert_eq!(points.to_cow::<[f32; 3]>().unwrap().len(), 0);
    }
    let nothing = PointCloud2::default();
    assert_eq!(nothing.points().unwrap().xyz().unwrap_err(), FieldError::Missing { name: "x".into() });
}

macro_rules! described {
    ($name:ident, $($field:expr),*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
        #[repr(transparent)]
        struct $name([u8; 4]);

        impl Record for $name {
            const FIELDS: &'static [RecordField] = &[$($field),*];
        }
    };
}

described!(Long, RecordField::new::<f32>("x", 1));
described!(Shared, RecordField::new::<u16>("x", 0), RecordField::new::<u16>("y", 1));
described!(Twice, RecordField::new::<u8>("x", 0), RecordField::new::<u8>("x", 1));
described!(Far, RecordField::new::<u8>("x", usize::MAX));

#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(transparent)]
struct Nothing(());

impl Record for Nothing {
    const FIELDS: &'static [RecordField] = &[];
}

#[test]
fn records_that_are_described_wrongly_are_refused() {
    fn error<T: Record>() -> RecordError {
        let records = [T::zeroed(); 3];
        let cloud = PointCloud2::from_xyz(header(), &[[0.0; 3]; 4]).unwrap();
        let points = cloud.points().unwrap();
        let error = points.to_cow::<T>().map(|_| ()).unwrap_err();
        assert_eq!(points.as_slice::<T>().map(|_| ()), Err(error.clone()));
        assert_eq!(PointCloud2::from_records(header(), &records), Err(BuildError::Record(error.clone())));
        error
    }
    assert!(matches!(error::<Long>(), RecordError::Description(FieldError::OutsideRecord { end: 5, .. })));
    assert!(matches!(error::<Far>(), RecordError::Description(FieldError::OutsideRecord { .. })));
    assert!(matches!(error::<Shared>(), RecordError::Description(FieldError::Overlap { .. })));
    assert!(matches!(error::<Twice>(), RecordError::Description(FieldError::Duplicate { .. })));
    assert_eq!(error::<Nothing>(), RecordError::NoBytes);
}

#[test]
fn records_of_another_layout_are_no_slice() {
    let cloud = PointCloud2::from_xyz_intensity(header(), &[[1.0; 4]; 2]).unwrap();
    let points = cloud.points().unwrap();
    assert_eq!(points.as_slice::<[f32; 3]>(), Err(RecordError::Size { found: 16, expected: 12 }));
    assert!(matches!(points.as_slice::<Wide>(), Err(RecordError::Field(FieldError::Missing { .. }))));
    assert!(matches!(points.to_cow::<Wide>(), Err(RecordError::Field(FieldError::Missing { .. }))));
}

#[derive(Debug, Clone)]
struct Column {
    datatype: Datatype,
    count: usize,
    gap: usize,
}

#[derive(Debug, Clone)]
struct Table {
    columns: Vec<Column>,
    height: usize,
    width: usize,
    tail: usize,
    padding: usize,
    big_endian: bool,
    seed: u8,
}

fn table() -> impl Strategy<Value = Table> {
    let datatype = (1..9_u8).prop_map(|number| Datatype::try_from(number).unwrap());
    let column = (datatype, 1..4_usize, 0..3_usize).prop_map(|(datatype, count, gap)| Column { datatype, count, gap });
    let columns = prop::collection::vec(column, 0..6);
    (columns, 0..4_usize, 0..5_usize, 0..3_usize, 0..7_usize, any::<bool>(), any::<u8>()).prop_map(
        |(columns, height, width, tail, padding, big_endian, seed)| Table {
            columns,
            height,
            width,
            tail,
            padding,
            big_endian,
            seed,
        },
    )
}

impl Table {
    /// Fields named by their index.
    fn cloud(&self) -> PointCloud2 {
        let mut fields = Vec::new();
        let mut at = 0;
        for (index, Column { datatype, count, gap }) in self.columns.iter().enumerate() {
            at += gap;
            fields.push(field(&index.to_string(), at as i32, (*datatype).into(), *count as i32));
            at += datatype.bytes() * count;
        }
        // A byte at least, so that there are points.
        let point_step = (at + self.tail).max(1);
        let row_step = self.width * point_step + self.padding;
        PointCloud2 {
            height: self.height as i32,
            width: self.width as i32,
            fields,
            is_bigendian: self.big_endian,
            point_step: point_step as i32,
            row_step: row_step as i32,
            data: (0..row_step * self.height).map(|byte| (byte as u8).wrapping_mul(151) ^ self.seed).collect(),
            ..PointCloud2::default()
        }
    }
}

/// All values of a field the plain way: an index into the data for each element.
fn plainly<const N: usize>(cloud: &PointCloud2, field: &PointField, element: usize) -> Vec<[u8; N]> {
    let mut values = Vec::new();
    for row in 0..cloud.height {
        for column in 0..cloud.width {
            let record = row * cloud.row_step + column * cloud.point_step;
            let at = (record + field.offset) as usize + element * N;
            let mut bytes: [u8; N] = cloud.data[at..at + N].try_into().unwrap();
            if cloud.is_bigendian {
                bytes.reverse();
            }
            values.push(bytes);
        }
    }
    values
}

fn compare<const N: usize, T, const COUNT: usize>(
    cloud: &PointCloud2,
    points: Points<'_>,
    field: &PointField,
    from_bytes: fn([u8; N]) -> T,
) where
    T: FieldValue + std::fmt::Debug + Into<f64>,
    [T; COUNT]: FieldValue,
{
    let column = points.column::<[T; COUNT]>(&field.name).unwrap();
    assert_eq!(column.len(), points.len());
    assert_eq!(column.iter().len(), points.len());
    // Compared as text, in which NaN equals NaN.
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    for element in 0..COUNT {
        let expected: Vec<T> = plainly::<N>(cloud, field, element).into_iter().map(from_bytes).collect();
        assert_eq!(text(&column.iter().map(|value| value[element]).collect::<Vec<_>>()), text(&expected));
        for (index, expected) in expected.iter().enumerate() {
            assert_eq!(text(&column.get(index).unwrap()[element]), text(expected));
        }
        if COUNT == 1 {
            assert_eq!(text(&points.column::<T>(&field.name).unwrap().iter().collect::<Vec<_>>()), text(&expected));
            let numbers: Vec<f64> = expected.iter().map(|&number| number.into()).collect();
            let found = points.numbers(&field.name).unwrap();
            assert_eq!(text(&found.iter().collect::<Vec<_>>()), text(&numbers));
            assert!((0..numbers.len()).all(|index| text(&found.get(index)) == text(&Some(numbers[index]))));
            assert_eq!(u8::from(found.datatype()), field.datatype);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn columns_of_any_layout_are_read_as_single_numbers_say(table in table(), shift in SHIFTS) {
        let cloud = table.cloud();
        let received = Received::new(&cloud, shift);
        let view = PointCloud2::view(received.bytes()).unwrap();
        for points in [cloud.points().unwrap(), view.points().unwrap()] {
            points.check_fields().unwrap();
            prop_assert_eq!(points.records().count(), table.height * table.width);
            for (field, Column { datatype, count, .. }) in cloud.fields.iter().zip(&table.columns) {
                macro_rules! compare {
                    ($number:ty) => {
                        match count {
                            1 => compare::<_, _, 1>(&cloud, points, field, <$number>::from_le_bytes),
                            2 => compare::<_, _, 2>(&cloud, points, field, <$number>::from_le_bytes),
                            _ => compare::<_, _, 3>(&cloud, points, field, <$number>::from_le_bytes),
                        }
                    };
                }
                match datatype {
                    Datatype::Int8 => compare!(i8),
                    Datatype::Uint8 => compare!(u8),
                    Datatype::Int16 => compare!(i16),
                    Datatype::Uint16 => compare!(u16),
                    Datatype::Int32 => compare!(i32),
                    Datatype::Uint32 => compare!(u32),
                    Datatype::Float32 => compare!(f32),
                    Datatype::Float64 => compare!(f64),
                }
            }
        }
    }

    #[test]
    fn records_of_any_byte_order_and_padding_come_back(
        points in prop::collection::vec((any::<f64>(), any::<[f32; 3]>(), any::<[i16; 3]>(), any::<u8>()), 0..9),
        big_endian in any::<bool>(), padding in prop::option::of(0..9_usize), shift in SHIFTS,
    ) {
        let wide: Vec<Wide> = points
            .into_iter()
            .map(|(time, [x, y, z], normal, ring)| Wide { time, x, y, z, normal, ring, gap: [0; 5] })
            .collect();
        let mut cloud = PointCloud2::from_records(header(), &wide).unwrap();
        if big_endian {
            cloud = swapped(cloud);
        }
        if let Some(padding) = padding.filter(|_| wide.len().is_multiple_of(2)) {
            cloud = padded(cloud, padding);
        }
        let received = Received::new(&cloud, shift);
        let points = PointCloud2::view(received.bytes()).unwrap().points().unwrap();
        // As bytes, in which NaN equals NaN.
        let records = points.to_cow::<Wide>().unwrap();
        prop_assert_eq!(bytemuck::cast_slice::<_, u8>(&records), bytemuck::cast_slice::<_, u8>(&wide));
        let others = points.to_cow::<Packed>().unwrap();
        let packed = packed(&wide);
        prop_assert_eq!(bytemuck::cast_slice::<_, u8>(&others), bytemuck::cast_slice::<_, u8>(&packed));
    }
}

/// Numbers as they might come from anywhere: small ones often, so that some agree.
fn hostile() -> impl Strategy<Value = i32> {
    prop_oneof![10 => 0..20, 1 => any::<i32>(), 1 => Just(i32::MAX), 1 => Just(i32::MIN), 1 => Just(-1)]
}

fn hostile_cloud() -> impl Strategy<Value = PointCloud2> {
    let name = prop::sample::select(vec!["x", "y", "z", "intensity", "ring", "time", "normal", ""]);
    let datatype = prop_oneof![8 => Just(7), 4 => 1..9_u8, 1 => any::<u8>()];
    let count = prop_oneof![6 => Just(1), 1 => Just(0), 1 => Just(3), 1 => hostile()];
    let field = (name, hostile(), datatype, count)
        .prop_map(|(name, offset, datatype, count)| field(name, offset, datatype, count));
    // Half of them begin as most clouds do.
    let fields = (any::<bool>(), prop::collection::vec(field, 0..6)).prop_map(|(usual, more)| {
        let usual = if usual { PointCloud2::from_xyz_intensity(header(), &[]).unwrap().fields } else { vec![] };
        [usual, more].concat()
    });
    let row_step = prop_oneof![2 => (0..400).boxed(), 1 => hostile().boxed()];
    let point_step = prop_oneof![2 => hostile().boxed(), 1 => Just(12).boxed(), 1 => Just(16).boxed()];
    let sizes = (hostile(), hostile(), point_step, row_step, any::<bool>());
    (fields, sizes, 0..100_usize, any::<bool>(), any::<bool>()).prop_map(
        |(fields, (height, width, point_step, row_step, packed), bytes, agrees, is_bigendian)| {
            let row_step = if packed { width.checked_mul(point_step).unwrap_or(row_step) } else { row_step };
            let rows = usize::try_from(height).unwrap_or(0).checked_mul(usize::try_from(row_step).unwrap_or(0));
            let bytes = rows.filter(|rows| agrees && *rows < 10_000).unwrap_or(bytes);
            let data = (0..bytes).map(|byte| byte as u8).collect();
            PointCloud2 { height, width, fields, is_bigendian, point_step, row_step, data, ..PointCloud2::default() }
        },
    )
}

/// Reads a cloud in all ways, and returns how much came of it, in a form to compare.
fn read_everything(cloud: &PointCloud2, points: Points<'_>) -> String {
    // Each point takes a byte.
    assert!(points.len() <= cloud.data.len());
    assert_eq!(points.records().count(), points.len());
    assert!(points.records().enumerate().all(|(index, record)| points.record(index) == Some(record)));
    assert_eq!(points.record(points.len()), None);
    let mut found = format!("{points:?} {:?}", points.check_fields());
    for field in points.fields() {
        found += &format!("{field:?}");
        if let Ok(Field { offset, datatype, count, .. }) = field {
            assert!(offset + datatype.bytes() * count <= points.point_step_bytes());
        }
    }
    for name in ["x", "ring", "", "none"] {
        if let Ok(column) = points.column::<f32>(name) {
            assert_eq!(column.iter().count(), points.len());
            found += &format!("{:?}", column.iter().collect::<Vec<_>>());
        }
        if let Ok(column) = points.column::<[f64; 3]>(name) {
            assert_eq!(column.iter().count(), points.len());
        }
        if let Ok(numbers) = points.numbers(name) {
            assert_eq!(numbers.iter().count(), points.len());
            assert_eq!(numbers.get(points.len()), None);
            found += &format!("{:?}", numbers.iter().collect::<Vec<_>>());
        }
    }
    if let Ok(xyz) = points.xyz() {
        assert_eq!(xyz.len(), points.len());
        assert_eq!(xyz.count(), points.len());
    }
    found += &as_records::<[f32; 3]>(points);
    found += &as_records::<[f32; 4]>(points);
    found += &as_records::<Wide>(points);
    found
}

fn as_records<T: Record + std::fmt::Debug>(points: Points<'_>) -> String {
    let records = points.to_cow::<T>();
    if let Ok(records) = &records {
        assert_eq!(records.len(), points.len());
    }
    if let Ok(slice) = points.as_slice::<T>() {
        assert_eq!(bytemuck::cast_slice::<T, u8>(slice), bytemuck::cast_slice::<T, u8>(records.as_ref().unwrap()));
    }
    format!("{records:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn hostile_clouds_are_refused_or_read_within_their_data(cloud in hostile_cloud(), shift in SHIFTS) {
        let received = Received::new(&cloud, shift);
        let view = PointCloud2::view(received.bytes()).unwrap();
        match (cloud.points(), view.points()) {
            (Ok(owned), Ok(lent)) => {
                prop_assert_eq!(read_everything(&cloud, owned), read_everything(&cloud, lent));
            }
            (owned, lent) => prop_assert_eq!(owned.unwrap_err(), lent.unwrap_err()),
        }
    }
}
