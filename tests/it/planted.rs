//! Planted: damage of every kind is put into clean sound, at a known place, and has to be found right
//! there, in its channel and as large as it is; the clean twin has none.
//!
//! The sound is of two sorts: a chord that lasts, and notes that are struck and fade over noise, as
//! recordings have them. Damage lies across the seam of two chunks, where it is easiest to miss.

use std::f64::consts::TAU;
use std::fs;

use serde_json::Value;

use crate::program;

const RATE: usize = 44_100;
const SECONDS: usize = 9;
/// Right before a seam of chunks of a second.
const AT: usize = 4 * RATE - 7;
/// In samples and in seconds.
const MS: usize = RATE / 1000;
const NEAR: f64 = 0.005;

/// Two channels.
type Sound = [Vec<i16>; 2];

/// What was planted: its kind, its channel if it has one, from where to where in frames, and its
/// value with a tolerance.
struct Planted {
    kind: &'static str,
    channel: Option<u64>,
    frames: std::ops::Range<usize>,
    value: (f64, f64),
}

/// Noise between −1 and 1.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state >> 32).unwrap()) / 2_147_483_648.0 - 1.0
    }
}

fn sine(hz: f64, frame: usize) -> f64 {
    let frame = u32::try_from(frame).unwrap();
    (TAU * hz * f64::from(frame) / 44_100.0).sin()
}

fn to_sample(x: f64) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    let sample = (x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
    sample
}

/// Fades in and out within a tenth of a second.
fn faded(frame: usize) -> f64 {
    let distance = frame.min(SECONDS * RATE - 1 - frame);
    (f64::from(u32::try_from(distance.min(RATE / 10)).unwrap()) / 4410.0).powi(2)
}

/// A chord that lasts, over a little noise.
fn chord() -> Sound {
    [(196.0, 3), (246.94, 5)].map(|(lowest, seed)| {
        let mut hiss = noise(seed);
        let sample = |frame| {
            let tones: f64 =
                [1.0, 1.26, 1.5, 2.01, 3.02].iter().map(|of| sine(lowest * of, frame)).sum();
            to_sample(faded(frame) * (0.09 * tones + 0.002 * hiss()))
        };
        (0..SECONDS * RATE).map(sample).collect()
    })
}

/// Notes that are struck two times a second and fade, over the noise of a room.
fn notes() -> Sound {
    const NOTES: [f64; 7] = [98.0, 146.83, 200.0, 240.0, 329.63, 440.0, 587.33];
    [(0, 11), (3, 13)].map(|(first, seed)| {
        let (mut hiss, mut rumble) = (noise(seed), 0.0);
        let sample = |frame: usize| {
            let (note, since) = (frame / (RATE / 2), frame % (RATE / 2));
            let hz = NOTES[(note * 2 + first) % NOTES.len()];
            let seconds = f64::from(u32::try_from(since).unwrap()) / 44_100.0;
            let struck = (seconds / 0.01).min(1.0) * (-4.0 * seconds).exp();
            let of = |harmonic: f64| sine(hz * harmonic, since) / harmonic.powf(1.3);
            let tone: f64 = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].into_iter().map(of).sum();
            let hiss = hiss();
            rumble = 0.98 * rumble + 0.02 * hiss;
            to_sample(faded(frame) * (0.2 * struck * tone + 0.02 * rumble + 0.002 * hiss))
        };
        (0..SECONDS * RATE).map(sample).collect()
    })
}

fn wav(sound: &Sound) -> Vec<u8> {
    let samples: Vec<u8> = (sound[0].iter().zip(&sound[1]))
        .flat_map(|(left, right)| [*left, *right])
        .flat_map(i16::to_le_bytes)
        .collect();
    let of = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let [riff, rate, second, data] = [36 + samples.len(), RATE, 4 * RATE, samples.len()].map(of);
    let format = [&b"\x10\0\0\0\x01\0\x02\0"[..], &rate, &second, b"\x04\0\x10\0"].concat();
    [b"RIFF", &riff[..], b"WAVEfmt ", &format, b"data", &data, &samples].concat()
}

/// The findings in each of some sounds, which are the same however the work is cut.
fn findings(sounds: &[Sound]) -> Vec<Vec<Value>> {
    let place = tempfile::tempdir().unwrap();
    for (number, sound) in sounds.iter().enumerate() {
        fs::write(place.path().join(format!("{number:03}.wav")), wav(sound)).unwrap();
    }
    let run = |more: &[&str]| {
        let output = program::audiopool()
            .args(["analyze", "--metrics", "damage", "--format", "ndjson"])
            .args(more)
            .arg(place.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let inline = run(&["--isolation", "never"]);
    let short = ["--workers", "4", "--min-chunk-ms", "1000", "--max-chunk-ms", "1000"];
    assert!(run(&short) == inline);
    let records: Vec<Value> =
        inline.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), sounds.len());
    records.iter().map(|record| record["findings"].as_array().unwrap().clone()).collect()
}

fn seconds(frame: usize) -> f64 {
    f64::from(u32::try_from(frame).unwrap()) / 44_100.0
}

/// The first frame from `AT` on, or a little before, at which and behind which the wave is far from
/// zero, so that a hole of so many frames is torn.
fn torn(samples: &[i16], length: usize) -> usize {
    let is_far = |frame: usize| samples[frame].unsigned_abs() > 700;
    (AT - 20..samples.len() - length).find(|at| is_far(at - 1) && is_far(at + length)).unwrap()
}

