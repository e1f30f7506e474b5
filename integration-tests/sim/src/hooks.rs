//! Time and chance of a simulated thread.
//!
//! Libraries ask the C library what time it is and for random bytes: for the keys of hash maps, for election time-outs. This
//! binary defines those functions itself. On a simulated thread they answer from the simulation's clock and from its seed; on
//! all others they ask the kernel. A simulation gets a thread of its own, because what libraries keep for each thread (keys,
//! generators) must begin anew with each seed; so a seed gives the same history whatever ran before it or runs beside it.
#![allow(unsafe_code, reason = "functions of the C library cannot be put in the place of others otherwise")]

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::time::{Duration, Instant};

use crate::chance::Chance;

/// A simulated thread's clock begins here, so that there is time before it.
const BEGINNING: Duration = Duration::from_secs(1_000_000);

thread_local! {
    static ENTROPY: Cell<Option<Chance>> = const { Cell::new(None) };
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Runs a simulation on a thread of its own.
pub(crate) fn simulated<T: Send>(seed: u64, run: impl FnOnce() -> T + Send) -> T {
    let begin = || {
        ENTROPY.set(Some(Chance::new(seed)));
        START.set(Some(Instant::now()));
        run()
    };
    // What panics there says which seed it was.
    let thread = std::thread::Builder::new().name(format!("seed {seed}"));
    let done = std::thread::scope(|scope| thread.spawn_scoped(scope, begin).expect("a thread can be started").join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn is_simulated() -> bool {
    ENTROPY.get().is_some()
}

/// The time on the simulated clock, which is that of the runtime at work.
fn simulated_time() -> Duration {
    let start = START.get().filter(|_| !ASKING.replace(true));
    let Some(start) = start else { return BEGINNING };
    let running = tokio::runtime::Handle::try_current().is_ok();
    let passed = if running { tokio::time::Instant::now().into_std().duration_since(start) } else { Duration::ZERO };
    ASKING.set(false);
    BEGINNING + passed
}

/// Fills from the simulation's seed; false: this thread is not simulated.
fn fill(buffer: *mut c_void, length: usize) -> bool {
    let Some(mut chance) = ENTROPY.get() else { return false };
    // SAFETY: the caller gives a buffer of this length, as getrandom(2) demands.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&chance.next().to_le_bytes()[..chunk.len()]);
    }
    ENTROPY.set(Some(chance));
    true
}

/// clock_gettime(3).
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, out: *mut libc::timespec) -> c_int {
    if !is_simulated() {
        // SAFETY: handed on as it came.
        return unsafe { syscall(libc::SYS_clock_gettime, clock as c_long, out as c_long, 0, 0, 0, 0) as c_int };
    }
    let now = simulated_time();
    let now = libc::timespec { tv_sec: now.as_secs() as libc::time_t, tv_nsec: c_long::from(now.subsec_nanos()) };
    // SAFETY: the caller gives room for the answer.
    unsafe { out.write(now) };
    0
}

/// getrandom(2).
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    // SAFETY: handed on as it came.
    unsafe { syscall(libc::SYS_getrandom, buffer as c_long, length as c_long, c_long::from(flags), 0, 0, 0) as isize }
}

/// syscall(2): some libraries ask for random bytes this way. All other calls go to the kernel.
///
/// # Safety
/// As of the C library's function. It takes a varying number of arguments; those that a caller does not give are read as
/// whatever stands there, which the kernel ignores as well.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_getrandom && fill(a as *mut c_void, b as usize) {
        return b;
    }
    // SAFETY: handed on as it came.
    let answer = unsafe { kernel(number, [a, b, c, d, e, f]) };
    if (-4095..0).contains(&answer) {
        // SAFETY: each thread has its error number.
        unsafe { *libc::__errno_location() = -answer as c_int };
        return -1;
    }
    answer
}

#[cfg(target_arch = "x86_64")]
unsafe fn kernel(number: c_long, [a, b, c, d, e, f]: [c_long; 6]) -> c_long {
    let answer;
    // SAFETY: the kernel's calling convention on this machine.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    answer
}

#[cfg(target_arch = "aarch64")]
unsafe fn kernel(number: c_long, [a, b, c, d, e, f]: [c_long; 6]) -> c_long {
    let answer;
    // SAFETY: the kernel's calling convention on this machine.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a => answer,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    answer
}
