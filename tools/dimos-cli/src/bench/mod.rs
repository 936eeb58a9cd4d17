//! `dimos bench`: how long messages take between two processes on the bus, how many go through, and what is lost where.
//!
//! Comparisons with other implementations are the business of the package `lcm-bench`.

mod channels;
mod peer;
mod ping_pong;

use std::time::{Duration, Instant};

use clap::Args;
use lcm::{Lcm, UdpmUrl, Url};
use serde::Serialize;

use crate::context::Context;
use crate::duration::span;
use crate::failure::Failure;
use crate::histogram::{Bar, Percentiles};
use crate::output::plain;
use crate::topic::units;
use channels::Channels;
use peer::{Counted, Peer, fill};
use ping_pong::{PATIENCE, PingPong};

/// Measures the bus between two processes: how long a message takes there and back, and with --flood how many go through.
///
/// Starts a second process of its own, which answers on channels of this bench and ends with it. By default 200 small messages a
/// second go back and forth for five seconds, which a robot at work bears; none is sent before the one before is answered or lost.
/// --flood sends as fast as it can for a second, first messages of --size and then some of 1 MB, and everybody on the bus has to hear
/// that: on a bus whose ttl leaves this host it wants --yes, as does whatever else may be more than 10 MB a second. What it is about to
/// send it says before. --via starts the other side on another host, on the same bus, but by the interface and with the receive buffer
/// that are usual there.
///
/// Round trips are shown with percentiles and a histogram, floods with what came and where the rest was lost: in the queue or the
/// receive buffer of the other side because it was too slow, or on the way; a datagram that the kernel dropped is taken for a message.
/// With --json an object {"bus":..., "ping_pong":{"size":...,
/// "sent":..., "back":..., "lost":..., "round_trip_s":{"min":..., "p50":..., "p90":..., "p99":..., "p999":..., "max":...},
/// "histogram":[{"from_s":..., "to_s":..., "count":...}]}, "floods":[{"size":..., "sent":..., "sent_per_s":..., "sent_bytes_per_s":...,
/// "received":..., "received_per_s":..., "received_bytes_per_s":..., "lost":{"network":..., "kernel":..., "queue":...},
/// "kernel_datagrams":...}]}.
///
/// Exits with 3 if round trips were lost; with 5 if no answer came at all. What a flood loses is a result and no failure.
///
/// Examples:
///   dimos bench
///   dimos bench --size 1000000 --rate 30hz --for 10s
///   dimos bench --flood --json | jq '.floods[].received_bytes_per_s'
///   dimos bench --via 'ssh robot0' --bus 'udpm://239.255.76.67:7667?ttl=1'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Bytes in a message.
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(8..=MAX_BYTES))]
    size: u32,
    /// How long messages go back and forth.
    #[arg(long = "for", value_name = "DURATION", value_parser = span, default_value = "5s")]
    duration: Duration,
    /// How many round trips are begun in a second; max: each when the one before is over.
    #[arg(long, value_name = "RATE", value_parser = rate, default_value = "200hz")]
    rate: Rate,
    /// Floods the bus after that.
    #[arg(long)]
    flood: bool,
    /// Sends that much even if it leaves this host.
    #[arg(long)]
    yes: bool,
    /// A command that runs dimos on another host, such as 'ssh robot0'.
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    via: Option<Words>,
    /// Answers the bench of this number.
    #[arg(long, value_name = "ID", hide = true, value_parser = channels::id)]
    answer: Option<String>,
}

/// How often round trips begin.
#[derive(Debug, Clone, Copy)]
enum Rate {
    /// With so much time between.
    Each(Duration),
    Max,
}

