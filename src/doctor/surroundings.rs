//! Surroundings: what the machine and the user's session give a run.

use std::io::Write;
use std::{env, fs, process};

use procpool::channel::{self, Listener};

use super::Finding;
use crate::decode::{self, Decoding};
use procpool::SystemLimits;

/// What a run is good for at least, in memory.
const LITTLE_MEMORY: u64 = 256 << 20;

/// What is found of everything but the children.
pub(super) fn examine(workers: usize) -> Vec<Finding> {
    let limits = SystemLimits::now(workers);
    let [ffmpeg, ffprobe, formats] = decoding();
    vec![
        temporary_files(),
        open_files(&limits, workers),
        address_space(&limits, workers),
        memory(&limits, workers),
        ffmpeg,
        ffprobe,
        formats,
    ]
}

fn temporary_files() -> Finding {
    const TOPIC: &str = "temporary files";
    let folder = env::temp_dir();
    // What children connect through, and the portable transport lies in.
    match Listener::new() {
        Ok((listener, name)) => {
            drop(listener);
            channel::abandon(&name);
        }
        Err(error) => return Finding::problem(TOPIC, &error),
    }
    let file = folder.join(format!("audiopool-doctor-{}", process::id()));
    let written = fs::File::create_new(&file).and_then(|mut file| file.write_all(&[0; 4096]));
    if written.is_ok() || file.exists() {
        drop(fs::remove_file(&file));
    }
    match written {
        Ok(()) => Finding::ok(TOPIC, folder.display().to_string()),
        Err(error) => Finding::problem(
            TOPIC,
            &format!("nothing can be written into the folder `{}`: {error}", folder.display()),
        )
        .with_advice("set TMPDIR to another one"),
    }
}

fn open_files(limits: &SystemLimits, workers: usize) -> Finding {
    const TOPIC: &str = "open files";
    let needed = limits.descriptors_needed;
    match &limits.descriptors {
        Err(error) => Finding::warning(TOPIC, format!("not known: {error}"), "none is needed"),
        Ok((soft, hard)) if *hard < needed => Finding::problem(
            TOPIC,
            &format!("{workers} workers need {needed}, and the hard limit is {hard} (soft {soft})"),
        )
        .with_advice("raise it (ulimit -Hn), or use fewer --workers"),
        Ok((_, hard)) => {
            let hard = told(*hard, |hard| hard.to_string());
            Finding::ok(TOPIC, format!("{workers} workers need {needed}; the limit is {hard}"))
        }
    }
}

fn address_space(limits: &SystemLimits, workers: usize) -> Finding {
    const TOPIC: &str = "address space";
    let needed = limits.address_space_needed;
    match &limits.address_space {
        Err(error) => Finding::warning(TOPIC, format!("not known: {error}"), "none is needed"),
        Ok(limit) if *limit < needed => {
            let (limit, needed) = (mebibytes(*limit), mebibytes(needed));
            Finding::warning(
                TOPIC,
                format!("the limit is {limit}; a process of {workers} workers may need {needed}"),
                "raise it (ulimit -v unlimited), or use fewer --workers",
            )
        }
        Ok(limit) => Finding::ok(TOPIC, told(*limit, mebibytes)),
    }
}

fn memory(limits: &SystemLimits, workers: usize) -> Finding {
    const TOPIC: &str = "memory";
    let Some(free) = limits.memory_available else {
        return Finding::ok(TOPIC, "this system does not say how much is free");
    };
    let found = format!("{} free", mebibytes(free));
    if free < LITTLE_MEMORY {
        let advice = format!("close other programs, or use fewer --workers than {workers}");
        return Finding::warning(TOPIC, found, advice);
    }
    Finding::ok(TOPIC, found)
}

fn decoding() -> [Finding; 3] {
    let count = |wanted: fn(Decoding) -> bool| {
        decode::formats().iter().filter(|row| wanted(row.decoding)).count()
    };
    let own = count(|decoding| decoding != Decoding::Ffmpeg);
    let others = count(|decoding| decoding == Decoding::Ffmpeg);
    let with = |finding| {
        [
            finding,
            ffprobe(),
            Finding::ok("formats", format!("{own} built in, {others} through ffmpeg")),
        ]
    };
    let without = |finding| {
        let found = format!("{own} built in; {others} need ffmpeg (audiopool formats lists them)");
        [
            finding,
            ffprobe(),
            Finding::warning("formats", found, "nothing to do for files of the others"),
        ]
    };
    match decode::installed_ffmpeg() {
        None => without(Finding::warning(
            "ffmpeg",
            "not found",
            "install it, or name the program in AUDIOPOOL_FFMPEG",
        )),
        Some((program, Ok(version))) => {
            with(Finding::ok("ffmpeg", format!("{}, {version}", program.display())))
        }
        Some((_, Err(reason))) => {
            let advice = "reinstall it, or name another program in AUDIOPOOL_FFMPEG";
            without(Finding::warning("ffmpeg", reason, advice))
        }
    }
}

/// What belongs to ffmpeg, and says more of a file than ffmpeg does.
fn ffprobe() -> Finding {
    match decode::installed_ffprobe() {
        None => Finding::warning(
            "ffprobe",
            "not found beside ffmpeg",
            "install it: without it, files whose format only ffmpeg knows are refused, the first \
             audio track is measured and not the default one, and lossless samples are taken as f64",
        ),
        Some((program, Ok(version))) => {
            Finding::ok("ffprobe", format!("{}, {version}", program.display()))
        }
        Some((_, Err(reason))) => Finding::warning("ffprobe", reason, "reinstall ffmpeg"),
    }
}

/// A limit, or that there is none.
fn told(limit: u64, tell: impl FnOnce(u64) -> String) -> String {
    if limit == u64::MAX { "unlimited".to_owned() } else { tell(limit) }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
