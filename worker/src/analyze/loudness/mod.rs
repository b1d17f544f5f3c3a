//! Metric group `loudness`: BS.1770 and EBU R 128, for a file and for an album.

pub mod album;
pub mod ebu_r128;
pub mod true_peak;
