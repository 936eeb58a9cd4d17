//! Event logs: what went over a bus, recorded in a file, as `lcm-logger` writes and `lcm-logplayer` plays it.
//!
//! [`LogReader`] and [`LogWriter`] read and write them, and a [`Recording`] has files that split and rotate. As a bus, a log is opened with a URL, by [`crate::Lcm`] or
//! [`crate::Inline`]:
//!
//! | URL | what it does |
//! |---|---|
//! | `file:///tmp/run.lcmlog` | messages are received when they are due, as they were recorded |
//! | `file:///tmp/run.lcmlog?speed=2` | twice as fast; with 0 or less as fast as they are handled |
//! | `file:///tmp/run.lcmlog?start_timestamp=1700000000000000` | from the first event on that is not older; microseconds since the epoch |
//! | `file:///tmp/run.lcmlog?mode=w` | what is published is written, with the present time; an existing file is replaced |
//! | `file:///tmp/run.lcmlog?mode=a` | the same, behind what the file contains |
//!
//! A log that is played comes to an end: [`crate::Inline::handle`] then returns false whatever its timeout,
//! [`crate::Inline::ended`] says why, and a [`crate::Subscription`] is closed once its queue is empty. Playing begins with
//! the first call that receives, or with the first subscription of [`crate::Lcm`].
//!
//! # The format
//!
//! Events stand back to back, without anything before, between or behind them. Integers are big-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | the sync word `0xEDA1DA01` |
//! | 8 | number of the event, from 0 |
//! | 8 | when it was received, in microseconds since the epoch |
//! | 4 | length of the channel name: up to 999, as C LCM accepts |
//! | 4 | length of the data: up to 2^28, as large as a message of LCM can be |
//! | | the channel name, without NUL |
//! | | the data |

mod event;
mod gaps;
mod pacing;
mod reader;
mod receiver;
mod recording;
mod scan;
mod seek;
mod sender;
mod window;
mod writer;

pub use event::{Event, EventRef, MAX_EVENT_CHANNEL_BYTES};
pub use gaps::{Gap, Skipped};
pub use pacing::Pacing;
pub use reader::{Events, LogReader, ReadError};
pub use recording::{Existing, Naming, Recording, RecordingError, RecordingPlan, Written};
pub use writer::{HandedOn, LogWriter, WriteError};

pub(crate) use receiver::Receiver;
pub(crate) use sender::Sender;
