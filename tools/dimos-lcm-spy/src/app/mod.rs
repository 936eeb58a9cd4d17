//! The terminal program as a state machine: keys, the mouse and snapshots in, a state out, which [`crate::screen`] draws. Pure: it
//! neither reads the bus nor knows the terminal or the time.

pub(crate) mod column;
mod input;
pub(crate) mod layout;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use lcm::Channel;
use lcm::schema::Catalog;
use ratatui::layout::Rect;

use crate::detail::Colours;
use crate::nodes::Nodes;
use crate::reading::snapshot::{Recording, Row, Snapshot};
use crate::reading::tally::MAX_WATCHED;
use crate::scope::{Filter, Scope};
use crate::text::channel_name;
use column::Cells;
use layout::Layout;
use table::Table;
use watch::Watch;

/// The state of the program.
#[derive(Debug)]
pub(crate) struct App {
    catalog: Arc<Catalog>,
    /// What the bus is called.
    pub(crate) url: String,
    /// Whether only some of the channels are counted.
    pub(crate) is_selection: bool,
    /// Whether colours are shown.
    pub(crate) is_coloured: bool,
    /// Which colours pictures have.
    pub(crate) colours: Colours,
    /// What the screen is about.
    pub(crate) view: View,
    /// Channels of which fields are plotted, while something else is looked at.
    #[expect(clippy::vec_box, reason = "the view of a channel holds such a box: it moves here and back")]
    kept: Vec<Box<Watch>>,
    /// Whether the keys are explained.
    pub(crate) shows_help: bool,
    /// Lines of that which are above the screen.
    pub(crate) help_top: usize,
    /// What is typed as a filter, while it is, and the filter before.
    pub(crate) typing: Option<(String, Filter)>,
    /// The channels.
    pub(crate) table: Table,
    /// Of the nodes, the one that is looked at.
    pub(crate) node: usize,
    /// Lines of what it publishes and subscribes that are above the screen.
    pub(crate) node_top: usize,
    /// Who is on the mesh; none before anybody could say.
    pub(crate) nodes: Option<Nodes>,
    /// What is shown.
    pub(crate) snapshot: Box<Snapshot>,
    /// Whether what is shown stays, whatever comes.
    pub(crate) is_frozen: bool,
    /// What is recorded, or was last.
    pub(crate) recording: Option<Recording>,
    /// What is to be told, until the next key.
    pub(crate) message: Option<String>,
    /// What this program takes of a processor, as a share of it; none before that is known.
    pub(crate) cpu: Option<f64>,
    /// For the cells of the table.
    pub(crate) cells: Cells,
    area: Rect,
}

/// What the screen is about.
#[derive(Debug)]
pub(crate) enum View {
    /// All channels.
    Channels,
    /// Who is on the mesh.
    Nodes,
    /// One channel.
    Detail(Box<Watch>),
}

