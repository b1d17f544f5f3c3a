//! Settings of a run: each defined once; flags, environment and report follow.
//!
//! Two kinds that must not be mixed: an [`AnalysisSettings`] changes figures and therefore stands
//! in the report, a [`RunSettings`] says how the work is cut and where it runs, changes no figure
//! and therefore never stands there.

mod choice;
mod drawing;
mod setting;
mod worker_program;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use audiopool_worker::analyze::{self, Analyzers, Metric};
pub use audiopool_worker::analyze::{GROUPS, METRICS};
pub use procpool::confine::Sandbox;
use serde::ser::{Serialize, SerializeStruct, Serializer};

pub use choice::{catalogue, metric_names, parse_catalogue, parse_metrics};
pub use drawing::{Bits, Drawing, Peaks, PeaksFormat, PeaksPlace};
pub use setting::{Number, Preset, Setting, SettingError};
pub use worker_program::WorkerProgram;

use crate::threads::ThreadConfig;

/// Worker processes of a run, and the most decoder processes.
pub const WORKERS: Setting<u32> = Setting {
    name: "workers",
    env: "AUDIOPOOL_WORKERS",
    key: "workers",
    unit: "",
    preset: Preset::Derived("half the cores, at least 1"),
    min: 1,
    max: 256,
    help: "Worker processes, and the maximum number of decoder processes",
};

/// Shortest chunk. Rounded up to whole seconds of audio when a file is cut.
pub const MIN_CHUNK_MS: Setting<u32> = Setting {
    name: "min-chunk-ms",
    env: "AUDIOPOOL_MIN_CHUNK_MS",
    key: "min_chunk_ms",
    unit: "ms",
    preset: Preset::Fixed(10_000),
    min: 1,
    max: 3_600_000,
    help: "Shortest chunk that a file is cut into; does not change figures",
};

/// Longest chunk. Rounded up to whole seconds of audio when a file is cut.
pub const MAX_CHUNK_MS: Setting<u32> = Setting {
    name: "max-chunk-ms",
    env: "AUDIOPOOL_MAX_CHUNK_MS",
    key: "max_chunk_ms",
    unit: "ms",
    preset: Preset::Fixed(30_000),
    min: 1,
    max: 3_600_000,
    help: "Longest chunk that a file is cut into; does not change figures",
};

/// Level at or below which a stretch is silence.
pub const SILENCE_THRESHOLD_DB: Setting<f64> = Setting {
    name: "silence-threshold-db",
    env: "AUDIOPOOL_SILENCE_THRESHOLD_DB",
    key: "silence_threshold_db",
    unit: "dBFS",
    preset: Preset::Fixed(-50.0),
    min: -200.0,
    max: 0.0,
    help: "RMS level at or below which a stretch is silent",
};

/// Shortest stretch that counts as silence, and the length of its window.
pub const MIN_SILENCE_MS: Setting<u32> = Setting {
    name: "min-silence-ms",
    env: "AUDIOPOOL_MIN_SILENCE_MS",
    key: "min_silence_ms",
    unit: "ms",
    preset: Preset::Fixed(100),
    min: 1,
    max: 60_000,
    help: "Shortest stretch that counts as silence",
};

/// Longest time for one task.
pub const TIMEOUT: Setting<f64> = Setting {
    name: "timeout",
    env: "AUDIOPOOL_TIMEOUT",
    key: "timeout_seconds",
    unit: "s",
    preset: Preset::Derived("30 s plus the length of the longest chunk"),
    min: 0.1,
    max: 86_400.0,
    help: "Longest time that a process may take to decode or analyse one chunk; a process that \
           takes longer is killed and replaced",
};

/// Attempts in all for a task that kills its process.
pub const MAX_ATTEMPTS: Setting<u32> = Setting {
    name: "max-attempts",
    env: "AUDIOPOOL_MAX_ATTEMPTS",
    key: "max_attempts",
    unit: "",
    preset: Preset::Fixed(3),
    min: 1,
    max: 100,
    help: "Maximum number of attempts at a task that kills its process",
};

