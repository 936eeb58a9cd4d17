//! The process that measures one operation of ours on one message. `peers/types.c` is its counterpart.

use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use lcm::Message;
use lcm::codec::copy_to_native;
use lcm::codec::zerocopy::IntoBytes;
use lcm::codec::zerocopy::big_endian::F32;
use lcm_types::geometry_msgs::{PoseStamped, Twist};
use lcm_types::nav_msgs::Path;
use lcm_types::sensor_msgs::{Image, Imu, JointState, LaserScan, PointCloud2};
use lcm_types::tf2_msgs::TFMessage;

use super::plan::OurOperation;
use super::sample::{Kind, Sample};
use super::stopwatch::median_ns;

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Job {
    kind: Kind,
    operation: OurOperation,
    /// How long.
    seconds: f64,
    /// Bytes on the heap between the message, the buffer and the value.
    padding: usize,
    /// The file with the encoded message.
    message: PathBuf,
}

/// Does a job, and prints how long the operation takes.
#[expect(clippy::print_stdout, reason = "the figure goes to the tool through stdout")]
pub(crate) fn work(job: &Job) -> Result<()> {
    let bytes = std::fs::read(&job.message).with_context(|| format!("cannot read {}", job.message.display()))?;
    let nanoseconds = match job.kind {
        Kind::Twist => measure::<Twist>(job, &bytes),
        Kind::Imu => measure::<Imu>(job, &bytes),
        Kind::PoseStamped => measure::<PoseStamped>(job, &bytes),
        Kind::JointState => measure::<JointState>(job, &bytes),
        Kind::TFMessage => measure::<TFMessage>(job, &bytes),
        Kind::Path => measure::<Path>(job, &bytes),
        Kind::LaserScan => measure::<LaserScan>(job, &bytes),
        Kind::Image => measure::<Image>(job, &bytes),
        Kind::PointCloud2 => measure::<PointCloud2>(job, &bytes),
    }?;
    println!("ns={nanoseconds:.4}");
    std::io::stdout().flush()?;
    Ok(())
}

fn measure<T: Sample>(job: &Job, bytes: &[u8]) -> Result<f64> {
    // The value and the buffer stay for the other operations too, as in C: what is on the heap decides how fast it is.
    let _padding = padding(job);
    let mut buffer = Vec::with_capacity(bytes.len());
    let _more_padding = padding(job);
    let value = T::decode(bytes)?;
    value.encode_into(&mut buffer)?;
    ensure!(buffer == bytes, "ours does not encode {} as it stands in {}", T::NAME, job.message.display());
    Ok(match job.operation {
        OurOperation::Decode => decode::<T>(job.seconds, bytes),
        OurOperation::Encode => encode(job.seconds, &value, &mut buffer),
        OurOperation::View => view::<T>(job.seconds, bytes),
        OurOperation::Gather => {
            let gathered: Vec<u8> = value.gather()?.slices().iter().flat_map(|slice| slice.to_vec()).collect();
            ensure!(gathered == bytes, "ours does not gather {} as it stands in {}", T::NAME, job.message.display());
            gather(job.seconds, &value)
        }
        OurOperation::Convert | OurOperation::ConvertPlainly | OurOperation::Copy => ranges(job, bytes)?,
    })
}

fn padding(job: &Job) -> Vec<u8> {
    black_box(Vec::with_capacity(job.padding))
}

fn decode<T: Sample>(seconds: f64, bytes: &[u8]) -> f64 {
    median_ns(seconds, || {
        let value = T::decode(black_box(bytes)).expect(VALID);
        black_box(&value);
    })
}

fn encode<T: Sample>(seconds: f64, value: &T, buffer: &mut Vec<u8>) -> f64 {
    median_ns(seconds, || {
        black_box(value).encode_into(buffer).expect(VALID);
        black_box(buffer.as_slice());
    })
}

fn view<T: Sample>(seconds: f64, bytes: &[u8]) -> f64 {
    median_ns(seconds, || {
        black_box(T::look(T::view(black_box(bytes)).expect(VALID)));
    })
}

fn gather<T: Sample>(seconds: f64, value: &T) -> f64 {
    median_ns(seconds, || {
        let gathered = black_box(value).gather().expect(VALID);
        black_box(gathered.slices().as_slice());
    })
}

/// The ranges of a scan to native numbers, in three ways.
fn ranges(job: &Job, bytes: &[u8]) -> Result<f64> {
    if job.kind != Kind::LaserScan {
        bail!("only a LaserScan has ranges");
    }
    let wire = LaserScan::view(bytes)?.ranges();
    let mut native = vec![0_f32; wire.len()];
    let mut measure = |convert: fn(&[F32], &mut [f32])| {
        median_ns(job.seconds, || {
            convert(black_box(wire), &mut native);
            black_box(native.as_slice());
        })
    };
    Ok(match job.operation {
        OurOperation::ConvertPlainly => measure(convert_plainly),
        OurOperation::Copy => measure(|wire, native| native.as_mut_bytes().copy_from_slice(wire.as_bytes())),
        _ => measure(copy_to_native::<f32>),
    })
}

fn convert_plainly(wire: &[F32], native: &mut [f32]) {
    for (native, wire) in native.iter_mut().zip(wire) {
        *native = wire.get();
    }
}

/// The messages were decoded and encoded before.
const VALID: &str = "the message is valid";
