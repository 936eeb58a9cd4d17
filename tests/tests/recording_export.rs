//! `dimos recording export`: MCAP as Python's `mcap` and `mcap-ros1-support` read it, and CSV as Python's `csv` does, message by message
//! compared with what we decode.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_possible_truncation, reason = "random numbers of any size are wanted")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use lcm::log::Event;
use lcm::schema::{Catalog, Definition, Dimension, Member, Primitive, Schema, Struct, Type};
use mesh_tests::event_log::{event, read, write};
use mesh_tests::peers::Wheel;
use mesh_tests::process::run;
use mesh_tests::recordings;
use mesh_tests::run::Site;
use mesh_tests::{site, test_name};
use serde::de::DeserializeSeed;
use serde_json::{Map, Value, json};

#[test]
fn every_type_of_dimos_says_in_mcap_what_it_says_in_lcm() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let catalog = lcm_types::catalog();
    let mut random = Rng::with_seed(3);
    let mut events = Vec::new();
    for message_type in catalog.iter() {
        for _ in 0..3 {
            let data = any_message(catalog, message_type.name(), &mut random);
            let number = i64::try_from(events.len()).unwrap();
            events.push(event(number, START_US + 1000 * number, &format!("/t#{}", message_type.name()), data));
        }
    }
    assert!(events.iter().all(|event| event.channel.len() < 100) && events.len() > 600);
    write(&site.path("in.lcmlog"), &events);
    let (report, found) = export(&site, &wheel, &[]);
    assert_eq!(
        (&report["events"], &report["raw"], &report["undecodable"]),
        (&events.len().into(), &0.into(), &0.into())
    );
    compare(catalog, &events, &found);
}

#[test]
fn types_of_a_user_go_out_as_ros_or_json_and_what_is_not_known_as_it_is() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    fs::create_dir(site.path("idl")).unwrap();
    site.write(
        "idl/own.lcm",
        "package own;
         struct Tree { int32_t n; string name; own.Tree children[n]; }
         struct Mixed { int16_t rows; int16_t columns; double m[rows][columns]; byte blob[rows]; int32_t fixed[2][2]; string s[rows]; }",
    );
    let catalog = lcm_types::catalog_with([site.path("idl")]).unwrap();
    let of_json = |name: &str, value: Value| {
        let message_type = catalog.get(name).unwrap();
        message_type.encode(&DeserializeSeed::deserialize(message_type, value).unwrap()).unwrap()
    };
    let mixed = json!({
        "columns": 2, "m": [[1.5, "NaN"], ["-Infinity", -0.25]], "blob": "AP8=", "fixed": [[1, 2], [3, -4]], "s": ["ä", ""],
    });
    let tree = json!({ "name": "root", "children": [{ "name": "leaf" }] });
    let mixed = of_json("own.Mixed", mixed);
    let cut_off = mixed[..mixed.len() - 3].to_vec();
    let events = [
        event(0, START_US, "/mixed#own.Mixed", mixed.clone()),
        event(1, START_US + 1, "/tree#own.Tree", of_json("own.Tree", tree)),
        event(2, START_US + 2, "POSE", b"what is this".to_vec()),
        event(3, START_US + 3, "/mixed#own.Mixed", cut_off.clone()),
        // By its fingerprint alone.
        event(4, START_US + 4, "MIXED", mixed),
        event(5, -5, "/text#own.Unknown", vec![]),
    ];
    write(&site.path("in.lcmlog"), &events);
    let (report, found) = export(&site, &wheel, &["--idl", "idl"]);
    assert_eq!((&report["raw"], &report["undecodable"]), (&3.into(), &1.into()));
    compare(&catalog, &[events[0].clone(), events[4].clone()], &[found[0].clone(), found[4].clone()]);
    let of = |place: usize| ["schema", "schema_encoding", "encoding"].map(|key| found[place][key].clone());
    assert_eq!(of(0), ["own/Mixed", "ros1msg", "ros1"]);
    assert_eq!(of(1), ["own.Tree", "jsonschema", "json"]);
    let decoded: Value = serde_json::from_slice(&unbase64(&found[1]["data"])).unwrap();
    assert_eq!(decoded, json!({ "name": "root", "children": [{ "name": "leaf", "children": [] }] }));
    for place in [2, 3, 5] {
        assert_eq!(of(place), [Value::Null, Value::Null, "lcm".into()]);
        assert_eq!(unbase64(&found[place]["data"]), events[place].data);
    }
    assert_eq!((&found[3]["topic"], &found[5]["log_time"]), (&"/mixed".into(), &0.into()));
    let metadata = &found.last().unwrap()["metadata"];
    assert_eq!(metadata["source"], "in.lcmlog");
    assert!(metadata["program"].as_str().unwrap().starts_with("dimos "));
    let text = site.dimos(&["recording", "export", "in.lcmlog", "again.mcap", "--idl", "idl"]);
    assert!(text.code == Some(0) && text.stdout.contains("3 events of no known type"), "{text:?}");
}

