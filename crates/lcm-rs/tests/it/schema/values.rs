//! What is encoded is decoded, and the other way round.

use lcm::codec::{DecodeErrorKind, EncodeErrorKind};
use lcm::schema::{Numbers, Primitive, TypeError, Value};
use proptest::prelude::*;

use super::random::{Values, types};
use super::{catalog, enumeration, message, schema};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(types in types(), seed: u64) {
        let (schema, catalog) = (types.schema(), types.catalog());
        let mut values = Values { schema: &schema, random: fastrand::Rng::with_seed(seed), is_plain: false };
        for name in types.names() {
            let value = values.value(&name, 0);
            let message_type = catalog.get(&name).unwrap();
            let message = message_type.encode(&value).unwrap();
            let decoded = message_type.decode(&message).unwrap();
            // Without a NaN, which is never equal; but its bits are kept.
            if !format!("{value:?}").contains("NaN") {
                prop_assert_eq!(&decoded, &value);
            }
            prop_assert_eq!(message_type.encode(&decoded).unwrap(), message);
        }
    }

    #[test]
    fn what_is_left_out_is_zero_and_decodes(types in types()) {
        let catalog = types.catalog();
        for message_type in catalog.iter() {
            if message_type.name() == "demo.Color" {
                continue;
            }
            let message = message_type.encode(&Value::Struct(Vec::new())).unwrap();
            let decoded = message_type.decode(&message).unwrap();
            prop_assert_eq!(message_type.encode(&decoded).unwrap(), message);
        }
    }

    #[test]
    fn damaged_messages_never_panic(types in types(), seed: u64, damage in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..5), cut: prop::sample::Index) {
        let (schema, catalog) = (types.schema(), types.catalog());
        let mut values = Values { schema: &schema, random: fastrand::Rng::with_seed(seed), is_plain: false };
        for name in types.names() {
            let message_type = catalog.get(&name).unwrap();
            let mut message = message_type.encode(&values.value(&name, 0)).unwrap();
            if message.len() > 8 {
                for (place, byte) in &damage {
                    let place = 8 + place.index(message.len() - 8);
                    message[place] = *byte;
                }
            }
            for length in [message.len(), cut.index(message.len())] {
                if let Ok(value) = message_type.decode(&message[..length]) {
                    let again = message_type.encode(&value).unwrap();
                    prop_assert!(again.len() <= length);
                }
            }
        }
    }

    #[test]
    fn any_bytes_decode_or_fail(types in types(), body in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..200)) {
        let catalog = types.catalog();
        for name in types.names() {
            let message = message(&catalog, &name, &body);
            let _ = catalog.get(&name).unwrap().decode(&message);
        }
    }
}

#[test]
fn a_message_is_laid_out_as_lcm_says() {
    let catalog = catalog(&[
        ("demo.Mark", "string label; int16_t n; float at[n][2]; boolean fresh; demo.Stamp stamp;"),
        ("demo.Stamp", "int32_t sec; byte more[2];"),
    ]);
    let row = |numbers: [f32; 2]| Value::from(Numbers::from(&numbers[..]));
    let value = Value::Struct(vec![
        ("label", "up".into()),
        ("at", Value::Array(vec![row([1.0, 2.0]), row([-1.0, 0.5])])),
        ("fresh", true.into()),
        ("stamp", Value::Struct(vec![("sec", 7.into()), ("more", Numbers::from(vec![8, 9]).into())])),
    ]);
    let floats: Vec<u8> = [1.0_f32, 2.0, -1.0, 0.5].into_iter().flat_map(f32::to_be_bytes).collect();
    let body = [&[0, 0, 0, 3, b'u', b'p', 0, 0, 2][..], &floats, &[1, 0, 0, 0, 7, 8, 9]].concat();
    let expected = message(&catalog, "demo.Mark", &body);
    let mark = catalog.get("demo.Mark").unwrap();
    assert_eq!(mark.encode(&value).unwrap(), expected);
    assert_eq!(mark.decode(&expected).unwrap(), value);
    // Bytes after the end are ignored, and a boolean is any byte but zero.
    let mut longer = [&expected[..], b"more"].concat();
    longer[8 + 9 + 16] = 7;
    assert_eq!(mark.decode(&longer).unwrap(), value);
    assert_eq!(mark.encode(&mark.decode(&longer).unwrap()).unwrap(), expected);
}

