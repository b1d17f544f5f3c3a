//! Children: one worker and one decoder are started as in a run, and do a task; then a worker with
//! each transport.

use std::env;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::build_id::BUILD_ID;
use procpool::chaos::Rehearsal;

use super::{Doctor, Finding, Health};
use crate::chunk::ChunkLength;
use crate::decoder::DecodeFile;
use crate::event::{Confinement, PoolEvent};
use crate::role;
use crate::settings::WorkerProgram;
use procpool::{
    Execute, Inline, Level, PoolBuilder, PoolError, ProcessPool, Sandbox, TaskError, TaskTerms,
    Transport,
};

/// How long a task may take that takes none.
const TERMS: TaskTerms = TaskTerms { label: 0, tenant: 0, timeout: Some(Duration::from_secs(10)) };

/// More than fits into a message, so that it travels through shared memory.
const LARGE: u32 = 1 << 20;

/// A handshake beyond this is slow: programs are read from far away, or the machine is overloaded.
const SLOW: Duration = Duration::from_secs(1);

const FIRST: &str = "see to the worker program first";

const LEAVE_OUT: &str = "without --worker-program, this program finds one itself";

const REBUILD: &str = "build both programs from the same sources (cargo build --release), or name \
                       one with --worker-program";

/// What was seen of a child.
#[derive(Debug, Default)]
struct Seen {
    ready: Option<(Instant, Confinement)>,
}

/// What is found of the children of a run like this.
pub(super) fn examine(doctor: &Doctor) -> Vec<Finding> {
    let worker =
        examined("worker program", "worker sandbox", doctor.sandbox, worker_pool(doctor), |pool| {
            round_trip(pool, 10)
        });
    let decoder = examined(
        "decoder program",
        "decoder sandbox",
        doctor.sandbox,
        limited(doctor, role::decoders()),
        decoded,
    );
    let no_worker = worker.iter().any(|finding| finding.health == Health::Problem);
    let transports = Transport::ALL.map(|transport| {
        if no_worker {
            return Finding::warning(memory(transport), "not tried without a worker", FIRST);
        }
        carried(doctor, transport)
    });
    let worker = worker.into_iter().map(|finding| match finding.health {
        Health::Problem if matches!(doctor.worker_program, WorkerProgram::At(_)) => {
            finding.with_advice(LEAVE_OUT)
        }
        _ => finding,
    });
    let worker: Vec<_> = worker.collect();
    [worker, decoder, transports.to_vec()].concat()
}

fn limited(doctor: &Doctor, builder: PoolBuilder) -> PoolBuilder {
    let memory_limit = u64::from(doctor.child_memory_mib) << 20;
    builder.max_workers(1).sandbox(doctor.sandbox).memory_limit(memory_limit)
}

fn worker_pool(doctor: &Doctor) -> PoolBuilder {
    limited(doctor, role::workers(&doctor.worker_program))
}

/// Has one child do a task, and watches it.
fn examined(
    topic: &'static str,
    about_sandbox: &'static str,
    sandbox: Sandbox,
    builder: PoolBuilder,
    task: impl FnOnce(&ProcessPool) -> Result<(), String>,
) -> Vec<Finding> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let observed = Arc::clone(&seen);
    let built = builder
        .observer(Arc::new(move |event: &PoolEvent| {
            if let PoolEvent::ChildReady { confinement, .. } = event {
                let mut seen = observed.lock().unwrap_or_else(PoisonError::into_inner);
                seen.ready.get_or_insert_with(|| (Instant::now(), confinement.clone()));
            }
        }))
        .build();
    let pool = match built {
        Ok(pool) => pool,
        Err(error) => return vec![Finding::problem(topic, &error)],
    };
    let first = pool.program();
    let begun = Instant::now();
    let done = task(&pool);
    let program = pool.program();
    pool.shutdown();
    drop(pool);
    let ready = seen.lock().unwrap_or_else(PoisonError::into_inner).ready.take();
    if let Err(reason) = done {
        let sandbox = ready.map(|(_, confinement)| confined(about_sandbox, sandbox, &confinement));
        return [Finding::problem(topic, &reason)].into_iter().chain(sandbox).collect();
    }
    let Some((ready, confinement)) = ready else {
        return vec![Finding::problem(topic, &"it did a task without being ready for it")];
    };
    let took = ready.saturating_duration_since(begun);
    let found = format!(
        "{}, build {BUILD_ID}, ready in {:.1} ms",
        program.display(),
        took.as_secs_f64() * 1000.0
    );
    let of_program = if first != program {
        let found = format!("{found}: {} is of another build and not used", first.display());
        Finding::warning(topic, found, REBUILD)
    } else if took > SLOW {
        let advice = "keep the program on a local disk, or use fewer workers than cores";
        Finding::warning(topic, format!("{found}, which is slow"), advice)
    } else {
        Finding::ok(topic, found)
    };
    vec![of_program, confined(about_sandbox, sandbox, &confinement)]
}