/// Memory of one child process, beside what it begins with.
pub const CHILD_MEMORY_MIB: Setting<u32> = Setting {
    name: "child-memory-mib",
    env: "AUDIOPOOL_CHILD_MEMORY_MIB",
    key: "child_memory_mib",
    unit: "MiB",
    preset: Preset::Fixed(2048),
    min: 64,
    max: 1_048_576,
    help: "Maximum memory that a process may allocate beyond its share of the audio; a process that \
           needs more is replaced",
};

/// Memory that a process may gain.
pub const MAX_GROWTH_MIB: Setting<u32> = Setting {
    name: "max-growth-mib",
    env: "AUDIOPOOL_MAX_GROWTH_MIB",
    key: "max_growth_mib",
    unit: "MiB",
    preset: Preset::Fixed(300),
    min: 1,
    max: 1_048_576,
    help: "Memory that a process may gain after its first task; a process that gains more is \
           replaced between two tasks",
};

/// How loud files are wanted.
pub const LOUDNESS_TARGET: Setting<f64> = Setting {
    name: "loudness-target",
    env: "AUDIOPOOL_LOUDNESS_TARGET",
    key: "loudness_target_lufs",
    unit: "LUFS",
    preset: Preset::Derived("none"),
    min: -70.0,
    max: 0.0,
    help: "Target loudness: adds `loudness_target_deviation_lu`, how much louder than the target a \
           file is",
};

/// What is measured unless told otherwise: the group that costs next to nothing.
pub const DEFAULT_METRICS: &str = "basic";

/// How the work is cut and where it runs. Nothing here changes a figure.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Worker processes, and the most decoder processes; 1 to 256.
    pub workers: usize,
    /// Shortest chunk.
    pub min_chunk: Duration,
    /// Longest chunk.
    pub max_chunk: Duration,
    /// Whether child processes do the work.
    pub isolation: Isolation,
    /// Longest time for one task: analysing one chunk, or decoding one. Scaled with the chunk's length if `None`.
    pub timeout: Option<Duration>,
    /// How often a task that kills its worker is tried in all.
    pub max_attempts: NonZeroU32,
    /// Memory that a process may gain after its first task, in bytes; then another takes its place.
    pub max_growth: u64,
    /// How far child processes are confined.
    pub sandbox: Sandbox,
    /// Most memory that one child process asks for beyond its share of the audio, in MiB.
    pub child_memory_mib: u32,
    /// The worker program.
    pub worker_program: WorkerProgram,
    /// What child processes log, as a `tracing` filter.
    pub log_filter: String,
    /// Where the partials of every input are stored, if they are to be.
    pub save_partials: Option<PathBuf>,
    /// What becomes of the waveform of every input; without, none is drawn.
    pub drawing: Option<Drawing>,
}

/// Whether files are decoded and analysed in child processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In child processes, whatever the file.
    Always,
    /// On the calling thread, in this process.
    Never,
}

/// Which files are an album.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// All of a run.
    All,
    /// Those of a directory.
    Directory,
}

/// What is measured, and how. Everything here may change figures.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisSettings {
    /// RMS level at or below which a stretch is silence, in dBFS.
    pub silence_threshold_db: f64,
    /// Shortest stretch that counts as silence, in ms.
    pub min_silence_ms: u32,
    /// How loud files are wanted, in LUFS; with [`for_target`](Self::for_target), which asks for
    /// the figure as well.
    pub loudness_target_lufs: Option<f64>,
    /// Whether the loudness of mono files is measured as they are heard on two loudspeakers.
    pub dual_mono: bool,
    /// Whether records hold the loudness of every 100 ms.
    pub timelines: bool,
    /// Which files are an album, if figures of albums are wanted.
    pub albums: Option<Grouping>,
    /// The figures asked for, each once, in the order of the catalogue.
    pub metrics: Vec<&'static Metric>,
}