/// Words of a command.
#[derive(Debug, Clone)]
struct Words(Vec<String>);

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    bus: String,
    ping_pong: PingPong,
    floods: Vec<Flood>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Flood {
    size: u32,
    sent: u64,
    sent_per_s: f64,
    sent_bytes_per_s: f64,
    received: u64,
    received_per_s: f64,
    received_bytes_per_s: f64,
    /// Messages, by where they were lost.
    lost: Lost,
    /// Datagrams that the kernel of the other side dropped: several may be of one message.
    kernel_datagrams: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Lost {
    /// On the way, or by who sent it.
    network: u64,
    /// In a receive buffer that was full: at most that many.
    kernel: u64,
    /// In a queue that was full.
    queue: u64,
}

impl Options {
    /// Whether it is the other side, which takes its orders there.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.answer.is_some()
    }

    /// Whether it may be more than a network bears beside all else.
    fn is_a_burden(&self) -> bool {
        let rate_hz = match self.rate {
            Rate::Each(period) => period.as_secs_f64().recip(),
            Rate::Max => FASTEST_HZ,
        };
        self.flood || 2.0 * rate_hz * f64::from(self.size) > BURDEN_BYTES_PER_S
    }
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    if let Some(id) = &options.answer {
        return peer::answer(id);
    }
    let url = match context.url()? {
        Url::Udpm(url) => url,
        other => {
            let text = format!("{other} is no bus between processes: name one such as udpm://239.255.76.67:7667?ttl=0");
            return Err(Failure::usage(text));
        }
    };
    if options.is_a_burden() && url.ttl > 0 && !options.yes {
        let mut here = url.clone();
        here.ttl = 0;
        let text = format!(
            "with ttl={} so much would leave this host, and all others have to bear it: say --yes, or --bus '{}'",
            url.ttl,
            Url::Udpm(here)
        );
        return Err(Failure::usage(text));
    }
    if options.via.is_some() && url.ttl == 0 {
        let mut across = url;
        across.ttl = 1;
        let text =
            format!("with ttl=0 nothing reaches the other side on another host: say --bus '{}'", Url::Udpm(across));
        return Err(Failure::usage(text));
    }
    context.note(announcement(options, &url));
    let bus = context.bus()?;
    let channels = Channels::new();
    let before = options.via.as_ref().map_or(&[][..], |words| &words.0);
    let mut peer = Peer::start(&url, &channels, before)?;
    let ping_pong = ping_pong::measure(options, context, &bus, &channels, &mut peer)?;
    let mut floods = Vec::new();
    let sizes = [options.size, LARGE_BYTES];
    for size in sizes.into_iter().filter(|_| options.flood && ping_pong.back > 0) {
        floods.push(flood(size, context, &bus, &channels, &mut peer)?);
    }
    drop(peer);
    let report = Report { bus: Url::Udpm(url).to_string(), ping_pong, floods };
    context.print(&report, readable)?;
    outcome(&report.ping_pong)
}

/// What is about to be sent.
fn announcement(options: &Options, url: &UdpmUrl) -> String {
    let seconds = options.duration.as_secs_f64();
    let size = f64::from(options.size);
    let trips = match options.rate {
        Rate::Each(period) => {
            let rate_hz = period.as_secs_f64().recip();
            format!(
                "{rate_hz:.0} messages a second go there and back for {seconds:.1} s, {} a second",
                units::bytes(2.0 * rate_hz * size)
            )
        }
        Rate::Max => format!("messages go there and back for {seconds:.1} s, each when the one before is over"),
    };
    let pace = match url.pace {
        0 => "without a limit".to_owned(),
        pace => format!("at up to {} a second", units::bytes(pace as f64)),
    };
    let flood = if options.flood {
        format!("; then two floods of {FLOODED:?}, {pace}, which everybody on the bus has to take in")
    } else {
        String::new()
    };
    let reach = match url.ttl {
        0 => "on this host only".to_owned(),
        1 => "on all of this network".to_owned(),
        ttl => format!("as far as ttl={ttl} reaches"),
    };
    format!("on {}: {trips}{flood}; {reach}", url.group)
}

fn flood(size: u32, context: &Context, bus: &Lcm, channels: &Channels, peer: &mut Peer) -> Result<Flood, Failure> {
    peer.begin()?;
    let (publisher, channel) = (bus.publisher(), channels.flood());
    let mut payload = vec![0; usize::try_from(size).unwrap_or_default()];
    let start = Instant::now();
    let mut sent = 0_u64;
    while start.elapsed() < FLOODED && sent < MAX_FLOOD {
        context.interrupt.check()?;
        fill(&mut payload, sent);
        publisher
            .publish(&channel, &payload)
            .map_err(|error| Failure::unexpected(format_args!("cannot send: {error}")))?;
        sent += 1;
    }
    let took_s = start.elapsed().as_secs_f64();
    Ok(Flood::new(size, sent, took_s, &peer.counted()?))
}

