//! Who is there, and who owns which name: the protocol of claims and beats, without I/O and without a clock.
//!
//! [`Presence`] is the part of one process. Its caller passes in the time and the messages it receives, carries out the
//! [`Action`]s that come back, and calls [`Presence::tick`] when [`Presence::next_wakeup`] says so. Nothing here reads a clock,
//! a socket or a thread, and the same inputs give the same actions.
//!
//! # Names
//! A name has one owner: of two claims the one with the larger (epoch, node) wins. Whoever wants a name says `CLAIMING` a few
//! times, listens [`timing::LISTEN`], and takes the largest epoch it heard plus one. An owner answers every claim that it beats,
//! at once and until the other one has withdrawn, so that whoever was suspended learns of it. An owner that is beaten yields, but
//! for one case: who was never heard to ask for the name, or who asked without hearing its holder, does not get it by
//! surprise; the owner then takes the name once more, with a larger epoch. No owner does that twice against the same process,
//! and none that was suspended itself, so it ends.
//!
//! For the others the largest claim that they heard counts. A smaller one casts doubt on its owner, since that should have answered
//! it: most likely it crashed, and its successor did not hear of it. It is asked whether it lives. As soon as it is lost the other one
//! has the name, about 1 s after it said so.
//!
//! # Life
//! Beats once a second say that a process lives. Who watches reads them: [`timing::BEATS_MISSED`] of them without a sign of life
//! start a probe, and a probe without an answer means [`Event::Lost`], unless nothing at all was heard meanwhile, not even the
//! questions themselves: then it is the bus that is gone. Who saw a process end, as its parent does, says farewell for it
//! ([`Presence::declare_dead`]). Others read claims only, which each process repeats once in [`timing::REFRESH`].
//!
//! # Memory
//! Whatever arrives, memory is bounded: by [`Config::max_nodes`], and by the lengths in [`limits`]. What is refused is counted in
//! [`Counts`].

pub mod limits;
pub mod timing;

mod action;
mod config;
mod counts;
mod participant;

mod agenda;
mod announcing;
mod core;
mod directory;
mod heard;
mod hearing;
mod obituary;
mod owners;
mod ownership;
mod searching;
mod ticking;
mod vigil;

pub use action::{Action, Event};
pub use config::{Config, ConfigError, Identity, Policy};
pub use core::{ClaimError, Farewell, JoinError, Presence};
pub use counts::Counts;
pub use participant::{Participant, Stage, State};
