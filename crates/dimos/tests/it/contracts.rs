//! What modules say of themselves, what callers make of it, and binary calls, on real multicast.

use std::collections::BTreeMap;
use std::sync::Arc;

use dimos::contract::MethodContract;
use dimos::rpc::RpcError;
use dimos::{DescribeError, FindError, ServeError, Service, SkillError, Wire};
use lcm_types::geometry_msgs::{Pose, Twist};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bus::{client, eventually, name, options};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Wire)]
struct Plan {
    way: Vec<Pose>,
    cost: f64,
    labels: BTreeMap<String, Option<u16>>,
    #[serde(with = "serde_bytes")]
    blob: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Wire)]
enum Kind {
    Direct,
    Around { clearance_m: f32 },
    Through(u8, bool),
}

/// As an older program knows it.
#[derive(Debug, PartialEq, Serialize, Deserialize, Wire)]
struct OlderPlan {
    cost: f64,
    way: Vec<Pose>,
}

fn planner() -> Service {
    let schema = json!({
        "type": "object",
        "properties": { "x": { "type": "number", "maximum": 100 }, "y": { "type": "number" } },
        "required": ["x"],
        "additionalProperties": false,
    });
    let plan = MethodContract::new().doc("Finds a way to a place.").arguments(schema).skill();
    Service::new(name("robot0/planner"))
        .class_name("Planner")
        .unary("plan", |arguments, _| Ok(json!({ "to": arguments })))
        .described("plan", plan)
        .unary("echo", |arguments, _| Ok(arguments))
        .stream("count", |_, chunks| chunks.send(&1))
        .binary("longer", |plan: Plan, _| Ok(Plan { cost: plan.cost + 1.0, ..plan }))
}

fn plan() -> Plan {
    Plan {
        way: vec![Pose::from_xy_yaw(1.0, 2.0, 3.0); 3],
        cost: f64::INFINITY,
        labels: BTreeMap::from([("a".into(), Some(7)), ("b".into(), None)]),
        blob: vec![0, 255],
        kind: Kind::Around { clearance_m: 0.5 },
    }
}

#[test]
fn a_module_says_what_it_offers_and_is_asked_once() {
    let options = options();
    let served = planner().start(options.clone()).unwrap();
    let dimos = client(&options);
    let contract = dimos.describe("robot0/planner").unwrap();
    assert_eq!(contract.class_name, "Planner");
    let methods: Vec<_> = contract.methods.keys().map(String::as_str).collect();
    assert_eq!(methods, ["count", "echo", "longer", "plan"]);
    assert!(contract.methods["plan"].is_skill && contract.methods["count"].is_stream);
    assert_eq!(contract.methods["plan"].signature("plan"), "plan(x: number, y?: number) -> any");
    assert_eq!(dimos.settled().modules()[0].identity.contract, contract.hash());
    let executed = served.counts().callee.executed;
    assert!(Arc::ptr_eq(&dimos.describe("robot0/planner").unwrap(), &contract));
    assert_eq!(served.counts().callee.executed, executed);
    let Err(DescribeError::Find(FindError::None { .. })) = dimos.describe("robot1/planner") else { panic!() };
}

#[test]
fn methods_and_skills_of_all_modules_are_listed_and_skills_called_by_name() {
    let options = options();
    let _planner = planner().start(options.clone()).unwrap();
    let base = Service::new(name("robot0/base"))
        .unary("halt", |_, _| Ok(json!("halted")))
        .described("halt", MethodContract::new().doc("Stops the wheels.").skill());
    let _base = base.start(options.clone()).unwrap();
    let dimos = client(&options);
    let listing = dimos.rpcs();
    assert_eq!(listing.silent, []);
    let listed: Vec<_> = listing.methods.iter().map(|rpc| format!("{}.{}", rpc.module, rpc.method)).collect();
    let expected = ["base.halt", "planner.count", "planner.echo", "planner.longer", "planner.plan"];
    assert_eq!(listed, expected.map(|method| format!("robot0/{method}")));
    let skills: Vec<_> = dimos.skills().methods.iter().map(dimos::Rpc::signature).collect();
    assert_eq!(skills, ["robot0/base.halt(...) -> any", "robot0/planner.plan(x: number, y?: number) -> any"]);

    let with_halt = dimos.with_capability("halt");
    assert_eq!(with_halt.iter().map(|module| module.name.clone()).collect::<Vec<_>>(), [Some(name("robot0/base"))]);
    assert_eq!(dimos.call_skill("halt", &()).unwrap(), json!("halted"));
    let none = dimos.call_skill("fly", &()).unwrap_err();
    assert_eq!(none.to_string(), "no skill fly; there is halt, plan");
    let second = Service::new(name("robot1/base"))
        .unary("halt", |_, _| Ok(json!("me too")))
        .described("halt", MethodContract::new().doc("Stops the wheels.").skill());
    let _second = second.start(options.clone()).unwrap();
    // It says so itself, which takes a moment to arrive.
    eventually("two modules have it", || dimos.with_capability("halt").len() == 2);
    let Err(SkillError::Several { owners, .. }) = dimos.call_skill("halt", &()) else { panic!() };
    assert_eq!(owners, [name("robot0/base"), name("robot1/base")]);
}

