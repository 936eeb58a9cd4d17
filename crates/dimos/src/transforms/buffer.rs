//! The buffer: what becomes of a transform that comes in, and that memory stays bounded. Lookups are in `lookup`.

use lcm_types::geometry_msgs::{Quaternion, Transform, TransformStamped, TransformStampedView};
use lcm_types::tf2_msgs::{TFMessage, TFMessageView};

use super::checks::Checked;
use super::counts::Counts;
use super::error::{Edge, InsertError};
use super::frames::{FrameId, Frames, Link, Says};
use super::history::{History, Place, Sample};
use super::limits::Limits;

/// What is known of the frames of a robot, over the last seconds: see the [module](super).
#[derive(Debug)]
pub struct TransformBuffer {
    pub(super) frames: Frames,
    pub(super) limits: Limits,
    pub(super) window_ns: i64,
    counts: Counts,
    generation: u64,
    /// Of all edges together.
    samples: usize,
}

/// What became of a transform that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inserted {
    /// Its edge is new.
    NewEdge,
    /// It is the newest sample of its edge.
    Newest,
    /// It is older than the newest sample of its edge.
    OutOfOrder,
    /// It replaces a sample with the same stamp.
    Replaced,
    /// It is so much older than the newest sample of its edge that the history begins anew with it.
    Restarted,
    /// Its child had another parent; the history begins anew with it.
    Reparented,
    /// Its child is static in this process, and it says the same.
    Confirmed,
}

/// What became of the transforms of a message.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// How many were taken in.
    pub inserted: usize,
    /// How many were refused.
    pub refused: usize,
    /// Why the first of these was.
    pub first_error: Option<InsertError>,
}

