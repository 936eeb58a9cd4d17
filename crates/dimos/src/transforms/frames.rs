//! The frames by name, and who is whose parent: trees, in which nothing is its own ancestor. What an edge says is left to others.

use std::collections::HashMap;
use std::sync::Arc;

use lcm_types::geometry_msgs::Transform;

use super::history::History;

/// Stands for the name of a frame, as long as the frame is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameId(usize);

/// All frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    by_name: HashMap<Arc<str>, FrameId>,
    /// Frames that were forgotten stay here without a name, until their place is taken.
    slots: Vec<Frame>,
    vacant: Vec<FrameId>,
}

#[derive(Debug, Default)]
struct Frame {
    name: Arc<str>,
    link: Option<Link>,
    children: usize,
}

/// What ties a frame to its parent.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) parent: FrameId,
    pub(super) says: Says,
    /// When it was heard, counted in samples of all edges.
    pub(super) heard: u64,
}

/// What is known of an edge.
#[derive(Debug)]
pub(super) enum Says {
    /// It never changes: a static transform of this process.
    Fixed(Transform),
    /// It was heard.
    Heard(History),
}

impl Link {
    /// How many samples it holds.
    pub(super) fn samples(&self) -> usize {
        match &self.says {
            Says::Fixed(_) => 0,
            Says::Heard(history) => history.len(),
        }
    }

    pub(super) fn history(&self) -> Option<&History> {
        match &self.says {
            Says::Fixed(_) => None,
            Says::Heard(history) => Some(history),
        }
    }
}

impl Frames {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<FrameId> {
        self.by_name.get(name).copied()
    }

    pub(super) fn name(&self, id: FrameId) -> &str {
        &self.slots[id.0].name
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = FrameId> {
        self.by_name.values().copied()
    }

    pub(super) fn link(&self, child: FrameId) -> Option<&Link> {
        self.slots[child.0].link.as_ref()
    }

    pub(super) fn link_mut(&mut self, child: FrameId) -> Option<&mut Link> {
        self.slots[child.0].link.as_mut()
    }

    /// All children and what ties them to their parents.
    pub(super) fn linked(&self) -> impl Iterator<Item = (FrameId, &Link)> {
        self.slots.iter().enumerate().filter_map(|(index, frame)| Some((FrameId(index), frame.link.as_ref()?)))
    }

    /// The edges from a frame up to one of its ancestors, or up to its root.
    pub(super) fn climb(&self, from: FrameId, to: Option<FrameId>) -> impl Iterator<Item = (FrameId, &Link)> {
        let mut at = from;
        std::iter::from_fn(move || {
            let link = self.link(at).filter(|_| Some(at) != to)?;
            let child = std::mem::replace(&mut at, link.parent);
            Some((child, link))
        })
    }

    pub(super) fn root(&self, frame: FrameId) -> FrameId {
        self.climb(frame, None).last().map_or(frame, |(_, link)| link.parent)
    }

    /// The nearest frame that is above both, or is one of them; none if they are in different trees.
    pub(super) fn common_ancestor(&self, a: FrameId, b: FrameId) -> Option<FrameId> {
        let (mut a, mut b) = ((a, self.climb(a, None).count()), (b, self.climb(b, None).count()));
        while a.0 != b.0 {
            let lower = if a.1 >= b.1 { &mut a } else { &mut b };
            *lower = (self.link(lower.0)?.parent, lower.1.saturating_sub(1));
        }
        Some(a.0)
    }

    /// The frame with this name, which is made if there is none.
    pub(super) fn intern(&mut self, name: &str) -> FrameId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let frame = Frame { name: name.into(), ..Frame::default() };
        let key = Arc::clone(&frame.name);
        let id = if let Some(id) = self.vacant.pop() {
            self.slots[id.0] = frame;
            id
        } else {
            self.slots.push(frame);
            FrameId(self.slots.len() - 1)
        };
        self.by_name.insert(key, id);
        id
    }

    /// Ties a frame to a parent that is not below it. What tied it before is given back; a parent that nothing ties to
    /// anything any more is forgotten.
    pub(super) fn tie(&mut self, child: FrameId, link: Link) -> Option<Link> {
        self.slots[link.parent.0].children += 1;
        let before = self.slots[child.0].link.replace(link);
        if let Some(before) = &before {
            self.leave(before.parent);
        }
        before
    }

    /// Unties a frame from its parent, and forgets those of both that nothing ties to anything any more.
    pub(super) fn untie(&mut self, child: FrameId) -> Option<Link> {
        let link = self.slots[child.0].link.take()?;
        self.leave(link.parent);
        self.forget_if_alone(child);
        Some(link)
    }

    /// The `count` frames without children that were not heard for the longest time, but none `needed` and no static ones.
    pub(super) fn stalest_leaves(&self, count: usize, needed: &[Option<FrameId>]) -> Vec<FrameId> {
        let leaves = self.linked().filter(|(id, link)| {
            self.slots[id.0].children == 0 && link.history().is_some() && !needed.contains(&Some(*id))
        });
        let mut leaves: Vec<(u64, FrameId)> = leaves.map(|(id, link)| (link.heard, id)).collect();
        if count < leaves.len() {
            leaves.select_nth_unstable_by_key(count, |(heard, _)| *heard);
            leaves.truncate(count);
        }
        leaves.into_iter().map(|(_, id)| id).collect()
    }

    /// The edge with the most samples.
    pub(super) fn longest(&self) -> Option<FrameId> {
        self.linked().max_by_key(|(_, link)| link.samples()).map(|(id, _)| id)
    }

    fn leave(&mut self, parent: FrameId) {
        let frame = &mut self.slots[parent.0];
        frame.children = frame.children.saturating_sub(1);
        self.forget_if_alone(parent);
    }

    fn forget_if_alone(&mut self, id: FrameId) {
        let frame = &mut self.slots[id.0];
        if frame.children == 0 && frame.link.is_none() {
            self.by_name.remove(&frame.name);
            *frame = Frame::default();
            self.vacant.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_forgotten_frames_are_taken_again() {
        let mut frames = Frames::default();
        for number in 0..1000 {
            let (parent, child) = (frames.intern("root"), frames.intern(&number.to_string()));
            frames.tie(child, Link { parent, says: Says::Fixed(Transform::IDENTITY), heard: 0 });
            assert_eq!((frames.name(parent), frames.name(child)), ("root", number.to_string().as_str()));
            frames.untie(child);
            assert_eq!(frames.len(), 0);
        }
        assert_eq!(frames.slots.len(), 2);
    }
}
