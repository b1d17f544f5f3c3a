//! `parallel_process_audio_chunks`: what goes in, what comes out, and in which process.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{process, thread};

use audiopool::pool::{Execute, ProcessPool, TaskTerms};
use audiopool::{
    Audio, AudioDescription, AudioSegment, ChunkOptions, ChunkTask, PcmFormat, ThreadConfig,
    parallel_process_audio_chunks,
};

use super::probes::{Meet, Tell, Told};
use super::{Program, cut_into, stairs};

fn tell() -> Tell {
    Tell { word: "grüße".into(), numbers: vec![Some(-0.5), None, Some(f64::INFINITY)] }
}

#[test]
fn outputs_are_in_order_and_chunks_are_the_recording() {
    let program = Program::example("probes");
    let segment = stairs(8001);
    for threads in 2..=5 {
        let told =
            parallel_process_audio_chunks(&segment, &tell(), &program.options(threads)).unwrap();
        assert_eq!(told.len(), threads);
        let mut next = 0;
        let mut bytes = Vec::new();
        for chunk in told {
            assert_eq!(chunk.first_frame, next);
            next += (chunk.bytes.len() / 4) as u64;
            bytes.extend(chunk.bytes);
        }
        assert_eq!(bytes, segment.raw_data());
    }
    program.expect_no_process_left();
}

#[test]
fn arguments_and_format_arrive_as_they_were_sent() {
    let program = Program::example("probes");
    let segment = stairs(100);
    for threads in [1, 3] {
        let told: Vec<Told> =
            parallel_process_audio_chunks(&segment, &tell(), &program.options(threads)).unwrap();
        assert_eq!(told.len(), threads);
        for chunk in told {
            assert_eq!((chunk.word, chunk.numbers), (tell().word, tell().numbers));
            assert_eq!(chunk.format, segment.format());
        }
    }
}

#[test]
fn arguments_larger_than_a_message_arrive() {
    let program = Program::example("probes");
    let long = Tell { word: "a".repeat(1_000_000), numbers: Vec::new() };
    let told = parallel_process_audio_chunks(&stairs(100), &long, &program.options(6)).unwrap();
    assert!(told.iter().all(|chunk| chunk.word == long.word));
}

#[test]
fn a_single_chunk_stays_in_this_process() {
    let nowhere = ChunkOptions { worker_program: Some("/nonexistent".into()), ..cut_into(1) };
    let told = parallel_process_audio_chunks(&stairs(100), &tell(), &nowhere).unwrap();
    let pids: Vec<u32> = told.iter().map(|chunk| chunk.pid).collect();
    assert_eq!(pids, [process::id()]);
}

#[test]
fn what_is_shorter_than_two_chunks_is_one() {
    // 19 s at 100 frames a second, 10 s the shortest chunk: not two of 9.5 s.
    let format = PcmFormat { sample_rate: 100, ..stairs(0).format() };
    let segment = AudioSegment::from_raw(vec![0; 1900 * format.frame_width()], format);
    let options = ChunkOptions { min_chunk_size_ms: 10_000, ..cut_into(4) };
    let told = parallel_process_audio_chunks(&segment, &tell(), &options).unwrap();
    assert_eq!((told.len(), told[0].pid), (1, process::id()));
}

#[test]
fn several_chunks_are_in_work_at_once_each_in_a_process_of_its_own() {
    let program = Program::example("probes");
    for count in [2, 6] {
        let folder = tempfile::tempdir_in(program.folder.path()).unwrap();
        let meet = Meet { folder: folder.path().to_owned(), count };
        let met =
            parallel_process_audio_chunks(&stairs(600), &meet, &program.options(count)).unwrap();
        let pids: BTreeSet<u32> = met.iter().map(|(pid, _)| *pid).collect();
        assert!(!pids.contains(&process::id()));
        assert_eq!(pids.len(), count, "{pids:?}");
        // So that a process that is left behind can be found.
        let same = |exe: &Path| exe.canonicalize().is_ok_and(|exe| exe == program.path);
        assert!(met.iter().all(|(_, exe)| same(Path::new(exe))), "{met:?}");
    }
    program.expect_no_process_left();
}

#[test]
fn the_configured_number_of_threads_is_the_number_of_chunks() {
    let options = ChunkOptions { num_threads: None, ..cut_into(1) };
    let segment = stairs(8000);
    for threads in [1, ThreadConfig::max_threads()] {
        ThreadConfig::set_num_threads(Some(threads)).unwrap();
        assert_eq!(options.cut(&segment).len(), threads);
    }
    ThreadConfig::set_num_threads(None).unwrap();
    assert_eq!(options.cut(&segment).len(), ThreadConfig::default_threads());
}

#[test]
fn no_audio_makes_an_empty_list() {
    let nowhere = ChunkOptions { worker_program: Some("/nonexistent".into()), ..cut_into(4) };
    let told = parallel_process_audio_chunks(&stairs(0), &tell(), &nowhere).unwrap();
    assert_eq!(told, []);
}

#[test]
fn a_chunk_may_be_larger_than_the_usual_room() {
    let program = Program::example("probes");
    let format = PcmFormat { channels: 64, sample_rate: 192_000, ..stairs(0).format() };
    let frames = (65 << 20) / format.frame_width() * 2;
    let mut bytes = vec![0; frames * format.frame_width()];
    bytes[frames * format.frame_width() - 2] = 1;
    let segment = AudioSegment::from_raw(bytes, format);
    let level = audiopool::AudioProcessor::from(segment).with_options(program.options(2));
    assert_eq!(level.max_dbfs().unwrap(), format.dbfs(1));
}

/// Arguments and audio take a slot each, and there are fewer slots than tasks.
#[test]
fn threads_that_share_a_pool_do_not_wait_for_each_other_for_ever() {
    const THREADS: usize = 8;
    let program = Program::example("probes");
    let pool = ProcessPool::builder().worker_program(&program.path).max_workers(2);
    let pool = Arc::new(pool.build().unwrap());
    let segment = Arc::new(stairs(8000));
    let (through, ended) = mpsc::channel();
    for _ in 0..THREADS {
        let (pool, segment, through) = (Arc::clone(&pool), Arc::clone(&segment), through.clone());
        let description = AudioDescription { format: segment.format(), first_frame: 0 };
        thread::spawn(move || {
            let task = ChunkTask(Tell { word: "x".repeat(60_000), numbers: Vec::new() });
            for _ in 0..20 {
                let audio = Audio::owned(segment.raw_data().into(), description);
                let told = pool.submit_with(&task, Some(audio), TaskTerms::default()).unwrap();
                assert_eq!(told.result().unwrap().bytes, segment.raw_data());
            }
            through.send(()).unwrap();
        });
    }
    for _ in 0..THREADS {
        ended.recv_timeout(Duration::from_mins(1)).expect("they wait for each other");
    }
}
