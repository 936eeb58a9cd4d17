//! The columns of the table of channels: what stands in them, how wide they are, and how they are sorted.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddrV4;

use lcm::Channel;

use crate::readable::BARS;
use crate::reading::snapshot::{Lost, Row};
use crate::scope::topic;
use crate::text::{plain, plain_bytes};
use crate::traffic::units;

/// A column. They stand in the order that they have here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    /// The name without the type.
    Channel,
    /// The type.
    Type,
    /// Messages.
    Count,
    /// Messages a second.
    Rate,
    /// Bytes a second.
    Bandwidth,
    /// The deviation of the times between messages.
    Jitter,
    /// Bytes of the last message.
    Size,
    /// How long ago the last one came.
    Age,
    /// Who sends.
    Sender,
    /// What was lost.
    Lost,
    /// Messages that are not what they should be.
    Undecodable,
    /// The rate of the last seconds, as bars.
    History,
}

/// What is needed to fill cells beside the row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    /// The names of senders.
    pub(crate) names: HashMap<SocketAddrV4, String>,
    /// Messages that could not be decoded, of the channels that were looked at.
    pub(crate) undecodable: BTreeMap<Channel, u64>,
}

impl Column {
    /// What stands above it.
    #[must_use]
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Channel => "CHANNEL",
            Self::Type => "TYPE",
            Self::Count => "COUNT",
            Self::Rate => "RATE",
            Self::Bandwidth => "BANDWIDTH",
            Self::Jitter => "JITTER",
            Self::Size => "SIZE",
            Self::Age => "AGE",
            Self::Sender => "SENDER",
            Self::Lost => "LOST",
            Self::Undecodable => "UNDEC",
            Self::History => "HISTORY",
        }
    }

    /// Whether numbers stand in it, which end at its right edge.
    #[must_use]
    pub(crate) const fn is_number(self) -> bool {
        !matches!(self, Self::Channel | Self::Type | Self::Sender | Self::History)
    }

    /// Cells that it takes at least.
    const fn width(self) -> u16 {
        match self {
            Self::Channel => 18,
            Self::Type => 23,
            Self::History => 16,
            Self::Sender => 12,
            Self::Bandwidth => 10,
            Self::Rate => 8,
            Self::Count | Self::Jitter | Self::Size | Self::Lost => 7,
            Self::Age | Self::Undecodable => 6,
        }
    }

    /// The columns that there is room for, with where they begin and how wide they are. Of what is left over the names get most.
    #[must_use]
    pub(crate) fn laid_out(width: u16) -> Vec<(Self, u16, u16)> {
        let mut chosen = vec![Self::Channel];
        let mut taken = Self::Channel.width().min(width);
        for column in BY_IMPORTANCE {
            if taken + column.width() < width {
                taken += column.width() + 1;
                chosen.push(column);
            }
        }
        chosen.sort();
        let mut left = width.saturating_sub(taken);
        let for_sender = if chosen.contains(&Self::Sender) { (left / 4).min(MOST_FOR_SENDERS) } else { 0 };
        left -= for_sender;
        let for_type = if chosen.contains(&Self::Type) { (left / 3).min(MOST_FOR_TYPES) } else { 0 };
        let mut at = 0;
        let lay = |column: Self| {
            let more = match column {
                Self::Channel => left - for_type,
                Self::Type => for_type,
                Self::Sender => for_sender,
                _ => 0,
            };
            let laid = (column, at, column.width().min(width) + more);
            at += laid.2 + 1;
            laid
        };
        chosen.into_iter().map(lay).collect()
    }
}

impl Cells {
    /// What stands in a column of a row.
    #[must_use]
    pub(crate) fn text(&self, column: Column, row: &Row) -> String {
        let once = || "once".to_owned();
        match column {
            Column::Channel => plain_bytes(topic(row.channel.as_bytes())),
            Column::Type => row.type_name.as_deref().map_or_else(|| "-".to_owned(), plain),
            Column::Count => count(row.messages),
            Column::Rate => row.rate_hz.map_or_else(once, units::rate),
            Column::Bandwidth => format!("{}/s", units::bytes(row.bytes_per_s)),
            Column::Jitter => row.jitter_s.map_or_else(|| "-".to_owned(), units::time),
            Column::Size => units::bytes(row.last_bytes as f64),
            Column::Age => age(row.age_s),
            Column::Sender => self.sender(row),
            Column::Lost => lost(row.lost, row.senders.has_more),
            Column::Undecodable => match self.undecodable(row) {
                0 => "-".to_owned(),
                number => count(number),
            },
            Column::History => bars(&row.bars),
        }
    }

    /// Which of two rows comes first when they are sorted by a column. What is equal is sorted by name.
    #[must_use]
    pub(crate) fn compare(&self, column: Column, one: &Row, other: &Row) -> Ordering {
        let by_name = || one.channel.cmp(&other.channel);
        let numbers = |of: fn(&Row) -> f64| of(one).total_cmp(&of(other));
        let order = match column {
            Column::Channel => return by_name(),
            Column::Type => one.type_name.cmp(&other.type_name),
            Column::Count => one.messages.cmp(&other.messages),
            Column::Rate | Column::History => numbers(|row| row.rate_hz.unwrap_or_default()),
            Column::Bandwidth => numbers(|row| row.bytes_per_s),
            Column::Jitter => numbers(|row| row.jitter_s.unwrap_or_default()),
            Column::Size => one.last_bytes.cmp(&other.last_bytes),
            Column::Age => numbers(|row| row.age_s),
            Column::Sender => self.sender(one).cmp(&self.sender(other)),
            Column::Lost => lost_order(one.lost).cmp(&lost_order(other.lost)),
            Column::Undecodable => self.undecodable(one).cmp(&self.undecodable(other)),
        };
        order.then_with(by_name)
    }

