//! Reports, compared with expected documents as bytes.

use audiopool::decode::{DecodeErrorKind, DecodedBy, SourceFormat};
use audiopool::record::{
    Attempt, Failure, FailureKind, FileFormat, Outcome, Record, RecordDocument, Summary, Warning,
    WarningKind,
};
use audiopool::report::{Csv, Json, Ndjson, Paint, Report, Text};
use audiopool::settings::{AnalysisSettings, parse_metrics};
use audiopool_worker::analyze::Details;
use audiopool_worker::pcm::{PcmFormat, SampleFormat};

fn settings() -> AnalysisSettings {
    AnalysisSettings {
        silence_threshold_db: -50.0,
        min_silence_ms: 100,
        metrics: parse_metrics("max_dbfs,min_dbfs,non_silence_seconds").unwrap(),
        ..AnalysisSettings::default()
    }
}

fn format(sample_format: SampleFormat, sample_rate: u32, channels: u16) -> SourceFormat {
    let lossy = sample_format == SampleFormat::F32;
    let (container, codec) = if lossy { ("ogg", "vorbis") } else { ("wav", "pcm_s24le") };
    SourceFormat {
        container: container.to_owned(),
        codec: codec.to_owned(),
        decoder: DecodedBy::BuiltIn,
        pcm: PcmFormat { lossy, ..PcmFormat::new(sample_format, sample_rate, channels) },
        declared_frames: Some(1),
    }
}

fn warning(kind: WarningKind, message: &str, frame: Option<u64>, byte: Option<u64>) -> Warning {
    Warning { kind, message: message.to_owned(), frame, byte }
}

/// Loud, silent, damaged and failed files under names that are hard to write.
fn records() -> Vec<Record> {
    let figures = |max, min, sound| {
        vec![("max_dbfs", max), ("min_dbfs", min), ("non_silence_seconds", sound)]
    };
    vec![
        Record {
            path: "plain.wav".into(),
            outcome: Outcome::Ok {
                format: FileFormat::of(&format(SampleFormat::S24, 44_100, 2), Some(8_267_000)),
                metrics: figures(Some(-0.0), Some(-138.473_692_3), Some(181.27)),
                details: Details::default(),
                warnings: vec![],
            },
        },
        Record {
            path: "new\nline, \"quoted\"\tand;\u{1b}[2J größe 音.ogg".into(),
            outcome: Outcome::Ok {
                format: FileFormat::of(&format(SampleFormat::F32, 48_000, 1), Some(1)),
                metrics: figures(None, Some(f64::NEG_INFINITY), Some(0.0)),
                details: Details::default(),
                warnings: vec![
                    warning(WarningKind::Truncated, "the data ends early", Some(1), Some(4096)),
                    warning(WarningKind::OtherTracks, "one further track", None, None),
                ],
            },
        },
        Record::failed(
            "empty \u{202e}vaw.wav".into(),
            Failure::new(DecodeErrorKind::Empty, "the file, `x`, is empty:\n\"nothing\" in it"),
        ),
        Record {
            path: "killer.flac".into(),
            outcome: Outcome::Failed {
                format: Some(FileFormat::of(&format(SampleFormat::S24, 96_000, 6), None)),
                warnings: vec![],
                error: Failure {
                    kind: FailureKind::Crashed,
                    message: "each of 2 decoders died on it".to_owned(),
                    attempts: vec![
                        Attempt {
                            attempt: 1,
                            kind: "signal".into(),
                            cause: "killed by SIGSEGV".to_owned(),
                        },
                        Attempt {
                            attempt: 2,
                            kind: "signal".into(),
                            cause: "killed by SIGSEGV".to_owned(),
                        },
                    ],
                    replay: Some("audiopool replay killer.flac".to_owned()),
                },
            },
        },
    ]
}

fn write(report: &mut dyn Report, records: &[Record], complete: bool) {
    let mut summary = Summary::default();
    report.begin().unwrap();
    for record in records {
        report.record(record).unwrap();
        summary.add(record);
    }
    report.finish(&Summary { complete, ..summary }).unwrap();
}

#[track_caller]
fn check(written: Vec<u8>, expected: &str) {
    let written = String::from_utf8(written).unwrap();
    assert!(written == expected, "written:\n{written}\nexpected:\n{expected}");
}

#[test]
fn ndjson_is_one_record_a_line() {
    let mut out = Vec::new();
    write(&mut Ndjson::new(&mut out), &records(), true);
    for (line, record) in out.split(|&byte| byte == b'\n').zip(records()) {
        let value: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert_eq!(value["path"], record.path.to_str().unwrap(), "names survive");
    }
    check(out, include_str!("../data/report/four.ndjson"));
}