impl AnalysisSettings {
    /// The analyzers that make what is asked for.
    ///
    /// # Panics
    ///
    /// If a metric is none of the catalogue's.
    pub fn analyzers(&self) -> Analyzers {
        let keys: Vec<_> = self.metrics.iter().map(|metric| metric.key).collect();
        let settings = analyze::AnalysisSettings {
            silence_threshold_db: self.silence_threshold_db,
            min_silence_ms: self.min_silence_ms,
            loudness_target_lufs: self.loudness_target_lufs,
            dual_mono: self.dual_mono,
            timelines: self.timelines,
            album: self.albums.is_some(),
        };
        Analyzers::select(&keys, &settings).expect("the keys are the catalogue's")
    }

    /// With the loudness that is wanted, if one is, and how far files are from it among the
    /// figures. Refuses that figure where there is nothing to compare with.
    pub fn for_target(mut self, target_lufs: Option<f64>) -> Result<Self, SettingError> {
        self.loudness_target_lufs = target_lufs;
        let is_asked = |metric: &Metric| {
            self.metrics.iter().any(|asked| asked.key == metric.key)
                || metric.needs_target() && target_lufs.is_some()
        };
        self.metrics = METRICS.iter().filter(|metric| is_asked(metric)).collect();
        match self.metrics.iter().find(|metric| metric.needs_target()) {
            Some(metric) if target_lufs.is_none() => Err(SettingError {
                key: "metrics",
                message: format!(
                    "`{}` needs a loudness to compare with; `--{}` names it",
                    metric.key, LOUDNESS_TARGET.name
                ),
            }),
            _ => Ok(self),
        }
    }
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            workers: ThreadConfig::num_threads(),
            min_chunk: Duration::from_millis(fixed(MIN_CHUNK_MS).into()),
            max_chunk: Duration::from_millis(fixed(MAX_CHUNK_MS).into()),
            isolation: Isolation::Always,
            timeout: None,
            max_attempts: NonZeroU32::new(fixed(MAX_ATTEMPTS)).unwrap_or(NonZeroU32::MIN),
            max_growth: u64::from(fixed(MAX_GROWTH_MIB)) << 20,
            sandbox: Sandbox::default(),
            child_memory_mib: fixed(CHILD_MEMORY_MIB),
            worker_program: WorkerProgram::ThisProgram,
            log_filter: String::new(),
            save_partials: None,
            drawing: None,
        }
    }
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            silence_threshold_db: fixed(SILENCE_THRESHOLD_DB),
            min_silence_ms: fixed(MIN_SILENCE_MS),
            loudness_target_lufs: None,
            dual_mono: false,
            timelines: false,
            albums: None,
            metrics: METRICS.iter().filter(|metric| metric.answers_to(DEFAULT_METRICS)).collect(),
        }
    }
}

impl Serialize for AnalysisSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<_> = self.metrics.iter().map(|metric| metric.key).collect();
        let further = [
            self.loudness_target_lufs.is_some(),
            self.dual_mono,
            self.timelines,
            self.albums.is_some(),
        ];
        let count = 3 + further.into_iter().filter(|is_set| *is_set).count();
        let mut settings = serializer.serialize_struct("AnalysisSettings", count)?;
        settings.serialize_field(SILENCE_THRESHOLD_DB.key, &self.silence_threshold_db)?;
        settings.serialize_field(MIN_SILENCE_MS.key, &self.min_silence_ms)?;
        if let Some(target) = self.loudness_target_lufs {
            settings.serialize_field(LOUDNESS_TARGET.key, &target)?;
        }
        if self.dual_mono {
            settings.serialize_field("dual_mono", &true)?;
        }
        if self.timelines {
            settings.serialize_field("timeline", &true)?;
        }
        if let Some(grouping) = self.albums {
            settings.serialize_field("album", &grouping)?;
        }
        settings.serialize_field("metrics", &keys)?;
        settings.end()
    }
}

