//! What the benchmark says: rows with figures and aims, one table, and the conditions under which it was measured.

mod aim;
mod machine;
mod page;
mod row;
mod table;

pub(crate) use aim::Aim;
pub(crate) use machine::Machine;
pub(crate) use page::page;
pub(crate) use row::{COLUMNS, Lost, Row, Unit};
