//! Integration tests.

mod decode;