/// Each kind of damage with what it makes of a sound.
fn damages(clean: &Sound) -> Vec<(Planted, Sound)> {
    let mut all = Vec::new();
    let mut plant = |kind, channel: Option<u64>, frames, value, change: &dyn Fn(&mut Sound)| {
        let mut sound = clean.clone();
        change(&mut sound);
        all.push((Planted { kind, channel, frames, value }, sound));
    };
    let whole = 0..SECONDS * RATE;
    let peak = clean[1].iter().map(|sample| sample.abs()).max().unwrap();

    plant("clipping_runs", Some(1), AT..AT + 21, (21.0, 0.0), &|sound| {
        sound[0][AT..AT + 21].fill(i16::MAX);
    });
    plant("clipping_runs", Some(2), AT..AT + 5, (5.0, 0.0), &|sound| {
        sound[1][AT..AT + 5].fill(i16::MIN);
    });
    plant("flat_tops", Some(2), AT..AT + 12, (12.0, 0.0), &|sound| {
        sound[1][AT..AT + 12].fill(peak + 900);
    });
    for length in [2 * MS, 20 * MS] {
        let at = torn(&clean[1], length);
        let value = (seconds(length) * 1000.0, 0.05);
        plant("dropouts", Some(2), at..at + length, value, &|sound| {
            sound[1][at..at + length].fill(0);
        });
    }
    plant("clicks", Some(1), AT..AT + 1, (-6.2, 1.5), &|sound| {
        sound[0][AT] = sound[0][AT].saturating_add(16_000);
    });
    for length in [10 * MS, 60 * MS] {
        let value = (seconds(length) * 1000.0, 0.05);
        plant("repeats", None, AT + length..AT + 2 * length, value, &|sound| {
            for channel in sound {
                channel.copy_within(AT..AT + length, AT + length);
            }
        });
    }
    for channel in [1_usize, 2] {
        let of = Some(u64::try_from(channel).unwrap());
        let near = (-20.0, 20.0);
        plant("cut_edges", of, 0..RATE / 100, near, &|sound| {
            sound[channel - 1].copy_within(AT..AT + RATE / 100, 0);
        });
        let end = SECONDS * RATE;
        plant("cut_edges", of, end - RATE / 100..end, near, &|sound| {
            sound[channel - 1].copy_within(AT..AT + RATE / 100, end - RATE / 100);
        });
        plant("dead_channels", of, whole.clone(), (-90.3, 0.05), &|sound| {
            for sample in &mut sound[channel - 1] {
                *sample = i16::from(*sample > 1000);
            }
        });
        for (mains, multiples) in [(50.0, [1.0, 3.0]), (60.0, [1.0, 2.0]), (60.0, [2.0, 3.0])] {
            plant("hum_db", of, whole.clone(), (40.0, 28.0), &|sound| {
                for (frame, sample) in sound[channel - 1].iter_mut().enumerate() {
                    let hum: f64 = multiples.iter().map(|of| sine(mains * of, frame)).sum();
                    *sample = sample.saturating_add(to_sample(0.02 * faded(frame) * hum));
                }
            });
        }
    }
    all
}

#[test]
fn clean_sound_has_no_findings() {
    let none = Vec::<Value>::new();
    assert_eq!(findings(&[chord(), notes()]), [none.clone(), none]);
}

#[test]
fn damage_of_every_kind_is_found_where_it_was_planted_and_nowhere_else() {
    let mut kinds = Vec::new();
    for (name, clean) in [("chord", chord()), ("notes", notes())] {
        let (planted, sounds): (Vec<_>, Vec<_>) = damages(&clean).into_iter().unzip();
        for (planted, found) in planted.into_iter().zip(findings(&sounds)) {
            let Planted { kind, channel, frames, value: (value, tolerance) } = planted;
            let [start, end] = [frames.start, frames.end].map(seconds);
            let case = format!("{kind} in {channel:?} of {name} at {start}: {found:?}");
            let number = |finding: &Value, key: &str| finding[key].as_f64().expect(&case);
            let is_it = |finding: &&Value| {
                finding["kind"] == kind
                    && finding["channel"].as_u64() == channel
                    && (number(finding, "start_seconds") - start).abs() <= NEAR
            };
            let these: Vec<_> = found.iter().filter(is_it).collect();
            let [it] = these[..] else { panic!("{case}") };
            assert!((number(it, "value") - value).abs() <= tolerance, "{case}");
            assert!(number(it, "end_seconds") <= end + NEAR, "{case}");
            // A tear may be heard as a click, too; but nothing is found elsewhere.
            for finding in &found {
                let [from, to] = ["start_seconds", "end_seconds"].map(|key| number(finding, key));
                assert!(from >= start - NEAR && to <= end + NEAR, "{case}");
            }
            kinds.push(kind);
        }
    }
    // Every metric of the group that has findings has its turn.
    kinds.sort_unstable();
    kinds.dedup();
    let all = [
        "clicks",
        "clipping_runs",
        "cut_edges",
        "dead_channels",
        "dropouts",
        "flat_tops",
        "hum_db",
        "repeats",
    ];
    assert_eq!(kinds, all);
}
