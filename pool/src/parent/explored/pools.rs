//! Pools: the supervisor among its threads. A thread that misses a wake-up sleeps for ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::confine;
use crate::protocol::{Payload, Role};
use crate::slots::{Geometry, Ring, Transport};
use shuttle::thread::{self, JoinHandle};

use super::explore;
use super::handle::{Promise, TaskHandle};
use super::supervisor::{Body, Check, Ending, Parts, Shared};
use crate::parent::fault::{PoolError, TaskError};
use crate::parent::ledger::{Backoff, Policy, Terms};
use crate::parent::wear::Bounds;
use crate::parent::{PoolEvent, ring};

/// What was told to who watches.
#[derive(Default)]
struct Told {
    ready: AtomicUsize,
    retired: AtomicUsize,
}

/// A pool of two children at most, and what it tells.
fn pool() -> (Arc<Shared>, Arc<Told>) {
    static RINGS: OnceLock<Vec<Arc<Ring>>> = OnceLock::new();
    let geometry = Geometry { slots: 1, slot_bytes: 4096 };
    let ring = || ring::new_ring(Transport::native(), geometry).unwrap();
    let rings = RINGS.get_or_init(|| vec![ring(), ring()]);
    let policy = Policy {
        role: Role::WORKER,
        seats: rings.len(),
        spare: 0,
        max_attempts: 3,
        max_tasks_per_child: Some(2),
        backoff: Backoff::default(),
        start_timeout: Duration::from_secs(10),
        quit_timeout: Duration::from_secs(5),
        intensity: 100,
        period: Duration::from_mins(1),
        boot_attempts: 3,
        boot_pause: Duration::from_millis(50),
    };
    let told = Arc::<Told>::default();
    let watching = Arc::clone(&told);
    let parts = Parts {
        role: Role::WORKER,
        build_id: None,
        program: "worker".into(),
        fallback: None,
        log_filter: String::new(),
        bounds: Bounds::default(),
        confine: confine::Terms::NONE,
        initializer: None,
        chaos: None,
        outboxes: rings.clone(),
        inboxes: Vec::new(),
        observer: Arc::new(move |event: &PoolEvent| match event {
            PoolEvent::ChildReady { .. } => {
                watching.ready.fetch_add(1, Ordering::SeqCst);
            }
            PoolEvent::ChildRetired { .. } => {
                thread::yield_now();
                watching.retired.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }),
    };
    (Shared::new(policy, parts).unwrap(), told)
}

/// None, if the pool is closed.
fn submit(pool: &Arc<Shared>) -> Option<TaskHandle<u64>> {
    submit_of(0, pool)
}

/// Of a tenant; none, if that is dismissed.
fn submit_of(tenant: u64, pool: &Arc<Shared>) -> Option<TaskHandle<u64>> {
    let promise = Promise::of(pool);
    let body = Body {
        tenant,
        label: 0,
        name: "task",
        arguments: Payload::Inline(Vec::new()),
        attachment: None,
        leases: Vec::new(),
        on_item: None,
        check: Check::Shape(|_| Ok(())),
        end: Ending::Promise(Arc::clone(&promise)),
    };
    let terms = Terms { tenant, timeout: None, streams: false, light: None };
    match pool.submit(terms, body) {
        Ok(_) => Some(TaskHandle::new(promise)),
        // Whatever the schedule, a pool that is ended refuses in this way alone. Callers count on it: a
        // file in work is reported as cancelled, whether its next task came just before or just after.
        Err(PoolError::ShutDown) => None,
        Err(other) => panic!("{other}"),
    }
}

/// What a task can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With its number.
    Answered(u64),
    Cancelled,
    /// Three children have died of it.
    Poisonous,
}

/// A thread that waits for a task.
fn waiting(future: TaskHandle<u64>) -> JoinHandle<End> {
    thread::spawn(move || match future.result() {
        Ok(number) => End::Answered(number),
        Err(TaskError::Cancelled) => End::Cancelled,
        Err(TaskError::AttemptsExhausted(_)) => End::Poisonous,
        Err(other) => panic!("{other}"),
    })
}

