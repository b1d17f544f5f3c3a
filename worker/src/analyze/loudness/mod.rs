//! Metric group `loudness`: BS.1770 and EBU R128, for files and for albums.

pub mod album;
pub mod ebu_r128;
pub mod true_peak;
