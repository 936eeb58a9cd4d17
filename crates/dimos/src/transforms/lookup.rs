//! Lookups: which path, at which time, and why not.

use std::iter::once;
use std::time::Duration;

use lcm_types::geometry_msgs::{Transform, TransformStamped};
use lcm_types::std_msgs::{Header, Time};

use super::buffer::TransformBuffer;
use super::checks::frame_id;
use super::error::{Edge, LookupError, Side};
use super::frames::{FrameId, Link, Says};
use super::history::{History, Span};
use super::limits::nanoseconds;
use super::similar::most_similar;

/// At which time a lookup looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// The latest time at which all edges of the path are known. Those that stand still are known a little longer than their
    /// samples last, and those that were said once at all times, so that they do not hold up the others.
    Latest,
    /// A given time, such as the stamp of a picture. If the path is not known then, the nearest time at which all of it is, and
    /// that is the stamp of the answer; if edges are known at no common time near it, each says its nearest sample. An
    /// edge that is known between two samples is interpolated, however far apart these are.
    At {
        /// The time.
        stamp: Time,
        /// How far before the oldest or after the newest sample of an edge the time may be.
        tolerance: Duration,
    },
    /// The newest sample of each edge, however different their stamps are. The answer has the oldest of them. This is what Python
    /// DimOS gives if it is asked for no time; while things move it is less exact than [`When::Latest`], and it goes on with
    /// edges whose publishers have died.
    Newest,
}

impl When {
    /// [`When::At`], with a time of either kind that messages and clocks give.
    #[must_use]
    pub fn at(stamp: impl Into<Time>, tolerance: Duration) -> Self {
        Self::At { stamp: stamp.into(), tolerance }
    }
}

impl TransformBuffer {
    /// The transform that maps coordinates of `source_frame` into `target_frame`, lengths in m: `target_frame` is its
    /// `header.frame_id`, `source_frame` its `child_frame_id`, and `header.stamp` the time at which it holds.
    ///
    /// From a frame to itself it is the identity, whether or not the frame is known. Where all of the path is static in this
    /// process, the stamp is the one that was asked for, or 0.
    ///
    /// # Errors
    /// If a frame is not known, if they are not connected, or if an edge between them is not known at that time.
    pub fn lookup(&self, target_frame: &str, source_frame: &str, when: When) -> Result<TransformStamped, LookupError> {
        let (target, source) = (frame_id(target_frame)?, frame_id(source_frame)?);
        let answer = self.find(target, source, when).map_err(|failure| self.explain(target, source, when, failure))?;
        Ok(TransformStamped {
            header: Header::at(time(answer.stamp_ns), target),
            child_frame_id: source.to_owned(),
            transform: answer.transform,
        })
    }

    /// Whether [`lookup`](Self::lookup) would have an answer now. Unlike it this allocates nothing and explains nothing: for
    /// those who wait and try again.
    #[must_use]
    pub fn can_lookup(&self, target_frame: &str, source_frame: &str, when: When) -> bool {
        let (Ok(target), Ok(source)) = (frame_id(target_frame), frame_id(source_frame)) else { return false };
        target == source || self.path_between(target, source).and_then(|path| self.moment(path, when)).is_ok()
    }

    /// The frames that lie between two frames, both included: from the target up to the first frame that both have above them,
    /// and down to the source.
    ///
    /// # Errors
    /// If a frame is not known, or if they are not connected.
    pub fn path(&self, target_frame: &str, source_frame: &str) -> Result<Vec<&str>, LookupError> {
        let (target, source) = (frame_id(target_frame)?, frame_id(source_frame)?);
        let path = self.path_between(target, source);
        let path = path.map_err(|failure| self.explain(target, source, When::Newest, failure))?;
        let below = |from| self.frames.climb(from, Some(path.top)).map(|(id, _)| self.frames.name(id));
        let mut down: Vec<&str> = below(path.source).collect();
        down.reverse();
        Ok(below(path.target).chain(once(self.frames.name(path.top))).chain(down).collect())
    }

