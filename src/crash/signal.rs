//! The handler of signals that end the process, and what it leaves for the report.
//!
//! # Invariants
//! - The handler calls nothing that is not safe in a handler: atomics, write(2), nanosleep(2), signal(2), and the
//!   unwinder, which looks up tables of the loaded program and allocates nothing.
//! - One thread at a time is reported on; another one that breaks meanwhile waits for the end.
//! - The words of [`CAUGHT`] are written before the reporter is woken, and read after.
#![allow(unsafe_code)]

use std::io::PipeWriter;
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

const FRAMES_MAX: usize = 64;
/// Steps of [`STEP_NS`] that the report may take.
const STEPS_MAX: usize = 3000;
const STEP_NS: i64 = 10_000_000;
const SIGNALS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];
/// The unwinder needs more than the stack that threads come with for their handlers.
const STACK_LEN: usize = 128 * 1024;

struct Words {
    /// The thread that is reported on; 0: none.
    thread: AtomicI32,
    signal: AtomicI32,
    code: AtomicI32,
    address: AtomicUsize,
    pid: AtomicI32,
    uid: AtomicUsize,
    frames: [AtomicUsize; FRAMES_MAX],
    count: AtomicUsize,
    is_noted: AtomicBool,
    is_done: AtomicBool,
}

static CAUGHT: Words = Words {
    thread: AtomicI32::new(0),
    signal: AtomicI32::new(0),
    code: AtomicI32::new(0),
    address: AtomicUsize::new(0),
    pid: AtomicI32::new(0),
    uid: AtomicUsize::new(0),
    frames: [const { AtomicUsize::new(0) }; FRAMES_MAX],
    count: AtomicUsize::new(0),
    is_noted: AtomicBool::new(false),
    is_done: AtomicBool::new(false),
};

/// What wakes the reporter: to look at all threads, or to report on one that broke.
pub(super) const LOOK: u8 = b'?';
const BROKEN: u8 = b'!';

/// The reporter's pipe.
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// What a handler left.
#[derive(Clone, Debug)]
pub(super) struct Caught {
    pub(super) thread: i32,
    pub(super) signal: i32,
    pub(super) code: i32,
    pub(super) address: usize,
    /// Who sent the signal, when somebody did.
    pub(super) sender: Option<(i32, usize)>,
    pub(super) frames: Vec<usize>,
}

impl Caught {
    pub(super) fn now() -> Self {
        let load = |word: &AtomicI32| word.load(Ordering::SeqCst);
        let count = CAUGHT.count.load(Ordering::SeqCst).min(FRAMES_MAX);
        let code = load(&CAUGHT.code);
        let is_sent = code <= 0;
        Self {
            thread: load(&CAUGHT.thread),
            signal: load(&CAUGHT.signal),
            code,
            address: CAUGHT.address.load(Ordering::SeqCst),
            sender: is_sent.then(|| (load(&CAUGHT.pid), CAUGHT.uid.load(Ordering::SeqCst))),
            frames: CAUGHT.frames[..count].iter().map(|frame| frame.load(Ordering::SeqCst)).collect(),
        }
    }
}

/// Names the pipe whose reader writes the report.
pub(super) fn wake_by(writer: PipeWriter) {
    WAKE.store(writer.into_raw_fd(), Ordering::SeqCst);
}

/// The report is written.
pub(super) fn is_done() {
    CAUGHT.is_done.store(true, Ordering::SeqCst);
}

/// Has the handler called for signals that end the process.
pub(super) fn take_over() {
    // The unwinder loads what it needs now, not in a handler.
    backtrace::trace(|_| false);
    let flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    SIGNALS.iter().for_each(|signal| set(*signal, handle as *const () as usize, flags | libc::SA_NODEFER));
    set(libc::SIGALRM, look as *const () as usize, flags | libc::SA_RESTART);
}

/// Leaves these signals to the system.
pub(super) fn leave_to_system() {
    SIGNALS.iter().for_each(|signal| set(*signal, libc::SIG_DFL, 0));
}