impl TransformBuffer {
    /// Without frames, and with the usual [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Without frames. Limits that leave no room for one edge are raised to that.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use dimos::transforms::{Limits, TransformBuffer};
    ///
    /// let mut limits = Limits::default();
    /// limits.window = Duration::from_secs(60);
    /// let transforms = TransformBuffer::with_limits(limits);
    /// # assert_eq!(transforms.generation(), 0);
    /// ```
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        let limits = limits.workable();
        Self {
            frames: Frames::default(),
            limits,
            window_ns: limits.window_ns(),
            counts: Counts::default(),
            generation: 0,
            samples: 0,
        }
    }

    /// Takes in a transform: `transform` maps coordinates of `child_frame_id` into `header.frame_id` at `header.stamp`.
    /// Quaternions that are not quite of length 1 are normalised.
    ///
    /// # Errors
    /// If a name, the stamp or a number is none; if a frame would become its own ancestor; if the child is static in this process
    /// and this says otherwise; if there are too many frames, all of them static or with children.
    pub fn insert(&mut self, stamped: &TransformStamped) -> Result<Inserted, InsertError> {
        let result = Checked::of(stamped).and_then(|checked| self.take_in(&checked));
        self.count(&result);
        result
    }

    /// Takes in a transform where it lies in a received message.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and if a name is not UTF-8.
    pub fn insert_view(&mut self, stamped: &TransformStampedView<'_>) -> Result<Inserted, InsertError> {
        let result = Checked::of_view(stamped).and_then(|checked| self.take_in(&checked));
        self.count(&result);
        result
    }

    /// Takes in all transforms of a message. Each stands for itself: one that is refused does not keep the others out.
    pub fn insert_message(&mut self, message: &TFMessage) -> Batch {
        message.transforms.iter().map(|stamped| self.insert(stamped)).collect()
    }

    /// Takes in all transforms of a received message where they lie, nothing copied but names that are new.
    pub fn insert_message_view(&mut self, message: TFMessageView<'_>) -> Batch {
        message.transforms().iter().map(|stamped| self.insert_view(&stamped)).collect()
    }

    /// Takes in a static transform that this process knows by itself, such as where it has mounted its sensor. It holds at all
    /// times; its stamp does not matter. It replaces whatever was known of its child, static or not, and what others say of that
    /// child later is refused unless it is the same.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), but for contradictions: the last static transform holds.
    pub fn insert_static(&mut self, stamped: &TransformStamped) -> Result<(), InsertError> {
        let result = Checked::of(stamped).and_then(|checked| self.take_in_static(&checked));
        self.count(&result);
        result.map(|_| ())
    }

    /// Forgets all frames, the static ones of this process too. The counts stay.
    pub fn clear(&mut self) {
        self.frames = Frames::default();
        self.samples = 0;
        self.generation += 1;
    }

    /// Forgets what was heard, and keeps the static transforms of this process: for when the clock has gone back, since what holds
    /// at times that are still to come is of another run. The counts stay.
    pub fn forget_heard(&mut self) {
        let heard = self.frames.linked().filter(|(_, link)| link.history().is_some());
        for child in heard.map(|(child, _)| child).collect::<Vec<_>>() {
            self.untie(child);
        }
        self.generation += 1;
    }

    /// Another number after each change: a lookup that failed is worth another try once it differs.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// What it keeps at most.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How many samples it keeps now, of all edges together.
    #[must_use]
    pub const fn samples(&self) -> usize {
        self.samples
    }

    fn take_in_static(&mut self, checked: &Checked<'_>) -> Result<Inserted, InsertError> {
        let says = Says::Fixed(checked.transform);
        match self.tied(checked.child) {
            Some((child, parent)) if self.frames.name(parent) == checked.parent => {
                let link = Link { parent, says, heard: self.generation };
                self.samples -= self.frames.tie(child, link).as_ref().map_or(0, Link::samples);
                Ok(Inserted::NewEdge)
            }
            _ => self.tie(checked, says),
        }
    }

    fn take_in(&mut self, checked: &Checked<'_>) -> Result<Inserted, InsertError> {
        let sample = Sample { stamp_ns: checked.stamp_ns, transform: checked.transform };
        let Some((child, parent)) = self.tied(checked.child) else {
            return self.tie(checked, Says::Heard(History::new(sample)));
        };
        let is_same_parent = self.frames.name(parent) == checked.parent;
        let (window_ns, generation) = (self.window_ns, self.generation);
        match self.frames.link_mut(child) {
            Some(Link { says: Says::Fixed(fixed), .. }) => {
                if is_same_parent && is_same(*fixed, checked.transform) {
                    return Ok(Inserted::Confirmed);
                }
                let fixed = Edge::new(self.frames.name(parent), checked.child);
                Err(InsertError::Static { edge: checked.edge(), fixed })
            }
            Some(Link { says: Says::Heard(history), heard, .. }) if is_same_parent => {
                *heard = generation;
                let before = history.len();
                let place = history.insert(sample, window_ns);
                self.samples = self.samples + history.len() - before;
                self.keep_within_budget(child);
                Ok(place.into())
            }
            _ => self.tie(checked, Says::Heard(History::new(sample))),
        }
    }

    /// A frame that has a parent, and that parent.
    fn tied(&self, child: &str) -> Option<(FrameId, FrameId)> {
        let child = self.frames.find(child)?;
        Some((child, self.frames.link(child)?.parent))
    }

    /// Gives a frame a parent, in place of the one that it may have.
    fn tie(&mut self, checked: &Checked<'_>, says: Says) -> Result<Inserted, InsertError> {
        self.open_cycle(checked)?;
        self.make_room(checked)?;
        let (parent, child) = (self.frames.intern(checked.parent), self.frames.intern(checked.child));
        let link = Link { parent, says, heard: self.generation };
        self.samples += link.samples();
        let before = self.frames.tie(child, link);
        self.samples -= before.as_ref().map_or(0, Link::samples);
        self.keep_within_budget(child);
        Ok(if before.is_some() { Inserted::Reparented } else { Inserted::NewEdge })
    }

    /// Refuses a parent that is below its child. But if an edge in between was repeated once and then fell silent, the trees
    /// were rearranged, and it has to go; otherwise nothing but a restart would help.
    fn open_cycle(&mut self, checked: &Checked<'_>) -> Result<(), InsertError> {
        let (Some(parent), Some(child)) = (self.frames.find(checked.parent), self.frames.find(checked.child)) else {
            return Ok(());
        };
        if !self.frames.climb(parent, None).any(|(_, link)| link.parent == child) {
            return Ok(());
        }
        let silent_before_ns = checked.stamp_ns - self.window_ns;
        let between = self.frames.climb(parent, Some(child));
        let silent = between.filter_map(|(id, link)| {
            let history = link.history().filter(|history| history.len() > 1)?;
            (history.newest_ns() < silent_before_ns).then_some((history.newest_ns(), id))
        });
        let Some((_, silent)) = silent.min_by_key(|(newest_ns, _)| *newest_ns) else {
            return Err(InsertError::Cycle { edge: checked.edge() });
        };
        self.counts.cycles_broken += 1;
        self.untie(silent);
        Ok(())
    }

    /// Forgets others until there is room for both frames.
    fn make_room(&mut self, checked: &Checked<'_>) -> Result<(), InsertError> {
        loop {
            // What is forgotten may leave one of the two without any tie, so that it is forgotten, too.
            let both = [checked.parent, checked.child].map(|name| self.frames.find(name));
            let missing = both.iter().filter(|id| id.is_none()).count();
            let max_frames = self.limits.max_frames;
            if self.frames.len() + missing <= max_frames {
                return Ok(());
            }
            // Several at once, so that a flood of names does not search all frames for each.
            let stalest = self.frames.stalest_leaves((max_frames / 64).max(1), &both);
            if stalest.is_empty() {
                return Err(InsertError::Full { edge: checked.edge(), max_frames });
            }
            let before = self.frames.len();
            for leaf in stalest {
                self.untie(leaf);
            }
            self.counts.forgotten += (before - self.frames.len()) as u64;
        }
    }

    fn untie(&mut self, child: FrameId) {
        self.samples -= self.frames.untie(child).as_ref().map_or(0, Link::samples);
    }

    /// Drops samples until there are no more than there may be, after `child` got one.
    fn keep_within_budget(&mut self, child: FrameId) {
        let own = |frames: &Frames| frames.link(child).map_or(0, Link::samples);
        if own(&self.frames) > self.limits.max_samples_per_edge {
            self.drop_oldest(child);
        }
        while self.samples > self.limits.max_samples {
            // There are more frames than edges, so that whoever has the most has more than a share, and keeps one at least. The
            // edge at hand is as good, and need not be searched for.
            let share = self.limits.max_samples / self.frames.len().max(1);
            let victim = if own(&self.frames) > share { Some(child) } else { self.frames.longest() };
            if !victim.is_some_and(|victim| self.drop_oldest(victim)) {
                return;
            }
        }
    }

    fn drop_oldest(&mut self, child: FrameId) -> bool {
        let Some(Link { says: Says::Heard(history), .. }) = self.frames.link_mut(child) else { return false };
        let has_dropped = history.drop_oldest();
        self.samples -= usize::from(has_dropped);
        self.counts.crowded_out += u64::from(has_dropped);
        has_dropped
    }

    fn count(&mut self, result: &Result<Inserted, InsertError>) {
        let counts = &mut self.counts;
        match result {
            Ok(inserted) => {
                counts.inserted += 1;
                self.generation += u64::from(*inserted != Inserted::Confirmed);
                match inserted {
                    Inserted::NewEdge | Inserted::Newest | Inserted::Confirmed => {}
                    Inserted::OutOfOrder => counts.out_of_order += 1,
                    Inserted::Replaced => counts.replaced += 1,
                    Inserted::Restarted => counts.restarted += 1,
                    Inserted::Reparented => counts.reparented += 1,
                }
            }
            Err(error) => {
                counts.refused += 1;
                counts.cycles += u64::from(matches!(error, InsertError::Cycle { .. }));
                counts.contradicted += u64::from(matches!(error, InsertError::Static { .. }));
            }
        }
    }
}

impl Default for TransformBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Place> for Inserted {
    fn from(place: Place) -> Self {
        match place {
            Place::Newest => Self::Newest,
            Place::Between => Self::OutOfOrder,
            Place::Replaced => Self::Replaced,
            Place::Alone => Self::Restarted,
        }
    }
}

impl FromIterator<Result<Inserted, InsertError>> for Batch {
    fn from_iter<I: IntoIterator<Item = Result<Inserted, InsertError>>>(results: I) -> Self {
        let mut batch = Self::default();
        for result in results {
            match result {
                Ok(_) => batch.inserted += 1,
                Err(error) => {
                    batch.refused += 1;
                    batch.first_error.get_or_insert(error);
                }
            }
        }
        batch
    }
}

/// Whether two static transforms differ by no more than rounding.
fn is_same(a: Transform, b: Transform) -> bool {
    let between = a.relative_to(b);
    between.translation.norm() <= SAME && between.rotation.angle_to(Quaternion::IDENTITY) <= SAME
}

/// In m and in rad.
const SAME: f64 = 1e-9;
