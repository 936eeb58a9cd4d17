//! What a worker is to do: the arguments that the tool writes, and that the workers in Rust and in C read alike.

use clap::{Args, ValueEnum};

/// A role and its options. Every worker uses the LCM's default address, in the network namespace of the tool.
#[derive(Debug, Clone, PartialEq, Args)]
pub(crate) struct Job {
    /// What the worker does.
    pub(crate) role: Role,
    /// What is published or subscribed.
    #[arg(long, default_value = "BENCH")]
    pub(crate) channel: String,
    /// Publish in turn on this many channels, whose names end in a number from 0; with 0 on the one channel.
    #[arg(long, default_value_t = 0)]
    pub(crate) channels: u32,
    /// Size of a message's payload.
    #[arg(long, default_value_t = 64)]
    pub(crate) bytes: u32,
    /// Messages or trips at most.
    #[arg(long, default_value_t = u64::MAX)]
    pub(crate) limit: u64,
    /// Seconds at most.
    #[arg(long, default_value_t = 1e9)]
    pub(crate) seconds: f64,
    /// Messages or trips before the measured ones.
    #[arg(long, default_value_t = 0)]
    pub(crate) warm_up: u64,
    /// Messages a second; with 0 as fast as it goes.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) hz: f64,
    /// After this time a trip is lost; with 0 it is waited for.
    #[arg(long, default_value_t = 0)]
    pub(crate) timeout_ms: u32,
    /// Bytes of kernel receive buffer to ask for; by default what the implementation takes by itself.
    #[arg(long)]
    pub(crate) recv_buf_size: Option<u32>,
    /// Bytes per second at which to pace, 0 for not at all; by default what the implementation does by itself. Ours only.
    #[arg(long)]
    pub(crate) pace: Option<u64>,
    /// Microseconds for which a reader looks for an answer before it sleeps. Ours only.
    #[arg(long)]
    pub(crate) spin: Option<u32>,
    /// Messages to publish in one call; by default they are published one by one. Ours only.
    #[arg(long)]
    pub(crate) batch: Option<u32>,
    /// Messages that a subscription may hold, 0 for any number; by default what the implementation takes. C LCM only.
    #[arg(long)]
    pub(crate) queue: Option<u32>,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Sends every message on `PING` back on `PONG`.
    Echo,
    /// Publishes on `PING`, waits for the answer on `PONG`, and so on.
    Ping,
    /// Counts what arrives.
    Count,
    /// Publishes, at a rate or as fast as it goes.
    Send,
}

impl Job {
    /// A job with every option at its default.
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            channel: "BENCH".to_owned(),
            channels: 0,
            bytes: 64,
            limit: u64::MAX,
            seconds: 1e9,
            warm_up: 0,
            hz: 0.0,
            timeout_ms: 0,
            recv_buf_size: None,
            pace: None,
            spin: None,
            batch: None,
            queue: None,
        }
    }

    /// The command-line arguments that stand for this job.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let role = match self.role {
            Role::Echo => "echo",
            Role::Ping => "ping",
            Role::Count => "count",
            Role::Send => "send",
        };
        let mut arguments = vec![role.to_owned()];
        let mut option = |name: &str, value: String| arguments.push(format!("--{name}={value}"));
        option("channel", self.channel.clone());
        option("channels", self.channels.to_string());
        option("bytes", self.bytes.to_string());
        option("limit", self.limit.to_string());
        option("seconds", self.seconds.to_string());
        option("warm-up", self.warm_up.to_string());
        option("hz", self.hz.to_string());
        option("timeout-ms", self.timeout_ms.to_string());
        let optional = [
            ("recv-buf-size", self.recv_buf_size.map(u64::from)),
            ("pace", self.pace),
            ("spin", self.spin.map(u64::from)),
            ("batch", self.batch.map(u64::from)),
            ("queue", self.queue.map(u64::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                option(name, value.to_string());
            }
        }
        arguments
    }

    /// The channel of message `number`.
    pub(crate) fn channel_of(&self, number: u64) -> String {
        match self.channels {
            0 => self.channel.clone(),
            channels => format!("{}{}", self.channel, number % u64::from(channels)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        job: Job,
    }

    #[test]
    fn a_worker_reads_the_job_that_was_written() {
        let job = Job {
            channel: "CH_".to_owned(),
            channels: 32,
            bytes: 256,
            seconds: 0.5,
            hz: 4000.0,
            recv_buf_size: Some(4 << 20),
            pace: Some(0),
            spin: Some(50),
            batch: Some(64),
            ..Job::new(Role::Send)
        };
        for job in [job, Job::new(Role::Echo), Job::new(Role::Ping), Job::new(Role::Count)] {
            let line = Line::parse_from(["worker".to_owned()].into_iter().chain(job.to_arguments()));
            assert_eq!(line.job, job);
        }
    }

    #[test]
    fn channels_take_turns() {
        let job = Job { channel: "CH_".to_owned(), channels: 2, ..Job::new(Role::Send) };
        assert_eq!([0, 1, 2].map(|number| job.channel_of(number)), ["CH_0", "CH_1", "CH_0"]);
    }
}
