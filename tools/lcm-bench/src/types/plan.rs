//! What is measured of each type, what it stands beside in the table, and what it is meant to reach.

use clap::ValueEnum;

use crate::report::Bound;

use super::sample::{Kind, Subject};

/// A row: an operation of ours, and what stands beside it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) ours: Measurement,
    pub(super) beside: Option<Beside>,
    pub(super) aims: Vec<Bound>,
}

/// What a figure of ours is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    pub(super) name: &'static str,
    pub(super) measurement: Measurement,
}

/// An operation on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Measurement {
    pub(super) subject: Subject,
    pub(super) operation: Operation,
}

/// An operation, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// In a process of this program.
    Ours(OurOperation),
    /// In `peers/types.c`.
    C(COperation),
}

/// What our process measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum OurOperation {
    /// Decodes, and drops the value.
    Decode,
    /// Encodes into a buffer that is used again.
    Encode,
    /// Views the message, and reads a member.
    View,
    /// Encodes into slices.
    Gather,
    /// Converts the ranges of a scan to native numbers as the library does.
    Convert,
    /// The same with a plain loop.
    ConvertPlainly,
    /// Copies the bytes of these ranges as they are.
    Copy,
}

/// What the process of C measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum COperation {
    /// Decodes, and cleans up.
    Decode,
    /// Encodes into a buffer that exists.
    Encode,
    /// Asks for the encoded size before it encodes, as `publish` does.
    MeasureAndEncode,
}

/// The rows of a type.
pub(super) fn rows(kind: Kind) -> Vec<Row> {
    let usual = kind.usual();
    let mut rows = vec![
        ours(usual, OurOperation::Decode)
            .beside_c("decode + decode_cleanup", COperation::Decode)
            .aim(Bound::AtMostOfIt(1.0)),
        ours(usual, OurOperation::Encode)
            .beside_c("encoded_size + encode", COperation::MeasureAndEncode)
            .aim(Bound::AtMostOfIt(1.0)),
        ours(usual, OurOperation::Encode).beside_c("encode alone", COperation::Encode),
    ];
    let blobs = blobs(kind);
    if blobs.is_empty() {
        let view = ours(usual, OurOperation::View);
        rows.push(if kind == Kind::Twist { view.aim(Bound::AtMost(5.0)) } else { view });
        rows.push(ours(usual, OurOperation::Gather));
    }
    for &subject in &blobs {
        let view = ours(subject, OurOperation::View).aim(Bound::AtMost(100.0));
        rows.push(if subject == blobs[0] { view } else { view.beside_the_smallest(blobs[0]) });
    }
    for &subject in &blobs {
        let gather = ours(subject, OurOperation::Gather);
        let gather = if kind == Kind::Image { gather.aim(Bound::AtMost(150.0)) } else { gather };
        rows.push(if subject == blobs[0] { gather } else { gather.beside_the_smallest(blobs[0]) });
    }
    if kind == Kind::LaserScan {
        let beside_copy =
            |operation| ours(usual, operation).beside("memcpy", usual, Operation::Ours(OurOperation::Copy));
        rows.push(beside_copy(OurOperation::Convert).aim(Bound::AtMostOfIt(2.0)));
        rows.push(beside_copy(OurOperation::ConvertPlainly));
    }
    rows
}

/// Messages of a type with a blob, which differ in its size, the smallest first.
fn blobs(kind: Kind) -> Vec<Subject> {
    if !matches!(kind, Kind::Image | Kind::PointCloud2) {
        return Vec::new();
    }
    let mut subjects = [1 << 10, 1 << 20, 16 << 20].map(|bytes| kind.with_body(bytes)).to_vec();
    subjects.push(kind.usual());
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

fn ours(subject: Subject, operation: OurOperation) -> Row {
    let what = match operation {
        OurOperation::Decode => "decode + drop",
        OurOperation::Encode => "encode_into",
        OurOperation::View => "view, one member read",
        OurOperation::Gather => "gather + slices",
        OurOperation::Convert => "ranges by copy_to_native",
        OurOperation::ConvertPlainly => "ranges by a plain loop",
        OurOperation::Copy => "ranges by memcpy",
    };
    let ours = Measurement { subject, operation: Operation::Ours(operation) };
    Row { what: format!("{subject}: {what}"), ours, beside: None, aims: Vec::new() }
}

impl Row {
    fn beside(self, name: &'static str, subject: Subject, operation: Operation) -> Self {
        Self { beside: Some(Beside { name, measurement: Measurement { subject, operation } }), ..self }
    }

    fn beside_c(self, name: &'static str, operation: COperation) -> Self {
        let subject = self.ours.subject;
        self.beside(name, subject, Operation::C(operation))
    }

    fn beside_the_smallest(self, smallest: Subject) -> Self {
        let operation = self.ours.operation;
        self.beside("the same of 1 KiB", smallest, operation).aim(Bound::AtMostOfIt(INDEPENDENT))
    }

    fn aim(mut self, aim: Bound) -> Self {
        self.aims.push(aim);
        self
    }

    /// What the row needs.
    pub(super) fn measurements(&self) -> impl Iterator<Item = Measurement> + use<> {
        [Some(self.ours), self.beside.map(|beside| beside.measurement)].into_iter().flatten()
    }
}

impl Operation {
    pub(super) fn needs_c(self) -> bool {
        matches!(self, Self::C(_))
    }
}

impl COperation {
    /// What `peers/types.c` calls it.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Encode => "encode",
            Self::MeasureAndEncode => "measure-and-encode",
        }
    }
}

/// What does not depend on the size of a body is not slower than this with a larger one.
const INDEPENDENT: f64 = 1.2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_decoded_and_encoded_beside_c() {
        for &kind in Kind::value_variants() {
            let rows = rows(kind);
            let operations: Vec<Operation> =
                rows.iter().flat_map(Row::measurements).map(|measurement| measurement.operation).collect();
            for operation in [COperation::Decode, COperation::Encode, COperation::MeasureAndEncode] {
                assert!(operations.contains(&Operation::C(operation)), "{kind:?}");
            }
        }
    }

    #[test]
    fn larger_blobs_stand_beside_the_smallest() {
        let views: Vec<Row> = rows(Kind::Image)
            .into_iter()
            .filter(|row| row.ours.operation == Operation::Ours(OurOperation::View))
            .collect();
        assert_eq!(views.len(), 4);
        assert!(views[0].beside.is_none());
        assert!(views[1..].iter().all(|row| row.beside.is_some_and(|beside| beside.measurement == views[0].ours)));
    }
}
