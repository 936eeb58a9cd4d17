//! The terminal program as a state machine: keys, the mouse and snapshots in, a state out, which [`crate::screen`] draws. Pure: it
//! neither reads the bus nor knows the terminal or the time.

pub mod column;
mod input;
pub mod layout;
pub mod table;
#[cfg(test)]
mod tests;
pub mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use lcm::Channel;
use lcm::schema::Catalog;
use ratatui::layout::Rect;

use crate::detail::Colours;
use crate::nodes::Nodes;
use crate::reading::snapshot::{Recording, Row, Snapshot};
use crate::scope::{Filter, Scope};
use column::Cells;
use layout::Layout;
use table::Table;
use watch::Watch;

/// The state of the program.
#[derive(Debug)]
pub struct App {
    catalog: Arc<Catalog>,
    /// What the bus is called.
    pub url: String,
    /// Whether colours are shown.
    pub is_coloured: bool,
    /// Which colours pictures have.
    pub colours: Colours,
    /// What the screen is about.
    pub view: View,
    /// Whether the keys are explained.
    pub shows_help: bool,
    /// What is typed as a filter, while it is, and the filter before.
    pub typing: Option<(String, Filter)>,
    /// The channels.
    pub table: Table,
    /// Of the nodes, the one that is looked at.
    pub node: usize,
    /// Who is on the mesh; none before anybody could say.
    pub nodes: Option<Nodes>,
    /// What is shown.
    pub snapshot: Box<Snapshot>,
    /// Whether what is shown stays, whatever comes.
    pub is_frozen: bool,
    /// What is recorded, or was last.
    pub recording: Option<Recording>,
    /// What is to be told, until the next key.
    pub message: Option<String>,
    /// What this program takes of a processor, as a share of it; none before that is known.
    pub cpu: Option<f64>,
    /// For the cells of the table.
    pub cells: Cells,
    area: Rect,
}

/// What the screen is about.
#[derive(Debug)]
pub enum View {
    /// All channels.
    Channels,
    /// Who is on the mesh.
    Nodes,
    /// One channel.
    Detail(Box<Watch>),
}

/// What somebody else has to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// End the program.
    Quit,
    /// Record this.
    Record(Scope),
    /// End the recording.
    EndRecording,
    /// Put this text where others take it from.
    Copy(String),
}

impl App {
    /// At its start, on a screen of this size.
    #[must_use]
    pub fn new(url: String, catalog: Arc<Catalog>, area: Rect) -> Self {
        Self {
            catalog,
            url,
            is_coloured: true,
            colours: Colours::True,
            view: View::Channels,
            shows_help: false,
            typing: None,
            table: Table::new(false),
            node: 0,
            nodes: None,
            snapshot: Box::default(),
            is_frozen: false,
            recording: None,
            message: None,
            cpu: None,
            cells: Cells::default(),
            area,
        }
    }

    /// The screen has this size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.area = Rect::new(0, 0, width, height);
        self.table.move_by(0, self.body_height());
    }

    /// The parts of the screen.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::of(self.area)
    }

    /// The channels whose messages are to be kept, since they are looked at.
    #[must_use]
    pub fn watched(&self) -> Vec<Channel> {
        match &self.view {
            View::Detail(watch) => vec![watch.channel],
            View::Channels | View::Nodes => Vec::new(),
        }
    }

    /// Takes a new snapshot. Returns one that is not needed any more.
    pub fn show(&mut self, mut snapshot: Box<Snapshot>) -> Box<Snapshot> {
        self.recording = snapshot.recording.take();
        if let View::Detail(watch) = &mut self.view {
            let undecodable = watch.take(&mut snapshot, &self.catalog);
            if undecodable > 0 {
                *self.cells.undecodable.entry(watch.channel).or_default() += undecodable;
            }
        }
        if self.is_frozen {
            return snapshot;
        }
        let used = std::mem::replace(&mut self.snapshot, snapshot);
        self.name_senders();
        self.arrange();
        used
    }

    /// Somebody has told who is on the mesh.
    pub fn meet(&mut self, nodes: Nodes) {
        if !self.is_frozen || self.nodes.is_none() {
            self.node = self.node.min(nodes.nodes.len().saturating_sub(1));
            self.nodes = Some(nodes);
            self.name_senders();
        }
    }

    /// A recording has begun, or could not.
    pub fn recording_begins(&mut self, what: &Scope, began: std::io::Result<PathBuf>) {
        let what = what.words();
        self.message = Some(match began {
            Ok(path) => format!("recording {what} to {}; r ends it", path.display()),
            Err(error) => format!("cannot record {what}: {error}"),
        });
    }

    /// The row of the channel that is looked at.
    #[must_use]
    pub fn row(&self, channel: &Channel) -> Option<&Row> {
        self.snapshot.row(channel)
    }

    /// Whether something is being recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.is_running)
    }

    fn arrange(&mut self) {
        self.table.arrange(&self.snapshot.rows, &self.cells);
        self.table.move_by(0, self.body_height());
    }

    fn body_height(&self) -> usize {
        usize::from(self.layout().body.height)
    }

    /// Beats tell where a process sends from, claims what it is called.
    fn name_senders(&mut self) {
        self.cells.names.clear();
        let Some(nodes) = &self.nodes else { return };
        for (node, address, _) in &self.snapshot.beats {
            let name = nodes.nodes.iter().find(|one| one.node == *node).and_then(|one| one.name.clone());
            if let Some(name) = name {
                self.cells.names.insert(*address, name);
            }
        }
    }
}