/// The value of a setting whose preset is fixed, else its smallest.
const fn fixed<T: Copy>(setting: Setting<T>) -> T {
    match setting.preset {
        Preset::Fixed(value) => value,
        Preset::Derived(_) => setting.min,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_lie_within_their_bounds() {
        for setting in [MIN_CHUNK_MS, MAX_CHUNK_MS, MIN_SILENCE_MS, MAX_ATTEMPTS, CHILD_MEMORY_MIB]
        {
            assert_eq!(setting.check(fixed(setting)), Ok(fixed(setting)), "{}", setting.name);
        }
        assert!(SILENCE_THRESHOLD_DB.check(fixed(SILENCE_THRESHOLD_DB)).is_ok());
        assert!(LOUDNESS_TARGET.check(-23.0).is_ok() && LOUDNESS_TARGET.check(0.1).is_err());
    }

    #[test]
    fn names_keys_and_variables_say_the_same() {
        for setting in
            [WORKERS, MIN_CHUNK_MS, MAX_CHUNK_MS, MIN_SILENCE_MS, MAX_ATTEMPTS, MAX_GROWTH_MIB]
        {
            assert_eq!(setting.key, setting.name.replace('-', "_"));
            assert_eq!(setting.env, format!("AUDIOPOOL_{}", setting.key.to_uppercase()));
        }
    }

    #[test]
    fn a_target_brings_its_figure_and_the_figure_needs_a_target() {
        let of = |metrics: &str, target| {
            let metrics = parse_metrics(metrics).unwrap();
            let settings = AnalysisSettings { metrics, ..AnalysisSettings::default() };
            settings.for_target(target).map(|settings| {
                settings.metrics.iter().map(|metric| metric.key).collect::<Vec<_>>()
            })
        };
        let deviation = "loudness_target_deviation_lu";
        assert_eq!(of("max_dbfs", None), Ok(vec!["max_dbfs"]));
        assert_eq!(of("max_dbfs", Some(-16.0)), Ok(vec!["max_dbfs", deviation]));
        assert_eq!(of(deviation, Some(-16.0)), Ok(vec![deviation]));
        assert!(!of("all", None).unwrap().contains(&deviation));
        assert!(
            of("loudness,plr", Some(-23.0))
                .unwrap()
                .is_sorted_by_key(|key| { METRICS.iter().position(|metric| metric.key == *key) })
        );
        let error = of(deviation, None).unwrap_err();
        assert!(error.message.contains("`--loudness-target` names it"), "{error}");
    }

    #[test]
    fn the_default_is_the_first_look_and_every_group_has_metrics() {
        let basic = ["max_dbfs", "min_dbfs", "non_silence_seconds"];
        let default = AnalysisSettings::default().metrics;
        assert_eq!(default.iter().map(|metric| metric.key).collect::<Vec<_>>(), basic);
        assert_eq!(default, parse_metrics("basic").unwrap());
        for group in GROUPS {
            let metrics = parse_metrics(group.name).unwrap();
            assert!(metrics.iter().all(|metric| metric.groups.contains(group)), "{}", group.name);
        }
        for metric in METRICS {
            assert!(metric.groups.iter().all(|group| GROUPS.contains(group)), "{}", metric.key);
            assert!(!GROUPS.iter().any(|group| group.name == metric.key), "{}", metric.key);
        }
    }

    #[test]
    fn only_what_changes_figures_is_serialised() {
        let settings = AnalysisSettings {
            silence_threshold_db: -42.5,
            min_silence_ms: 70,
            metrics: parse_metrics("max_dbfs").unwrap(),
            ..AnalysisSettings::default()
        };
        assert_eq!(
            serde_json::to_string(&settings).unwrap(),
            r#"{"silence_threshold_db":-42.5,"min_silence_ms":70,"metrics":["max_dbfs"]}"#
        );
        assert_eq!(
            serde_json::to_string(&settings.for_target(Some(-16.0)).unwrap()).unwrap(),
            concat!(
                r#"{"silence_threshold_db":-42.5,"min_silence_ms":70,"loudness_target_lufs":-16.0,"#,
                r#""metrics":["max_dbfs","loudness_target_deviation_lu"]}"#
            )
        );
    }
}
