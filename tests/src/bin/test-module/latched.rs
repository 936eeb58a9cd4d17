//! A module whose last message waits for those who come late, and one that comes late.

use dimos::{In, Module, Out, OutError, module};
use lcm_types::nav_msgs::OccupancyGrid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Has a map.
#[derive(Module)]
pub(crate) struct MapServer {
    #[port(latched)]
    map: Out<OccupancyGrid>,
    config: MapSettings,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MapSettings {
    /// How large a map is published at the start; none if it is 0.
    bytes: u64,
    /// What its cells are.
    cell: i8,
}

#[module]
impl MapServer {
    #[start]
    fn publish_first(&mut self) -> Result<(), OutError> {
        let (bytes, cell) = (self.config.bytes, self.config.cell);
        if bytes > 0 { self.publish(bytes, cell) } else { Ok(()) }
    }

    #[rpc]
    fn publish(&self, bytes: u64, cell: i8) -> Result<(), OutError> {
        let data = vec![cell; usize::try_from(bytes).unwrap_or_default()];
        self.map.publish(&OccupancyGrid { data, ..OccupancyGrid::default() })
    }

    /// How often a message was published, and how often sent again.
    #[rpc]
    fn counts(&self) -> [u64; 2] {
        let counts = self.map.counts();
        [counts.published, counts.latched]
    }
}

/// Reads maps.
#[derive(Module)]
pub(crate) struct MapReader {
    map: In<OccupancyGrid>,
    /// Has no handler.
    other: In<OccupancyGrid>,
    read: Vec<(usize, i8)>,
}

#[module]
impl MapReader {
    fn on_map(&mut self, map: OccupancyGrid) {
        self.read.push((map.data.len(), map.data.first().copied().unwrap_or_default()));
    }

    /// What the port without a handler has: how large that is.
    #[rpc]
    fn other(&self) -> Option<usize> {
        Some(self.other.latest()?.data.len())
    }

    /// The maps so far: how large, and what their first cell is.
    #[rpc]
    fn read(&self) -> Vec<(usize, i8)> {
        self.read.clone()
    }
}
