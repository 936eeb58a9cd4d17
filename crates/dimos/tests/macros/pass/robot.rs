//! A module of everything there is, under lints as strict as they come: of what the macros write, they see nothing. It is run, and
//! its contract compared with what its definition says.
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#![allow(
    clippy::fn_params_excessive_bools,
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_ref_mut,
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    unreachable_pub,
    reason = "the methods do nothing, and public is what documentation is asked for"
)]

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dimos::contract::{MethodContract, PortContract};
use dimos::{
    Call, Chunks, Clock, Context, Contract, In, Module, Out, Ref, Reply, RpcError, Sample, Stream, Tf, Wire, interface,
    module,
};
use lcm_types::geometry_msgs::{Twist, TwistLayout};
use lcm_types::nav_msgs::Odometry;
use lcm_types::sensor_msgs::{LaserScan, LaserScanView};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A map.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema, Wire)]
pub struct Grid {
    cells: Vec<u8>,
}

/// Settings.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CruiseConfig {
    cells: u32,
    period_ms: u64,
}

/// Finds ways.
#[interface]
pub trait Planner {
    /// Finds a way.
    ///
    /// # Errors
    /// As any call.
    fn plan(
        &self,
        /// Where to.
        x: f64,
        y: Option<f64>,
    ) -> Result<Vec<f64>, RpcError>;
    /// Watches.
    ///
    /// # Errors
    /// As any call.
    fn watch(&self, id: u64) -> Result<Stream<f64>, RpcError>;
    /// Merges.
    ///
    /// # Errors
    /// As any call.
    #[binary]
    fn merge(&self, grid: Grid) -> Result<Grid, RpcError>;
    /// Stops.
    ///
    /// # Errors
    /// As any call.
    #[rpc(name = "stop-now")]
    fn stop(&self) -> Result<(), RpcError>;
}

/// Why.
#[derive(Debug)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

/// Drives until something is near.
///
/// Twice.
#[derive(Debug, Module)]
pub struct Cruise {
    /// What the scanner sees.
    #[port(latest, topic = "/front/scan")]
    scan: In<LaserScan>,
    #[port(keep_last = 8)]
    odom: In<Odometry>,
    stop_cmd: In<Twist>,
    r#type: In<Twist>,
    #[port(latched)]
    cmd_vel: Out<Twist>,
    planner: Ref<dyn Planner>,
    other: Option<Ref<dyn Planner>>,
    context: Context,
    clock: Clock,
    tf: Tf,
    config: CruiseConfig,
    #[init(vec![0; config.cells as usize])]
    grid: Vec<u8>,
    progress: Arc<AtomicU64>,
    nearest_m: f32,
    pending: Vec<Reply<f64>>,
}

#[module]
impl Cruise {
    fn on_scan(&mut self, scan: LaserScanView<'_>) -> Result<(), Broken> {
        self.nearest_m = scan.range_min();
        Err(Broken)
    }

    fn on_odom(&mut self, mut odom: Odometry, sample: &Sample) {
        odom.pose.pose.position.x = 0.0;
        let _ = (odom, sample.channel(), &self.tf, &self.clock, &self.context);
    }

    #[on(stop_cmd)]
    fn halt_at(&mut self, twist: &TwistLayout) {
        let _ = (twist, &self.cmd_vel, &self.planner, &self.other);
    }