    fn find(&self, target: &str, source: &str, when: When) -> Result<Answer, Failure> {
        if target == source {
            return Ok(Answer { stamp_ns: self.stamp_alone(target, when), transform: Transform::IDENTITY });
        }
        let path = self.path_between(target, source)?;
        let moment = self.moment(path, when)?;
        let to_top = |from| {
            let climb = self.frames.climb(from, Some(path.top));
            climb.fold(Transform::IDENTITY, |below, (_, link)| link.at(moment.look_ns).compose(below))
        };
        let mut transform = to_top(path.source).relative_to(to_top(path.target));
        // Rounding adds up along the path.
        transform.rotation = transform.rotation.normalized().unwrap_or(transform.rotation);
        Ok(Answer { stamp_ns: moment.stamp_ns, transform })
    }

    /// The stamp of a frame seen from itself.
    fn stamp_alone(&self, frame: &str, when: When) -> i64 {
        if let When::At { stamp, .. } = when {
            return stamp.as_nanos();
        }
        let link = self.frames.find(frame).and_then(|id| self.frames.link(id));
        link.and_then(Link::history).map_or(0, History::newest_ns)
    }

    fn path_between(&self, target: &str, source: &str) -> Result<Path, Failure> {
        let target = self.frames.find(target).ok_or(Failure::UnknownTarget)?;
        let source = self.frames.find(source).ok_or(Failure::UnknownSource)?;
        let top = self.frames.common_ancestor(target, source).ok_or(Failure::Disconnected { target, source })?;
        Ok(Path { target, source, top })
    }

    /// The edges of a path that were heard.
    fn heard(&self, path: Path) -> impl Iterator<Item = (FrameId, &History)> {
        let edges =
            self.frames.climb(path.source, Some(path.top)).chain(self.frames.climb(path.target, Some(path.top)));
        edges.filter_map(|(id, link)| Some((id, link.history()?)))
    }

    /// At which time to look.
    fn moment(&self, path: Path, when: When) -> Result<Moment, Failure> {
        let span = |history: &History| match when {
            When::Latest if history.len() == 1 => Span { from_ns: i64::MIN, to_ns: i64::MAX },
            _ => history.span(self.window_ns),
        };
        let mut heard = self.heard(path);
        let Some((first, history)) = heard.next() else {
            let stamp_ns = if let When::At { stamp, .. } = when { stamp.as_nanos() } else { 0 };
            return Ok(Moment { look_ns: stamp_ns, stamp_ns });
        };
        let mut common = Common::new(first, span(history), history.newest_ns());
        for (id, history) in heard {
            common.narrow(id, span(history), history.newest_ns());
        }
        let is_apart = common.span.from_ns > common.span.to_ns;
        match when {
            When::Newest => Ok(Moment { look_ns: i64::MAX, stamp_ns: common.oldest_ns }),
            When::Latest if is_apart => Err(Failure::Apart { ended: common.ends, began: common.begins }),
            When::Latest => Ok(Moment::of(common.span.to_ns.min(common.newest_ns))),
            When::At { stamp, tolerance } => {
                let stamp_ns = stamp.as_nanos();
                let (after, before) = (stamp_ns - common.span.to_ns, common.span.from_ns - stamp_ns);
                if after.max(before) > nanoseconds(tolerance) {
                    let (edge, side) =
                        if after > before { (common.ends, Side::Newest) } else { (common.begins, Side::Oldest) };
                    return Err(Failure::OutOfRange { edge, side });
                }
                let nearest = if is_apart { stamp_ns } else { stamp_ns.clamp(common.span.from_ns, common.span.to_ns) };
                Ok(Moment::of(nearest))
            }
        }
    }