#[test]
fn json_is_one_document() {
    let (settings, mut out) = (settings(), Vec::new());
    write(&mut Json::new(&mut out, &settings), &records(), true);
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["audiopool"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["files"].as_array().unwrap().len(), 4);
    let expected = include_str!("../data/report/four.json");
    check(out, &expected.replace("VERSION", env!("CARGO_PKG_VERSION")));
}

#[test]
fn json_without_files_is_a_document_too() {
    let (settings, mut out) = (settings(), Vec::new());
    write(&mut Json::new(&mut out, &settings), &[], false);
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["files"], serde_json::json!([]));
    assert_eq!(document["summary"]["complete"], false);
}

#[test]
fn csv_survives_every_name() {
    let (settings, mut out) = (settings(), Vec::new());
    write(&mut Csv::new(&mut out, &settings), &records(), true);
    check(out, include_str!("../data/report/four.csv"));
}

#[test]
fn csv_has_a_column_for_each_metric_chosen_and_no_other() {
    let settings = AnalysisSettings { metrics: parse_metrics("min_dbfs").unwrap(), ..settings() };
    let mut out = Vec::new();
    write(&mut Csv::new(&mut out, &settings), &[], true);
    check(
        out,
        "path,status,container,codec,decoder,sample_rate,channels,sample_format,sample_width,frames,\
         duration_seconds,min_dbfs,warnings,error_kind,error_message,\
         path_percent_encoded\n",
    );
}

/// All but the closing line, which names the time it took.
fn without_closing_line(text: &[u8]) -> String {
    let text = str::from_utf8(text).unwrap();
    let closing = text.trim_end().rfind('\n').unwrap();
    let line = text[closing..].trim();
    assert!(line.contains("4 files: 2 ok, 2 failed, 1 damaged · 3:07.5 of audio in "), "{line}");
    text[..=closing].to_owned()
}

#[test]
fn text_is_aligned_and_harmless() {
    let (settings, mut out) = (settings(), Vec::new());
    write(&mut Text::new(&mut out, &settings, Paint::PLAIN), &records(), true);
    assert!(!out.contains(&0x1b), "no name reaches the terminal's controls");
    check(without_closing_line(&out).into_bytes(), include_str!("../data/report/four.txt"));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let (settings, mut plain, mut coloured) = (settings(), Vec::new(), Vec::new());
    write(&mut Text::new(&mut plain, &settings, Paint::PLAIN), &records(), true);
    write(&mut Text::new(&mut coloured, &settings, Paint { on: true }), &records(), true);
    assert_ne!(plain, coloured);
    let mut stripped = without_closing_line(&coloured);
    for code in ["0", "1", "2", "31", "33"] {
        stripped = stripped.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(stripped, without_closing_line(&plain));
}

#[test]
fn text_marks_what_deserves_a_look_and_says_why() {
    let settings = AnalysisSettings { metrics: parse_metrics("all").unwrap(), ..settings() };
    let metrics = vec![
        ("dc_offset", Some(-0.25)),
        ("clipping_runs", Some(3.0)),
        ("dropouts", Some(0.0)),
        ("plr", Some(7.96)),
        ("psr", None),
    ];
    let mut records = records();
    let Outcome::Ok { metrics: figures, .. } = &mut records[0].outcome else { panic!() };
    *figures = metrics;
    let mut out = Vec::new();
    write(&mut Text::new(&mut out, &settings, Paint::PLAIN), &records[..1], true);
    let text = String::from_utf8(out).unwrap();
    let marked: Vec<_> = text
        .lines()
        .filter(|line| line.contains('!'))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        marked,
        [
            "DC offset -0.250000 FS ! not within -0.001 to 0.001",
            "Clipping runs 3 ! above 0",
            "Peak to loudness 7.96 dB ! below 8",
        ],
        "{text}"
    );
}

#[test]
fn records_of_all_fixtures_are_read_again_and_written_with_the_same_bytes() {
    let output = crate::program::audiopool()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "analyze",
            "--metrics",
            "all",
            "--timeline",
            "--format",
            "ndjson",
            "-q",
            "tests/data",
        ])
        .output()
        .unwrap();
    let records = String::from_utf8(output.stdout).unwrap();
    assert!(records.lines().count() > 100);
    for line in records.lines() {
        let record: RecordDocument = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
    }
}
