//! Groups: metrics that one asks for together, by one name.

/// Some metrics that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// What `--metrics` calls it.
    pub name: &'static str,
    /// For reports.
    pub title: &'static str,
    /// One sentence: what its figures are about.
    pub about: &'static str,
}

/// Peak, quietest sample and time that is not silent: what is measured unless more is asked for.
pub const SEED: Group = Group {
    name: "seed",
    title: "First look",
    about: "What is measured unless more is asked for: peak, quietest sample and the time that is \
            not silent.",
};

/// Where there is something to hear.
pub const ACTIVITY: Group = Group {
    name: "activity",
    title: "Activity",
    about: "Where there is sound and where there is silence; records hold the stretches.",
};

/// How loud the samples are, as numbers.
pub const LEVEL: Group = Group {
    name: "level",
    title: "Level",
    about: "How large the samples are, as numbers and not as heard: RMS, crest factor, DC offset, \
            bits used, zero crossings.",
};

/// How loud it is heard.
pub const LOUDNESS: Group = Group {
    name: "loudness",
    title: "Loudness",
    about: "How loud it is heard, by the standard of broadcasters and streaming services \
            (BS.1770, EBU R128).",
};

/// What the channels have to do with each other.
pub const STEREO: Group = Group {
    name: "stereo",
    title: "Stereo",
    about: "What the first two channels have to do with each other: width, balance, phase, and \
            whether there are two at all.",
};

/// How far the loud is from the quiet.
pub const DYNAMICS: Group = Group {
    name: "dynamics",
    title: "Dynamics",
    about: "How much of the difference between peaks and loudness a limiter left.",
};

/// Which frequencies there are.
pub const SPECTRUM: Group = Group {
    name: "spectrum",
    title: "Spectrum",
    about: "Which frequencies there are, and where they end: what was once an MP3 or of a lower rate \
            has an edge.",
};

/// What went wrong on the way into the file.
pub const DAMAGE: Group = Group {
    name: "damage",
    title: "Damage",
    about: "What went wrong before the file was written: clipping, holes, clicks, hum, noise, and \
            what was cut off or lost.",
};

/// Whether the file is what it says it is.
pub const HEALTH: Group = Group {
    name: "health",
    title: "Health of the file",
    about: "Whether the file is what it says it is: its length, what of it could not be decoded, and \
            the checksum of its audio.",
};

/// All groups, in report order.
pub static GROUPS: &[&Group] =
    &[&SEED, &ACTIVITY, &LEVEL, &LOUDNESS, &DAMAGE, &STEREO, &SPECTRUM, &DYNAMICS, &HEALTH];