    fn explain(&self, target: &str, source: &str, when: When, failure: Failure) -> LookupError {
        let name = |id| self.frames.name(id).to_owned();
        match failure {
            Failure::UnknownTarget => self.unknown(target),
            Failure::UnknownSource => self.unknown(source),
            Failure::Disconnected { target, source } => LookupError::Disconnected {
                target: name(target),
                target_root: name(self.frames.root(target)),
                source_frame: name(source),
                source_root: name(self.frames.root(source)),
            },
            Failure::OutOfRange { edge, side } => {
                let (stamp, tolerance) = match when {
                    When::At { stamp, tolerance } => (stamp, tolerance),
                    When::Latest | When::Newest => (Time::default(), Duration::ZERO),
                };
                let (oldest_ns, newest_ns) = self.ends(edge);
                let nearest_ns = if side == Side::Oldest { oldest_ns } else { newest_ns };
                let off = Duration::from_nanos(stamp.as_nanos().abs_diff(nearest_ns));
                LookupError::OutOfRange { edge: self.edge(edge), stamp, side, off, tolerance }
            }
            Failure::Apart { ended, began } => LookupError::NoCommonTime {
                ended: self.edge(ended),
                began: self.edge(began),
                gap: Duration::from_nanos(self.ends(ended).1.abs_diff(self.ends(began).0)),
            },
        }
    }

    fn unknown(&self, frame: &str) -> LookupError {
        LookupError::UnknownFrame {
            frame: frame.to_owned(),
            similar: most_similar(frame, self.frames.names()).map(str::to_owned),
            known: self.frames.len(),
        }
    }

    fn edge(&self, child: FrameId) -> Edge {
        let parent = self.frames.link(child).map_or("", |link| self.frames.name(link.parent));
        Edge::new(parent, self.frames.name(child))
    }

    /// The stamps of the oldest and the newest sample of an edge.
    fn ends(&self, child: FrameId) -> (i64, i64) {
        let history = self.frames.link(child).and_then(Link::history);
        history.map_or((0, 0), |history| (history.oldest_ns(), history.newest_ns()))
    }
}

impl Link {
    fn at(&self, time_ns: i64) -> Transform {
        match &self.says {
            Says::Fixed(transform) => *transform,
            Says::Heard(history) => history.at(time_ns),
        }
    }
}

/// The way from one frame to another, over the first frame that both have above them.
#[derive(Debug, Clone, Copy)]
struct Path {
    target: FrameId,
    source: FrameId,
    top: FrameId,
}

/// Where to look in each edge, and what to call that.
#[derive(Debug, Clone, Copy)]
struct Moment {
    look_ns: i64,
    stamp_ns: i64,
}

impl Moment {
    const fn of(time_ns: i64) -> Self {
        Self { look_ns: time_ns, stamp_ns: time_ns }
    }
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    stamp_ns: i64,
    transform: Transform,
}

/// Why there is no answer, without the names that make it readable.
#[derive(Debug, Clone, Copy)]
enum Failure {
    UnknownTarget,
    UnknownSource,
    Disconnected { target: FrameId, source: FrameId },
    OutOfRange { edge: FrameId, side: Side },
    Apart { ended: FrameId, began: FrameId },
}

/// The times for which all edges of a path speak; none if they begin after they end.
#[derive(Debug, Clone, Copy)]
struct Common {
    span: Span,
    begins: FrameId,
    ends: FrameId,
    /// The oldest and the newest of the newest samples.
    oldest_ns: i64,
    newest_ns: i64,
}

impl Common {
    const fn new(edge: FrameId, span: Span, newest_ns: i64) -> Self {
        Self { span, begins: edge, ends: edge, oldest_ns: newest_ns, newest_ns }
    }

    fn narrow(&mut self, edge: FrameId, span: Span, newest_ns: i64) {
        if span.from_ns > self.span.from_ns {
            (self.span.from_ns, self.begins) = (span.from_ns, edge);
        }
        if span.to_ns < self.span.to_ns {
            (self.span.to_ns, self.ends) = (span.to_ns, edge);
        }
        self.oldest_ns = self.oldest_ns.min(newest_ns);
        self.newest_ns = self.newest_ns.max(newest_ns);
    }
}

/// A stamp from nanoseconds. All of them come from stamps, and those between two stamps are stamps.
fn time(stamp_ns: i64) -> Time {
    Time::from_nanos(stamp_ns).unwrap_or(if stamp_ns < 0 { Time::MIN } else { Time::MAX })
}
