//! What a process of the mesh's benchmark is to do: the arguments that the tool writes, and that the workers here, in
//! `grpc-peer` and in `peers/rpc.py` read alike.

use clap::{Args, ValueEnum};

/// A role and its options. Whoever is on a bus uses the default address, in the network namespace of the tool.
#[derive(Debug, Clone, PartialEq, Args)]
pub(crate) struct Job {
    pub(crate) role: Role,
    /// Who is called: a name of the mesh, the path of a socket.
    #[arg(long, default_value = "")]
    pub(crate) address: String,
    /// Size of argument and result, which are a text then; with 0 they are two numbers.
    #[arg(long, default_value_t = 0)]
    pub(crate) bytes: usize,
    /// Who call at the same time in this process.
    #[arg(long, default_value_t = 1)]
    pub(crate) callers: usize,
    /// Calls of each at most.
    #[arg(long, default_value_t = u64::MAX)]
    pub(crate) limit: u64,
    /// Seconds at most.
    #[arg(long, default_value_t = 1e9)]
    pub(crate) seconds: f64,
    /// Calls of each before the measured ones.
    #[arg(long, default_value_t = 0)]
    pub(crate) warm_up: u64,
    /// Microseconds for which a reader looks for an answer before it sleeps. Ours only.
    #[arg(long)]
    pub(crate) spin: Option<u32>,
    /// Threads of the runtime; by default as many as cores. gRPC only.
    #[arg(long)]
    pub(crate) threads: Option<u32>,
}

/// What a process does. Other implementations know the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Returns the arguments of every call.
    Serve,
    /// Calls, one call after the other.
    Call,
    /// Owns a name, and does nothing.
    Idle,
    /// Watches all others.
    Watch,
}

impl Job {
    /// A job with every option at its default.
    pub(crate) fn new(role: Role, address: &str) -> Self {
        let address = address.to_owned();
        let (limit, seconds) = (u64::MAX, 1e9);
        Self { role, address, bytes: 0, callers: 1, limit, seconds, warm_up: 0, spin: None, threads: None }
    }

    /// The command-line arguments that stand for this job. What is at its default is not among them, so that a program that
    /// does not know an option is told of it only when it matters.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let role = match self.role {
            Role::Serve => "serve",
            Role::Call => "call",
            Role::Idle => "idle",
            Role::Watch => "watch",
        };
        let default = Self::new(self.role, "");
        let options = [
            ("address", (self.address != default.address).then(|| self.address.clone())),
            ("bytes", (self.bytes != default.bytes).then(|| self.bytes.to_string())),
            ("callers", (self.callers != default.callers).then(|| self.callers.to_string())),
            ("limit", (self.limit != default.limit).then(|| self.limit.to_string())),
            ("seconds", (self.seconds != default.seconds).then(|| self.seconds.to_string())),
            ("warm-up", (self.warm_up != default.warm_up).then(|| self.warm_up.to_string())),
            ("spin", self.spin.map(|spin| spin.to_string())),
            ("threads", self.threads.map(|threads| threads.to_string())),
        ];
        let options = options.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value?)));
        std::iter::once(role.to_owned()).chain(options).collect()
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
            bytes: 1_000_000,
            callers: 8,
            limit: 20_000,
            seconds: 0.5,
            warm_up: 100,
            spin: Some(0),
            threads: Some(1),
            ..Job::new(Role::Call, "bench1")
        };
        for job in [job, Job::new(Role::Serve, "a/b"), Job::new(Role::Idle, "c"), Job::new(Role::Watch, "")] {
            let line = Line::parse_from(["worker".to_owned()].into_iter().chain(job.to_arguments()));
            assert_eq!(line.job, job);
        }
    }

    #[test]
    fn what_is_at_its_default_is_not_said() {
        assert_eq!(Job::new(Role::Serve, "bench1").to_arguments(), ["serve", "--address=bench1"]);
    }
}