    fn on_type(&mut self, sample: &Sample) {
        let _ = (&self.r#type, sample);
    }

    #[every("100ms")]
    fn tick(&mut self) {
        self.grid.clear();
    }

    #[every(hz = 20)]
    fn tock(&self) -> Result<(), Broken> {
        let _ = self;
        Ok(())
    }

    #[every(Duration::from_millis(self.config.period_ms))]
    fn config_tick(&mut self) {}

    #[every(Duration::from_millis(5))]
    fn r#loop(&mut self) {}

    #[start]
    fn begin(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    #[stop]
    fn end(&mut self) {}

    /// Sets the speed.
    #[rpc]
    fn set_speed(
        &mut self,
        /// How fast.
        #[schemars(range(min = 0.0))]
        mps: f64,
        note: Option<String>,
        #[serde(default)] module: bool,
        call: bool,
        r#in: bool,
        table: bool,
    ) -> f64 {
        let _ = (note, module, call, r#in, table);
        mps
    }

    /// Merges.
    ///
    /// # Errors
    /// Never.
    #[rpc(binary, name = "merge-grids")]
    pub fn merge(&mut self, grid: Grid) -> Result<Grid, Broken> {
        Ok(grid)
    }

    #[rpc]
    fn distance(&self, call: &Call, to: (f64, f64)) -> f64 {
        if call.is_cancelled() { 0.0 } else { to.0 + f64::from(self.nearest_m) }
    }

    #[rpc]
    fn count(&mut self, to: u64, chunks: Chunks<u64>) -> Result<(), RpcError> {
        for number in 0..to {
            chunks.send(&number)?;
        }
        Ok(())
    }

    #[rpc]
    fn go_to(&mut self, x: f64, reply: Reply<f64>) {
        let _ = x;
        self.pending.push(reply);
    }

    #[rpc(concurrent)]
    fn progress(#[shared] progress: &AtomicU64, call: &Call, scale: u64) -> u64 {
        let _ = call.caller();
        progress.load(Ordering::Relaxed) * scale
    }

    /// Says nothing.
    #[skill(concurrent)]
    fn hello() {}

    /// Stops the wheels.
    #[skill]
    fn halt(&mut self) {
        self.helper();
    }

    /// Gone.
    #[cfg(any())]
    #[skill]
    fn absent(&mut self, gone: Gone) {}

    fn helper(&self) {
        let _ = self.nearest_m;
    }
}

/// Without arguments it runs itself with one, and reads what it prints.
fn main() -> ExitCode {
    if std::env::args().len() > 1 {
        return dimos::run::<Cruise>();
    }
    let program = std::env::current_exe().expect("a program has a path");
    let output = Command::new(program).arg("--describe").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let contract: Contract = serde_json::from_slice(&output.stdout).expect("a contract is JSON");
    assert_eq!(contract.class_name, "Cruise");
    assert_eq!(contract.doc, "Drives until something is near.\n\nTwice.");
    check_ports(&contract);
    check_references(&contract);
    check_methods(&contract);
    ExitCode::SUCCESS
}

fn check_ports(contract: &Contract) {
    let ports = contract.ports.iter().map(|(name, port)| {
        let PortContract { direction, type_name, topic, doc, is_latched, .. } = port;
        format!("{name}: {direction:?} {type_name} {topic} {is_latched} {doc}")
    });
    let expected = [
        "cmd_vel: Out geometry_msgs.Twist /cmd_vel true ",
        "odom: In nav_msgs.Odometry /odom false ",
        "scan: In sensor_msgs.LaserScan /front/scan false What the scanner sees.",
        "stop_cmd: In geometry_msgs.Twist /stop_cmd false ",
        "type: In geometry_msgs.Twist /type false ",
    ];
    assert_eq!(ports.collect::<Vec<_>>(), expected);
}

fn check_references(contract: &Contract) {
    let references: Vec<_> = contract.references.iter().map(|(name, one)| (name.as_str(), one.is_optional)).collect();
    assert_eq!(references, [("other", true), ("planner", false)]);
    let planner = &contract.references["planner"];
    assert_eq!(planner.interface, "Planner");
    let signatures: Vec<_> = planner.methods.iter().map(|(name, method)| taken(name, method)).collect();
    let expected =
        ["merge(grid: Grid)", "plan(x: number, y?: number | null)", "stop-now()", "stream watch(id: integer)"];
    assert_eq!(signatures, expected);
    assert_eq!(planner.methods["plan"].doc, "Finds a way.\n\n# Errors\nAs any call.");
    assert_eq!(planner.methods["plan"].arguments["properties"]["x"]["description"], "Where to.");
    // The shape of what a binary method carries is the same on both sides.
    assert!(planner.methods["merge"].binary.is_some());
    assert_eq!(planner.methods["merge"].binary, contract.methods["merge-grids"].binary);
}

fn check_methods(contract: &Contract) {
    let signatures: Vec<_> = contract.methods.iter().map(|(name, method)| taken(name, method)).collect();
    let expected = [
        "stream count(to: integer)",
        "distance(to: array)",
        "go_to(x: number)",
        "skill halt()",
        "skill hello()",
        "merge-grids(grid: Grid)",
        "progress(scale: integer)",
        "set_speed(mps: number, note?: string | null, module?: boolean, call: boolean, in: boolean, table: boolean)",
    ];
    assert_eq!(signatures, expected);
    let set_speed = &contract.methods["set_speed"];
    assert_eq!(set_speed.doc, "Sets the speed.");
    assert_eq!(set_speed.arguments["properties"]["mps"]["description"], "How fast.");
    assert_eq!(set_speed.arguments["properties"]["mps"]["minimum"], 0.0);
    assert_eq!(set_speed.arguments["additionalProperties"], false);
}

/// What kind of method it is, and what it takes.
fn taken(name: &str, method: &MethodContract) -> String {
    let kind = match (method.is_skill, method.is_stream) {
        (true, _) => "skill ",
        (_, true) => "stream ",
        _ => "",
    };
    let signature = method.signature(name);
    format!("{kind}{}", signature.split(" -> ").next().unwrap_or_default())
}
