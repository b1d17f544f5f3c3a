//! The examples, run as the programs that they are.

use std::fs;

use assert_cmd::Command;
use audiopool::AudioSegment;

use super::{Program, fixture};

/// What `my_metric` prints, counted over the whole recording at once.
fn zero_crossings(recording: &AudioSegment) -> String {
    let channels = usize::from(recording.channels());
    let samples: Vec<i16> = recording
        .raw_data()
        .chunks_exact(2)
        .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
        .collect();
    let lines = (0..channels).map(|channel| {
        // -60 dBFS are 32.768 steps of 16 bits.
        let loud = samples.iter().skip(channel).step_by(channels).filter(|x| x.unsigned_abs() > 32);
        let signs: Vec<bool> = loud.map(|x| *x > 0).collect();
        let count = signs.windows(2).filter(|pair| pair[0] != pair[1]).count();
        #[expect(clippy::cast_precision_loss, reason = "they are few")]
        let rate = count as f64 / recording.duration_seconds();
        let number = channel + 1;
        match count {
            0 => format!("channel {number}: never crosses zero\n"),
            _ => format!("channel {number}: {count} zero crossings, {rate:.1} a second\n"),
        }
    });
    lines.collect()
}

/// Writes a 16-bit stereo WAV file: a tone that swells, and noise with a long silence in it.
fn write_wav(path: &std::path::Path, seconds: u32) {
    let rate = 4000_u32;
    let mut noise = 1_u32;
    let samples: Vec<u8> = (0..seconds * rate)
        .flat_map(|at| {
            let swell = f64::from(at % 9000) * 3.0;
            let tone = (f64::from(at) * 0.7).sin() * swell;
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., low, high] = noise.to_le_bytes();
            let silent = (10 * rate..17 * rate).contains(&at);
            let noise = if silent { 3 } else { i16::from_le_bytes([low, high]) };
            #[expect(clippy::cast_possible_truncation, reason = "below 27 000")]
            [tone as i16, noise]
        })
        .flat_map(i16::to_le_bytes)
        .collect();
    let length = u32::try_from(samples.len()).unwrap();
    let mut file = Vec::from(*b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 4).to_le_bytes());
    file.extend(b"\x04\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    fs::write(path, file).unwrap();
}

#[test]
fn my_metric_counts_what_an_uncut_count_does() {
    let program = Program::example("my_metric");
    let wav = program.folder.path().join("tone and noise.wav");
    write_wav(&wav, 45);
    for path in [&wav, &fixture("s16-mono-8000-64s.flac"), &fixture("silence.wav")] {
        let expected = zero_crossings(&AudioSegment::from_file(path).unwrap());
        for threads in ["1", "2", "3", "4"] {
            let assert = Command::new(&program.path).arg(path).arg(threads).assert();
            assert.success().stdout(expected.clone()).stderr("");
        }
    }
    program.expect_no_process_left();
}

#[test]
fn my_metric_names_the_file_that_it_cannot_read() {
    let program = Program::example("my_metric");
    let output = Command::new(&program.path).arg("/nonexistent.wav").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("my_metric: /nonexistent.wav: "), "{message}");
}

#[test]
fn own_worker_loses_one_task_and_none_of_the_others() {
    let program = Program::example("own_worker");
    let assert = Command::new(&program.path).assert();
    assert.success().stderr("").stdout(
        "ackermann(2, 3) is 9\n\
         ackermann(1, 1000000000) is not known: tried 3 times; the last process overflowed its stack\n\
         ackermann(7, 1) is not known: no computer has ever computed it\n\
         ackermann(3, 6) is 509\n\
         4 asked, 2 answered, 2 not\n",
    );
    program.expect_no_process_left();
}

#[test]
fn a_program_that_forgets_its_first_line_is_told_and_does_not_multiply() {
    let program = Program::example("forgetful");
    let log = program.folder.path().join("log");
    let output = Command::new(&program.path).env("FORGETFUL_LOG", &log).output().unwrap();
    program.expect_no_process_left();

    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("run_child_role() in the first line of main"), "{message}");
    // As a person writes it, on Windows.
    let path = program.path.to_str().unwrap().trim_start_matches(r"\\?\");
    assert!(message.contains(path), "{message}");
    // Itself, and four seats that are tried a few times.
    let begun = fs::read_to_string(log).unwrap().lines().count();
    assert!((2..=1 + 4 * 3).contains(&begun), "{begun} processes");
}