#[test]
fn members_may_come_in_any_order_and_be_left_out() {
    let catalog =
        catalog(&[("demo.All", "string s; int32_t n; string names[n]; double k[3]; string two[2]; int8_t i;")]);
    let all = catalog.get("demo.All").unwrap();
    let names = Value::Array(vec!["a".into(), "b".into()]);
    let ordered = Value::Struct(vec![("s", "x".into()), ("names", names.clone()), ("i", 5.into())]);
    let unordered = Value::Struct(vec![("i", 5.into()), ("names", names), ("s", "x".into())]);
    let message = all.encode(&ordered).unwrap();
    assert_eq!(all.encode(&unordered).unwrap(), message);
    let decoded = all.decode(&message).unwrap();
    assert_eq!(*decoded.at("k").unwrap(), Numbers::from(&[0.0, 0.0, 0.0][..]).into());
    assert_eq!(*decoded.at("two").unwrap(), Value::Array(vec!["".into(), "".into()]));
}

#[test]
fn a_message_may_be_an_enumeration_itself() {
    let mut types = schema(&[("demo.Paint", "demo.Color color; int32_t n; demo.Color others[n];")]);
    types.insert(enumeration("demo.Color")).unwrap();
    let catalog = lcm::schema::Catalog::new(types);
    let color = catalog.get("demo.Color").unwrap();
    let bytes = message(&catalog, "demo.Color", &[0, 0, 0, 9]);
    assert_eq!(color.encode(&9.into()).unwrap(), bytes);
    assert_eq!(color.decode(&bytes).unwrap(), 9.into());
    assert_eq!(color.encode(&"RED".into()).unwrap_err().field(), "demo.Color");

    let paint = catalog.get("demo.Paint").unwrap();
    let body = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff];
    let decoded = paint.decode(&message(&catalog, "demo.Paint", &body)).map(|value| format!("{value:?}"));
    assert_eq!(decoded.unwrap(), r#"{"color": 1, "others": [3, -1]}"#);
}

