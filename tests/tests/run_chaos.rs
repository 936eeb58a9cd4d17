//! A run of 20 modules through 200 faults, drawn by chance: its modules are killed, stand still for a while or for good, crash again
//! and again, and its coordinator or keeper is killed. Every fault is noticed, everything runs again, nothing is left behind.
//!
//! The seed is printed; `MESH_TESTS_SEED=<number>` draws the same faults again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use dimos::coordinator::{ModuleState, ModuleStatus};
use mesh_tests::process::PATIENCE;
use mesh_tests::run::{Run, Site, nothing_is_left, others, signal};
use mesh_tests::{isolated, run_test_module, site};

#[test]
fn two_hundred_faults_leave_everything_as_it_should_be() {
    isolated!(MulticastOnLo);
    let site = site!();
    let mut chance = Chance::new();
    // Not captured by the harness, so that it is seen also when the watchdog ends the test.
    let _ = writeln!(std::io::stderr(), "MESH_TESTS_SEED={}", chance.0);
    let launch = launch(&site);
    let mut faults = 0;
    let mut deaths = 0;
    while faults < FAULTS {
        let mut world = World::begin(&site, &launch);
        // Every run ends by a death, but for the last one.
        let end = FAULTS.min(faults + 20 + chance.below(30));
        while faults < end {
            faults += world.round(&mut chance);
        }
        if faults < FAULTS {
            world.die(deaths % 3 == 2);
            deaths += 1;
            faults += 1;
        } else {
            world.end();
        }
    }
    assert!(deaths >= 3, "{deaths}");
}

/// A run, and what is known of it.
struct World<'a> {
    site: &'a Site,
    run: Run,
    run_id: String,
    /// The processes that SIGKILL ended, by module.
    killed: BTreeMap<String, usize>,
    restarts: BTreeMap<String, u32>,
    has_given_up: bool,
}

/// What is done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    /// It stands still, and goes on before anybody takes it for lost.
    Paused,
    /// It stands still for good.
    Stopped,
}

impl<'a> World<'a> {
    fn begin(site: &'a Site, launch: &str) -> Self {
        let run = site.run(&[launch]);
        let status = run.status();
        assert_eq!(status.modules.len(), 20);
        assert_eq!(others().len(), 22, "{:?}", others());
        let run_id = status.run_id;
        Self { site, run, run_id, killed: BTreeMap::new(), restarts: BTreeMap::new(), has_given_up: false }
    }

    /// Something happens to some modules at once. Returns how many faults that were.
    fn round(&mut self, chance: &mut Chance) -> usize {
        if chance.below(4) == 0 {
            self.crash_loop();
            return 1;
        }
        let mut modules: Vec<ModuleStatus> = self.run.status().modules;
        modules.retain(|module| module.name != FRAGILE);
        let lasts = chance.below(3) == 0;
        let mut struck = Vec::new();
        for _ in 0..=chance.below(8) {
            let module = modules.swap_remove(chance.below(modules.len()));
            // Of a foreign program nobody hears whether it is well.
            let fault = match chance.below(4) {
                0 | 1 => Fault::Killed,
                2 if lasts && module.class.is_some() => Fault::Stopped,
                _ => Fault::Paused,
            };
            struck.push((module, fault));
        }
        for (module, fault) in &struck {
            let pid = module.pid.unwrap_or_else(|| panic!("{module:?} runs"));
            signal(pid, if *fault == Fault::Killed { "KILL" } else { "STOP" });
        }
        std::thread::sleep(Duration::from_millis(u64::try_from(chance.below(1200)).expect("it is small")));
        for (module, _) in struck.iter().filter(|(_, fault)| *fault == Fault::Paused) {
            signal(module.pid.expect("it runs"), "CONT");
        }
        for (module, fault) in &struck {
            let restarts = self.restarts.entry(module.name.clone()).or_default();
            if *fault != Fault::Paused {
                *restarts += 1;
                *self.killed.entry(module.name.clone()).or_default() += 1;
            }
            let restarts = *restarts;
            self.run.until(&module.name, &format!("runs after it was {fault:?}, restarted {restarts} times"), |now| {
                now.state == ModuleState::Running
                    && now.restarts == restarts
                    && (now.pid == module.pid) == (*fault == Fault::Paused)
            });
        }
        struck.len()
    }

