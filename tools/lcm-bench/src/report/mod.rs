//! What the benchmark says: rows with figures and aims, one table, and the conditions under which it was measured.

mod aim;
mod comparison;
mod layout;
mod machine;
mod page;
mod row;
mod table;

pub(crate) use aim::Aim;
pub(crate) use comparison::{Bound, Comparison, comparisons};
pub(crate) use layout::{Align, lay_out};
pub(crate) use machine::{Machine, c_lcm, compilers, socket_settings};
pub(crate) use page::{check_writable, page, publish};
pub(crate) use row::{COLUMNS, Cell, Lost, Row, Unit};
