//! Filter: which system calls a confined child can make, as programs that the kernel runs.
//!
//! ```text
//!   call ─▶ FORBIDDEN ────▶ the process ends: it was up to no good
//!        ─▶ ALLOWED ──────▶ it happens; some only with certain arguments
//!        ─▶ any other ────▶ EPERM: curiosity, of a library perhaps, that can be borne
//! ```
//!
//! A child that streams, which may start programs, has only the first list, without what starts programs, and is told
//! EPERM instead; besides, what [changes files](CHANGES_FILES) and Landlock does not guard, and what
//! [leaves the group](LEAVES_GROUP).
//!
//! `clone3` cannot be looked into, since its flags lie in memory: it is said not to exist, and the
//! C library takes `clone` instead.

use crate::protocol::Role;
use nix::libc;
use nix::unistd::{getpgrp, getpid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

/// The name and number of a call, which are the same word.
macro_rules! calls {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        &[$($(#[$attribute])* (stringify!($name), libc::$name)),*]
    };
}

type Call = (&'static str, libc::c_long);

/// What no task has any business with.
const FORBIDDEN: &[Call] = calls![
    SYS_execve,
    SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    SYS_fork,
    #[cfg(target_arch = "x86_64")]
    SYS_vfork,
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_setns,
    SYS_unshare,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_setuid,
    SYS_setgid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_reboot,
];

/// What of it a child that streams needs to start programs: these, and pairs of sockets that lead nowhere else.
const STARTS_PROGRAMS: &[Call] = calls![
    SYS_execve,
    SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    SYS_fork,
    #[cfg(target_arch = "x86_64")]
    SYS_vfork,
    SYS_socketpair,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
];

/// What leaves the group of processes that is killed with a child.
const LEAVES_GROUP: &[Call] = calls![SYS_setsid, SYS_setpgid];

/// What changes files without opening them to write: their rights, owners, times and attributes, of
/// which Landlock knows nothing.
const CHANGES_FILES: &[Call] = calls![
    #[cfg(target_arch = "x86_64")]
    SYS_chmod,
    SYS_fchmod,
    SYS_fchmodat,
    #[cfg(target_arch = "x86_64")]
    SYS_chown,
    #[cfg(target_arch = "x86_64")]
    SYS_lchown,
    SYS_fchown,
    SYS_fchownat,
    #[cfg(target_arch = "x86_64")]
    SYS_utime,
    #[cfg(target_arch = "x86_64")]
    SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    SYS_futimesat,
    SYS_utimensat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
];

/// The same by calls that are newer than their names here, with one number for every architecture.
const CHANGES_FILES_TOO: &[Call] = &[
    ("SYS_fchmodat2", 452),
    ("SYS_setxattrat", 463),
    ("SYS_removexattrat", 466),
    ("SYS_file_setattr", 469),
];

/// The same by a request to a file that is open to read: `FS_IOC_SETFLAGS`, its twin for callers of
/// 32 bits, `FS_IOC_FSSETXATTR` and `FS_IOC_ENABLE_VERITY`.
const CHANGING_REQUESTS: [u64; 4] = [0x4008_6602, 0x4004_6602, 0x401c_5820, 0x4080_6685];

/// What the channel, the rings, the memory, the threads and the clock need.
const ALLOWED: &[Call] = calls![
    // What is open already.
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_preadv,
    SYS_write,
    SYS_writev,
    SYS_pwrite64,
    SYS_pwritev,
    SYS_lseek,
    SYS_close,
    SYS_dup,
    SYS_dup3,
    #[cfg(target_arch = "x86_64")]
    SYS_dup2,
    SYS_fstat,
    SYS_statx,
    SYS_newfstatat,
    SYS_fadvise64,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_sendto,
    SYS_recvfrom,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    SYS_poll,
    SYS_pselect6,
    // Memory.
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_membarrier,
    // Threads.
    SYS_clone,
    SYS_clone3,
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_rseq,
    SYS_set_tid_address,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getcpu,
    SYS_gettid,
    SYS_getpid,
    SYS_getppid,
    SYS_getpgid,
    #[cfg(target_arch = "x86_64")]
    SYS_getpgrp,
    SYS_exit,
    SYS_exit_group,
    SYS_restart_syscall,
    // Signals to itself.
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_sigaltstack,
    SYS_kill,
    SYS_tgkill,
    // Clocks and chance.
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getrusage,
    SYS_times,
];

/// Has the kernel hold this thread, and those that it starts, to the lists.
pub(super) fn install(role: Role) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| format!("the filter is refused: {error}");
    for program in programs(role)? {
        seccompiler::apply_filter(&program).map_err(|error| said(&error))?;
    }
    Ok(())
}

/// The name of a call that is forbidden, by its number.
pub(super) fn name(call: i32) -> &'static str {
    let conditional = [
        ("SYS_clone", libc::SYS_clone),
        ("SYS_kill", libc::SYS_kill),
        ("SYS_tgkill", libc::SYS_tgkill),
    ];
    let known = FORBIDDEN.iter().chain(&conditional);
    let found = known.copied().find(|(_, number)| *number == libc::c_long::from(call));
    found.map_or("an_unknown_call", |(name, _)| name.trim_start_matches("SYS_"))
}

/// The filters, in the order in which they are installed. Of several answers the kernel takes the
/// sternest.
fn programs(role: Role) -> Result<Vec<BpfProgram>, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| format!("no filter is known for {}", std::env::consts::ARCH))?;
    let program = |rules: Vec<(libc::c_long, Vec<SeccompRule>)>, other, matching| {
        SeccompFilter::new(rules.into_iter().collect(), other, matching, arch)
            .and_then(BpfProgram::try_from)
            .map_err(|error| format!("the filter cannot be made: {error}"))
    };
    let eperm = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let aliases = aliases().to_vec();
    let enosys = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    if role.streams() {
        // ffmpeg inherits it, and takes an error better than an end.
        let refused = FORBIDDEN.iter().filter(|call| !STARTS_PROGRAMS.contains(call));
        let refused = refused.chain(LEAVES_GROUP).chain(CHANGES_FILES).chain(CHANGES_FILES_TOO);
        let mut refused: Vec<_> = refused.map(|(_, call)| (*call, Vec::new())).collect();
        let requests = CHANGING_REQUESTS.map(|request| {
            // The kernel looks at the lower half alone.
            all(vec![condition(1, Len::Dword, Op::Eq, request)])
        });
        refused.push((libc::SYS_ioctl, requests.into_iter().collect::<Result<_, _>>()?));
        return Ok(vec![aliases, program(refused, SeccompAction::Allow, eperm)?]);
    }
    Ok(vec![
        aliases,
        program(vec![(libc::SYS_clone3, Vec::new())], SeccompAction::Allow, enosys)?,
        program(forbidden()?, SeccompAction::Allow, SeccompAction::Trap)?,
        // After this one there is no further one.
        program(allowed()?, eperm, SeccompAction::Allow)?,
    ])
}