impl Flood {
    fn new(size: u32, sent: u64, took_s: f64, counted: &Counted) -> Self {
        let missing = sent.saturating_sub(counted.messages);
        let queue = counted.queue_drops.min(missing);
        // Those that the kernel dropped are datagrams, each of which is of one message.
        let kernel = counted.kernel_drops.min(missing - queue);
        let lost = Lost { network: missing - queue - kernel, kernel, queue };
        // Some of it may come after all was sent.
        let span_s = Duration::from_nanos(counted.span_ns).as_secs_f64().max(took_s);
        Self {
            size,
            sent,
            sent_per_s: per_second(sent, took_s),
            sent_bytes_per_s: per_second(sent.saturating_mul(size.into()), took_s),
            received: counted.messages,
            received_per_s: per_second(counted.messages, span_s),
            received_bytes_per_s: per_second(counted.bytes, span_s),
            lost,
            kernel_datagrams: counted.kernel_drops,
        }
    }
}

fn outcome(PingPong { sent, back, lost, .. }: &PingPong) -> Result<(), Failure> {
    match (back, lost) {
        (0, _) => Err(Failure::timed_out(format_args!(
            "{sent} messages were sent and no answer came within {PATIENCE:?} each: `dimos doctor` tells why"
        ))),
        (_, 0) => Ok(()),
        (_, lost) => {
            Err(Failure::incomplete(format_args!("{lost} of {sent} round trips were lost: `dimos doctor` tells why")))
        }
    }
}

fn readable(report: &Report) -> String {
    let PingPong { size, sent, back, lost, round_trip_s, histogram } = &report.ping_pong;
    let mut lines =
        vec![format!("round trips of {}: {sent} begun, {back} came back, {lost} lost", units::bytes((*size).into()))];
    if let Some(Percentiles { min, p50, p90, p99, p999, max }) = *round_trip_s {
        let named = [("min", min), ("50 %", p50), ("90 %", p90), ("99 %", p99), ("99.9 %", p999), ("max", max)];
        let named = named.map(|(name, time)| format!("{name} {}", units::time(time)));
        lines.push(format!("  {}", named.join(", ")));
        lines.extend(picture(histogram));
    }
    lines.extend(report.floods.iter().map(Flood::to_text));
    lines.join("\n")
}

/// Bars as long as there are messages in them.
fn picture(bars: &[Bar]) -> Vec<String> {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or_default().max(1);
    let line = |bar: &Bar| {
        let length = usize::try_from((u128::from(bar.count) * BAR_WIDTH).div_ceil(most.into())).unwrap_or_default();
        format!("  {:>8} {:>8} {}", units::time(bar.from_s), bar.count, "#".repeat(length)).trim_end().to_owned()
    };
    bars.iter().map(line).collect()
}

