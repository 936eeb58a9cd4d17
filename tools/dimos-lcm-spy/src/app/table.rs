//! The table of channels as it stands on the screen: which lines there are, in which order, and where the cursor is.

use std::collections::{BTreeMap, BTreeSet};

use lcm::Channel;

use super::column::{Cells, Column};
use crate::reading::snapshot::{Lost, Row, Senders};
use crate::scope::{Filter, Scope, namespace};
use crate::selection::is_internal;
use crate::traffic::history::BARS;
use crate::traffic::losses::Loss;
use crate::traffic::statistics::Sizes;
use crate::traffic::typing::Agreement;

/// How the channels are shown.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The column that they are sorted by.
    pub(crate) sort: Column,
    /// Whether the largest comes first.
    pub(crate) is_descending: bool,
    /// Which are shown.
    pub(crate) filter: Filter,
    /// Whether those of the mesh itself are shown.
    pub(crate) with_internal: bool,
    /// Whether they stand by namespace.
    pub(crate) is_grouped: bool,
    collapsed: BTreeSet<Vec<u8>>,
    lines: Vec<Line>,
    /// Channels that the filter does not take.
    hidden: usize,
    cursor: usize,
    /// The line at the top.
    top: usize,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line {
    /// A namespace.
    Group {
        /// Its name.
        namespace: Vec<u8>,
        /// What its channels are together.
        sum: Box<Row>,
        /// How many there are.
        channels: usize,
        /// Whether they are not shown.
        is_collapsed: bool,
    },
    /// A channel: its place among the rows, and its name.
    Channel(usize, Channel),
}

impl Table {
    /// All channels, by name.
    #[must_use]
    pub(crate) fn new(with_internal: bool) -> Self {
        Self {
            sort: Column::Channel,
            is_descending: false,
            filter: Filter::default(),
            with_internal,
            is_grouped: false,
            collapsed: BTreeSet::new(),
            lines: Vec::new(),
            hidden: 0,
            cursor: 0,
            top: 0,
        }
    }

    /// Puts the lines in order anew, with the cursor on what it was on.
    pub(crate) fn arrange(&mut self, rows: &[Row], cells: &Cells) {
        let under_cursor = self.lines.get(self.cursor).map(Line::key);
        let shown = |row: &&(usize, &Row)| {
            (self.with_internal || !is_internal(row.1.channel.as_bytes())) && self.filter.takes(&row.1.channel)
        };
        let indexed: Vec<_> = rows.iter().enumerate().collect();
        let mut kept: Vec<(usize, &Row)> = indexed.iter().filter(shown).copied().collect();
        self.hidden = rows.len() - kept.len();
        match self.sort {
            // Texts that are made of several things are made once.
            Column::Sender => {
                kept.sort_by_cached_key(|(_, row)| (cells.sender(row), row.channel));
                if self.is_descending {
                    kept.reverse();
                }
            }
            _ => kept.sort_by(|one, other| self.order(cells, one.1, other.1)),
        }
        self.lines = match self.is_grouped {
            true => self.grouped(&kept, cells),
            false => kept.iter().map(|(place, row)| Line::Channel(*place, row.channel)).collect(),
        };
        let found = under_cursor.and_then(|key| self.lines.iter().position(|line| line.key() == key));
        self.cursor = found.unwrap_or(self.cursor).min(self.lines.len().saturating_sub(1));
    }

    /// Its lines.
    #[must_use]
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How many channels are not shown.
    #[must_use]
    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// The line under the cursor.
    #[must_use]
    pub(crate) fn selected(&self) -> Option<&Line> {
        self.lines.get(self.cursor)
    }

    /// Where the cursor is among the lines.
    #[must_use]
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// The line at the top, where so many are shown: the cursor is among them.
    #[must_use]
    pub(crate) fn top(&self, height: usize) -> usize {
        let lowest = self.lines.len().saturating_sub(height);
        let top = self.top.min(lowest).min(self.cursor);
        if self.cursor >= top + height.max(1) { self.cursor + 1 - height.max(1) } else { top }
    }

    /// Moves the cursor by so many lines, of which so many are shown.
    pub(crate) fn move_by(&mut self, lines: isize, height: usize) {
        self.move_to(self.cursor.saturating_add_signed(lines), height);
    }

