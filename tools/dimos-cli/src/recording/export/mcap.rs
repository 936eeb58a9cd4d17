//! An MCAP file: a channel for each topic, with the definition of its type, and the messages in ROS 1's form.
//!
//! What the messages become is decided in `ros1.rs` and `json.rs`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};

use lcm::log::EventRef;
use lcm::schema::{Catalog, MessageType};
use mcap::records::{MessageHeader, Metadata};
use mcap::{McapError, WriteOptions, Writer};

use super::Exported;
use super::json::json_schema;
use super::ros1::Ros1Type;
use crate::failure::Failure;
use crate::recording::known::known_type;
use crate::recording::output::{Unfinished, unwritable};

/// An MCAP file that is being made.
pub(super) struct McapFile<'c> {
    catalog: &'c Catalog,
    file: Unfinished,
    writer: Writer<BufWriter<File>>,
    types: HashMap<&'c str, Encoding>,
    channels: HashMap<(Vec<u8>, Option<&'c str>), Channel>,
    bytes: Vec<u8>,
}

/// How messages of a type are written.
enum Encoding {
    Ros1 { schema: u16, ros: Ros1Type },
    Json { schema: u16 },
}

struct Channel {
    id: u16,
    exported: Exported,
}

impl<'c> McapFile<'c> {
    pub(super) fn begin(file: Unfinished, written: File, catalog: &'c Catalog, source: &str) -> Result<Self, Failure> {
        let options = WriteOptions::new().library(PROGRAM).compression(None).chunk_size(Some(CHUNK_BYTES));
        let begin = || {
            let mut writer = options.create(BufWriter::new(written))?;
            let metadata = [("source", source), ("program", PROGRAM), ("format", "LCM event log")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()));
            writer.write_metadata(&Metadata { name: "dimos".to_owned(), metadata: metadata.into() })?;
            Ok(writer)
        };
        let writer = begin().map_err(|error| failed(&file, error))?;
        Ok(Self { catalog, file, writer, types: HashMap::new(), channels: HashMap::new(), bytes: Vec::new() })
    }

    /// Writes an event. What is of no known type, or cannot be decoded, is written as it is.
    pub(super) fn write(&mut self, event: EventRef<'_>) -> Result<(), Failure> {
        let known = known_type(self.catalog, event);
        let encoded = known.map(|message_type| self.encode(message_type, event)).transpose();
        let is_encoded = encoded.map_err(|error| failed(&self.file, error))?.unwrap_or(false);
        let message_type = known.filter(|_| is_encoded);
        let outcome = self.write_encoded(message_type, event, known.is_some());
        outcome.map_err(|error| failed(&self.file, error))
    }

    /// It is whole, and gets its name.
    pub(super) fn finish(mut self) -> Result<(u64, Vec<Exported>), Failure> {
        self.writer.finish().map_err(|error| failed(&self.file, error))?;
        let mut sink = self.writer.into_inner();
        sink.flush().map_err(|error| unwritable(self.file.path(), &error))?;
        let bytes = sink.get_ref().metadata().map_or(0, |metadata| metadata.len());
        self.file.finish(sink.get_ref())?;
        Ok((bytes, self.channels.into_values().map(|channel| channel.exported).collect()))
    }

    /// Makes the bytes of a message. Whether it can be decoded.
    fn encode(&mut self, message_type: MessageType<'c>, event: EventRef<'_>) -> Result<bool, McapError> {
        let Ok(value) = message_type.decode(event.data) else { return Ok(false) };
        let encoding = self.encoding(message_type)?;
        // It is made anew each time; the room stays.
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let is_encoded = match &self.types[encoding] {
            Encoding::Ros1 { ros, .. } => ros.encode(&value, &mut bytes).is_ok(),
            Encoding::Json { .. } => serde_json::to_writer(&mut bytes, &value).is_ok(),
        };
        self.bytes = bytes;
        Ok(is_encoded)
    }

    /// Makes sure that it is known how messages of a type are written.
    fn encoding(&mut self, message_type: MessageType<'c>) -> Result<&'c str, McapError> {
        let name = message_type.name();
        if !self.types.contains_key(name) {
            let schema = self.catalog.schema();
            let encoding = match Ros1Type::new(schema, name) {
                Ok(ros) => {
                    let schema = self.writer.add_schema(&ros.name, "ros1msg", ros.definition.as_bytes())?;
                    Encoding::Ros1 { schema, ros }
                }
                Err(_) => {
                    let text = json_schema(schema, name).to_string();
                    Encoding::Json { schema: self.writer.add_schema(name, "jsonschema", text.as_bytes())? }
                }
            };
            self.types.insert(name, encoding);
        }
        Ok(name)
    }

    fn write_encoded(
        &mut self,
        message_type: Option<MessageType<'c>>,
        event: EventRef<'_>,
        is_known: bool,
    ) -> Result<(), McapError> {
        let Self { writer, types, channels, bytes, .. } = self;
        let name = message_type.map(MessageType::name);
        // The encoding is there if the message was encoded.
        let encoding = name.and_then(|name| types.get(name));
        let key = (event.channel.to_vec(), name);
        let channel = match channels.entry(key) {
            std::collections::hash_map::Entry::Occupied(channel) => channel.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let full = event.channel_name().into_owned();
                let topic = full.split('#').next().unwrap_or_default().to_owned();
                let (schema, message_encoding, schema_name) = match encoding {
                    Some(Encoding::Ros1 { schema, ros }) => (*schema, "ros1", Some(ros.name.clone())),
                    Some(Encoding::Json { schema }) => (*schema, "json", name.map(str::to_owned)),
                    None => (0, "lcm", None),
                };
                let metadata = BTreeMap::from([("lcm_channel".to_owned(), full.clone())]);
                let id = writer.add_channel(schema, &topic, message_encoding, &metadata)?;
                let exported = Exported {
                    channel: full,
                    file: None,
                    topic: Some(topic),
                    type_name: name.map(str::to_owned),
                    encoding: Some(message_encoding),
                    schema: schema_name,
                    count: 0,
                    is_raw: encoding.is_none(),
                    undecodable: 0,
                };
                place.insert(Channel { id, exported })
            }
        };
        channel.exported.count += 1;
        channel.exported.undecodable += u64::from(is_known && message_type.is_none());
        let time_ns = u64::try_from(event.timestamp_us).unwrap_or(0).saturating_mul(1000);
        let header = MessageHeader {
            channel_id: channel.id,
            // It says what is missing, and begins anew where it is larger than that.
            sequence: u32::try_from(event.number & i64::from(u32::MAX)).unwrap_or_default(),
            log_time: time_ns,
            publish_time: time_ns,
        };
        writer.write_to_known_channel(&header, if encoding.is_some() { bytes } else { event.data })
    }
}

fn failed(file: &Unfinished, error: McapError) -> Failure {
    match error {
        McapError::Io(error) => unwritable(file.path(), &error),
        error => Failure::unexpected(format_args!("{}: {error}", file.path().display())),
    }
}

const PROGRAM: &str = concat!("dimos ", env!("CARGO_PKG_VERSION"));

const CHUNK_BYTES: u64 = 4 << 20;
