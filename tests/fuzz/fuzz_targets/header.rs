#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| audiopool_fuzz::header(bytes));