    /// Moves the cursor to a line.
    pub(crate) fn move_to(&mut self, line: usize, height: usize) {
        self.cursor = line.min(self.lines.len().saturating_sub(1));
        self.top = self.top(height);
    }

    /// Sorts by a column; by the one it is sorted by already, the other way around.
    pub(crate) fn sort_by(&mut self, column: Column) {
        self.is_descending = if self.sort == column { !self.is_descending } else { column.is_number() };
        self.sort = column;
    }

    /// Sorts by the next column to the right or to the left, of those that there is room for in so many cells: nobody would see what it
    /// is sorted by otherwise.
    pub(crate) fn sort_by_next(&mut self, towards: Towards, width: u16) {
        let shown = Column::laid_out(width);
        let mut right = shown.iter().map(|(column, ..)| *column);
        let next = match towards {
            Towards::Right => right.find(|column| *column > self.sort).or(shown.first().map(|(column, ..)| *column)),
            Towards::Left => right.rfind(|column| *column < self.sort).or(shown.last().map(|(column, ..)| *column)),
        };
        if let Some(column) = next.filter(|column| *column != self.sort) {
            self.sort_by(column);
        }
    }

    /// Shows the channels of the group under the cursor, or no longer; of a channel, those of its group no longer.
    pub(crate) fn fold(&mut self, fold: Fold) {
        let (namespace, is_group) = match self.selected() {
            Some(Line::Group { namespace, .. }) => (namespace.clone(), true),
            Some(Line::Channel(_, channel)) if self.is_grouped && fold == Fold::Close => {
                (namespace(channel.as_bytes()).to_vec(), false)
            }
            _ => return,
        };
        let is_open = !self.collapsed.contains(&namespace);
        if is_open && fold != Fold::Open {
            if !is_group {
                let group = |line: &Line| matches!(line, Line::Group { namespace: other, .. } if *other == namespace);
                self.cursor = self.lines.iter().position(group).unwrap_or(self.cursor);
            }
            // What was there and is no more is forgotten.
            if self.collapsed.len() >= MAX_COLLAPSED {
                self.collapsed.clear();
            }
            self.collapsed.insert(namespace);
        } else if fold != Fold::Close {
            self.collapsed.remove(&namespace);
        }
    }

    /// What the line under the cursor stands for.
    #[must_use]
    pub(crate) fn scope(&self) -> Option<Scope> {
        self.selected().map(|line| match line {
            Line::Group { namespace, .. } => Scope::Namespace {
                namespace: namespace.clone(),
                filter: self.filter.clone(),
                with_internal: self.with_internal,
            },
            Line::Channel(_, channel) => Scope::Channel(*channel),
        })
    }

    /// What is shown.
    #[must_use]
    pub(crate) fn scope_of_all(&self) -> Scope {
        Scope::Filter { filter: self.filter.clone(), with_internal: self.with_internal }
    }

    fn order(&self, cells: &Cells, one: &Row, other: &Row) -> std::cmp::Ordering {
        let order = cells.compare(self.sort, one, other);
        if self.is_descending { order.reverse() } else { order }
    }

    /// Each namespace, and behind it its channels.
    fn grouped(&self, rows: &[(usize, &Row)], cells: &Cells) -> Vec<Line> {
        let mut groups: BTreeMap<&[u8], Vec<(usize, &Row)>> = BTreeMap::new();
        for row in rows {
            groups.entry(namespace(row.1.channel.as_bytes())).or_default().push(*row);
        }
        let mut groups: Vec<_> = groups.into_iter().map(|(name, rows)| (name, sum(name, &rows), rows)).collect();
        groups.sort_by(|(_, one, _), (_, other, _)| self.order(cells, one, other));
        let mut lines = Vec::new();
        for (namespace, sum, rows) in groups {
            let is_collapsed = self.collapsed.contains(namespace);
            let (namespace, channels) = (namespace.to_vec(), rows.len());
            lines.push(Line::Group { namespace, sum: Box::new(sum), channels, is_collapsed });
            if !is_collapsed {
                lines.extend(rows.into_iter().map(|(place, row)| Line::Channel(place, row.channel)));
            }
        }
        lines
    }
}