fn confined(topic: &'static str, sandbox: Sandbox, confinement: &Confinement) -> Finding {
    match confinement.level() {
        _ if sandbox == Sandbox::Off => {
            let advice = "leave --sandbox at best-effort for files that are not trusted";
            Finding::warning(topic, "off, as asked for", advice)
        }
        Level::Full => Finding::ok(topic, confinement.to_string()),
        Level::None | Level::Partial => {
            let advice = "Linux 6.7 or later, and a container that allows Landlock and seccomp, \
                          have all of it";
            Finding::warning(topic, confinement.to_string(), advice)
        }
    }
}

/// A worker answers as the calling thread does, with so many bytes each way.
fn round_trip(pool: &ProcessPool, bytes: u32) -> Result<(), String> {
    let task = Rehearsal { text: vec![7; bytes as usize], wanted: bytes };
    let answer = |executor: Result<procpool::TaskHandle<Vec<u8>>, TaskError>| {
        executor.and_then(|future| future.result()).map_err(reason)
    };
    let calm = answer(Inline::new(role::all_tasks()).submit_with(&task, None, TERMS))?;
    let found = answer(pool.submit_with(&task, None, TERMS))?;
    if found == calm { Ok(()) } else { Err("a worker gives another answer".to_owned()) }
}

/// A decoder answers: that a folder is no recording.
fn decoded(pool: &ProcessPool) -> Result<(), String> {
    let path = env::temp_dir().into_os_string();
    let chunk_length = ChunkLength { pieces: 1, min_ms: 1000, max_ms: 1000 };
    let threads = std::num::NonZeroUsize::MIN;
    let task = DecodeFile { path, chunk_length, threads };
    match pool.stream(&task, TERMS, &mut |_, _| ControlFlow::Continue(())) {
        Ok(Err(_)) => Ok(()),
        Ok(Ok(_)) => Err("a decoder takes a folder for a recording".to_owned()),
        Err(error) => Err(reason(error)),
    }
}

/// What stands in the way, without the layers around it.
fn reason(error: TaskError) -> String {
    match error {
        TaskError::NotRun(error) => error.to_string(),
        error => format!("a task failed: {error}"),
    }
}

const fn memory(transport: Transport) -> &'static str {
    match transport {
        Transport::Memfd => "memory: memfd",
        Transport::Portable => "memory: portable",
    }
}

/// Whether samples and answers travel through that transport.
fn carried(doctor: &Doctor, transport: Transport) -> Finding {
    let topic = memory(transport);
    let in_use = match procpool::transport_in_use() {
        Ok(in_use) => in_use == transport,
        Err(error) => return Finding::problem(topic, &error),
    };
    let built: Result<ProcessPool, PoolError> = worker_pool(doctor).transport(transport).build();
    let carried = built.map_err(|error| error.to_string()).and_then(|pool| {
        let carried = round_trip(&pool, LARGE);
        pool.shutdown();
        carried
    });
    let used = if in_use { "in use" } else { "not in use" };
    match carried {
        Ok(()) => Finding::ok(topic, format!("1 MiB there and back; {used}")),
        Err(reason) if in_use => Finding::problem(topic, &reason),
        Err(reason) => Finding::warning(
            topic,
            format!("{used}: {reason}"),
            "nothing needs it as long as the other works",
        ),
    }
}
