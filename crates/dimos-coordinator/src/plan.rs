//! What launch files come to: the modules of a run, and how each of them is started.
//!
//! Data only. Launch files are read elsewhere; whether the modules fit together is checked elsewhere, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use dimos::contract::Direction;
use dimos::{Connections, Contract, Name};

/// All that a run is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// What people call it: the names of its launch files without their ending, `sim` or `sim+teleop`.
    pub name: String,
    /// The bus; if there is none, that of `LCM_DEFAULT_URL`.
    pub bus: Option<String>,
    /// Whether the modules take the time from `/clock`, but for the one that publishes it.
    pub is_time_simulated: bool,
    /// The modules, by their full names.
    pub modules: BTreeMap<Name, PlannedModule>,
    /// Modules of the launch files that are left out of the run. They may run elsewhere.
    pub left_out: BTreeSet<Name>,
    /// Topics that are fed from outside of the run, so that nobody in it need publish them.
    pub external: BTreeSet<String>,
    /// Where the launch files lie: executables below these directories may be started over the bus.
    pub directories: BTreeSet<PathBuf>,
}

/// A module of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedModule {
    /// What is executed.
    pub program: Program,
    /// What is set of its configuration: an object, or null for nothing.
    pub config: serde_json::Value,
    /// Topics in place of those that its ports have by themselves, by port. They are full topics: namespaces are in them.
    pub remap: BTreeMap<String, String>,
    /// Topics of its ports that do not get all of its namespace, and what they are instead: `/map` is `/map`, or `/site/map`.
    pub exposed: BTreeMap<String, String>,
    /// The modules that its references mean, as far as the file says, by reference. They are full names.
    pub references: BTreeMap<String, Name>,
    /// Variables that are added to its environment.
    pub environment: BTreeMap<String, String>,
    /// Where it works; absolute.
    pub directory: PathBuf,
    /// What happens when it ends by itself.
    pub restart: RestartPolicy,
    /// Whether it takes the time from `/clock`, where the file says so for this module.
    pub is_time_simulated: Option<bool>,
    /// How nice it is to other processes, from -20 to 19.
    pub nice: Option<i32>,
    /// The processors that it may run on; empty for all.
    pub cpus: Vec<usize>,
    /// How it is known to be up, and how long that may take.
    pub readiness: Readiness,
    /// How long starting may take.
    pub start_within: Duration,
    /// Ports that the file declares: all of a foreign program's, and those that an SDK module does not declare itself.
    pub ports: BTreeMap<String, PlannedPort>,
    /// Where the file says all of this: an index into the sources of the launch.
    pub place: Place,
}

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// A module that ships with `dimos`.
    Stock {
        /// Its name, such as `robot-sim`.
        name: String,
        /// What stands behind it on the command line.
        arguments: Vec<String>,
    },
    /// A module that is written with the SDK: it describes itself, and takes a launch line.
    Module {
        /// The executable; absolute.
        executable: PathBuf,
        /// What stands behind it on the command line, before what the coordinator adds.
        arguments: Vec<String>,
    },
    /// Any other program: it is started as it is.
    Foreign {
        /// The executable; absolute.
        executable: PathBuf,
        /// What stands behind it on the command line.
        arguments: Vec<String>,
    },
}

/// A port that the launch file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPort {
    /// Whether it is read or written.
    pub direction: Direction,
    /// The message type, such as `sensor_msgs.LaserScan`.
    pub type_name: String,
    /// Where the file says so.
    pub place: Place,
}

/// What happens when a module ends by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RestartPolicy {
    /// When it is started again.
    pub when: RestartWhen,
    /// How long it rests before the second restart in a row; the first one is at once. It doubles with each further one, up to
    /// [`RestartPolicy::MAX_BACK_OFF`].
    pub back_off: Duration,
    /// How often in a row it is started again. It counts from the beginning once the module has been up for
    /// [`RestartPolicy::STEADY`].
    pub limit: u32,
}

/// When a module is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestartWhen {
    /// It is not.
    Never,
    /// When it crashed, or ended with an exit code other than 0.
    OnFailure,
    /// However it ended.
    Always,
}

/// How a module is known to be up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Its claim says so.
    Claim,
    /// It has been running for so long.
    After(Duration),
    /// Something was heard on this channel.
    Heard(String),
}

/// A place in a launch file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which file: an index into the sources of the launch.
    pub source: usize,
    /// Where what is meant begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// How the modules of a plan are joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring {
    /// By module.
    pub modules: BTreeMap<Name, ModuleWiring>,
}

/// How a module is joined with others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleWiring {
    /// The channel of each port, with its type.
    pub channels: BTreeMap<String, String>,
    /// The module of each reference. Optional ones that nobody fits are left out.
    pub references: BTreeMap<String, Name>,
    /// The modules that must be up before this one is started: its required references.
    pub dependencies: BTreeSet<Name>,
    /// Whether it takes the time from `/clock`.
    pub is_time_simulated: bool,
}

impl ModuleWiring {
    /// The same for people: which channels it reads and writes, and whom it calls.
    #[must_use]
    pub fn connections(&self, module: &PlannedModule, contract: Option<&Contract>) -> Connections {
        let direction = |port: &String| {
            let declared = module.ports.get(port).map(|port| port.direction);
            contract.and_then(|contract| contract.ports.get(port)).map(|port| port.direction).or(declared)
        };
        let (outputs, mut inputs): (BTreeMap<_, _>, BTreeMap<_, _>) = self
            .channels
            .iter()
            .map(|(port, channel)| (port.clone(), channel.clone()))
            .partition(|(port, _)| direction(port) == Some(Direction::Out));
        // Foreign programs are not told to.
        if self.is_time_simulated && contract.is_some() {
            inputs.insert("clock".to_owned(), CLOCK.to_owned());
        }
        let references = self.references.iter().map(|(reference, name)| (reference.clone(), name.to_string()));
        Connections::new(inputs, outputs, references.collect())
    }
}

/// Where a simulation tells the time.
pub(crate) const CLOCK: &str = "/clock#builtin_interfaces.Time";

impl RestartPolicy {
    /// The longest rest before a restart.
    pub const MAX_BACK_OFF: Duration = Duration::from_secs(30);
    /// How long a module must have been up for its failures to be forgotten.
    pub const STEADY: Duration = Duration::from_secs(10);
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self { when: RestartWhen::OnFailure, back_off: Duration::from_millis(500), limit: 5 }
    }
}
