//! Modules of little: nothing at all, types that are chosen later, definitions that are not compiled, names that usually mean something else.
#![deny(warnings)]

use ::dimos::{In, Module, Out, module};
use ::lcm_types::geometry_msgs::Twist;

#[derive(Module)]
struct Idle;

#[module]
impl Idle {}

#[derive(Module)]
struct Empty {}

#[module]
impl Empty {
    #[cfg(not(any()))]
    #[start]
    fn begin(&mut self) {}

    #[cfg(any())]
    #[start]
    fn begin(&mut self) -> Nothing {}

    #[rpc]
    fn answer(&self) -> u8 {
        42
    }
}

/// Of any kind.
#[derive(Module)]
struct Relay<T, const LIMIT: usize>
where
    T: ::lcm::Message,
{
    input: In<T>,
    output: Out<T>,
}

#[module]
impl Relay<Twist, 3> {
    fn on_input(&mut self, twist: Twist) -> ::std::result::Result<(), ::dimos::OutError> {
        self.output.publish(&twist)
    }
}

/// A module that another macro writes.
macro_rules! ticking {
    ($name:ident, $message:ty, $period:literal, $keep:literal, $topic:literal, $rate:expr) => {
        #[derive(Module)]
        struct $name {
            #[port(keep_last = $keep, topic = $topic)]
            input: In<$message>,
            #[init($rate * 2.0)]
            rate: f64,
        }

        #[module]
        impl $name {
            fn on_input(&mut self, input: $message) {
                let _ = (&self.input, input);
            }

            #[every($period)]
            fn tick(&mut self) {}

            #[every(::std::time::Duration::from_secs_f64(self.rate))]
            fn tock(&mut self) {}

            #[rpc]
            fn scaled(&self, by: f64) -> f64 {
                self.rate * by
            }
        }
    };
}

ticking!(Ticking, Twist, "1.5s", 4, "/ticks", 0.25);

mod other {
    #[cfg(any())]
    #[::dimos::module]
    impl super::Idle {}

    #[::dimos::interface]
    pub(super) trait Planner {
        fn plan(&self, option: u8, vec: Vec) -> Result<()>;
        fn result(&self) -> Result<Option>;
        #[cfg(any())]
        fn absent(&self, gone: Gone) -> Result<Gone>;
    }

    #[::dimos::interface]
    pub(super) trait Nothing {}

    type Result<T> = ::std::result::Result<T, ::dimos::RpcError>;
    type Vec = u8;
    type Option = u8;

    // In the way of what the macros write.
    mod std {}
    mod core {}
    mod dimos {}
}

fn main() {
    // That they are modules, and these interfaces, is the test.
    fn module<M: Module>() -> &'static str {
        M::CLASS_NAME
    }
    fn interface<I: ::dimos::module::Interface + ?Sized>() -> usize {
        I::methods().len()
    }
    let names = [module::<Idle>(), module::<Empty>(), module::<Relay<Twist, 3>>(), module::<Ticking>()];
    assert_eq!(names, ["Idle", "Empty", "Relay", "Ticking"]);
    assert_eq!((interface::<dyn other::Planner>(), interface::<dyn other::Nothing>()), (2, 0));
}