/// What somebody else has to do.
#[derive(Debug, Clone)]
pub(crate) enum Action {
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
    pub(crate) fn new(url: String, catalog: Arc<Catalog>, area: Rect) -> Self {
        Self {
            catalog,
            url,
            is_selection: false,
            is_coloured: true,
            colours: Colours::True,
            view: View::Channels,
            kept: Vec::new(),
            shows_help: false,
            help_top: 0,
            typing: None,
            table: Table::new(false),
            node: 0,
            node_top: 0,
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
    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.area = Rect::new(0, 0, width, height);
        self.table.move_by(0, self.body_height());
    }

    /// The parts of the screen.
    #[must_use]
    pub(crate) fn layout(&self) -> Layout {
        Layout::of(self.area)
    }

    /// The channels whose messages are to be kept, since they are looked at, or fields of them are plotted.
    #[must_use]
    pub(crate) fn watched(&self) -> Vec<Channel> {
        let mut channels: Vec<_> = self.kept.iter().map(|watch| watch.channel).collect();
        if let View::Detail(watch) = &self.view {
            channels.push(watch.channel);
        }
        channels
    }

    /// Takes a new snapshot. Returns one that is not needed any more.
    pub(crate) fn show(&mut self, mut snapshot: Box<Snapshot>) -> Box<Snapshot> {
        let before = std::mem::replace(&mut self.recording, snapshot.recording.take());
        self.hear_of_recording(before.as_ref());
        self.kept.iter_mut().for_each(|watch| watch.take(&mut snapshot));
        if let View::Detail(watch) = &mut self.view {
            watch.take(&mut snapshot);
        }
        self.count_undecodable();
        if self.is_frozen {
            return snapshot;
        }
        let used = std::mem::replace(&mut self.snapshot, snapshot);
        self.name_senders();
        self.arrange();
        used
    }

    /// Somebody has told who is on the mesh.
    pub(crate) fn meet(&mut self, nodes: Nodes) {
        if !self.is_frozen || self.nodes.is_none() {
            self.node = self.node.min(nodes.nodes.len().saturating_sub(1));
            self.nodes = Some(nodes);
            self.name_senders();
        }
    }

    /// A recording has begun, or could not.
    pub(crate) fn recording_begins(&mut self, what: &Scope, began: std::io::Result<PathBuf>) {
        let what = what.words();
        self.message = Some(match began {
            Ok(path) => format!("recording {what} to {}; r ends it", path.display()),
            Err(error) => format!("cannot record {what}: {error}"),
        });
    }

    /// What goes wrong with a recording is told at once, in place of a message; so is how one went that is whole.
    fn hear_of_recording(&mut self, before: Option<&Recording>) {
        let Some(recording) = &self.recording else { return };
        let before = before.filter(|before| before.path == recording.path);
        let was_whole = before.is_none_or(Recording::is_whole);
        let has_ended = !recording.is_running && before.is_none_or(|before| before.is_running);
        if recording.is_whole() && has_ended {
            self.message = Some(recording.summary());
        } else if !recording.is_whole() && (was_whole || has_ended) {
            self.message = None;
        }
    }

    /// The row of the channel that is looked at.
    #[must_use]
    pub(crate) fn row(&self, channel: &Channel) -> Option<&Row> {
        self.snapshot.row(channel)
    }

    /// Whether something is being recorded.
    #[must_use]
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.is_running)
    }

    /// Looks at a channel; at the plots of it that are kept, if there are some.
    fn open(&mut self, channel: Channel) {
        let kept = self.kept.iter().position(|watch| watch.channel == channel).map(|place| self.kept.remove(place));
        let watch = kept.unwrap_or_else(|| {
            let before = self.cells.undecodable.get(&channel).copied().unwrap_or_default();
            let mut watch = Watch::new(&self.catalog, channel, self.colours, before);
            watch.detail.freeze(self.is_frozen);
            Box::new(watch)
        });
        self.view = View::Detail(watch);
    }

    /// Looks at something else. What is plotted of a channel goes on.
    fn leave_for(&mut self, view: View) {
        self.count_undecodable();
        if let View::Detail(watch) = std::mem::replace(&mut self.view, view)
            && watch.detail.wants_every_message()
        {
            if self.kept.len() + 1 >= MAX_WATCHED {
                let dropped = channel_name(&self.kept.remove(0).channel);
                self.message =
                    Some(format!("{dropped} is plotted no longer: {} channels are at most", MAX_WATCHED - 1));
            }
            self.kept.push(watch);
        }
    }

    fn freeze(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
        self.kept.iter_mut().for_each(|watch| watch.detail.freeze(is_frozen));
        if let View::Detail(watch) = &mut self.view {
            watch.detail.freeze(is_frozen);
        }
    }

    fn count_undecodable(&mut self) {
        let looked_at = match &self.view {
            View::Detail(watch) => Some(watch),
            View::Channels | View::Nodes => None,
        };
        for watch in self.kept.iter().chain(looked_at).filter(|watch| watch.undecodable() > 0) {
            self.cells.undecodable.insert(watch.channel, watch.undecodable());
        }
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
