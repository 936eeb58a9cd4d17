"""Says of each message in an MCAP file, as a line of JSON: topic, schema, encodings, log time, and what it says.

Messages of ROS 1 are decoded with the definition in the file; others are in base64. Argument: the file. At the end comes the metadata.
"""

import base64
import json
import math
import sys

from mcap.reader import make_reader
from mcap_ros1.decoder import DecoderFactory


def plain(value):
    """A value as JSON: as DimOS writes it, but for times, which are a list of two."""
    if hasattr(value, "__slots__") and hasattr(value, "secs"):
        return [value.secs, value.nsecs]
    if hasattr(value, "_slot_types"):
        return {name: plain(getattr(value, name)) for name in value.__slots__}
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


with open(sys.argv[1], "rb") as file:
    reader = make_reader(file, validate_crcs=True)
    factory = DecoderFactory()
    decoders = {}
    for schema, channel, message in reader.iter_messages(log_time_order=False):
        if channel.id not in decoders:
            decoders[channel.id] = schema and factory.decoder_for(channel.message_encoding, schema)
        decode = decoders[channel.id]
        line = {
            "topic": channel.topic,
            "channel": channel.metadata["lcm_channel"],
            "schema": schema.name if schema else None,
            "schema_encoding": schema.encoding if schema else None,
            "encoding": channel.message_encoding,
            "log_time": message.log_time,
            "sequence": message.sequence,
            "data": plain(decode(message.data)) if decode else {"base64": base64.b64encode(message.data).decode()},
        }
        print(json.dumps(line))
    for metadata in reader.iter_metadata():
        print(json.dumps({"metadata": metadata.metadata, "name": metadata.name}))