#[test]
fn a_real_log_is_exported_whole() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let Some(log) = recordings::intel_lab() else {
        let _ = writeln!(std::io::stderr(), "skipped: {}: the log is not there", test_name!());
        return;
    };
    let site = site!();
    fs::copy(log, site.path("in.lcmlog")).unwrap();
    let (_, found) = export(&site, &wheel, &["--start", "10s", "--end", "30s"]);
    let events = read(&site.path("in.lcmlog"));
    let first_us = events[0].timestamp_us;
    let within = first_us + 10_000_000..=first_us + 30_000_000;
    let events: Vec<_> = events.into_iter().filter(|event| within.contains(&event.timestamp_us)).collect();
    assert!(events.len() > 300);
    compare(lcm_types::catalog(), &events, &found);
    assert_eq!(
        found[0]["schema"],
        if events[0].channel.starts_with(b"/scan") { "sensor_msgs/LaserScan" } else { "nav_msgs/Odometry" }
    );
}

#[test]
fn tables_have_what_the_messages_say() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    let catalog = lcm_types::catalog();
    let mut random = Rng::with_seed(11);
    let types = ["nav_msgs.Odometry", "sensor_msgs.LaserScan", "geometry_msgs.Twist", "sensor_msgs.Image"];
    let mut events = Vec::new();
    for number in 0..40 {
        let name = types[usize::try_from(number).unwrap() % types.len()];
        let data = any_message(catalog, name, &mut random);
        events.push(event(
            number,
            START_US + number,
            &format!("/robot0/{}#{name}", name.rsplit('.').next().unwrap()),
            data,
        ));
    }
    events.push(event(40, START_US, "POSE", vec![0, 255]));
    write(&site.path("in.lcmlog"), &events);
    let exported = site.dimos(&["recording", "export", "in.lcmlog", "tables", "--json"]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let mut names: Vec<_> = fs::read_dir(site.path("tables"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected =
        ["POSE.raw.csv", "robot0.Image.csv", "robot0.LaserScan.csv", "robot0.Odometry.csv", "robot0.Twist.csv"];
    assert_eq!(names, expected);
    assert_eq!(
        rows(&wheel, &site, "POSE.raw.csv"),
        [json!({ "log_time_us": START_US.to_string(), "data_base64": "AP8=" })]
    );
    for (offset, name) in types.iter().enumerate() {
        let rows = rows(&wheel, &site, &format!("robot0.{}.csv", name.rsplit('.').next().unwrap()));
        assert_eq!(rows.len(), 10);
        for (row, event) in rows.iter().zip(events.iter().skip(offset).step_by(types.len())) {
            assert_eq!(row["log_time_us"], event.timestamp_us.to_string());
            let message = catalog.get(name).unwrap().decode(&event.data).unwrap();
            for (column, cell) in row.as_object().unwrap().iter().filter(|(column, _)| *column != "log_time_us") {
                let wanted = serde_json::to_value(message.at(column).unwrap().as_ref()).unwrap();
                let cell = cell.as_str().unwrap();
                let is_same = match &wanted {
                    Value::String(text) => {
                        cell == text || (cell == "inf" && text == "Infinity") || (cell == "-inf" && text == "-Infinity")
                    }
                    wanted => near(&serde_json::from_str(cell).unwrap(), wanted),
                };
                assert!(is_same, "{column}: {cell} is not {wanted}");
            }
        }
    }
    // A type's row has all of its columns.
    let twist = &rows(&wheel, &site, "robot0.Twist.csv")[0];
    let columns: Vec<_> = twist.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(columns.len(), 7, "{columns:?}");
    let again = site.dimos(&["recording", "export", "in.lcmlog", "tables"]);
    assert_eq!(again.code, Some(2));
    assert_eq!(site.dimos(&["recording", "export", "in.lcmlog", "tables", "--force", "-c", "POSE"]).code, Some(0));
}

/// Exports the log of a site, and has Python read it: our sum, and a line for each message.
fn export(site: &Site, wheel: &Wheel, options: &[&str]) -> (Value, Vec<Value>) {
    let exported = site.dimos(&[&["recording", "export", "in.lcmlog", "out.mcap", "--json"], options].concat());
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let read = run(wheel.script("read_mcap.py").arg(site.path("out.mcap")));
    let found: Vec<_> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let report = exported.json_lines().remove(0);
    assert_eq!(report["bytes"], fs::metadata(site.path("out.mcap")).unwrap().len());
    (report, found)
}

/// Compares what Python found with what we decode.
fn compare(catalog: &Catalog, events: &[Event], found: &[Value]) {
    let found: Vec<_> = found.iter().filter(|line| line["metadata"].is_null()).collect();
    assert_eq!(found.len(), events.len());
    for (found, event) in found.iter().zip(events) {
        let identity = catalog.identify(&event.channel, &event.data);
        let message_type = identity.best().unwrap();
        let name = message_type.name();
        let wanted = serde_json::to_value(message_type.decode(&event.data).unwrap()).unwrap();
        assert_eq!(found["channel"].as_str(), Some(&*event.as_ref().channel_name()));
        assert_eq!(found["log_time"], event.timestamp_us * 1000);
        assert_eq!(found["schema"], name.replace('.', "/"));
        let data = &found["data"];
        let data = if is_time(name) { &data["data"] } else { data };
        check(catalog.schema(), &Type::User(name.to_owned()), &[], data, &wanted).unwrap_or_else(|place| {
            panic!("{name}{place}: {data} is not {wanted}");
        });
    }
}

/// Whether what Python found is what is wanted, or where not.
fn check(schema: &Schema, kind: &Type, dimensions: &[Dimension], found: &Value, wanted: &Value) -> Result<(), String> {
    if !dimensions.is_empty() {
        if *kind == Type::Primitive(Primitive::Byte) {
            let wanted: Vec<u8> = flatten(wanted, dimensions.len() - 1)
                .iter()
                .flat_map(|blob| decode64(blob.as_str().unwrap()))
                .collect();
            return if unbase64(found) == wanted { Ok(()) } else { Err(String::new()) };
        }
        let wanted = flatten(wanted, dimensions.len());
        let found = found.as_array().ok_or("no array")?;
        if found.len() != wanted.len() {
            return Err(format!(": {} elements", found.len()));
        }
        return found.iter().zip(wanted).try_for_each(|(found, wanted)| check(schema, kind, &[], found, wanted));
    }
    match kind {
        Type::User(name) if is_time(name) => {
            let parts: Vec<_> = wanted.as_object().unwrap().values().cloned().collect();
            // JSON has them in alphabetical order: nanoseconds come first.
            if *found == json!([parts[1], parts[0]]) { Ok(()) } else { Err(": another time".to_owned()) }
        }
        Type::User(name) => match schema.get(name) {
            Some(Definition::Struct(structure)) => {
                let mut members = structure.members.iter().filter(|member| !structure.is_implied(&member.name));
                members.try_for_each(|member| check_member(schema, member, found, wanted))
            }
            _ => {
                if near(found, wanted) {
                    Ok(())
                } else {
                    Err(String::new())
                }
            }
        },
        Type::Primitive(_) => {
            if near(found, wanted) {
                Ok(())
            } else {
                Err(format!(": {found} and not {wanted}"))
            }
        }
    }
}

fn check_member(schema: &Schema, member: &Member, found: &Value, wanted: &Value) -> Result<(), String> {
    let (found, wanted) = (&found[&member.name], &wanted[&member.name]);
    check(schema, &member.kind, &member.dimensions, found, wanted).map_err(|place| format!(".{}{place}", member.name))
}

/// The elements of nested arrays.
fn flatten(value: &Value, depth: usize) -> Vec<&Value> {
    match depth {
        0 => vec![value],
        _ => value.as_array().unwrap().iter().flat_map(|item| flatten(item, depth - 1)).collect(),
    }
}

/// The same, whether it is a float by itself or one that became a double.
fn near(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| near(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| near(value, other)))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            one == other || (one - other).abs() <= other.abs() * 1e-6
        }
        _ => one == other,
    }
}

