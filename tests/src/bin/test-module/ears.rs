//! A module that hears in every way there is, and tells what it heard.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dimos::{In, Module, Out, OutError, Sample, module};
use lcm_types::geometry_msgs::{PoseStamped, PoseStampedView};
use lcm_types::std_msgs::Int32;

/// Hears numbers and poses.
#[derive(Module)]
pub(crate) struct Ears {
    #[port(latest)]
    latest: In<Int32>,
    #[port(keep_last = 4)]
    few: In<Int32>,
    usual: In<Int32>,
    /// Takes half a millisecond of each.
    #[port(keep_last = 10000)]
    many: In<Int32>,
    /// Sleeps for so many milliseconds.
    nap: In<Int32>,
    /// Fails at 1, panics at 2.
    trouble: In<Int32>,
    unhandled: In<Int32>,
    owned: In<PoseStamped>,
    viewed: In<PoseStamped>,
    raw: In<PoseStamped>,
    /// The poses again, as each handler understood them.
    echo: Out<PoseStamped>,
    heard: BTreeMap<String, Vec<i32>>,
}

#[module]
impl Ears {
    fn on_latest(&mut self, number: Int32) {
        self.note("latest", number.data);
    }

    fn on_few(&mut self, number: Int32) {
        self.note("few", number.data);
    }

    fn on_usual(&mut self, number: Int32) {
        self.note("usual", number.data);
    }

    fn on_many(&mut self, number: Int32) {
        let until = Instant::now() + Duration::from_micros(500);
        while Instant::now() < until {}
        self.note("many", number.data);
    }

    fn on_nap(&mut self, number: Int32) {
        std::thread::sleep(Duration::from_millis(number.data.unsigned_abs().into()));
        self.note("nap", number.data);
    }

    fn on_trouble(&mut self, number: Int32) -> Result<(), String> {
        match number.data {
            1 => Err("out of paper".to_owned()),
            2 => panic!("the paper burns"),
            number => {
                self.note("trouble", number);
                Ok(())
            }
        }
    }

    fn on_owned(&mut self, pose: PoseStamped) -> Result<(), OutError> {
        self.echo.publish(&pose)
    }

    fn on_viewed(&mut self, pose: PoseStampedView<'_>, sample: &Sample) -> Result<(), OutError> {
        let mut seen = PoseStamped::default();
        seen.header.frame_id = format!("{} on {}", pose.header().frame_id().to_str().unwrap_or("?"), sample.channel());
        self.echo.publish(&seen)
    }

    fn on_raw(&mut self, sample: &Sample) -> Result<(), OutError> {
        self.echo.publish_encoded(sample.payload())
    }

    /// The numbers that handlers were called with, by port.
    #[rpc]
    fn heard(&self) -> BTreeMap<String, Vec<i32>> {
        self.heard.clone()
    }

    /// What a port received, what was overtaken, and what was undecodable.
    #[rpc]
    fn counts(&self, port: String) -> Option<[u64; 3]> {
        let counts = match port.as_str() {
            "latest" => self.latest.counts(),
            "few" => self.few.counts(),
            "usual" => self.usual.counts(),
            "many" => self.many.counts(),
            "trouble" => self.trouble.counts(),
            "unhandled" => self.unhandled.counts(),
            "owned" => self.owned.counts(),
            _ => return None,
        };
        Some([counts.received, counts.overtaken, counts.undecodable])
    }

    /// What the port without a handler has.
    #[rpc]
    fn unhandled(&self) -> Option<i32> {
        Some(self.unhandled.latest()?.data)
    }
}

impl Ears {
    fn note(&mut self, port: &str, number: i32) {
        self.heard.entry(port.to_owned()).or_default().push(number);
    }
}