/// Which of the other columns is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Towards {
    /// That to the right, and of the last one the first.
    Right,
    /// That to the left.
    Left,
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    /// Its channels are shown.
    Open,
    /// They are not.
    Close,
    /// Whatever they are not.
    Toggle,
}

/// What stays the same of a line when others come and go.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Group(Vec<u8>),
    Channel(Channel),
}

impl Line {
    fn key(&self) -> Key {
        match self {
            Self::Group { namespace, .. } => Key::Group(namespace.clone()),
            Self::Channel(_, channel) => Key::Channel(*channel),
        }
    }
}

/// What the channels of a namespace are together.
fn sum(namespace: &[u8], rows: &[(usize, &Row)]) -> Row {
    let of = |number: fn(&Row) -> f64| rows.iter().map(|(_, row)| number(row)).sum::<f64>();
    // What others claim may be any number.
    let total = |number: fn(&Row) -> u64| rows.iter().fold(0_u64, |sum, (_, row)| sum.saturating_add(number(row)));
    let (messages, bytes) = (total(|row| row.messages), total(|row| row.bytes));
    let losses: Vec<_> = rows.iter().filter_map(|(_, row)| row.lost.of_channel).collect();
    let is_known = losses.len() == rows.len();
    let loss = |losses: &[Loss]| Loss {
        published: losses.iter().fold(0, |sum, loss| sum.saturating_add(loss.published)),
        lost: losses.iter().fold(0, |sum, loss| sum.saturating_add(loss.lost)),
    };
    let mut bars = [0_u32; BARS];
    for (_, row) in rows {
        bars.iter_mut().zip(row.bars).for_each(|(sum, bar)| *sum = sum.saturating_add(bar));
    }
    let newest = rows.iter().min_by(|(_, one), (_, other)| one.age_s.total_cmp(&other.age_s)).map(|(_, row)| row);
    Row {
        // For the order by name. A namespace is a part of a name, so it is none that is too long.
        channel: Channel::new(namespace).unwrap_or_else(|_| rows[0].1.channel),
        type_name: None,
        agreement: Agreement::NoType,
        mismatched: total(|row| row.mismatched),
        messages,
        bytes,
        rate_hz: Some(of(|row| row.rate_hz.unwrap_or_default())),
        mean_rate_hz: None,
        bytes_per_s: of(|row| row.bytes_per_s),
        jitter_s: None,
        sizes: Sizes {
            min: rows.iter().map(|(_, row)| row.sizes.min).min().unwrap_or_default(),
            mean: bytes as f64 / messages.max(1) as f64,
            max: rows.iter().map(|(_, row)| row.sizes.max).max().unwrap_or_default(),
        },
        last_bytes: newest.map_or(0, |row| row.last_bytes),
        age_s: newest.map_or(0.0, |row| row.age_s),
        senders: Senders::default(),
        lost: Lost {
            of_channel: is_known.then(|| loss(&losses)),
            // Channels may have the same sender.
            of_senders: rows.iter().map(|(_, row)| row.lost.of_senders).max().unwrap_or_default(),
        },
        bars,
    }
}

/// Groups that are remembered to be collapsed.
const MAX_COLLAPSED: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_forged_counts_end_at_the_largest_number() {
        let loss = Loss { published: u64::MAX, lost: u64::MAX - 1 };
        let row = Row {
            messages: u64::MAX,
            mismatched: u64::MAX,
            lost: Lost { of_channel: Some(loss), of_senders: u64::MAX },
            ..empty()
        };
        let together = sum(b"/a", &[(0, &row), (1, &row)]);
        assert_eq!((together.messages, together.mismatched), (u64::MAX, u64::MAX));
        assert_eq!(together.lost.of_channel, Some(Loss { published: u64::MAX, lost: u64::MAX }));
    }

    fn empty() -> Row {
        Row {
            channel: Channel::new("/a/x").unwrap(),
            type_name: None,
            agreement: Agreement::NoType,
            mismatched: 0,
            messages: 0,
            bytes: 0,
            rate_hz: None,
            mean_rate_hz: None,
            bytes_per_s: 0.0,
            jitter_s: None,
            sizes: Sizes { min: 0, mean: 0.0, max: 0 },
            last_bytes: 0,
            age_s: 0.0,
            senders: Senders::default(),
            lost: Lost::default(),
            bars: [0; BARS],
        }
    }
}