    /// One module crashes until it is given up, and is started again by hand.
    fn crash_loop(&mut self) {
        let broken = self.site.path("broken");
        fs::write(&broken, "").expect("a file can be written");
        *self.killed.entry(FRAGILE.to_owned()).or_default() += 1;
        signal(self.run.pid(FRAGILE), "KILL");
        let failed = self.run.until(FRAGILE, "is given up", |module| module.state == ModuleState::Failed);
        fs::remove_file(&broken).expect("it is there");
        let restarts = self.restarts.entry(FRAGILE.to_owned()).or_default();
        *restarts += 3;
        assert_eq!(failed.restarts, *restarts, "{failed:?}");
        self.run.coordinator().restart(FRAGILE).expect("it runs again");
        *restarts += 1;
        self.has_given_up = true;
    }

    /// The coordinator is killed, or the keeper.
    fn die(mut self, is_keeper: bool) {
        let coordinator = self.run.status().pid;
        let command = self.run.command.as_mut().expect("it runs");
        if is_keeper {
            signal(command.id(), "KILL");
        } else {
            signal(coordinator, "KILL");
            assert_eq!(command.wait(PATIENCE).code(), Some(1), "{}", command.stderr());
        }
        nothing_is_left();
        self.check_records();
    }

    /// Everything is as it should be, and ends so.
    fn end(mut self) {
        for module in self.run.status().modules {
            let restarts = self.restarts.get(&module.name).copied().unwrap_or_default();
            assert_eq!((module.state, module.restarts), (ModuleState::Running, restarts), "{module:?}");
        }
        assert_eq!(others().len(), 22, "{:?}", others());
        let code = if self.has_given_up { 10 } else { 0 };
        assert_eq!(self.run.end_by("TERM"), Some(code), "{}", self.run.stderr());
        nothing_is_left();
        self.check_records();
    }

    /// No line of the log is torn, none is missing, and every death stands in it.
    fn check_records(&self) {
        assert_eq!(self.site.register(), Vec::<serde_json::Value>::new());
        let log = self.site.log(Some(&self.run_id));
        let mut killed: BTreeMap<String, usize> = BTreeMap::new();
        let before_the_end = log.iter().take_while(|line| line["kind"] != "stopping");
        let is_it = |event: &str| event.ends_with("was ended by signal 9 (SIGKILL)");
        for line in before_the_end.filter(|line| line["kind"] == "exited" && line["event"].as_str().is_some_and(is_it))
        {
            *killed.entry(line["module"].as_str().expect("a name").to_owned()).or_default() += 1;
        }
        assert_eq!(killed, self.killed);
    }
}

fn launch(site: &Site) -> String {
    let restart = "restart = { when = \"always\", back_off = \"10ms\", limit = 1000 }\n";
    let mut text = "external = [\"/nap\", \"/release\", \"/doubled\"]\n".to_owned();
    let mut add = |name: String, run: &str| {
        // A String takes everything.
        let _ = writeln!(text, "[modules.{name}]\n{restart}{run}");
    };
    for number in 0..8 {
        add(format!("worker{number}"), &run_test_module!("Worker"));
    }
    for number in 0..4 {
        add(format!("ticker{number}"), &run_test_module!("Ticker"));
    }
    for number in 0..3 {
        add(
            format!("caller{number}"),
            &format!(
                "{}references = {{ adder = \"worker{number}\", prophet = \"worker{number}\" }}",
                run_test_module!("Caller")
            ),
        );
    }
    for number in 0..4 {
        add(format!("tool{number}"), "run = [\"sleep\", \"100000\"]\nforeign = true\nready_after = \"20ms\"");
    }
    site.script(FRAGILE, "[ -e broken ] && exit 3; exec sleep 100000");
    text += "[modules.fragile]\nrun = \"fragile\"\nforeign = true\nready_after = \"20ms\"\nrestart = { back_off = \"10ms\", limit = 3 }\n";
    site.write("twenty.toml", &text)
}

/// Numbers by chance; the same ones from the same seed.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let given = std::env::var("MESH_TESTS_SEED").ok().map(|seed| seed.parse().expect("the seed is a number"));
        let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |time| u64::from(time.subsec_nanos()));
        Self(given.unwrap_or_else(now).max(1))
    }

    /// Less than this.
    fn below(&mut self, limit: usize) -> usize {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("it has 31 bits") % limit
    }
}

const FAULTS: usize = 200;

/// The module that crashes again and again.
const FRAGILE: &str = "fragile";