fn is_time(name: &str) -> bool {
    ["std_msgs.Time", "std_msgs.Duration", "builtin_interfaces.Time", "builtin_interfaces.Duration"].contains(&name)
}

/// Rows as Python's `csv` reads them: an object each.
fn rows(wheel: &Wheel, site: &Site, name: &str) -> Vec<Value> {
    let read = run(wheel.script("read_csv.py").arg(site.path("tables").join(name)));
    read.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A message of a type with anything in it.
fn any_message(catalog: &Catalog, name: &str, random: &mut Rng) -> Vec<u8> {
    let message_type = catalog.get(name).unwrap();
    let value = match catalog.schema().get(name) {
        Some(Definition::Struct(structure)) => any_struct(catalog.schema(), structure, random),
        _ => unreachable!("a message is a struct"),
    };
    let value = DeserializeSeed::deserialize(message_type, value).unwrap();
    message_type.encode(&value).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn any_struct(schema: &Schema, structure: &Struct, random: &mut Rng) -> Value {
    // Arrays of one size have the same length.
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for member in &structure.members {
        for dimension in &member.dimensions {
            if let Dimension::Variable { member } = dimension {
                let size = random.usize(..4);
                sizes.entry(member).or_insert(size);
            }
        }
    }
    let mut object = Map::new();
    for member in structure.members.iter().filter(|member| !structure.is_implied(&member.name)) {
        if is_time(&structure.name) {
            // ROS has others in its own way: seconds from 0 on, nanoseconds below a billion.
            object.insert(member.name.clone(), random.usize(..1_000_000_000).into());
            continue;
        }
        let value = match sizes.get(member.name.as_str()) {
            Some(size) => (*size).into(),
            None => any_member(schema, member, &member.dimensions, &sizes, random),
        };
        object.insert(member.name.clone(), value);
    }
    object.into()
}

fn any_member(
    schema: &Schema,
    member: &Member,
    dimensions: &[Dimension],
    sizes: &BTreeMap<&str, usize>,
    random: &mut Rng,
) -> Value {
    let Some((outer, inner)) = dimensions.split_first() else { return any_of(schema, &member.kind, random) };
    let size = match outer {
        Dimension::Fixed { size, .. } => usize::try_from(*size).unwrap(),
        Dimension::Variable { member } => sizes[member.as_str()],
    };
    if inner.is_empty() && member.kind == Type::Primitive(Primitive::Byte) {
        return STANDARD.encode((0..size).map(|_| random.u8(..)).collect::<Vec<_>>()).into();
    }
    (0..size).map(|_| any_member(schema, member, inner, sizes, random)).collect::<Vec<_>>().into()
}

fn any_of(schema: &Schema, kind: &Type, random: &mut Rng) -> Value {
    let bits = random.u64(..);
    match kind {
        Type::User(name) => match schema.get(name) {
            Some(Definition::Struct(structure)) => any_struct(schema, structure, random),
            Some(Definition::Enum(values)) => values.values[0].1.into(),
            None => unreachable!("all types are there"),
        },
        Type::Primitive(Primitive::Int8) => (bits as i8).into(),
        Type::Primitive(Primitive::Int16) => (bits as i16).into(),
        Type::Primitive(Primitive::Int32) => (bits as i32).into(),
        Type::Primitive(Primitive::Int64) => (bits as i64).into(),
        Type::Primitive(Primitive::Byte) => (bits as u8).into(),
        Type::Primitive(Primitive::Boolean) => bits.is_multiple_of(2).into(),
        Type::Primitive(Primitive::String) => ["", "map", "ä, \"b\"\nc"][random.usize(..3)].into(),
        Type::Primitive(Primitive::Float | Primitive::Double) => match random.usize(..8) {
            0 => "NaN".into(),
            1 => "Infinity".into(),
            _ => f64::from(bits as i16).mul_add(0.125, 0.5).into(),
        },
    }
}

fn unbase64(found: &Value) -> Vec<u8> {
    found["base64"].as_str().map(decode64).unwrap_or_else(|| panic!("{found} is no blob"))
}

fn decode64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

const START_US: i64 = 1_700_000_000_000_000;
