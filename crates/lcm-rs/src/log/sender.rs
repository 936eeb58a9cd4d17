//! Publishing into a log in place of a bus: `file://` with `mode=w` or `mode=a`.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::{LogWriter, WriteError};
use crate::channel::Channel;
use crate::fragment::MessageTooLarge;
use crate::publisher::PublishError;
use crate::url::{FileMode, FileUrl};
use crate::wire::MAX_MESSAGE_BYTES;

/// The publishing end; without a log in `mode=r`.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    log: Option<Arc<Mutex<LogWriter>>>,
}

impl Sender {
    pub(crate) fn open(url: &FileUrl) -> io::Result<Self> {
        let log = match url.mode {
            FileMode::Write => LogWriter::create(&url.path)?,
            FileMode::Append => LogWriter::append(&url.path)?,
            FileMode::Read => {
                // Reading begins only when it is wanted, but whether it can is told now.
                File::open(&url.path)?;
                return Ok(Self { log: None });
            }
        };
        Ok(Self { log: Some(Arc::new(Mutex::new(log))) })
    }

    /// Writes the message with the present time. When this returns, the file has it.
    pub(crate) fn publish(&self, channel: Channel, payload: &[IoSlice<'_>]) -> Result<usize, PublishError> {
        let Some(log) = &self.log else { return Err(PublishError::LogIsRead { channel }) };
        let length = payload.iter().map(|slice| slice.len()).sum();
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let timestamp_us = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        let written = log.write_gathered(timestamp_us, channel, payload).and_then(|_| Ok(log.flush()?));
        match written {
            Ok(()) => Ok(length),
            Err(WriteError::Io(source)) => Err(PublishError::Log { channel, source }),
            // A channel of a bus is short enough for any log.
            Err(WriteError::DataTooLarge { .. } | WriteError::ChannelTooLong { .. }) => {
                let limit = MAX_MESSAGE_BYTES;
                Err(MessageTooLarge { length, limit, datagram_bytes: limit }.into())
            }
        }
    }
}