/// On some kernels every call has a second number (x32), by which a list of numbers would be got
/// round: there are none from this bit on that anybody here needs.
fn aliases() -> [sock_filter; 4] {
    const ALIASES: u32 = 0x4000_0000;
    const LOAD: u16 = 0x20;
    const IS_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;

    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    [
        // The number of the call, which comes first.
        step(LOAD, 0, 0, 0),
        step(IS_AT_LEAST, 0, 1, ALIASES),
        step(RETURN, 0, 0, SeccompAction::Errno(libc::EPERM.unsigned_abs()).into()),
        step(RETURN, 0, 0, SeccompAction::Allow.into()),
    ]
}

fn forbidden() -> Result<Vec<(libc::c_long, Vec<SeccompRule>)>, String> {
    let number = |number: i32| u64::from(number.cast_unsigned());
    let (pid, group) = (number(getpid().as_raw()), number(-getpgrp().as_raw()));
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let mut rules: Vec<_> = FORBIDDEN.iter().map(|(_, call)| (*call, Vec::new())).collect();
    rules.extend([
        // A process, not a thread.
        (libc::SYS_clone, vec![all(vec![condition(0, Len::Qword, Op::MaskedEq(thread), 0)])?]),
        // To another than itself and its own group, which is named by its negative number or 0.
        (
            libc::SYS_kill,
            vec![all(vec![
                condition(0, Len::Dword, Op::Ne, pid),
                condition(0, Len::Dword, Op::Ne, group),
                condition(0, Len::Dword, Op::Ne, 0),
            ])?],
        ),
        (libc::SYS_tgkill, vec![all(vec![condition(0, Len::Dword, Op::Ne, pid)])?]),
    ]);
    Ok(rules)
}

fn allowed() -> Result<Vec<(libc::c_long, Vec<SeccompRule>)>, String> {
    let flag = |flag: i32| u64::from(flag.unsigned_abs());
    let mut rules: Vec<_> = ALLOWED.iter().map(|(_, call)| (*call, Vec::new())).collect();
    let no_code = |argument| {
        let executable = Op::MaskedEq(flag(libc::PROT_EXEC));
        Ok::<_, String>(vec![all(vec![condition(argument, Len::Qword, executable, 0)])?])
    };
    let any_of = |argument, values: &[i32]| {
        let one = |value: &i32| all(vec![condition(argument, Len::Dword, Op::Eq, flag(*value))]);
        values.iter().map(one).collect::<Result<Vec<_>, String>>()
    };
    rules.extend([
        // No new code.
        (libc::SYS_mmap, no_code(2)?),
        (libc::SYS_mprotect, no_code(2)?),
        (
            libc::SYS_fcntl,
            any_of(
                1,
                &[
                    libc::F_DUPFD,
                    libc::F_DUPFD_CLOEXEC,
                    libc::F_GETFD,
                    libc::F_SETFD,
                    libc::F_GETFL,
                    libc::F_SETFL,
                    libc::F_GET_SEALS,
                ],
            )?,
        ),
        // Names of threads and of memory.
        (libc::SYS_prctl, any_of(0, &[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA])?),
        // Its own limits, to look at; and that of its processor time, which moves on with its tasks.
        (
            libc::SYS_prlimit64,
            vec![
                all(vec![
                    condition(0, Len::Dword, Op::Eq, 0),
                    condition(2, Len::Qword, Op::Eq, 0),
                ])?,
                all(vec![
                    condition(0, Len::Dword, Op::Eq, 0),
                    condition(1, Len::Dword, Op::Eq, u64::from(libc::RLIMIT_CPU)),
                ])?,
            ],
        ),
    ]);
    Ok(rules)
}

struct Condition(u8, Len, Op, u64);

fn condition(argument: u8, length: Len, operator: Op, value: u64) -> Condition {
    Condition(argument, length, operator, value)
}

/// A rule that holds where all conditions do.
fn all(conditions: Vec<Condition>) -> Result<SeccompRule, String> {
    let made = conditions.into_iter().map(|Condition(argument, length, operator, value)| {
        SeccompCondition::new(argument, length, operator, value)
    });
    made.collect::<Result<Vec<_>, _>>()
        .and_then(SeccompRule::new)
        .map_err(|error| format!("the filter cannot be made: {error}"))
}

#[cfg(test)]
mod tests;
