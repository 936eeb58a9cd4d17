//! As a user's build script: the messages of `idl` for [`mesh_tests::messages`].

fn main() -> Result<(), lcm_gen::BuildError> {
    lcm_gen::build("idl")
}
