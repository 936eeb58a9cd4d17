//! How long things take. All processes of a mesh should agree on these.

use std::time::Duration;

/// A claimant listens this long before it takes a name.
pub const LISTEN: Duration = Duration::from_millis(200);

/// How often somebody who takes a name over says so while it listens.
pub const TAKEOVER_CALLS: u32 = 4;

/// How often somebody who respects the first holder says so while it listens. More than the others, since a holder that it does
/// not hear is one that it does not respect.
pub const FIRST_HOLDER_CALLS: u32 = 8;

/// Who respects the first holder, and knows one or hears a stronger claimant, goes on listening this much longer, each time.
pub const DEFERENCE: Duration = Duration::from_millis(100);

/// How long it listens at most.
pub const DEFERENCE_LIMIT: Duration = Duration::from_secs(1);

/// An owner of less than this age that respects first holders yields to any stronger claim.
pub const FRESH: Duration = Duration::from_secs(1);

/// No process sends its claim more often than this, whoever asks.
pub const CLAIM_GAP: Duration = Duration::from_millis(20);

/// A claim that says something new is repeated after about this long, and then after about twice as long each time, in case it
/// was lost.
pub const REPEAT: Duration = Duration::from_millis(80);

/// How often a claim that says something new is repeated.
pub const REPEATS: u32 = 3;

/// How often the first claim of an owner is repeated.
pub const TAKEN_REPEATS: u32 = 5;

/// An owner that is not yet believed repeats its claim after this long, then after twice as long, and so on.
pub const INSIST: Duration = Duration::from_millis(40);

/// How often it does so at most.
pub const INSIST_LIMIT: u32 = 8;

/// Claims are repeated once in this time, less up to a fifth, for those whom earlier ones did not reach.
pub const REFRESH: Duration = Duration::from_secs(60);

/// An answer to a question to all waits a random time: up to this long for each process that is known,
pub const SPREAD_PER_NODE: Duration = Duration::from_millis(1);

/// but not less than up to this,
pub const SPREAD_MIN: Duration = Duration::from_millis(20);

/// nor more than up to this.
pub const SPREAD_MAX: Duration = Duration::from_secs(1);

/// A process says that it lives once in this time, more or less by up to a tenth.
pub const BEAT: Duration = Duration::from_secs(1);

/// Who has heard nothing for so long while it asked, not even its own questions, has no bus.
pub const CUT_OFF: Duration = Duration::from_millis(750);

/// A watched process is asked after this many missed beats.
pub const BEATS_MISSED: u32 = 3;

/// A process that is not watched is asked after this many missed refreshes.
pub const REFRESHES_MISSED: u32 = 3;

/// A probe asks this often before a process is lost.
pub const PROBE_CALLS: u32 = 8;

/// The time between two of these questions.
pub const PROBE_GAP: Duration = Duration::from_millis(125);

/// A process that was lost is listed this long.
pub const LOST_KEPT: Duration = Duration::from_secs(300);

/// That a process has left is remembered this long, so that its late claims change nothing.
pub const LEFT_KEPT: Duration = Duration::from_secs(60);

/// A process that was not called for this long was suspended. It ticks at least once in a [`BEAT`].
pub const SUSPENDED: Duration = Duration::from_secs(2);

/// A question to all waits for answers as long as any come within this time. Then it is asked again, if it brought anybody new.
pub const SURVEY_GAP: Duration = Duration::from_millis(100);

/// How often it is asked in all.
pub const SURVEY_CALLS: u32 = 5;

/// It ends after so many times [`SURVEY_GAP`] in any case.
pub const SURVEY_WINDOWS: u32 = 30;

/// More than this many processes are not all asked twice by somebody who reads beats, and so hears of those it missed.
pub const SURVEY_MANY: usize = 64;

/// A question for a name or a process is asked again after this long, then after twice as long, and so on.
pub const SEARCH_GAP: Duration = Duration::from_millis(50);

/// How often a process is asked for in all.
pub const SEARCH_CALLS: u32 = 6;

/// A name is asked for again after this long at most: somebody waits for it.
pub const NAME_SEARCH_GAP_MAX: Duration = Duration::from_millis(200);

/// How often a name is asked for in all, within 2 s. Where a third of all messages is lost, one owner in a thousand is not heard.
pub const NAME_SEARCH_CALLS: u32 = 11;

/// A farewell is repeated after this long.
pub const FAREWELL_GAP: Duration = Duration::from_millis(20);

/// How often a farewell is sent in all.
pub const FAREWELLS: u32 = 3;

/// Who watched single processes goes on reading beats this long, since it will likely watch some again.
pub const BEATS_LINGER: Duration = Duration::from_secs(10);
