//! Types and messages that were made to do harm: memory stays bounded, the stack too, and everything ends.

use lcm::codec::{DecodeErrorKind, EncodeErrorKind, MAX_DEPTH};
use lcm::schema::{Catalog, FingerprintError, Numbers, TypeError, Value};

use super::{catalog, from_json, message, schema};

fn refused(catalog: &Catalog, name: &str, body: &[u8]) -> DecodeErrorKind {
    catalog.get(name).unwrap().decode(&message(catalog, name, body)).unwrap_err().kind().clone()
}

#[test]
fn counts_that_nothing_stands_behind_cost_no_memory() {
    let catalog = catalog(&[
        ("demo.Strings", "int32_t n; string s[n];"),
        ("demo.Wide", "int64_t n; double x[n][n][n];"),
        ("demo.Structs", "int32_t n; demo.Strings s[n][n];"),
        ("demo.Matrix", "int32_t rows; int32_t cols; double m[rows][cols];"),
        ("demo.Nothings", "int32_t n; demo.Nothing nothings[n];"),
        ("demo.Nothing", ""),
    ]);
    let most = [0x7f, 0xff, 0xff, 0xff];
    assert!(matches!(refused(&catalog, "demo.Strings", &most), DecodeErrorKind::Truncated { .. }));
    assert!(matches!(refused(&catalog, "demo.Structs", &most), DecodeErrorKind::Truncated { .. }));
    assert_eq!(refused(&catalog, "demo.Wide", &i64::MAX.to_be_bytes()), DecodeErrorKind::TooLarge);
    let no_columns = [most, [0; 4]].concat();
    let rows = i32::MAX as usize;
    assert!(
        matches!(refused(&catalog, "demo.Matrix", &no_columns), DecodeErrorKind::EmptyElements { count, .. } if count == rows)
    );
    assert!(
        matches!(refused(&catalog, "demo.Nothings", &most), DecodeErrorKind::EmptyElements { count, .. } if count == rows)
    );
    let columns_only = message(&catalog, "demo.Matrix", &[[0; 4], most].concat());
    let matrix = catalog.get("demo.Matrix").unwrap();
    let value = matrix.decode(&columns_only).unwrap();
    assert_eq!(format!("{value:?}"), r#"{"cols": 2147483647, "m": []}"#);
    assert_eq!(matrix.encode(&value).unwrap(), columns_only);

    let rows = Value::Array(vec![Numbers::from(&[0.0; 0][..]).into(); 100_000]);
    let error = matrix.encode(&Value::Struct(vec![("m", rows)])).unwrap_err();
    assert!(matches!(error.kind(), EncodeErrorKind::EmptyElements { .. }));

    // A few of them are as good as any.
    let some = message(&catalog, "demo.Matrix", &[0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    assert_eq!(matrix.encode(&matrix.decode(&some).unwrap()).unwrap(), some);
    let some = message(&catalog, "demo.Nothings", &[0, 0, 0xff, 0xff]);
    let nothings = catalog.get("demo.Nothings").unwrap();
    let value = nothings.decode(&some).unwrap();
    assert_eq!(nothings.encode(&value).unwrap(), some);
    let many = Value::Struct(vec![("nothings", Value::Array(vec![Value::Struct(vec![]); 70_000]))]);
    assert!(matches!(nothings.encode(&many).unwrap_err().kind(), EncodeErrorKind::EmptyElements { .. }));
}

#[test]
fn recursion_ends_where_it_does_for_generated_types() {
    let catalog = catalog(&[("demo.Node", "int32_t n; demo.Node children[n];")]);
    let node = catalog.get("demo.Node").unwrap();
    let chain = |depth: usize| message(&catalog, "demo.Node", &[[0, 0, 0, 1].repeat(depth), vec![0; 4]].concat());
    // The innermost array is empty, and goes a level deeper all the same.
    let deepest = chain(MAX_DEPTH - 1);
    let value = node.decode(&deepest).unwrap();
    assert_eq!(node.encode(&value).unwrap(), deepest);
    assert!(!serde_json::to_string(&value).unwrap().is_empty());
    let error = node.decode(&chain(MAX_DEPTH)).unwrap_err();
    assert_eq!(*error.kind(), DecodeErrorKind::TooDeep);
    assert_eq!(error.field().matches("children").count(), MAX_DEPTH + 1);
    assert_eq!(*node.decode(&chain(100_000)).unwrap_err().kind(), DecodeErrorKind::TooDeep);

    let mut tree = Value::Struct(Vec::new());
    for _ in 0..1000 {
        tree = Value::Struct(vec![("children", Value::Array(vec![tree]))]);
    }
    assert_eq!(*node.encode(&tree).unwrap_err().kind(), EncodeErrorKind::TooDeep);
    let json = format!("{}{}", r#"{"children":["#.repeat(50), "]}".repeat(50));
    assert!(node.encode(&from_json(&catalog, "demo.Node", &json).unwrap()).is_ok());
    let json = r#"{"children":["#.repeat(100_000);
    assert!(from_json(&catalog, "demo.Node", &json).is_err());
}

#[test]
fn types_without_an_end_are_refused() {
    let catalog = catalog(&[
        ("demo.Self", "demo.Self s;"),
        ("demo.A", "demo.B b;"),
        ("demo.B", "demo.C c[2];"),
        ("demo.C", "int32_t n; demo.A a; demo.A more[n];"),
        ("demo.User", "demo.A a;"),
        ("demo.Users", "int32_t n; demo.User users[n];"),
        ("demo.Ends", "int32_t n; demo.Ends ends[2][n];"),
        ("demo.Dangling", "demo.Missing m;"),
    ]);
    let names: Vec<_> = catalog.iter().map(|known| known.name()).collect();
    assert_eq!(names, ["demo.Ends"]);
    for name in ["demo.Self", "demo.A", "demo.B", "demo.C", "demo.User", "demo.Users"] {
        assert!(matches!(catalog.get(name), Err(TypeError::Endless { .. })), "{:?}", catalog.get(name));
    }
    assert!(matches!(catalog.get("demo.Dangling"), Err(TypeError::Fingerprint(FingerprintError::UnknownType { .. }))));
    assert_eq!(catalog.faults().count(), 7);
}

#[test]
fn sizes_that_are_no_earlier_integers_are_refused() {
    let types = [
        "string s; double x[s];",
        "double x[n]; int32_t n;",
        "int32_t n[2]; int8_t x[n];",
        "int8_t x[x];",
        "int8_t x[nothing];",
    ];
    for members in types {
        assert!(matches!(catalog(&[("demo.X", members)]).get("demo.X"), Err(TypeError::Size { .. })), "{members}");
    }
    assert!(matches!(catalog(&[("demo.X", "int8_t x; int8_t x;")]).get("demo.X"), Err(TypeError::TwoMembers { .. })));
}

/// Each type contains the next one twice.
fn doubling(levels: usize, last: &str) -> Catalog {
    let types: Vec<_> = (0..levels)
        .map(|level| (format!("demo.T{level}"), format!("demo.T{0} a; demo.T{0} b;", level + 1)))
        .chain([(format!("demo.T{levels}"), last.to_owned())])
        .collect();
    catalog(&types.iter().map(|(name, members)| (&**name, &**members)).collect::<Vec<_>>())
}

#[test]
fn types_that_grow_without_bounds_are_refused() {
    let bytes = doubling(60, "int8_t x;");
    assert!(matches!(bytes.get("demo.T0"), Err(TypeError::Fingerprint(FingerprintError::TooEntangled { .. }))));
    assert!(bytes.get("demo.T50").is_ok());

    // Two to the power of 18 structs that take no bytes at all.
    let nothing = doubling(18, "");
    let first = nothing.get("demo.T0").unwrap();
    assert!(matches!(refused(&nothing, "demo.T0", &[]), DecodeErrorKind::EmptyElements { .. }));
    let error = first.encode(&Value::Struct(vec![])).unwrap_err();
    assert!(matches!(error.kind(), EncodeErrorKind::EmptyElements { .. }));
    let small = nothing.get("demo.T8").unwrap();
    let empty = small.encode(&Value::Struct(vec![])).unwrap();
    assert!(small.decode(&empty).is_ok());

    let catalog = catalog(&[("demo.Big", "demo.Part p[60000]; demo.Part q;"), ("demo.Part", "byte b[10000];")]);
    assert!(matches!(catalog.get("demo.Big"), Err(TypeError::TooLarge { bytes: 600_010_000, .. })));
    let most = "[2147483647]".repeat(3);
    let catalog = super::catalog(&[("demo.Huge", &*format!("byte b{most};")), ("demo.User", "demo.Huge h;")]);
    assert!(matches!(catalog.get("demo.User"), Err(TypeError::TooLarge { bytes: usize::MAX, .. })));
    let catalog = super::catalog(&[("demo.Many", "int32_t n; demo.Part p[n];"), ("demo.Part", "byte b[100000000];")]);
    let many = Value::Struct(vec![("p", Value::Array(vec![Value::Struct(vec![]); 100]))]);
    let error = catalog.get("demo.Many").unwrap().encode(&many).unwrap_err();
    assert_eq!((error.field(), matches!(error.kind(), EncodeErrorKind::Type { .. })), ("p[2].b", true));
}

#[test]
fn types_that_nest_deeply_are_refused_or_read() {
    // From the outside in the order of names, and from the inside.
    for names in [|level: usize| format!("demo.T{level:05}"), |level: usize| format!("demo.T{:05}", 99_999 - level)] {
        let types: Vec<_> = (0..20_000)
            .map(|level| (names(level), format!("{} a;", names(level + 1))))
            .chain([(names(20_000), "int8_t x;".to_owned())])
            .collect();
        let catalog = catalog(&types.iter().map(|(name, members)| (&**name, &**members)).collect::<Vec<_>>());
        for level in [0, 10_000, 19_799] {
            let error = catalog.get(&names(level)).unwrap_err();
            assert!(matches!(error, TypeError::Fingerprint(FingerprintError::TooEntangled { .. })), "{level}");
        }
        let last = catalog.get(&names(19_800)).unwrap();
        let message = message(&catalog, last.name(), &[5]);
        assert_eq!(last.encode(&last.decode(&message).unwrap()).unwrap(), message);
    }

    let rank = |rank: usize| super::catalog(&[("demo.Deep", &*format!("int8_t x{};", "[1]".repeat(rank)))]);
    assert_eq!(refused(&rank(100_000), "demo.Deep", &[5]), DecodeErrorKind::TooDeep);
    let deep = rank(100_000);
    let error = deep.get("demo.Deep").unwrap().encode(&Value::Struct(vec![])).unwrap_err();
    assert_eq!(*error.kind(), EncodeErrorKind::TooDeep);
    let error = from_json(&rank(1000), "demo.Deep", &format!(r#"{{"x":{}"#, "[".repeat(1000))).unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");

    // Two hundred values for each byte would be too many.
    let wide = super::catalog(&[("demo.Wide", &*format!("int32_t n; int8_t x[n]{};", "[1]".repeat(200)))]);
    let body = [&[0, 1, 0, 0][..], &[7; 65_536]].concat();
    assert!(matches!(refused(&wide, "demo.Wide", &body), DecodeErrorKind::TooManyValues { .. }));
    let wrapped: Vec<_> = (0..50).map(|level| (format!("demo.W{level}"), format!("demo.W{} w;", level + 1))).collect();
    let mut types: Vec<_> = wrapped.iter().map(|(name, members)| (&**name, &**members)).collect();
    types.extend([("demo.W50", "int8_t x;"), ("demo.List", "int32_t n; demo.W0 w[n];")]);
    assert!(matches!(refused(&super::catalog(&types), "demo.List", &body), DecodeErrorKind::TooManyValues { .. }));

    // What would have too many values to be read is not written.
    let members: String = (0..200).map(|array| format!("string s{array}[n];")).collect();
    let amplified = [("demo.Amp", &*format!("int8_t n; {members}")), ("demo.Amps", "int32_t n; demo.Amp a[n];")];
    let amplified = super::catalog(&amplified);
    let json = format!(r#"{{"a":[{}]}}"#, ["{}"; 3000].join(","));
    let many = from_json(&amplified, "demo.Amps", &json).unwrap();
    let error = amplified.get("demo.Amps").unwrap().encode(&many).unwrap_err();
    assert!(matches!(error.kind(), EncodeErrorKind::TooManyValues { .. }), "{error}");

    let body = [&[0, 0, 0, 9][..], &[7; 9]].concat();
    assert!(wide.get("demo.Wide").unwrap().decode(&super::message(&wide, "demo.Wide", &body)).is_ok());
}

#[test]
fn types_that_refer_to_each_other_in_all_ways_are_refused_in_time() {
    let members: String = (0..40).map(|other| format!("demo.T{other} m{other}[n];")).collect();
    let members = format!("int32_t n; {members}");
    let names: Vec<_> = (0..40).map(|place| format!("demo.T{place}")).collect();
    let mut types: Vec<_> = names.iter().map(|name| (&**name, &*members)).collect();
    types.push(("demo.Zero", "demo.Innocent a;"));
    types.push(("demo.Innocent", "int8_t a;"));
    let catalog = Catalog::new(schema(&types));
    let names: Vec<_> = catalog.iter().map(|known| known.name()).collect();
    assert_eq!((names, catalog.faults().count()), (vec!["demo.Innocent", "demo.Zero"], 40));
}