#[test]
fn arguments_are_checked_before_the_method_runs() {
    let options = options();
    let served = planner().start(options.clone()).unwrap();
    let planner = client(&options).module("robot0/planner").unwrap();
    assert_eq!(planner.call("plan", &json!({ "x": 1 })).unwrap(), json!({ "to": { "x": 1 } }));
    for (arguments, told) in [
        (json!({ "x": "1" }), "x"),
        (json!({ "y": 1 }), "x"),
        (json!({ "x": 1, "z": 2 }), "z"),
        (json!({ "x": 101 }), "100"),
        (json!([1]), "object"),
    ] {
        let error = planner.call("plan", &arguments).unwrap_err();
        let RpcError::BadArguments { message, .. } = &error else { panic!("{error:?}") };
        assert!(message.contains(told), "{arguments}: {message}");
    }
    assert_eq!(served.counts().callee.executed, 6);
    assert_eq!(planner.call("plan", &json!({ "x": 2 })).unwrap(), json!({ "to": { "x": 2 } }));

    let schema = MethodContract::new().arguments(json!({ "type": 7 }));
    let broken = Service::new(name("broken")).unary("echo", |arguments, _| Ok(arguments)).described("echo", schema);
    let Err(ServeError::Schema { method, .. }) = broken.start(options.clone()) else { panic!() };
    assert_eq!(method, "echo");
    let unknown = Service::new(name("unknown")).described("echo", MethodContract::new());
    let Err(ServeError::NoSuchMethod { .. }) = unknown.start(options) else { panic!() };
}

#[test]
fn binary_calls_need_the_same_types_on_both_sides() {
    let options = options();
    let served = planner().start(options.clone()).unwrap();
    let planner = client(&options).module("robot0/planner").unwrap();
    let longer: Plan = planner.call_binary("longer", &plan()).unwrap();
    assert_eq!(longer, plan());
    // Who knows no bincode calls it in JSON.
    let finite = Plan { cost: 1.0, ..plan() };
    assert_eq!(planner.call_as::<Plan>("longer", &finite).unwrap(), Plan { cost: 2.0, ..plan() });
    let executed = served.counts().callee.executed;
    let older = OlderPlan { cost: 1.0, way: vec![] };
    for error in [
        planner.call_binary::<_, OlderPlan>("longer", &older).unwrap_err(),
        planner.call_binary::<_, Twist>("longer", &plan()).unwrap_err(),
        planner.call_binary::<_, Plan>("echo", &plan()).unwrap_err(),
    ] {
        assert!(matches!(error, RpcError::ContractMismatch { .. }), "{error:?}");
    }
    assert_eq!(served.counts().callee.executed, executed);
}

#[test]
fn shapes_differ_wherever_bytes_could_be_taken_for_something_else() {
    #[derive(Serialize, Deserialize, Wire)]
    struct Renamed {
        price: f64,
        way: Vec<Pose>,
    }
    #[derive(Serialize, Deserialize, Wire)]
    struct Generic<T> {
        cost: f64,
        way: T,
    }
    #[derive(Serialize, Deserialize, Wire)]
    enum Kinds {
        Around { clearance_m: f32 },
        Direct,
        Through(u8, bool),
    }
    let shapes = [
        OlderPlan::SHAPE,
        Renamed::SHAPE,
        Generic::<Vec<Twist>>::SHAPE,
        Generic::<Option<Pose>>::SHAPE,
        Kind::SHAPE,
        Kinds::SHAPE,
        <[u8; 4]>::SHAPE,
        <[u8; 5]>::SHAPE,
        <Vec<u8>>::SHAPE,
        String::SHAPE,
        u32::SHAPE,
        i32::SHAPE,
        <(u32, u32)>::SHAPE,
        <Result<u32, u32>>::SHAPE,
    ];
    for (index, shape) in shapes.iter().enumerate() {
        assert!(!shapes[index + 1..].contains(shape), "{index}");
    }
    assert_eq!(Generic::<Vec<Pose>>::SHAPE, OlderPlan::SHAPE);
}

#[test]
fn schemas_of_messages_take_what_serde_takes() {
    let generated = |schema: schemars::Schema| dimos::json_schema::Schema::compile(&schema.to_value()).unwrap();
    let pose = generated(schemars::schema_for!(lcm_types::geometry_msgs::PoseStamped));
    let mut stamped = lcm_types::geometry_msgs::PoseStamped::default();
    stamped.pose.position.x = f64::NAN;
    stamped.header.frame_id = "map".into();
    pose.check(&serde_json::to_value(&stamped).unwrap()).unwrap();
    pose.check(&json!({})).unwrap();
    assert!(pose.check(&json!({ "pose": { "position": { "w": 1 } } })).is_err());
    let image = generated(schemars::schema_for!(lcm_types::sensor_msgs::Image));
    let picture = lcm_types::sensor_msgs::Image { data: vec![1, 2, 3], ..Default::default() };
    image.check(&serde_json::to_value(&picture).unwrap()).unwrap();
    macro_rules! every {
        ($($message:ty),* $(,)?) => {
            $(generated(schemars::schema_for!($message))
                .check(&serde_json::to_value(<$message>::default()).unwrap())
                .unwrap_or_else(|violations| panic!("{}: {violations:?}", stringify!($message)));)*
        };
    }
    lcm_types::all_types!(every);
}