impl Flood {
    fn to_text(&self) -> String {
        let Self { sent, received, lost, .. } = self;
        let missing = sent.saturating_sub(*received);
        #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
        let percent = if *sent > 0 { 100.0 * missing as f64 / *sent as f64 } else { 0.0 };
        let of_lost =
            [(lost.network, "on the way"), (lost.kernel, "in the receive buffer"), (lost.queue, "in the queue")];
        let of_lost =
            of_lost.into_iter().filter(|(count, _)| *count > 0).map(|(count, place)| format!("{count} {place}"));
        let of_lost = of_lost.collect::<Vec<_>>().join(", ");
        let of_lost = if of_lost.is_empty() { String::new() } else { format!(": {of_lost}") };
        format!(
            "flood of {}: {:.0} messages and {} a second sent, {:.0} and {} received; {missing} of {sent} lost ({percent:.1} %){of_lost}",
            units::bytes(self.size.into()),
            self.sent_per_s,
            units::bytes(self.sent_bytes_per_s),
            self.received_per_s,
            units::bytes(self.received_bytes_per_s),
        )
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    match text {
        "max" => Ok(Rate::Max),
        text => crate::duration::period(text).map(Rate::Each).map_err(|error| format!("{error}; or max")),
    }
}

fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(Words(words)),
        _ => Err(format!("{} is no command, such as 'ssh robot0'", plain(text))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn per_second(count: u64, span_s: f64) -> f64 {
    if span_s > 0.0 { count as f64 / span_s } else { 0.0 }
}

/// Of a message; LCM has larger ones.
const MAX_BYTES: i64 = 64 << 20;

/// The other flood.
const LARGE_BYTES: u32 = 1_000_000;

/// How long a flood is.
const FLOODED: Duration = Duration::from_secs(1);

/// However fast this host is.
const MAX_FLOOD: u64 = 10_000_000;

/// About a tenth of what Ethernet of a gigabit carries.
const BURDEN_BYTES_PER_S: f64 = 10e6;

/// No host begins more round trips than that.
const FASTEST_HZ: f64 = 50_000.0;

const BAR_WIDTH: u128 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flood_lost_is_told_by_where() {
        let counted = |messages, kernel_drops, queue_drops| Counted {
            messages,
            bytes: messages * 64,
            span_ns: 2_000_000_000,
            queue_drops,
            kernel_drops,
        };
        let lost = |counted: &Counted, size| Flood::new(size, 1000, 1.0, counted).lost;
        assert_eq!(lost(&counted(1000, 0, 0), 64), Lost::default());
        assert_eq!(lost(&counted(900, 30, 20), 64), Lost { network: 50, kernel: 30, queue: 20 });
        assert_eq!(lost(&counted(900, 500, 20), 64), Lost { network: 0, kernel: 80, queue: 20 });
        assert_eq!(lost(&counted(900, 3, 20), 1_000_000), Lost { network: 77, kernel: 3, queue: 20 });
        assert_eq!(lost(&counted(900, 0, 0), 1_000_000), Lost { network: 100, kernel: 0, queue: 0 });
        let flood = Flood::new(64, 1000, 1.0, &counted(900, 30, 20));
        assert_eq!((flood.sent_per_s, flood.received_per_s), (1000.0, 450.0));
        let text = "flood of 64 B: 1000 messages and 64.0 kB a second sent, 450 and 28.8 kB received; 100 of 1000 lost (10.0 %): \
                    50 on the way, 30 in the receive buffer, 20 in the queue";
        assert_eq!(flood.to_text(), text);
    }

    #[test]
    fn no_answer_and_lost_answers_have_exit_codes_of_their_own() {
        let code = |sent, back| {
            let lost = sent - back;
            let trips = PingPong { size: 64, sent, back, lost, round_trip_s: None, histogram: Vec::new() };
            outcome(&trips).map_err(|failure| failure.exit_code()).err()
        };
        assert_eq!((code(10, 10), code(10, 9), code(10, 0)), (None, Some(3), Some(5)));
    }

    #[test]
    fn bars_are_as_long_as_their_counts() {
        let bar = |from_s: f64, count| Bar { from_s, to_s: from_s * 1.4, count };
        let lines = picture(&[bar(1e-5, 100), bar(1.4e-5, 0), bar(2e-5, 1)]);
        assert_eq!(lines[0], format!("   10.0 us      100 {}", "#".repeat(50)));
        assert_eq!(lines[1], "   14.0 us        0");
        assert_eq!(lines[2], "   20.0 us        1 #");
    }

    fn options(flood: bool, rate: Rate) -> Options {
        Options { size: 64, duration: Duration::from_secs(5), rate, flood, yes: false, via: None, answer: None }
    }

    #[test]
    fn what_may_be_too_much_for_a_network_is_a_burden() {
        let usual = Rate::Each(Duration::from_millis(5));
        assert!(!options(false, usual).is_a_burden() && !options(false, Rate::Max).is_a_burden());
        assert!(options(true, usual).is_a_burden());
        assert!(Options { size: 1_000_000, ..options(false, Rate::Max) }.is_a_burden());
        assert!(Options { size: 1_000_000, ..options(false, usual) }.is_a_burden());
    }

    #[test]
    fn it_is_said_before_what_will_be_sent() {
        let Ok(Url::Udpm(url)) = "udpm://?ttl=1".parse() else { panic!("no multicast") };
        let text = announcement(&options(false, Rate::Each(Duration::from_millis(5))), &url);
        assert!(
            text.contains("200 messages a second") && text.contains("25.6 kB a second; on all of this network"),
            "{text}"
        );
        assert!(announcement(&options(true, Rate::Max), &url).contains("two floods of 1s, at up to 1.00 GB a second"));
    }
}
