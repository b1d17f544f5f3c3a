//! The worker program from outside.
