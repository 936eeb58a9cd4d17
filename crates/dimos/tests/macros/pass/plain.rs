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
    let names = [module::<Idle>(), module::<Empty>(), module::<Relay<Twist, 3>>()];
    assert_eq!(names, ["Idle", "Empty", "Relay"]);
    assert_eq!((interface::<dyn other::Planner>(), interface::<dyn other::Nothing>()), (2, 0));
}
