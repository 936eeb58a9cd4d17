//! Shapes of the types that everybody uses.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::{Duration, SystemTime};

use super::{Shape, Wire};

macro_rules! primitives {
    ($($primitive:ty: $bytes:expr),* $(,)?) => {
        $(impl Wire for $primitive {
            const SHAPE: Shape = Shape::primitive(stringify!($primitive), $bytes);
        })*
    };
}

primitives! {
    bool: 1, u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, u64: 8, i64: 8, u128: 16, i128: 16, usize: 8, isize: 8,
    f32: 4, f64: 8, char: 1, String: 8, Duration: 12, SystemTime: 12, (): 0,
}

impl Wire for serde_bytes::ByteBuf {
    const SHAPE: Shape = Shape::BYTES;
}

impl<T: Wire> Wire for Box<T> {
    const SHAPE: Shape = T::SHAPE;
}

impl<T: Wire> Wire for Option<T> {
    const SHAPE: Shape = Shape::option(T::SHAPE);
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    const SHAPE: Shape = Shape::variants(&[("Ok", T::SHAPE), ("Err", E::SHAPE)]);
}

impl<T: Wire> Wire for Vec<T> {
    const SHAPE: Shape = Shape::sequence(T::SHAPE);
}

impl<T: Wire> Wire for VecDeque<T> {
    const SHAPE: Shape = Shape::sequence(T::SHAPE);
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    const SHAPE: Shape = Shape::sequence(T::SHAPE);
}

impl<T: Wire + Eq + Hash> Wire for HashSet<T> {
    const SHAPE: Shape = Shape::sequence(T::SHAPE);
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    const SHAPE: Shape = Shape::sequence(<(K, V)>::SHAPE);
}

impl<K: Wire + Eq + Hash, V: Wire> Wire for HashMap<K, V> {
    const SHAPE: Shape = Shape::sequence(<(K, V)>::SHAPE);
}

macro_rules! tuples {
    ($(($($name:ident $index:literal),+))*) => {
        $(impl<$($name: Wire),+> Wire for ($($name,)+) {
            const SHAPE: Shape = Shape::members(&[$(($index, $name::SHAPE)),+]);
        })*
    };
}

tuples! {
    (A "0")
    (A "0", B "1")
    (A "0", B "1", C "2")
    (A "0", B "1", C "2", D "3")
    (A "0", B "1", C "2", D "3", E "4")
    (A "0", B "1", C "2", D "3", E "4", F "5")
    (A "0", B "1", C "2", D "3", E "4", F "5", G "6")
    (A "0", B "1", C "2", D "3", E "4", F "5", G "6", H "7")
}

macro_rules! arrays {
    ($($length:literal)*) => {
        $(impl<T: Wire> Wire for [T; $length] {
            const SHAPE: Shape = Shape::array(T::SHAPE, $length);
        })*
    };
}

// As many as serde has.
arrays! { 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 }
