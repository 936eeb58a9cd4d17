//! Publishes a greeting every half second and prints every message it hears, its own too.
//!
//! Run it in two terminals, or beside any other LCM program: `lcm-source`, `lcm-sink`, `lcm-logger`, Python. Without
//! `LCM_DEFAULT_URL` it stays on this host.
#![expect(clippy::print_stdout, reason = "what it heard is its output")]

use std::time::{Duration, Instant};

use lcm::{Lcm, Pattern, Queue, Sample};

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let bus = Lcm::from_env()?;
    let everything = bus.subscribe(Pattern::any(), Queue::default())?;
    let mut next = Instant::now();
    for count in 1.. {
        bus.publish("HELLO", format!("hello {count} from process {}", std::process::id()).as_bytes())?;
        next += Duration::from_millis(500);
        while let Some(message) = everything.recv_timeout(next.saturating_duration_since(Instant::now()))? {
            println!("{}", describe(&message));
        }
        let heard = bus.statistics().total();
        if heard.lost + heard.incomplete + everything.dropped() > 0 {
            eprintln!("lost {}, incomplete {}, dropped {}", heard.lost, heard.incomplete, everything.dropped());
        }
    }
    Ok(())
}

fn describe(message: &Sample) -> String {
    let sender = message.sender().map_or_else(|| "this process".to_owned(), |sender| sender.to_string());
    let payload = message.payload();
    let shown = payload[..payload.len().min(50)].escape_ascii();
    format!("{:<20} {:>8} bytes from {sender}: {shown}", message.channel(), payload.len())
}
