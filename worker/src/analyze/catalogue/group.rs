//! Groups: names that select several metrics at once.

/// Metrics that are selected together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name in `--metrics`.
    pub name: &'static str,
    /// The heading in reports.
    pub title: &'static str,
    /// One sentence on what its metrics measure.
    pub about: &'static str,
}

/// Peak, quietest sample and non-silent time: the metrics that are measured by default.
pub const BASIC: Group = Group {
    name: "basic",
    title: "Basic",
    about: "Measured by default: peak, quietest sample and the time that is not silent.",
};

/// Sound and silence.
pub const ACTIVITY: Group = Group {
    name: "activity",
    title: "Activity",
    about: "Where there is sound and where there is silence. Records list the regions.",
};

/// Sample levels without a model of hearing.
pub const LEVEL: Group = Group {
    name: "level",
    title: "Level",
    about: "Level of the samples, not weighted by hearing: RMS, crest factor, DC offset, bits used, \
            zero crossings.",
};

/// Perceived loudness.
pub const LOUDNESS: Group = Group {
    name: "loudness",
    title: "Loudness",
    about: "Perceived loudness and true peak, by the standard of broadcasters and streaming services \
            (ITU-R BS.1770, EBU R128).",
};

/// Relation of the first two channels.
pub const STEREO: Group = Group {
    name: "stereo",
    title: "Stereo",
    about: "Relation of the first two channels: width, balance, polarity, and mono recordings in \
            stereo files.",
};

/// Ratio of peaks to loudness.
pub const DYNAMICS: Group = Group {
    name: "dynamics",
    title: "Dynamics",
    about: "Ratio of peaks to loudness, which limiters reduce.",
};

/// Frequency content.
pub const SPECTRUM: Group = Group {
    name: "spectrum",
    title: "Spectrum",
    about: "Frequency content and bandwidth. A file that was once an MP3 or had a lower sample rate \
            has a cut-off.",
};

/// Faults in the audio.
pub const DAMAGE: Group = Group {
    name: "damage",
    title: "Damage",
    about: "Faults in the audio from before the file was written: clipping, dropouts, clicks, \
            repeats, cut edges, dead channels, hum and noise.",
};

/// Integrity of the file.
pub const HEALTH: Group = Group {
    name: "health",
    title: "File health",
    about: "Integrity of the file: declared length, sections that could not be decoded, the checksum \
            of the audio, and the use of every byte.",
};

/// All groups, in report order.
pub static GROUPS: &[&Group] =
    &[&BASIC, &ACTIVITY, &LEVEL, &LOUDNESS, &DAMAGE, &STEREO, &SPECTRUM, &DYNAMICS, &HEALTH];
