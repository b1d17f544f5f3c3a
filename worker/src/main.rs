//! The worker program: serves tasks until its supervisor is done.

fn main() {}
