//! Albums: what the files of each album give, until the last of them has its record.
//!
//! Several may be open at a time, since the files of a directory need not come one after another.
//! Each takes up 576 kB for an hour of audio that is loud enough to count.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use audiopool_worker::analyze::loudness::album;

use crate::record::{Album, Outcome, Record};
use crate::settings::{AnalysisSettings, Grouping};

/// The albums of a run, in the order in which their first files come.
#[derive(Debug)]
pub struct Albums {
    grouping: Grouping,
    target_lufs: Option<f64>,
    places: HashMap<Option<PathBuf>, usize>,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    directory: Option<PathBuf>,
    counted: u64,
    not_counted: Vec<PathBuf>,
    album: album::Album,
}

impl Albums {
    /// None yet; nothing if albums are not wanted.
    pub fn wanted(analysis: &AnalysisSettings) -> Option<Self> {
        let target_lufs = analysis.loudness_target_lufs;
        analysis.albums.map(|grouping| Self {
            grouping,
            target_lufs,
            places: HashMap::new(),
            open: Vec::new(),
        })
    }

    /// Counts a record in, and takes from it what it has for its album.
    pub fn add(&mut self, record: &mut Record) {
        let directory = match self.grouping {
            Grouping::All => None,
            Grouping::Directory => Some(directory_of(&record.path).to_owned()),
        };
        let place = *self.places.entry(directory).or_insert_with_key(|directory| {
            self.open.push(Open {
                directory: directory.clone(),
                counted: 0,
                not_counted: Vec::new(),
                album: album::Album::default(),
            });
            self.open.len() - 1
        });
        let open = &mut self.open[place];
        let share = match &mut record.outcome {
            Outcome::Ok { details, .. } => details.share.take(),
            Outcome::Failed { .. } => None,
        };
        match share {
            Some(share) => {
                open.counted += 1;
                open.album.add(share);
            }
            None => open.not_counted.push(record.path.clone()),
        }
    }

    /// The figures of all albums. The caller knows whether every file was measured.
    pub fn finish(self, complete: bool) -> Vec<Album> {
        let finished = |open: Open| Album {
            directory: open.directory,
            counted: open.counted,
            not_counted: open.not_counted,
            complete,
            metrics: open.album.figures(self.target_lufs),
        };
        self.open.into_iter().map(finished).collect()
    }
}

/// Of a file, as its path was given.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use audiopool_worker::analyze::Details;
    use audiopool_worker::pcm::SampleFormat;

    use super::*;
    use crate::record::{DecodedBy, Failure, FailureKind, FileFormat};

    fn record(path: &str, share: Option<album::Share>) -> Record {
        let format = FileFormat {
            container: "wav".to_owned(),
            codec: "pcm".to_owned(),
            decoder: DecodedBy::BuiltIn,
            sample_rate: 8000,
            channels: 1,
            sample_format: SampleFormat::S16,
            sample_width: 2,
            frames: Some(0),
            duration_seconds: Some(0.0),
        };
        let details = Details { share, ..Details::default() };
        let outcome = Outcome::Ok { format, metrics: vec![], details, warnings: vec![] };
        Record { path: path.into(), outcome }
    }

    fn grouped(grouping: Grouping) -> Vec<Album> {
        let settings = AnalysisSettings { albums: Some(grouping), ..AnalysisSettings::default() };
        let mut albums = Albums::wanted(&settings).unwrap();
        let failed = Failure::new(FailureKind::NotRun, "stopped");
        for mut record in [
            record("b/2.wav", Some(album::Share::default())),
            record("a/1.wav", Some(album::Share::default())),
            Record::failed("b/x.wav".into(), failed),
            record("b/1.wav", Some(album::Share::default())),
            record("alone.wav", None),
        ] {
            albums.add(&mut record);
            assert!(record.details().is_none_or(|details| details.share.is_none()));
        }
        albums.finish(true)
    }

    #[test]
    fn files_of_a_directory_are_an_album_wherever_they_come() {
        let told: Vec<_> = grouped(Grouping::Directory)
            .into_iter()
            .map(|album| (album.directory.unwrap(), album.counted, album.not_counted))
            .collect();
        let of = |name: &str, counted, not: &[&str]| {
            (PathBuf::from(name), counted, not.iter().map(PathBuf::from).collect::<Vec<_>>())
        };
        assert_eq!(told, [of("b", 2, &["b/x.wav"]), of("a", 1, &[]), of(".", 0, &["alone.wav"])]);
    }

    #[test]
    fn all_files_are_one_album_and_who_is_not_counted_is_named() {
        let albums = grouped(Grouping::All);
        let [album] = &albums[..] else { panic!("{albums:?}") };
        assert_eq!((album.directory.as_ref(), album.counted), (None, 3));
        assert_eq!(album.not_counted, [PathBuf::from("b/x.wav"), PathBuf::from("alone.wav")]);
        assert!(Albums::wanted(&AnalysisSettings::default()).is_none());
    }
}
