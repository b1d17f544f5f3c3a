//! `Setting`: name, unit, default and bounds of one number that a user may choose.
//!
//! A flag, an environment variable, a JSON key and a sentence of help are all made from one
//! constant, so that they cannot disagree. It knows nothing of where a value came from.

use std::fmt::{self, Display};
use std::str::FromStr;

/// One number that a user may choose.
#[derive(Clone, Copy, Debug)]
pub struct Setting<T> {
    /// The flag without its dashes, for example `min-chunk-ms`.
    pub name: &'static str,
    /// The environment variable, for example `AUDIOPOOL_MIN_CHUNK_MS`.
    pub env: &'static str,
    /// The key in JSON, for example `min_chunk_ms`.
    pub key: &'static str,
    /// The unit, for example `ms`; empty for a count.
    pub unit: &'static str,
    /// What holds when the user says nothing.
    pub preset: Preset<T>,
    /// The smallest value.
    pub min: T,
    /// The largest value.
    pub max: T,
    /// What it does: one sentence without bounds and default.
    pub help: &'static str,
}

/// What a setting is when the user says nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset<T> {
    /// Always the same value.
    Fixed(T),
    /// A value that depends on the machine or on the file; the text says how.
    Derived(&'static str),
}

/// The kinds of number a setting can be.
pub trait Number: Copy + PartialOrd + Display + FromStr {
    /// How an error message calls it.
    const KIND: &'static str;
}

impl Number for u32 {
    const KIND: &'static str = "a whole number";
}

impl Number for f64 {
    const KIND: &'static str = "a number";
}

/// A value that a setting does not accept. The message is for a person and names the bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingError {
    /// The JSON key of the setting.
    pub key: &'static str,
    /// What is wrong, for example `must be a whole number from 1 to 256`.
    pub message: String,
}

impl<T: Number> Setting<T> {
    /// Accepts a value within the bounds; never NaN.
    pub fn check(&self, value: T) -> Result<T, SettingError> {
        if value >= self.min && value <= self.max { Ok(value) } else { Err(self.error()) }
    }

    /// Reads a value from text, as a flag or an environment variable has it.
    pub fn parse(&self, text: &str) -> Result<T, SettingError> {
        text.trim().parse().map_err(|_| self.error()).and_then(|value| self.check(value))
    }

    /// Bounds with their unit, for example `1 to 3600000 ms`.
    pub fn bounds(&self) -> String {
        let Self { min, max, unit, .. } = self;
        let gap = if unit.is_empty() { "" } else { " " };
        format!("{min} to {max}{gap}{unit}")
    }

    /// The help of a flag: the sentence, the bounds with their unit, and a default that no program
    /// can print by itself.
    pub fn describe(&self) -> String {
        match self.preset {
            Preset::Fixed(_) => format!("{} [{}]", self.help, self.bounds()),
            Preset::Derived(how) => {
                format!("{} [{}] [default: {how}]", self.help, self.bounds())
            }
        }
    }

    fn error(&self) -> SettingError {
        let message = format!("must be {} from {}", T::KIND, self.bounds());
        SettingError { key: self.key, message }
    }
}

impl<T: Display> Display for Preset<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(value) => value.fmt(f),
            Self::Derived(how) => f.write_str(how),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: Setting<u32> = Setting {
        name: "depth",
        env: "AUDIOPOOL_DEPTH",
        key: "depth",
        unit: "m",
        preset: Preset::Fixed(3),
        min: 1,
        max: 5,
        help: "How deep.",
    };
    const LEVEL: Setting<f64> = Setting {
        name: "level",
        env: "AUDIOPOOL_LEVEL",
        key: "level",
        unit: "",
        preset: Preset::Derived("the usual"),
        min: -1.5,
        max: 0.0,
        help: "How loud.",
    };

    #[test]
    fn the_bounds_belong_to_the_range() {
        assert_eq!(DEPTH.parse("1"), Ok(1));
        assert_eq!(DEPTH.parse(" 5 "), Ok(5));
        assert_eq!(LEVEL.parse("-1.5"), Ok(-1.5));
    }

    #[test]
    fn what_is_refused_is_told_the_bounds() {
        for wrong in ["0", "6", "-1", "2.5", "", "x", "99999999999999"] {
            let error = DEPTH.parse(wrong).unwrap_err();
            assert_eq!(error.message, "must be a whole number from 1 to 5 m", "{wrong}");
            assert_eq!(error.key, "depth");
        }
        for wrong in ["nan", "inf", "-inf", "0.001"] {
            let error = LEVEL.parse(wrong).unwrap_err();
            assert_eq!(error.message, "must be a number from -1.5 to 0", "{wrong}");
        }
    }

    #[test]
    fn help_names_bounds_and_a_derived_default() {
        assert_eq!(DEPTH.describe(), "How deep. [1 to 5 m]");
        assert_eq!(LEVEL.describe(), "How loud. [-1.5 to 0] [default: the usual]");
    }
}