fn set(signal: i32, handler: usize, flags: i32) {
    // SAFETY: `action` is plain data for which zeroes are a value, and the handler has the form that its flags say.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

/// Where the threads of this process are, each asked by a signal; one that does not answer in a second is left out.
/// For the reporter's thread, which is left out itself.
pub(super) fn threads() -> Vec<Caught> {
    let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // SAFETY: takes no pointers.
    let own = unsafe { libc::gettid() };
    numbers.filter(|thread| *thread != own).filter_map(ask).collect()
}

fn ask(thread: i32) -> Option<Caught> {
    // A thread that broke has the words.
    CAUGHT.thread.compare_exchange(0, thread, Ordering::SeqCst, Ordering::SeqCst).ok()?;
    CAUGHT.is_noted.store(false, Ordering::SeqCst);
    // SAFETY: takes no pointers; a thread that is gone is refused.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGALRM) };
    let mut steps = 0;
    while !CAUGHT.is_noted.load(Ordering::SeqCst) && steps < 100 {
        std::thread::sleep(std::time::Duration::from_nanos(STEP_NS as u64));
        steps += 1;
    }
    let caught = CAUGHT.is_noted.load(Ordering::SeqCst).then(Caught::now);
    CAUGHT.thread.store(0, Ordering::SeqCst);
    caught
}

/// SIGALRM: from outside it wakes the reporter, who asks each thread by the same signal.
extern "C" fn look(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: takes no pointers.
    let thread = unsafe { libc::gettid() };
    // SAFETY: the system hands a handler with SA_SIGINFO a valid record.
    if unsafe { (*info).si_code } != libc::SI_TKILL {
        wake(LOOK);
    } else if CAUGHT.thread.load(Ordering::SeqCst) == thread {
        note(signal, info);
        CAUGHT.is_noted.store(true, Ordering::SeqCst);
    }
}

fn wake(what: u8) {
    // SAFETY: the byte is a live local, and a descriptor that is none is refused.
    unsafe { libc::write(WAKE.load(Ordering::SeqCst), (&raw const what).cast(), 1) };
}

/// Gives this thread a stack on which handlers have room, for as long as the process lives.
pub(crate) fn give_thread_a_stack() {
    let memory = Box::leak(vec![0u8; STACK_LEN].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
    // SAFETY: the memory is never freed and nobody else's.
    unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) };
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: takes no pointers.
    let thread = unsafe { libc::gettid() };
    match CAUGHT.thread.compare_exchange(0, thread, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => note(signal, info),
        // The handler itself broke: the system has the rest.
        Err(first) if first == thread => return die(signal),
        Err(_) => {}
    }
    wake(BROKEN);
    for _ in 0..STEPS_MAX {
        if CAUGHT.is_done.load(Ordering::SeqCst) {
            break;
        }
        let step = libc::timespec { tv_sec: 0, tv_nsec: STEP_NS };
        // SAFETY: the pointer is to a live local.
        unsafe { libc::nanosleep(&step, std::ptr::null_mut()) };
    }
    die(signal);
}

fn note(signal: i32, info: *mut libc::siginfo_t) {
    CAUGHT.signal.store(signal, Ordering::SeqCst);
    // SAFETY: the system hands a handler with SA_SIGINFO a valid record; which of its fields say something, the reader
    // decides by the code.
    unsafe {
        CAUGHT.code.store((*info).si_code, Ordering::SeqCst);
        CAUGHT.address.store((*info).si_addr() as usize, Ordering::SeqCst);
        CAUGHT.pid.store((*info).si_pid(), Ordering::SeqCst);
        CAUGHT.uid.store((*info).si_uid() as usize, Ordering::SeqCst);
    }
    let mut count = 0;
    // SAFETY: what it keeps to itself is this thread's own; the one other user is the reporter, which waits.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            CAUGHT.frames[count].store(frame.ip() as usize, Ordering::SeqCst);
            count += 1;
            count < FRAMES_MAX
        });
    }
    CAUGHT.count.store(count, Ordering::SeqCst);
}

/// Ends the process by the signal, as if nobody had caught it.
fn die(signal: i32) {
    // SAFETY: SIG_DFL is a valid disposition; `raise` takes no pointers.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// Writes where nothing may be written.
pub(super) fn segfault() {
    // SAFETY: the page is mapped for reading alone, so the write can only be refused: that is what it is for.
    unsafe {
        let page =
            libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        page.cast::<u8>().write_volatile(1);
    }
}
