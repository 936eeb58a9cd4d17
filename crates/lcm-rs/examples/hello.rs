//! Publishes a greeting every half second and prints what it hears: run it in two terminals, or beside any LCM program.

use std::time::{Duration, Instant};

use lcm::{Lcm, Queue};

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let bus = Lcm::from_env()?;
    let greetings = bus.subscribe("HELLO", Queue::default())?;
    let mut next = Instant::now();
    for count in 0.. {
        bus.publish("HELLO", format!("hello {count} from process {}", std::process::id()).as_bytes())?;
        next += Duration::from_millis(500);
        while let Some(message) = greetings.recv_timeout(next.saturating_duration_since(Instant::now()))? {
            let sender = message.sender().map_or_else(String::new, |sender| sender.to_string());
            eprintln!("{sender} says {}", String::from_utf8_lossy(message.payload()));
        }
    }
    Ok(())
}
