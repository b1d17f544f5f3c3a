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
    about: "The default: peak, quietest sample, and the time that is not silent.",
};

/// Where there is something to hear.
pub const ACTIVITY: Group = Group {
    name: "activity",
    title: "Activity",
    about: "Where there is sound and where there is silence; records contain the stretches.",
};

/// How loud the samples are, as numbers.
pub const LEVEL: Group = Group {
    name: "level",
    title: "Level",
    about: "How large the samples are: RMS, crest factor, DC offset, bits used, zero crossings.",
};

/// How loud it is heard.
pub const LOUDNESS: Group = Group {
    name: "loudness",
    title: "Loudness",
    about: "Perceived loudness and true peak, by the standard of broadcasters and streaming services \
            (BS.1770, EBU R128).",
};

/// What the channels have to do with each other.
pub const STEREO: Group = Group {
    name: "stereo",
    title: "Stereo",
    about: "How the first two channels relate: width, balance, phase, and whether they differ at all.",
};

/// How far the loud is from the quiet.
pub const DYNAMICS: Group = Group {
    name: "dynamics",
    title: "Dynamics",
    about: "The difference between peaks and loudness, which limiters and compressors reduce.",
};

/// Which frequencies there are.
pub const SPECTRUM: Group = Group {
    name: "spectrum",
    title: "Spectrum",
    about: "Which frequencies there are, and where they end: audio that was once an MP3, or had a lower \
            sample rate, has an edge.",
};

/// What went wrong on the way into the file.
pub const DAMAGE: Group = Group {
    name: "damage",
    title: "Damage",
    about: "Damage to the audio before the file was written: clipping, dropouts, clicks, hum, noise, \
            cut ends and dead channels.",
};

/// Whether the file is what it says it is.
pub const HEALTH: Group = Group {
    name: "health",
    title: "Health of the file",
    about: "Whether the file is intact: its declared length, places that could not be decoded, the \
            checksum of its audio, and the use of its bytes.",
};

/// All groups, in report order.
pub static GROUPS: &[&Group] =
    &[&SEED, &ACTIVITY, &LEVEL, &LOUDNESS, &DAMAGE, &STEREO, &SPECTRUM, &DYNAMICS, &HEALTH];