    fn undecodable(&self, row: &Row) -> u64 {
        row.mismatched + self.undecodable.get(&row.channel).copied().unwrap_or_default()
    }

    /// Who sends, in words.
    pub(super) fn sender(&self, row: &Row) -> String {
        let Some(latest) = row.senders.latest else { return "-".to_owned() };
        let name = self.names.get(&latest).map_or_else(|| latest.to_string(), |name| plain(name));
        match (row.senders.count.saturating_sub(1), row.senders.has_more) {
            (0, _) => name,
            (more, false) => format!("{name} +{more}"),
            (more, true) => format!("{name} +{more}.."),
        }
    }
}

/// What was lost: of the channel, or of all that its senders sent, which is marked, and is no bound where not all of them are remembered.
fn lost(lost: Lost, has_more_senders: bool) -> String {
    match (lost.of_channel, lost.of_senders) {
        (Some(loss), _) => count(loss.lost),
        (None, of_senders) if has_more_senders => format!("{}*", count(of_senders)),
        (None, 0) => "0".to_owned(),
        (None, of_senders) => format!("<={}*", count(of_senders)),
    }
}

fn lost_order(lost: Lost) -> (u64, bool) {
    lost.of_channel.map_or((lost.of_senders, true), |loss| (loss.lost, false))
}

/// A number that fits into six cells.
fn count(number: u64) -> String {
    match number {
        0..1_000_000 => number.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

fn age(age_s: f64) -> String {
    match age_s {
        age_s if age_s < 60.0 => format!("{age_s:.1} s"),
        age_s if age_s < 3600.0 => format!("{:.1} m", age_s / 60.0),
        _ => format!("{:.1} h", age_s / 3600.0),
    }
}

/// A bar for each number, the largest as high as a line.
#[must_use]
pub(crate) fn bars(numbers: &[u32]) -> String {
    let largest = numbers.iter().copied().max().unwrap_or_default().max(1);
    let bar = |&number: &u32| match number {
        0 => ' ',
        _ => {
            let step = (u64::from(number) * BARS.len() as u64).div_ceil(u64::from(largest));
            BARS[usize::try_from(step).unwrap_or(BARS.len()).clamp(1, BARS.len()) - 1]
        }
    };
    numbers.iter().map(bar).collect()
}

/// The columns beside the name, that which is left out last first.
const BY_IMPORTANCE: [Column; 11] = [
    Column::Rate,
    Column::Lost,
    Column::Bandwidth,
    Column::Type,
    Column::Undecodable,
    Column::Age,
    Column::Count,
    Column::Size,
    Column::Sender,
    Column::History,
    Column::Jitter,
];

/// Beside what they have anyway.
const MOST_FOR_TYPES: u16 = 16;
const MOST_FOR_SENDERS: u16 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_whatever_the_width_and_come_in_their_order() {
        for width in 0..400 {
            let laid = Column::laid_out(width);
            assert_eq!(laid[0].0, Column::Channel);
            assert!(laid.is_sorted_by_key(|(column, ..)| *column));
            let (_, at, last) = laid[laid.len() - 1];
            assert!(at + last <= width, "{width}: {laid:?}");
        }
        let shown = |width| Column::laid_out(width).into_iter().map(|(column, ..)| column).collect::<Vec<_>>();
        assert_eq!(shown(40), [Column::Channel, Column::Rate, Column::Lost]);
        let at_80 = [Column::Channel, Column::Type, Column::Rate, Column::Bandwidth, Column::Lost, Column::Undecodable];
        assert_eq!(shown(80), at_80);
        let left_out_at_120: Vec<_> = shown(200).into_iter().filter(|column| !shown(120).contains(column)).collect();
        assert_eq!(left_out_at_120, [Column::Jitter, Column::History]);
        // As the help says.
        assert_eq!((shown(137).len(), shown(138).len(), shown(200).len()), (11, 12, 12));
    }

    #[test]
    fn bars_grow_with_their_numbers() {
        assert_eq!(bars(&[0, 1, 50, 100]), " ▁▄█");
        assert_eq!(bars(&[0, 0]), "  ");
        assert_eq!(bars(&[u32::MAX, 1]), "█▁");
    }

    #[test]
    fn what_is_lost_of_the_sender_is_marked() {
        use crate::traffic::losses::Loss;
        let of_channel = Some(Loss { published: 100, lost: 3 });
        assert_eq!(lost(Lost { of_channel, of_senders: 7 }, false), "3");
        assert_eq!(lost(Lost { of_channel: None, of_senders: 7 }, false), "<=7*");
        assert_eq!(lost(Lost { of_channel: None, of_senders: 7 }, true), "7*");
        assert_eq!(lost(Lost::default(), false), "0");
    }
}