/// Waits for the end, and looks whether everything has been told by then.
fn rest(pool: &Arc<Shared>, told: &Told) {
    pool.wait_at_rest();
    assert!(pool.balance().is_even(), "{}", pool.balance());
    let [ready, retired] = [&told.ready, &told.retired].map(|told| told.load(Ordering::SeqCst));
    assert_eq!(ready, retired, "at rest before everybody has been told");
}

#[test]
fn every_task_ends_and_then_the_pool_is_at_rest() {
    explore(|| {
        let (pool, told) = pool();
        let submitting = [(); 2].map(|()| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let futures = [submit(&pool).unwrap(), submit(&pool).unwrap()];
                let ends = futures.map(waiting).map(|waiting| waiting.join().unwrap());
                assert!(ends.iter().all(|end| *end != End::Cancelled), "{ends:?}");
                assert!(ends[0] == End::Poisonous || ends[0] != ends[1], "{ends:?}");
            })
        });
        for thread in submitting {
            thread.join().unwrap();
        }
        pool.close();
        rest(&pool, &told);
        assert_eq!(pool.balance().submitted, 4);
    });
}

#[test]
fn either_the_answer_comes_first_or_the_cancelling() {
    explore(|| {
        let (pool, told) = pool();
        let future = submit(&pool).unwrap();
        let cancel = |future: TaskHandle<u64>| thread::spawn(move || future.cancel());
        let cancelling = [cancel(future.clone()), cancel(future.clone())];
        let waiting = waiting(future.clone());
        let cancelled = cancelling.map(|thread| thread.join().unwrap());
        assert_eq!(cancelled, [future.cancelled(); 2], "either has, or neither");
        assert_eq!(waiting.join().unwrap() == End::Cancelled, cancelled[0]);
        pool.close();
        rest(&pool, &told);
        assert_eq!(pool.balance().cancelled, u64::from(cancelled[0]));
    });
}

#[test]
fn a_pool_that_is_killed_while_it_is_fed_comes_to_rest() {
    explore(|| {
        let (pool, told) = pool();
        let feeding = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let futures = [submit(&pool), submit(&pool), submit(&pool)];
                let waiting: Vec<_> = futures.into_iter().flatten().map(waiting).collect();
                let fed = waiting.len() as u64;
                for thread in waiting {
                    thread.join().unwrap();
                }
                fed
            })
        };
        let ending = |end: fn(&Arc<Shared>)| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || end(&pool))
        };
        let ending = [ending(Shared::terminate_all), ending(Shared::kill_all)];
        for thread in ending {
            thread.join().unwrap();
        }
        let fed = feeding.join().unwrap();
        rest(&pool, &told);
        assert_eq!(pool.balance().submitted, fed);
    });
}

#[test]
fn a_party_that_is_dismissed_while_it_submits_leaves_the_others_alone() {
    explore(|| {
        let (pool, told) = pool();
        let feeding = [1, 2].map(|tenant| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let futures = [submit_of(tenant, &pool), submit_of(tenant, &pool)];
                let waiting: Vec<_> = futures.into_iter().flatten().map(waiting).collect();
                waiting.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            })
        });
        let dismissing = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.dismiss_tenant(1))
        };
        dismissing.join().unwrap();
        let [dismissed, other] = feeding.map(|thread| thread.join().unwrap());
        assert!(other.len() == 2 && !other.contains(&End::Cancelled), "{other:?}");
        pool.forget_tenant(1);
        pool.close();
        rest(&pool, &told);
        let cancelled = dismissed.iter().filter(|end| **end == End::Cancelled).count();
        assert_eq!(pool.balance().cancelled, cancelled as u64);
        assert_eq!(pool.balance().submitted, 2 + dismissed.len() as u64);
    });
}