#[test]
fn large_arrays_stay_where_they_lie() {
    let catalog = catalog(&[("demo.Image", "int32_t size; byte data[size]; float depth[2][2];")]);
    let body = [&[0, 0, 0, 5][..], b"pixel", &[0; 16]].concat();
    let bytes = message(&catalog, "demo.Image", &body);
    let image = catalog.get("demo.Image").unwrap().decode(&bytes).unwrap();
    let Some(Value::Numbers(data)) = image.member("data") else { panic!("{image:?}") };
    assert_eq!(data.as_wire(), b"pixel");
    assert_eq!(data.as_wire().as_ptr(), bytes[12..].as_ptr());
    assert_eq!(size_of::<Value<'_>>(), 40);
}

#[test]
fn a_value_of_another_type_is_refused_by_its_path() {
    let catalog = catalog(&[
        ("demo.Path", "int8_t n; demo.Pose poses[n]; int32_t rows; int32_t cols; float m[2][cols]; string s;"),
        ("demo.Pose", "double x; byte b;"),
    ]);
    let path = catalog.get("demo.Path").unwrap();
    let refused = |member: &'static str, value: Value<'static>| {
        let error = path.encode(&Value::Struct(vec![(member, value)])).unwrap_err();
        (error.field().to_owned(), error.kind().clone(), error.to_string())
    };
    let pose = |member, value| Value::Array(vec![Value::Struct(vec![]), Value::Struct(vec![(member, value)])]);

    let (field, kind, text) = refused("poses", pose("b", 256.into()));
    assert!(matches!(kind, EncodeErrorKind::Type { .. }));
    assert_eq!((&*field, &*text), ("poses[1].b", "poses[1].b: 256 is not a value of byte"));
    assert_eq!(refused("poses", pose("x", 1.into())).2, "poses[1].x: 1 is not a value of double");
    assert_eq!(refused("poses", pose("y", 1.into())).2, "poses[1].y: type demo.Pose has no such member");
    assert_eq!(refused("n", 1.into()).2, "n: type demo.Path has no such member");
    assert_eq!(refused("s", true.into()).2, "s: true is not a value of string");
    assert_eq!(refused("poses", Numbers::from(&[1.0][..]).into()).2, "poses: double[1] is not a value of demo.Pose[n]");
    let many = Value::Array(vec![Value::Struct(vec![]); 128]);
    assert_eq!(refused("poses", many).2, "n: 128 elements are more than `n`, which ends at 127, can say");

    // `cols` is only an inner size, so it is a member like others, and rows must agree with it.
    let row = || Value::from(Numbers::from(&[1.0_f32][..]));
    let rows = |rows| Value::Array(rows);
    assert_eq!(refused("m", rows(vec![row()])).2, "m: the length of the array is 1, by `2` it should be 2");
    assert_eq!(
        refused("m", rows(vec![row(), row()])).2,
        "m[0]: the length of the array is 1, by `cols` it should be 0"
    );
    assert_eq!(refused("cols", 1.into()).2, "m: the length of the array is 0, by `cols` it should be 1");
    assert_eq!(refused("cols", (-1).into()).2, "cols: the array size -1 is negative");
    let both = Value::Struct(vec![("cols", 1.into()), ("m", rows(vec![row(), row()]))]);
    assert_eq!(path.decode(&path.encode(&both).unwrap()).unwrap().member("m"), both.member("m"));
    let twice = Value::Struct(vec![("s", "a".into()), ("s", "b".into())]);
    assert_eq!(path.encode(&twice).unwrap_err().to_string(), "s: a second value is not a value of string");
}

#[test]
fn arrays_of_one_size_must_be_equally_long() {
    let catalog = catalog(&[("demo.Joints", "int32_t n; string names[n]; double at[n]; double pairs[n][n];")]);
    let joints = catalog.get("demo.Joints").unwrap();
    let names = Value::Array(vec!["a".into(), "b".into()]);
    let row = || Value::from(Numbers::from(&[1.0, 2.0][..]));
    let pairs = Value::Array(vec![row(), row()]);
    let whole = Value::Struct(vec![("names", names.clone()), ("at", row()), ("pairs", pairs)]);
    assert_eq!(joints.decode(&joints.encode(&whole).unwrap()).unwrap(), whole);
    let error = joints.encode(&Value::Struct(vec![("names", names)])).unwrap_err();
    assert_eq!(error.to_string(), "at: the length of the array is 0, by `n` it should be 2");
}

#[test]
fn a_message_of_another_type_is_refused_by_its_place() {
    let catalog = catalog(&[
        ("demo.Path", "int32_t n; demo.Pose poses[n];"),
        ("demo.Pose", "int16_t k; float at[k]; string frame;"),
    ]);
    let path = catalog.get("demo.Path").unwrap();
    let refused = |body: &[u8]| {
        let error = path.decode(&message(&catalog, "demo.Path", body)).unwrap_err();
        (error.field().to_owned(), error.offset().unwrap(), error.kind().clone())
    };
    let pose = [0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    let two = |second: &[u8]| [&[0, 0, 0, 2][..], &pose, second].concat();
    let (field, offset, kind) = refused(&two(&[0xff, 0xff, 0, 0, 0, 1, 0]));
    assert_eq!((&*field, offset, kind), ("poses[1].k", 23, DecodeErrorKind::NegativeSize { size: -1 }));
    let (field, offset, kind) = refused(&two(&[0, 9, 0, 0, 0, 1, 0]));
    assert_eq!((&*field, offset, kind), ("poses[1].at", 25, DecodeErrorKind::Truncated { needed: 36, left: 5 }));
    let (field, offset, kind) = refused(&two(&[0, 0, 0, 0, 0, 1, 5]));
    assert_eq!((&*field, offset, kind), ("poses[1].frame", 29, DecodeErrorKind::Unterminated { last: 5 }));
    let (field, _, kind) = refused(&[0, 0, 0, 2]);
    assert_eq!((&*field, kind), ("poses", DecodeErrorKind::Truncated { needed: 14, left: 0 }));

    let other = path.decode(&[0; 20]).unwrap_err();
    assert!(matches!(other.kind(), DecodeErrorKind::Fingerprint { .. }));
    assert!(matches!(path.decode(b"short").unwrap_err().kind(), DecodeErrorKind::Truncated { .. }));
}

#[test]
fn an_unknown_type_comes_with_a_suggestion() {
    let catalog = catalog(&[("geometry_msgs.Twist", "double x;")]);
    let error = catalog.get("sensor_msgs.twist").unwrap_err();
    assert!(matches!(error, TypeError::Unknown { .. }));
    assert_eq!(error.to_string(), "type sensor_msgs.twist is not known: did you mean geometry_msgs.Twist?");
    assert_eq!(catalog.get("Image").unwrap_err().to_string(), "type Image is not known");
}

#[test]
fn numbers_are_what_their_bytes_say() {
    let numbers = Numbers::new(Primitive::Int16, vec![0, 1, 0xff, 0xfe]).unwrap();
    assert_eq!((numbers.len(), numbers.get(1), numbers.get(2)), (2, Some(Value::Integer(-2)), None));
    assert_eq!(numbers.iter().collect::<Vec<_>>(), [1.into(), (-2).into()]);
    assert_eq!(numbers, Numbers::from(&[1_i16, -2][..]));
    assert_eq!(numbers.get(usize::MAX), None);
    assert!(Numbers::new(Primitive::Int16, vec![0]).is_none());
    assert!(Numbers::new(Primitive::String, vec![]).is_none());
    assert_eq!(Numbers::new(Primitive::Boolean, vec![2]), Numbers::new(Primitive::Boolean, vec![1]));
    assert_ne!(Numbers::from(&[f64::NAN][..]), Numbers::from(&[f64::NAN][..]));
    assert_eq!(format!("{numbers:?}"), "[1, -2]");
}
